// The compiled filter in a real kernel: what is refused by a register, and what happens to a notified call when
// nobody is left to answer.
#include "kernel/filter.hpp"

#include <fcntl.h>
#include <gtest/gtest.h>
#include <linux/seccomp.h>
#include <netinet/in.h>
#include <sys/ioctl.h>
#include <sys/mman.h>
#include <sys/personality.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include <array>
#include <cerrno>
#include <csignal>
#include <cstddef>
#include <functional>
#include <span>

namespace cofferdam::kernel {
namespace {

constexpr int kSetupFailed = 99;

bool has_user_notification() {
  const std::uint32_t action = SECCOMP_RET_USER_NOTIF;
  return ::syscall(SYS_seccomp, SECCOMP_GET_ACTION_AVAIL, 0, &action) == 0;
}

struct Attempt {
  const char* name;
  long number;
  std::array<unsigned long, 4> args;
  int wanted;  // errno, 0 for success
};

// Forks, loads the filter in the child, runs `body` there and returns the wait status.
int in_filtered_child(const FilterOptions& options, const std::function<int(int listener)>& body) {
  const Result<std::vector<sock_filter>> filter = compile_filter(options);
  if (!filter) return kSetupFailed << 8;
  const pid_t child = ::fork();
  if (child == 0) {
    std::vector<sock_filter> code = *filter;
    const sock_fprog program{static_cast<unsigned short>(code.size()), code.data()};
    if (::prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) != 0) ::_exit(kSetupFailed);
    const int listener = load_filter(&program, 0);
    if (listener < 0) ::_exit(kSetupFailed);
    ::_exit(body(listener));
  }
  int status = 0;
  while (::waitpid(child, &status, 0) < 0 && errno == EINTR) {
  }
  return status;
}

// Makes the calls in a filtered child and compares each errno.
void expect_attempts(const FilterOptions& options, std::span<const Attempt> attempts) {
  const std::size_t size = attempts.size() * sizeof(int);
  void* const memory = ::mmap(nullptr, size, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
  ASSERT_NE(memory, MAP_FAILED);
  const std::span<int> seen(static_cast<int*>(memory), attempts.size());
  const int status = in_filtered_child(options, [&](int) {
    for (std::size_t at = 0; at < attempts.size(); ++at) {
      const auto& [name, number, args, wanted] = attempts[at];
      seen[at] = ::syscall(number, args[0], args[1], args[2], args[3]) < 0 ? errno : 0;
    }
    return 0;
  });
  ASSERT_TRUE(WIFEXITED(status)) << "signal " << WTERMSIG(status);
  ASSERT_EQ(WEXITSTATUS(status), 0);
  for (std::size_t at = 0; at < attempts.size(); ++at) EXPECT_EQ(seen[at], attempts[at].wanted) << attempts[at].name;
  (void)::munmap(memory, size);
}

class FilterInKernel : public testing::Test {
 protected:
  void SetUp() override {
    if (!has_user_notification()) GTEST_SKIP() << "this kernel has no seccomp user notification";
  }
};

TEST_F(FilterInKernel, RefusesByRegister) {
  constexpr unsigned long kHigh = 0xffffffff00000000;
  const auto attempts = std::to_array<Attempt>({
      {"io_uring_setup", SYS_io_uring_setup, {8, 0}, ENOSYS},
      {"kcmp", SYS_kcmp, {0}, EPERM},
      {"mount", SYS_mount, {0}, EPERM},
      {"open_tree_attr", 467, {0}, EPERM},
      {"unshare user", SYS_unshare, {0x10000000}, EPERM},
      {"unshare files", SYS_unshare, {0x400}, 0},
      {"clone3", SYS_clone3, {0, 0}, ENOSYS},
      {"clone user", SYS_clone, {0x10000000 | SIGCHLD}, EPERM},
      {"personality", SYS_personality, {ADDR_NO_RANDOMIZE}, EPERM},
      {"personality with bit 31", SYS_personality, {0x80040000}, EPERM},
      {"personality query", SYS_personality, {0xffffffff}, 0},
      {"prctl mm", SYS_prctl, {PR_SET_MM | kHigh}, EPERM},
      {"keyctl", SYS_keyctl, {0}, EPERM},
      {"bpf", SYS_bpf, {0}, EPERM},
      {"pidfd_getfd", SYS_pidfd_getfd, {0, 0, 0}, EPERM},
      {"own listener", SYS_seccomp, {SECCOMP_SET_MODE_FILTER, SECCOMP_FILTER_FLAG_NEW_LISTENER, 0}, EPERM},
      {"vsock", SYS_socket, {40, SOCK_STREAM, 0}, EAFNOSUPPORT},
      {"raw", SYS_socket, {AF_INET, SOCK_RAW, 6}, EPERM},
      {"mptcp", SYS_socket, {AF_INET, SOCK_STREAM, 262}, EPROTONOSUPPORT},
      {"audit netlink", SYS_socket, {AF_NETLINK, SOCK_RAW, 9}, EPROTONOSUPPORT},
      {"tcp", SYS_socket, {AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0}, 0},
      {"route netlink", SYS_socket, {AF_NETLINK, SOCK_RAW, 0}, 0},
      {"fast open", SYS_sendto, {0, 0, 0, 0x20000000}, EOPNOTSUPP},
      {"TIOCSTI", SYS_ioctl, {0, TIOCSTI | kHigh}, EPERM},
      {"block device", SYS_mknod, {0, 0060600}, EPERM},
      {"kill init", SYS_kill, {1, 0}, EPERM},
      {"limit of init", SYS_prlimit64, {1, 0, 0}, EPERM},
      {"read-only open", SYS_openat, {static_cast<unsigned long>(AT_FDCWD), 0, O_RDONLY}, EFAULT},
      {"x32 getpid", 0x40000000L + SYS_getpid, {0}, ENOSYS},
  });
  expect_attempts({.protected_pid = 1}, attempts);
}

TEST_F(FilterInKernel, RefusesWhatAContainerAddsByRegister) {
  const auto attempts = std::to_array<Attempt>({
      {"FS_IOC_SETFLAGS", SYS_ioctl, {0, 0x40086602, 0}, EPERM},
      {"F_SETSIG", SYS_fcntl, {0, F_SETSIG, SIGKILL}, EPERM},
      {"F_SETOWN", SYS_fcntl, {0, F_SETOWN, 1}, EPERM},
      {"kill all", SYS_kill, {static_cast<unsigned long>(-1), 0}, EPERM},
      {"limit of another process", SYS_prlimit64, {2, 0, 1}, EPERM},
      {"own limit", SYS_prlimit64, {0, 1000, 0}, EINVAL},
  });
  expect_attempts({.container = true, .broker = true, .protected_pid = 1, .shared_pid_namespace = true}, attempts);
}

TEST_F(FilterInKernel, ANotifiedCallWithoutASupervisorFails) {
  const int status = in_filtered_child({.protected_pid = 1}, [](int listener) {
    if (::fcntl(listener, F_GETFD) != FD_CLOEXEC) return 1;
    (void)::close(listener);
    if (::connect(0, nullptr, 0) == 0 || errno != ENOSYS) return 2;
    if (::open("/tmp/x", O_WRONLY | O_CREAT, 0600) >= 0 || errno != ENOSYS) return 3;
    const int null = ::open("/dev/null", O_RDONLY | O_CLOEXEC);
    return null < 0 ? 4 : 0;
  });
  EXPECT_TRUE(WIFEXITED(status));
  EXPECT_EQ(WEXITSTATUS(status), 0);
}

TEST_F(FilterInKernel, AForeignAbiKillsTheProcess) {
  const int status = in_filtered_child({.protected_pid = 1}, [](int) {
    long number = 20;  // getpid of i386
    asm volatile("int $0x80" : "+a"(number) : : "memory", "cc");
    return 1;
  });
  ASSERT_TRUE(WIFSIGNALED(status)) << WEXITSTATUS(status);
  EXPECT_EQ(WTERMSIG(status), SIGSYS);
}

TEST_F(FilterInKernel, LoadsOnAKernelWithoutWaitKillable) {
  const Result<std::vector<sock_filter>> filter = compile_filter({.protected_pid = 1});
  ASSERT_TRUE(filter.has_value()) << filter.error().message;
  const pid_t child = ::fork();
  if (child == 0) {
    // An outer filter answers the flag as a kernel before 5.19 does.
    std::array<sock_filter, 6> old_kernel{{
        {BPF_LD | BPF_W | BPF_ABS, 0, 0, offsetof(seccomp_data, nr)},
        {BPF_JMP | BPF_JEQ | BPF_K, 0, 3, SYS_seccomp},
        {BPF_LD | BPF_W | BPF_ABS, 0, 0, offsetof(seccomp_data, args) + 8},
        {BPF_JMP | BPF_JSET | BPF_K, 0, 1, 1 << 5},
        {BPF_RET | BPF_K, 0, 0, SECCOMP_RET_ERRNO | EINVAL},
        {BPF_RET | BPF_K, 0, 0, SECCOMP_RET_ALLOW},
    }};
    const sock_fprog outer{static_cast<unsigned short>(old_kernel.size()), old_kernel.data()};
    if (::prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) != 0) ::_exit(kSetupFailed);
    if (::syscall(SYS_seccomp, SECCOMP_SET_MODE_FILTER, 0, &outer) != 0) ::_exit(kSetupFailed);
    std::vector<sock_filter> code = *filter;
    const sock_fprog program{static_cast<unsigned short>(code.size()), code.data()};
    if (load_filter(&program, 0) < 0) ::_exit(1);
    ::_exit(load_filter(&program, 0) == -EPERM ? 0 : 2);  // a second listener is refused by the first filter
  }
  int status = 0;
  ASSERT_EQ(::waitpid(child, &status, 0), child);
  ASSERT_TRUE(WIFEXITED(status));
  EXPECT_EQ(WEXITSTATUS(status), 0);
}

}  // namespace
}  // namespace cofferdam::kernel
