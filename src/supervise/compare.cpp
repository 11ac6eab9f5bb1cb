#include "supervise/compare.hpp"

#include <fcntl.h>
#include <sys/sysmacros.h>
#include <sys/xattr.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <cstring>
#include <map>
#include <string>

#include "kernel/fd.hpp"

namespace cofferdam::supervise {

namespace {

bool same_content(int a, int b) {
  std::array<char, 65536> left{};
  std::array<char, 65536> right{};
  for (off_t at = 0;;) {
    const ssize_t got_left = pread(a, left.data(), left.size(), at);
    const ssize_t got_right = pread(b, right.data(), right.size(), at);
    if (got_left < 0 || got_left != got_right) return false;
    if (got_left == 0) return true;
    if (std::memcmp(left.data(), right.data(), static_cast<std::size_t>(got_left)) != 0) return false;
    at += got_left;
  }
}

// Users' attributes and ACLs by name. The overlay keeps notes of its own among them.
std::map<std::string, std::string> attributes_of(int file) {
  std::map<std::string, std::string> found;
  std::string names(static_cast<std::size_t>(std::max<ssize_t>(flistxattr(file, nullptr, 0), 0)), '\0');
  names.resize(static_cast<std::size_t>(std::max<ssize_t>(flistxattr(file, names.data(), names.size()), 0)));
  for (std::size_t at = 0; at < names.size(); at += std::strlen(names.c_str() + at) + 1) {
    const std::string name = names.c_str() + at;
    if (name.starts_with("user.overlay.") || !(name.starts_with("user.") || name.starts_with("system."))) continue;
    std::string value(static_cast<std::size_t>(std::max<ssize_t>(fgetxattr(file, name.c_str(), nullptr, 0), 0)), '\0');
    if (fgetxattr(file, name.c_str(), value.data(), value.size()) >= 0) found.emplace(name, std::move(value));
  }
  return found;
}

bool same_link(const LayerEntry& entry) {
  const auto upper = kernel::read_link_at(entry.parent, entry.name);
  const auto lower = kernel::read_link_at(entry.lower, entry.name);
  return upper && lower && *upper == *lower;
}

std::optional<Change> change_of(const LayerEntry& entry, const struct stat& lower) {
  const struct stat& upper = entry.status;
  if (is_whiteout(upper)) return Change::deleted;
  if ((upper.st_mode & S_IFMT) != (lower.st_mode & S_IFMT)) return Change::modified;
  const bool same_rights = (upper.st_mode & 07777) == (lower.st_mode & 07777) && upper.st_uid == lower.st_uid &&
                           upper.st_gid == lower.st_gid;
  if (S_ISREG(upper.st_mode)) {
    if (upper.st_size != lower.st_size) return Change::modified;
    const bool same_time = nanoseconds(upper.st_mtim) == nanoseconds(lower.st_mtim);
    const int flags = O_RDONLY | O_NOFOLLOW | O_CLOEXEC | O_NONBLOCK;
    const kernel::Fd a(openat(entry.parent, entry.name, flags));
    const kernel::Fd b(openat(entry.lower, entry.name, flags));
    if (!(a && b ? same_content(a.get(), b.get()) : same_time)) return Change::modified;
    if (!same_time || !same_rights) return Change::metadata;
    const bool same_attributes = !a || !b || attributes_of(a.get()) == attributes_of(b.get());
    return same_attributes ? std::nullopt : std::optional(Change::metadata);
  }
  if (S_ISLNK(upper.st_mode)) {
    if (!same_link(entry)) return Change::modified;
    if (nanoseconds(upper.st_mtim) != nanoseconds(lower.st_mtim)) return Change::metadata;
  }
  // A directory's times change with what is in it: that is reported itself.
  return same_rights ? std::nullopt : std::optional(Change::metadata);
}

}  // namespace

std::int64_t nanoseconds(const timespec& time) {
  return static_cast<std::int64_t>(time.tv_sec) * 1000000000 + time.tv_nsec;
}

bool is_whiteout(const struct stat& status) {
  return S_ISCHR(status.st_mode) && status.st_rdev == makedev(0, 0);
}

Comparison compare_with_host(const LayerEntry& entry) {
  Comparison result;
  result.on_host = entry.lower >= 0 && fstatat(entry.lower, entry.name, &result.lower, AT_SYMLINK_NOFOLLOW) == 0;
  if (result.on_host) {
    result.change = change_of(entry, result.lower);
  } else if (!is_whiteout(entry.status)) {
    result.change = Change::created;
  }
  return result;
}

}  // namespace cofferdam::supervise
