#include "kernel/confine.hpp"

#include <linux/audit.h>
#include <linux/filter.h>
#include <linux/seccomp.h>
#include <sched.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <unistd.h>

#include <array>
#include <cerrno>
#include <cstddef>

#include "kernel/landlock.hpp"
#include "kernel/process.hpp"

namespace cofferdam::kernel {

namespace {

#if defined(__x86_64__)
constexpr std::uint32_t kArchitecture = AUDIT_ARCH_X86_64;
#elif defined(__aarch64__)
constexpr std::uint32_t kArchitecture = AUDIT_ARCH_AARCH64;
#else
#error "the calls of this architecture are not listed"
#endif

// Calls that do nothing to anybody else. In order of how often the pump makes them: each is one comparison.
constexpr auto kAllowed = std::to_array<int>({
    SYS_read,
    SYS_write,
    SYS_futex,
    SYS_writev,
    SYS_clock_nanosleep,
    SYS_nanosleep,
#ifdef SYS_poll
    SYS_poll,
#endif
    SYS_ppoll,
    SYS_sendto,
    SYS_recvfrom,
    SYS_clock_gettime,
    SYS_restart_syscall,
    // files
    SYS_close,
    SYS_openat,
    SYS_lseek,
    SYS_pread64,
    SYS_pwrite64,
    SYS_readv,
    SYS_pwritev,
    SYS_preadv,
    SYS_fstat,
    SYS_statx,
    SYS_getdents64,
    SYS_ftruncate,
    SYS_fallocate,
    SYS_fsync,
    SYS_fdatasync,
    SYS_flock,
    SYS_fchmod,
    SYS_mkdirat,
    SYS_unlinkat,
    SYS_renameat,
    SYS_renameat2,
    SYS_faccessat,
    SYS_readlinkat,
    SYS_fcntl,
    SYS_dup,
    SYS_pipe2,
    SYS_eventfd2,
    SYS_fadvise64,
    SYS_getcwd,
    SYS_copy_file_range,
    SYS_sendfile,
#ifdef SYS_newfstatat
    SYS_newfstatat,
#endif
#ifdef SYS_open
    SYS_open,
    SYS_stat,
    SYS_lstat,
    SYS_access,
    SYS_rename,
    SYS_unlink,
    SYS_mkdir,
    SYS_readlink,
    SYS_pipe,
    SYS_time,
#endif
    // memory and threads
    SYS_mmap,
    SYS_munmap,
    SYS_mprotect,
    SYS_mremap,
    SYS_madvise,
    SYS_brk,
    SYS_exit,
    SYS_exit_group,
    SYS_rt_sigaction,
    SYS_rt_sigprocmask,
    SYS_rt_sigreturn,
    SYS_sigaltstack,
    SYS_set_robust_list,
    SYS_rseq,
    SYS_set_tid_address,
    SYS_sched_yield,
    SYS_sched_getaffinity,
    SYS_getrandom,
    SYS_gettimeofday,
    SYS_clock_getres,
    SYS_sysinfo,
    SYS_uname,
    SYS_getpid,
    SYS_gettid,
    SYS_getuid,
    SYS_geteuid,
    SYS_getgid,
    SYS_getegid,
    SYS_membarrier,
    SYS_prctl,
});

constexpr auto kNetwork = std::to_array<int>({
    SYS_connect,
    SYS_sendmsg,
    SYS_recvmsg,
    SYS_sendmmsg,
    SYS_recvmmsg,
    SYS_getsockopt,
    SYS_setsockopt,
    SYS_getsockname,
    SYS_getpeername,
    SYS_shutdown,
    SYS_bind,
    SYS_epoll_create1,
    SYS_epoll_ctl,
    SYS_epoll_pwait,
    SYS_ioctl,
#ifdef SYS_epoll_wait
    SYS_epoll_wait,
#endif
});

class Program {
 public:
  void add(std::uint16_t code, std::uint32_t value, std::uint8_t if_true = 0, std::uint8_t if_false = 0) {
    if (size_ == code_.size()) {
      overflowed_ = true;
      return;
    }
    code_[size_++] = {code, if_true, if_false, value};
  }
  void load(std::size_t offset) { add(BPF_LD | BPF_W | BPF_ABS, static_cast<std::uint32_t>(offset)); }
  void answer(std::uint32_t action) { add(BPF_RET | BPF_K, action); }
  void allow(int call) {
    add(BPF_JMP | BPF_JEQ | BPF_K, static_cast<std::uint32_t>(call), 0, 1);
    answer(SECCOMP_RET_ALLOW);
  }
  // Allowed when the low half of an argument has all bits of `mask` as in `value`; EPERM or `otherwise` else.
  void allow_if(int call, unsigned argument, std::uint32_t mask, std::uint32_t value, int otherwise = EPERM) {
    add(BPF_JMP | BPF_JEQ | BPF_K, static_cast<std::uint32_t>(call), 0, 5);
    load(offsetof(seccomp_data, args) + std::size_t{8} * argument);  // little-endian
    add(BPF_ALU | BPF_AND | BPF_K, mask);
    add(BPF_JMP | BPF_JEQ | BPF_K, value, 0, 1);
    answer(SECCOMP_RET_ALLOW);
    answer(SECCOMP_RET_ERRNO | static_cast<std::uint32_t>(otherwise));
  }
  [[nodiscard]] int install() {
    if (overflowed_) return E2BIG;
    const sock_fprog program{static_cast<unsigned short>(size_), code_.data()};
    return syscall(SYS_seccomp, SECCOMP_SET_MODE_FILTER, 0, &program) == 0 ? 0 : errno;
  }

