#include "kernel/fd.hpp"

#include <fcntl.h>
#include <linux/openat2.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/sysmacros.h>
#include <sys/un.h>
#include <unistd.h>

#include <cerrno>
#include <cstring>

namespace cofferdam::kernel {

void Fd::reset(int fd) noexcept {
  if (fd_ >= 0) {
    const int saved = errno;
    close(fd_);
    errno = saved;
  }
  fd_ = fd;
}

int bind_unix(int socket, const char* path) noexcept {
  sockaddr_un address{};
  address.sun_family = AF_UNIX;
  const std::size_t size = std::strlen(path);
  if (size >= sizeof address.sun_path) return ENAMETOOLONG;
  std::memcpy(address.sun_path, path, size);
  return bind(socket, reinterpret_cast<const sockaddr*>(&address), sizeof address) == 0 ? 0 : errno;
}

Result<Pipe> make_pipe() {
  int ends[2];
  if (pipe2(ends, O_CLOEXEC) != 0) return fail(std::string("can't create a pipe: ") + std::strerror(errno), errno);
  return Pipe{Fd(ends[0]), Fd(ends[1])};
}

Result<Pipe> make_message_pipe() {
  int ends[2];
  if (socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0, ends) != 0) {
    return fail(std::string("can't create a pair of sockets: ") + std::strerror(errno), errno);
  }
  return Pipe{Fd(ends[0]), Fd(ends[1])};
}

Result<Fd> open_file(const std::string& path, int flags, unsigned mode) {
  const int fd = open(path.c_str(), flags | O_CLOEXEC, mode);
  if (fd < 0) {
    const int error = errno;
    return fail(path + ": " + std::strerror(error), error);
  }
  return Fd(fd);
}

Result<std::string> read_file_at(int dirfd, const char* path, std::size_t limit) {
  const Fd fd(openat(dirfd, path, O_RDONLY | O_CLOEXEC | O_NOCTTY));
  if (!fd) {
    const int error = errno;
    return fail(std::string(path) + ": " + std::strerror(error), error);
  }
  std::string text;
  char buffer[4096];
  while (text.size() < limit) {
    const ssize_t got = read(fd.get(), buffer, std::min(sizeof buffer, limit - text.size()));
    if (got < 0 && errno == EINTR) continue;
    if (got < 0) {
      const int error = errno;
      return fail(std::string(path) + ": " + std::strerror(error), error);
    }
    if (got == 0) break;
    text.append(buffer, static_cast<std::size_t>(got));
  }
  return text;
}

Result<std::string> read_link_at(int dirfd, const char* path) {
  std::string target(256, '\0');
  for (;;) {
    const ssize_t got = readlinkat(dirfd, path, target.data(), target.size());
    if (got < 0) {
      const int error = errno;
      return fail(std::string(path) + ": " + std::strerror(error), error);
    }
    if (static_cast<std::size_t>(got) < target.size() || target.size() > 65536) {
      target.resize(static_cast<std::size_t>(got));
      return target;
    }
    target.resize(target.size() * 4);
  }
}

bool write_all(int fd, std::string_view text) noexcept {
  while (!text.empty()) {
    const ssize_t wrote = write(fd, text.data(), text.size());
    if (wrote < 0) {
      if (errno == EINTR) continue;
      return false;
    }
    text.remove_prefix(static_cast<std::size_t>(wrote));
  }
  return true;
}

Result<Fd> above_stdio(Fd fd) {
  if (fd.get() > 2) return fd;
  const int copy = fcntl(fd.get(), F_DUPFD_CLOEXEC, 3);
  if (copy < 0) return fail(std::string("can't duplicate a descriptor: ") + std::strerror(errno), errno);
  return Fd(copy);
}

Result<FileIdentity> identify(int dirfd, const char* path, bool follow) {
  struct statx buffer{};
  const int flags = (*path == '\0' ? AT_EMPTY_PATH : 0) | (follow ? 0 : AT_SYMLINK_NOFOLLOW) | AT_NO_AUTOMOUNT;
  if (statx(dirfd, path, flags, STATX_BASIC_STATS | STATX_BTIME | STATX_MNT_ID, &buffer) != 0) {
    const int error = errno;
    return fail(std::string(path) + ": " + std::strerror(error), error);
  }
  FileIdentity identity;
  identity.device = makedev(buffer.stx_dev_major, buffer.stx_dev_minor);
  identity.inode = buffer.stx_ino;
  identity.mount_id = (buffer.stx_mask & STATX_MNT_ID) != 0 ? buffer.stx_mnt_id : 0;
  identity.mode = buffer.stx_mode;
  identity.uid = buffer.stx_uid;
  identity.gid = buffer.stx_gid;
  identity.size = buffer.stx_size;
  identity.born = (buffer.stx_mask & STATX_BTIME) != 0 ? buffer.stx_btime.tv_sec : 0;
  return identity;
}

Fd open_resolved(int dirfd, const char* path, std::uint64_t flags, std::uint64_t resolve, std::uint64_t mode) noexcept {
  static_assert(sizeof(OpenHow) == sizeof(open_how) && kInRoot == RESOLVE_IN_ROOT &&
                kNoMagicLinks == RESOLVE_NO_MAGICLINKS);
  OpenHow how;
  how.flags = flags | O_CLOEXEC;
  how.mode = mode;
  how.resolve = resolve;
  for (int attempt = 0; attempt < 16; ++attempt) {
    const long fd = syscall(SYS_openat2, dirfd, path, &how, sizeof how);
    // EAGAIN: a rename or mount raced with a scoped resolution (openat2(2)); it is worth another try.
    if (fd >= 0 || errno != EAGAIN) return Fd(static_cast<int>(fd));
  }
  return {};
}

}  // namespace cofferdam::kernel
