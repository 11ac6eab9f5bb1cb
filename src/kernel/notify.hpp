// The seccomp notification channel (seccomp_unotify(2)): the only place that issues SECCOMP_IOCTL_NOTIF_*.
#pragma once

#include <array>
#include <cstdint>

#include "kernel/fd.hpp"

namespace cofferdam::kernel {

// One stopped system call. `tid` is a thread id, not a process id: threads may have descriptor tables and working
// directories of their own, and a leader may have exited, so always look at /proc/<tid>.
struct Notification {
  std::uint64_t id = 0;
  std::uint32_t tid = 0;
  int number = 0;
  std::array<std::uint64_t, 6> args{};
};

class NotifyChannel {
 public:
  // Takes the listener descriptor. Asks for synchronous wake-ups where the kernel has them (Linux 6.6).
  explicit NotifyChannel(Fd listener) noexcept;

  [[nodiscard]] int fd() const { return listener_.get(); }

  // Receives one notification. False when there was none (the caller was killed or interrupted): poll again.
  [[nodiscard]] bool receive(Notification& notification) noexcept;
  // True while the caller still waits in this call; what was read of it before is only then certainly its own.
  [[nodiscard]] bool still_valid(std::uint64_t id) const noexcept;

  // The answers. A caller that has gone in between is no error. Each notification gets exactly one.
  void answer_value(std::uint64_t id, std::int64_t value) noexcept;
  void answer_error(std::uint64_t id, int errnum) noexcept;  // errnum positive
  // As the kernel does for a call that a signal interrupts: the handler runs, and the call is made again or returns
  // EINTR, by SA_RESTART. Only for a thread that has_signal(): any other would see an errno that user space never does.
  void answer_restart(std::uint64_t id) noexcept;
  // Lets the kernel run the call. Only where another kernel layer decides, or nothing is at stake.
  void answer_continue(std::uint64_t id) noexcept;
  // The same, and true when the caller waited in this call until now: still_valid and the answer in one step.
  [[nodiscard]] bool continue_if_valid(std::uint64_t id) noexcept;
  // Installs a copy of `fd` in the caller's table and makes its number the call's result, in one step
  // (SECCOMP_ADDFD_FLAG_SEND, Linux 5.14). False with errno set on failure; then nothing was answered.
  [[nodiscard]] bool answer_with_fd(std::uint64_t id, int fd, bool close_on_exec) noexcept;

 private:
  Fd listener_;
};

}  // namespace cofferdam::kernel
