#include "launch/mirror.hpp"

#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include <array>
#include <cerrno>
#include <climits>
#include <cstdio>

namespace cofferdam::launch {

namespace {

void give_attributes(const struct stat& status, int to_dirfd, const char* to) noexcept {
  mode_t mode = status.st_mode & 07777;
  // An owner that can't be mapped becomes us; what we could not write stays so.
  const bool owned = fchownat(to_dirfd, to, status.st_uid, status.st_gid, 0) == 0 || status.st_uid == geteuid();
  if (!owned && (status.st_mode & S_IWOTH) == 0) mode &= ~static_cast<mode_t>(0222);
  (void)fchmodat(to_dirfd, to, mode, 0);
  const timespec times[2] = {status.st_atim, status.st_mtim};
  (void)utimensat(to_dirfd, to, times, 0);
}

void copy_entry(int from, int to, const char* name) noexcept {
  struct stat status{};
  if (fstatat(from, name, &status, AT_SYMLINK_NOFOLLOW) != 0) return;
  std::array<char, 16384> buffer{};
  if (S_ISLNK(status.st_mode)) {
    const ssize_t length = readlinkat(from, name, buffer.data(), buffer.size() - 1);
    if (length > 0) (void)!symlinkat(buffer.data(), to, name);
    return;
  }
  if (S_ISDIR(status.st_mode)) {
    (void)mkdirat(to, name, 0755);
  } else if (S_ISREG(status.st_mode)) {
    const int source = openat(from, name, O_RDONLY | O_NOFOLLOW | O_NONBLOCK | O_CLOEXEC);
    if (source < 0) return;
    // Of what is read, not of what has the name by now: it may be another's.
    const bool regular = fstat(source, &status) == 0 && S_ISREG(status.st_mode);
    const int copy = regular ? openat(to, name, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0600) : -1;
    ssize_t got = 0;
    while (copy >= 0 && (got = read(source, buffer.data(), buffer.size())) > 0) {
      if (write(copy, buffer.data(), static_cast<std::size_t>(got)) != got) break;
    }
    close(source);
    if (copy < 0) return;
    close(copy);
    if (got != 0) return (void)unlinkat(to, name, 0);  // half of a file would be worse than none
  }
  give_attributes(status, to, name);
}

}  // namespace

void copy_attributes(int from_dirfd, const char* from, int to_dirfd, const char* to) noexcept {
  struct stat status{};
  if (fstatat(from_dirfd, from, &status, 0) == 0) give_attributes(status, to_dirfd, to);
}

int make_mirror(const plan::PlannedMount& mount, int from, const char* base) noexcept {
  std::array<char, PATH_MAX> path{};
  std::snprintf(path.data(), path.size(), "%s/lower", base);
  if (mkdir(path.data(), 0755) != 0) return -errno;
  const int lower = open(path.data(), O_RDONLY | O_DIRECTORY | O_CLOEXEC);
  if (lower < 0) return -errno;
  for (const std::string& name : mount.mirrored) copy_entry(from, lower, name.c_str());
  copy_attributes(from, ".", lower, ".");
  return lower;
}

}  // namespace cofferdam::launch