 private:
  std::array<sock_filter, 400> code_{};
  std::size_t size_ = 0;
  bool overflowed_ = false;
};

int load_filter(bool network) noexcept {
  Program program;
  program.load(offsetof(seccomp_data, arch));
  program.add(BPF_JMP | BPF_JEQ | BPF_K, kArchitecture, 1, 0);
  program.answer(SECCOMP_RET_KILL_PROCESS);
  program.load(offsetof(seccomp_data, nr));
  for (const int call : kAllowed) program.allow(call);
  // Threads of this process, no processes. clone3 hides its flags in memory: libc falls back to clone.
  program.allow_if(SYS_clone, 0, CLONE_THREAD | CLONE_VM, CLONE_THREAD | CLONE_VM);
  program.add(BPF_JMP | BPF_JEQ | BPF_K, SYS_clone3, 0, 1);
  program.answer(SECCOMP_RET_ERRNO | ENOSYS);
  // abort(3)
  program.allow_if(SYS_tgkill, 0, 0xffffffff, static_cast<std::uint32_t>(getpid()));
  // getrlimit(2)
  program.allow_if(SYS_prlimit64, 2, 0xffffffff, 0);
  if (network) {
    for (const int call : kNetwork) program.allow(call);
    for (const int family : {AF_UNIX, AF_INET, AF_INET6}) {
      program.add(BPF_JMP | BPF_JEQ | BPF_K, SYS_socket, 0, 4);
      program.load(offsetof(seccomp_data, args));
      program.add(BPF_JMP | BPF_JEQ | BPF_K, static_cast<std::uint32_t>(family), 0, 1);
      program.answer(SECCOMP_RET_ALLOW);
      program.load(offsetof(seccomp_data, nr));
    }
  } else {
    program.allow(SYS_ioctl);
  }
  program.answer(SECCOMP_RET_ERRNO | EPERM);
  return program.install();
}

int enter_ruleset(std::span<const int> directories, bool network) noexcept {
  const int abi = landlock_abi();
  if (abi == 0) return 0;
  const int ruleset = make_landlock_ruleset(abi, network);
  if (ruleset < 0) return -ruleset;
  int error = 0;
  for (const int directory : directories) {
    if (error == 0) error = -allow_writes_beneath(ruleset, directory, abi);
  }
  if (error == 0) error = -enter_landlock(ruleset);
  close(ruleset);
  return error;
}

}  // namespace

int confine(const Confinement& confinement) noexcept {
  if (const int error = limit_capabilities(confinement.capabilities); error != 0) return error;
  if (const int error = set_no_new_privs(); error != 0) return error;
  if (const int error = enter_ruleset(confinement.directories, confinement.network); error != 0) return error;
  if (const int error = set_dumpable(false); error != 0) return error;
  return load_filter(confinement.network);
}

}  // namespace cofferdam::kernel
