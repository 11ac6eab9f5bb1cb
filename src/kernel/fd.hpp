// The owner of a file descriptor, and the few calls that make one.
#pragma once

#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>
#include <utility>

#include "cofferdam/result.hpp"

namespace cofferdam::kernel {

// Move-only owner of one descriptor; -1 is empty, 0 is a valid descriptor. Closing reports nothing: whoever
// needs the result of close(2) (a written file) calls it on release().
class Fd {
 public:
  Fd() = default;
  explicit Fd(int fd) noexcept : fd_(fd) {}
  Fd(const Fd&) = delete;
  Fd& operator=(const Fd&) = delete;
  Fd(Fd&& other) noexcept : fd_(std::exchange(other.fd_, -1)) {}
  Fd& operator=(Fd&& other) noexcept {
    if (this != &other) reset(std::exchange(other.fd_, -1));
    return *this;
  }
  ~Fd() { reset(); }

  [[nodiscard]] int get() const noexcept { return fd_; }
  [[nodiscard]] explicit operator bool() const noexcept { return fd_ >= 0; }
  [[nodiscard]] int release() noexcept { return std::exchange(fd_, -1); }
  void reset(int fd = -1) noexcept;

 private:
  int fd_ = -1;
};

struct Pipe {
  Fd read;
  Fd write;
};

// Gives an unnamed unix socket the name `path` (at most 107 bytes, unix(7)). Between clone and exec: no allocation. 0
// or an errno.
[[nodiscard]] int bind_unix(int socket, const char* path) noexcept;

// pipe2(2) with O_CLOEXEC.
[[nodiscard]] Result<Pipe> make_pipe();
// The same for messages, which stay whole: a pair of SOCK_SEQPACKET sockets.
[[nodiscard]] Result<Pipe> make_message_pipe();

// open(2) with O_CLOEXEC added; the error names the path.
[[nodiscard]] Result<Fd> open_file(const std::string& path, int flags, unsigned mode = 0);

// Reads at most `limit` bytes of a (procfs) file relative to a directory; empty result and errno on failure.
[[nodiscard]] Result<std::string> read_file_at(int dirfd, const char* path, std::size_t limit);
[[nodiscard]] inline Result<std::string> read_file(const std::string& path, std::size_t limit) {
  return read_file_at(-100 /* AT_FDCWD */, path.c_str(), limit);
}

// readlink(2) of any length up to 64 KiB.
[[nodiscard]] Result<std::string> read_link_at(int dirfd, const char* path);

// Writes all of `text`, restarting after EINTR and short writes; false with errno set on failure.
[[nodiscard]] bool write_all(int fd, std::string_view text) noexcept;

// Moves descriptors that must not collide with 0-2 above them (F_DUPFD_CLOEXEC).
[[nodiscard]] Result<Fd> above_stdio(Fd fd);

// What a path or descriptor is and where it lies. `mount_id` needs Linux 5.8 (STATX_MNT_ID), else 0.
struct FileIdentity {
  std::uint64_t device = 0;
  std::uint64_t inode = 0;
  std::uint64_t mount_id = 0;
  std::uint32_t mode = 0;
  std::uint32_t uid = 0;
  std::uint32_t gid = 0;
  std::uint64_t size = 0;
  std::int64_t born = 0;  // seconds since 1970; 0 where the file system does not know (tmpfs before Linux 5.19)
  [[nodiscard]] bool same_file(const FileIdentity& other) const {
    return device == other.device && inode == other.inode;
  }
};
// statx(2); `path` "" means the descriptor itself. `follow` false looks at a symlink itself.
[[nodiscard]] Result<FileIdentity> identify(int dirfd, const char* path, bool follow = true);

// Bits of openat2(2), <linux/openat2.h>.
enum Resolve : std::uint64_t {
  kNoMountCrossing = 0x01,
  kNoMagicLinks = 0x02,
  kNoSymlinks = 0x04,
  kBeneath = 0x08,
  kInRoot = 0x10,
};
// struct open_how of openat2(2).
struct OpenHow {
  std::uint64_t flags = 0;
  std::uint64_t mode = 0;
  std::uint64_t resolve = 0;
};

// openat2(2). `resolve` are Resolve bits. Returns an empty Fd with errno set on failure: hot path.
[[nodiscard]] Fd open_resolved(int dirfd, const char* path, std::uint64_t flags, std::uint64_t resolve,
                               std::uint64_t mode = 0) noexcept;

}  // namespace cofferdam::kernel
