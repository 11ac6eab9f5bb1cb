#include "kernel/process.hpp"

#include <fcntl.h>
#include <grp.h>
#include <linux/capability.h>
#include <linux/close_range.h>
#include <linux/prctl.h>
#include <linux/sched.h>
#include <sched.h>
#include <sys/fsuid.h>
#include <sys/prctl.h>
#include <sys/syscall.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <cstdlib>
#include <ctime>
#include <string>

#ifndef CLONE_INTO_CGROUP
#define CLONE_INTO_CGROUP 0x200000000ULL  // Linux 5.7, clone(2)
#endif
#ifndef PIDFD_THREAD
#define PIDFD_THREAD O_EXCL  // Linux 6.9, pidfd_open(2)
#endif

namespace cofferdam::kernel {

pid_t clone_process(unsigned long flags, int* pidfd) noexcept {
#if defined(__x86_64__)
  const long pid = syscall(SYS_clone, flags | SIGCHLD, nullptr, pidfd, nullptr, nullptr);
#elif defined(__aarch64__)
  const long pid = syscall(SYS_clone, flags | SIGCHLD, nullptr, pidfd, nullptr, nullptr);
#else
#error "clone(2) takes its arguments in another order on this architecture: see clone(2), NOTES"
#endif
  return pid < 0 ? -errno : static_cast<pid_t>(pid);
}

pid_t clone_process_into(unsigned long flags, int* pidfd, int cgroup) noexcept {
  clone_args arguments{};
  arguments.flags = flags | CLONE_INTO_CGROUP;
  arguments.pidfd = reinterpret_cast<std::uint64_t>(pidfd);
  arguments.exit_signal = SIGCHLD;
  arguments.cgroup = static_cast<std::uint64_t>(cgroup);
  const long pid = syscall(SYS_clone3, &arguments, sizeof arguments);
  return pid < 0 ? -errno : static_cast<pid_t>(pid);
}

Fd open_pidfd(pid_t pid, bool thread) noexcept {
  return Fd(static_cast<int>(syscall(SYS_pidfd_open, pid, thread ? PIDFD_THREAD : 0)));
}

Fd steal_fd(int pidfd, int number) noexcept {
  return Fd(static_cast<int>(syscall(SYS_pidfd_getfd, pidfd, number, 0)));
}

bool can_steal_descriptors() noexcept {
  return syscall(SYS_pidfd_getfd, -1, -1, 0) < 0 && errno == EBADF;
}

pid_t pid_of(int pidfd) {
  const auto info = read_file("/proc/self/fdinfo/" + std::to_string(pidfd), 4096);
  if (!info) return 0;
  const std::size_t at = info->find("\nPid:");
  if (at == std::string::npos) return 0;
  const int pid = std::atoi(info->c_str() + at + 5);
  return pid > 0 ? pid : 0;
}

bool send_signal(int pidfd, int signal) noexcept {
  if (syscall(SYS_pidfd_send_signal, pidfd, signal, nullptr, 0) == 0) return true;
  if (errno != ENOSYS) return false;
  const pid_t pid = pid_of(pidfd);
  return pid > 0 && kill(pid, signal) == 0;
}

int unshare_descriptors() noexcept {
  // unshare(CLONE_FILES) is refused by Docker's profile; closing nothing with the flag does the same.
  return syscall(SYS_close_range, ~0U - 1, ~0U, CLOSE_RANGE_UNSHARE) == 0 ? 0 : errno;
}

int close_from(unsigned first) noexcept {
  return syscall(SYS_close_range, first, ~0U, 0) == 0 ? 0 : errno;
}

int close_all_but(std::span<const int> kept) noexcept {
  unsigned next = 0;
  for (const int fd : kept) {
    const auto number = static_cast<unsigned>(fd);
    if (number > next && syscall(SYS_close_range, next, number - 1, 0) != 0) return errno;
    next = number + 1;
  }
  return close_from(next);
}

int set_no_new_privs() noexcept {
  return prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) == 0 ? 0 : errno;
}
int die_with_parent() noexcept {
  return prctl(PR_SET_PDEATHSIG, SIGKILL) == 0 ? 0 : errno;
}
int set_dumpable(bool dumpable) noexcept {
  return prctl(PR_SET_DUMPABLE, dumpable ? 1 : 0) == 0 ? 0 : errno;
}
int become_subreaper() noexcept {
  return prctl(PR_SET_CHILD_SUBREAPER, 1) == 0 ? 0 : errno;
}

namespace {

int read_capabilities(__user_cap_data_struct (&data)[2]) noexcept {
  __user_cap_header_struct header{_LINUX_CAPABILITY_VERSION_3, 0};
  return syscall(SYS_capget, &header, data) == 0 ? 0 : errno;
}

}  // namespace

int limit_capabilities(std::uint64_t kept) noexcept {
  for (int capability = 0; capability < 64; ++capability) {
    if ((kept >> capability & 1) != 0) continue;
    // EINVAL: past the last capability of this kernel. EPERM: without CAP_SETPCAP, where nothing is held anyway.
    if (prctl(PR_CAPBSET_DROP, capability, 0, 0, 0) != 0 && errno == EINVAL) break;
  }
  prctl(PR_CAP_AMBIENT, PR_CAP_AMBIENT_CLEAR_ALL, 0, 0, 0);
  __user_cap_data_struct data[2]{};
  if (const int error = read_capabilities(data); error != 0) return error;
  for (int half = 0; half < 2; ++half) {
    const auto mask = static_cast<std::uint32_t>(kept >> (32 * half));
    data[half].permitted &= mask;
    data[half].effective &= mask;
    data[half].inheritable = 0;
  }
  __user_cap_header_struct header{_LINUX_CAPABILITY_VERSION_3, 0};
  return syscall(SYS_capset, &header, data) == 0 ? 0 : errno;
}

