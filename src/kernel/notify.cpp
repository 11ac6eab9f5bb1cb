#include "kernel/notify.hpp"

#include <fcntl.h>
#include <linux/seccomp.h>
#include <sys/ioctl.h>

#include <cerrno>

#ifndef SECCOMP_ADDFD_FLAG_SEND
#define SECCOMP_ADDFD_FLAG_SEND (1UL << 1)
#endif
#ifndef SECCOMP_IOCTL_NOTIF_SET_FLAGS
#define SECCOMP_IOCTL_NOTIF_SET_FLAGS SECCOMP_IOW(4, __u64)
#define SECCOMP_USER_NOTIF_FD_SYNC_WAKE_UP (1UL << 0)
#endif

namespace cofferdam::kernel {

NotifyChannel::NotifyChannel(Fd listener) noexcept : listener_(std::move(listener)) {
  // Kernels before 6.6 answer EINVAL and wake us the slower way.
  (void)ioctl(listener_.get(), SECCOMP_IOCTL_NOTIF_SET_FLAGS, SECCOMP_USER_NOTIF_FD_SYNC_WAKE_UP);
}

bool NotifyChannel::receive(Notification& notification) noexcept {
  seccomp_notif request{};  // the kernel wants it zeroed
  if (ioctl(listener_.get(), SECCOMP_IOCTL_NOTIF_RECV, &request) != 0) return false;
  notification.id = request.id;
  notification.tid = request.pid;
  notification.number = request.data.nr;
  for (std::size_t i = 0; i < notification.args.size(); ++i) notification.args[i] = request.data.args[i];
  return true;
}

bool NotifyChannel::still_valid(std::uint64_t id) const noexcept {
  return ioctl(listener_.get(), SECCOMP_IOCTL_NOTIF_ID_VALID, &id) == 0;
}

namespace {

// False when the caller is gone.
bool send(int listener, std::uint64_t id, std::int64_t value, int error, std::uint32_t flags) noexcept {
  seccomp_notif_resp response{};
  response.id = id;
  response.val = value;
  response.error = error;
  response.flags = flags;
  // ENOENT: it was killed or interrupted; there is nobody left to tell.
  return ioctl(listener, SECCOMP_IOCTL_NOTIF_SEND, &response) == 0;
}

}  // namespace

void NotifyChannel::answer_value(std::uint64_t id, std::int64_t value) noexcept {
  (void)send(listener_.get(), id, value, 0, 0);
}

void NotifyChannel::answer_error(std::uint64_t id, int errnum) noexcept {
  // A positive error would be taken for a successful result.
  (void)send(listener_.get(), id, 0, -(errnum > 0 ? errnum : EPERM), 0);
}

void NotifyChannel::answer_restart(std::uint64_t id) noexcept {
  constexpr int kRestartSystemCall = 512;  // ERESTARTSYS, linux/errno.h of the kernel's own
  (void)send(listener_.get(), id, 0, -kRestartSystemCall, 0);
}

void NotifyChannel::answer_continue(std::uint64_t id) noexcept {
  (void)continue_if_valid(id);
}

bool NotifyChannel::continue_if_valid(std::uint64_t id) noexcept {
  return send(listener_.get(), id, 0, 0, SECCOMP_USER_NOTIF_FLAG_CONTINUE);
}

bool NotifyChannel::answer_with_fd(std::uint64_t id, int fd, bool close_on_exec) noexcept {
  seccomp_notif_addfd request{};
  request.id = id;
  request.flags = SECCOMP_ADDFD_FLAG_SEND;
  request.srcfd = static_cast<std::uint32_t>(fd);
  request.newfd_flags = close_on_exec ? O_CLOEXEC : 0;
  return ioctl(listener_.get(), SECCOMP_IOCTL_NOTIF_ADDFD, &request) >= 0;
}

}  // namespace cofferdam::kernel
