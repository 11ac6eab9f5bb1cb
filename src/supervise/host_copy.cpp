#include "supervise/host_copy.hpp"

#include <dirent.h>
#include <fcntl.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <cstring>
#include <memory>
#include <string_view>

#include "supervise/compare.hpp"

namespace cofferdam::supervise {

namespace {

// A file up to this size is written in one piece, after all of it was read.
constexpr off_t kOnePiece = 1 << 20;

bool write_at(int to, const char* data, std::size_t size, off_t at) {
  for (std::size_t done = 0; done < size;) {
    const ssize_t wrote = pwrite(to, data + done, size - done, at + static_cast<off_t>(done));
    if (wrote < 0 && errno == EINTR) continue;
    if (wrote < 0) return false;
    done += static_cast<std::size_t>(wrote);
  }
  return true;
}

bool is_same(const struct stat& a, const struct stat& b) {
  return a.st_size == b.st_size && nanoseconds(a.st_mtim) == nanoseconds(b.st_mtim);
}

}  // namespace

std::vector<std::string> names_in(int directory) {
  std::vector<std::string> names;
  const std::unique_ptr<DIR, int (*)(DIR*)> stream(fdopendir(fcntl(directory, F_DUPFD_CLOEXEC, 3)), closedir);
  while (const dirent* entry = stream ? readdir(stream.get()) : nullptr) {
    const std::string_view name = entry->d_name;
    if (name != "." && name != "..") names.emplace_back(name);
  }
  return names;
}

int copy_content(int from, int to, const struct stat& status) {
  std::vector<char> buffer(static_cast<std::size_t>(std::min(status.st_size + 1, kOnePiece)));
  off_t at = 0;
  for (;;) {
    std::size_t filled = 0;
    while (filled < buffer.size()) {
      const ssize_t got = pread(from, buffer.data() + filled, buffer.size() - filled, at + static_cast<off_t>(filled));
      if (got < 0 && errno == EINTR) continue;
      if (got < 0) return errno;
      if (got == 0) break;
      filled += static_cast<std::size_t>(got);
    }
    struct stat now{};
    if (fstat(from, &now) != 0 || !is_same(status, now)) return EAGAIN;
    if (filled == 0) break;
    if (!write_at(to, buffer.data(), filled, at)) return errno;
    at += static_cast<off_t>(filled);
  }
  // Cut at the end and not before: a reader never sees the file empty.
  struct stat written{};
  if (fstat(to, &written) == 0 && written.st_size == at) return 0;
  return ftruncate(to, at) == 0 ? 0 : errno;
}

bool same_content(int a, int b) {
  std::array<char, 16384> left{};
  std::array<char, 16384> right{};
  for (off_t at = 0;;) {
    const ssize_t got = pread(a, left.data(), left.size(), at);
    if (got < 0 || pread(b, right.data(), right.size(), at) != got) return false;
    if (got == 0) return true;
    if (std::memcmp(left.data(), right.data(), static_cast<std::size_t>(got)) != 0) return false;
    at += got;
  }
}

void copy_attributes(int to, const struct stat& status) {
  struct stat now{};
  if (fstat(to, &now) != 0) return;
  if (now.st_uid != status.st_uid || now.st_gid != status.st_gid) (void)!fchown(to, status.st_uid, status.st_gid);
  if ((now.st_mode & 07777) != (status.st_mode & 07777)) (void)fchmod(to, status.st_mode & 07777);
  const timespec times[2] = {status.st_atim, status.st_mtim};
  (void)futimens(to, times);
}

}  // namespace cofferdam::supervise