int take_identity(uid_t uid, gid_t gid, std::span<const gid_t> groups) noexcept {
  // The raw calls: glibc's wrappers synchronise threads, which allocates nothing but is not made for this place.
  if (groups.data() != nullptr && syscall(SYS_setgroups, groups.size(), groups.data()) != 0) return errno;
  if (syscall(SYS_setresgid, gid, gid, gid) != 0) return errno;
  if (syscall(SYS_setresuid, uid, uid, uid) != 0) return errno;
  return 0;
}

std::uint64_t effective_capabilities() noexcept {
  __user_cap_data_struct data[2]{};
  if (read_capabilities(data) != 0) return 0;
  return data[0].effective | static_cast<std::uint64_t>(data[1].effective) << 32;
}

namespace {

// One timer for the process, made at its first use. SIGVTALRM is nobody's here: the app gets its own dispositions.
timer_t* interruption_timer() noexcept {
  static timer_t timer = [] {
    struct sigaction action{};
    action.sa_handler = [](int) {};  // without SA_RESTART: the call returns EINTR
    sigaction(SIGVTALRM, &action, nullptr);
    sigevent event{};
    event.sigev_notify = SIGEV_SIGNAL;
    event.sigev_signo = SIGVTALRM;
    timer_t made{};
    return timer_create(CLOCK_MONOTONIC, &event, &made) == 0 ? made : timer_t{};
  }();
  return &timer;
}

void arm(std::chrono::milliseconds interval) noexcept {
  itimerspec when{};
  when.it_value.tv_sec = interval.count() / 1000;
  when.it_value.tv_nsec = interval.count() % 1000 * 1000000;
  when.it_interval = when.it_value;
  timer_settime(*interruption_timer(), 0, &when, nullptr);
}

}  // namespace

Alarm::Alarm(std::chrono::milliseconds after) noexcept {
  arm(after);
}
Alarm::~Alarm() {
  const int saved = errno;
  arm(std::chrono::milliseconds(0));
  errno = saved;
}

namespace {

std::vector<gid_t> own_groups() {
  std::vector<gid_t> groups(static_cast<std::size_t>(std::max(getgroups(0, nullptr), 0)));
  groups.resize(static_cast<std::size_t>(std::max(getgroups(static_cast<int>(groups.size()), groups.data()), 0)));
  return groups;
}

bool set_groups(std::span<const gid_t> groups) noexcept {
  return syscall(SYS_setgroups, groups.size(), groups.data()) == 0;
}

}  // namespace

BorrowedIdentity::BorrowedIdentity(uid_t uid, gid_t gid, std::span<const gid_t> groups) : old_groups_(own_groups()) {
  if (!std::ranges::equal(old_groups_, groups)) {
    other_groups_ = set_groups(groups);
    ok_ = other_groups_;
  }
  if (geteuid() == uid && getegid() == gid) return;
  borrowed_ = true;
  ok_ = ok_ && syscall(SYS_setresgid, -1, gid, -1) == 0 && syscall(SYS_setresuid, -1, uid, -1) == 0;
}

BorrowedIdentity::~BorrowedIdentity() {
  const int saved = errno;
  // A launcher that can't get its own identity back must not go on.
  if (borrowed_ && (syscall(SYS_setresuid, -1, getuid(), -1) != 0 || syscall(SYS_setresgid, -1, getgid(), -1) != 0)) {
    std::abort();
  }
  if (other_groups_ && !set_groups(old_groups_)) std::abort();
  errno = saved;
}

BorrowedFileIdentity::BorrowedFileIdentity(uid_t uid, gid_t gid, std::span<const gid_t> groups)
    : old_groups_(own_groups()) {
  // An ordinary user's launcher has the groups of its app and may set none.
  if (!std::ranges::equal(old_groups_, groups)) {
    other_groups_ = set_groups(groups);
    ok_ = other_groups_;
  }
  // They follow the effective ids. Each change costs a new set of credentials in the kernel.
  if (geteuid() == uid && getegid() == gid) return;
  borrowed_ = true;
  old_gid_ = static_cast<gid_t>(setfsgid(gid));
  old_uid_ = static_cast<uid_t>(setfsuid(uid));
  // They report no failure; a second call tells what is set.
  ok_ = ok_ && static_cast<uid_t>(setfsuid(uid)) == uid && static_cast<gid_t>(setfsgid(gid)) == gid;
}

BorrowedFileIdentity::~BorrowedFileIdentity() {
  const int saved = errno;
  if (borrowed_) {
    setfsuid(old_uid_);
    setfsgid(old_gid_);
  }
  if (other_groups_ && !set_groups(old_groups_)) std::abort();
  errno = saved;
}

int write_access(int fd) noexcept {
  return syscall(SYS_faccessat2, fd, "", W_OK, AT_EACCESS | AT_EMPTY_PATH) == 0 ? 0 : errno;
}

}  // namespace cofferdam::kernel
