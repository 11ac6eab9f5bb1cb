#include "supervise/scan.hpp"

#include <dirent.h>
#include <fcntl.h>
#include <sys/stat.h>
#include <sys/sysmacros.h>
#include <sys/vfs.h>
#include <sys/xattr.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <cstring>
#include <map>
#include <memory>
#include <set>
#include <utility>

#include "base/text.hpp"

namespace cofferdam::supervise {

namespace {

constexpr std::size_t kMostEntries = 1000000;
constexpr int kDeepest = 512;
// Of all paths together: a tree made to have long ones must not grow the launcher.
constexpr std::size_t kMostPathBytes = 24 << 20;

std::int64_t nanoseconds(const timespec& time) {
  return static_cast<std::int64_t>(time.tv_sec) * 1000000000 + time.tv_nsec;
}

const char* type_name(mode_t mode) {
  if (S_ISREG(mode)) return "file";
  if (S_ISDIR(mode)) return "directory";
  if (S_ISLNK(mode)) return "symlink";
  if (S_ISFIFO(mode)) return "fifo";
  if (S_ISSOCK(mode)) return "socket";
  return "device";
}

bool is_whiteout(const struct stat& status) {
  return S_ISCHR(status.st_mode) && status.st_rdev == makedev(0, 0);
}

// Visits every entry below `directory`, parents first. The visitor says whether to go into a directory.
using Visitor =
    std::function<bool(int parent, const char* name, const std::string& relative, const struct stat& status)>;

class Walk {
 public:
  Walk(Visitor visit, std::vector<std::string>& problems) : visit_(std::move(visit)), problems_(problems) {}

  void run(int directory) { descend(directory, "", 0); }

 private:
  void descend(int directory, const std::string& prefix, int depth) {
    // A descriptor of its own, because a directory stream owns its descriptor; no following, no crossing of mounts.
    kernel::Fd own = kernel::open_resolved(directory, ".", O_RDONLY | O_DIRECTORY | O_NOFOLLOW, kernel::kNoSymlinks);
    if (!own) {
      problems_.push_back("/" + prefix + ": " + std::strerror(errno));
      return;
    }
    const std::unique_ptr<DIR, int (*)(DIR*)> stream(fdopendir(own.release()), closedir);
    if (!stream) return;
    const int fd = dirfd(stream.get());
    std::vector<std::string> names;
    while (const dirent* entry = readdir(stream.get())) {
      const std::string_view name = entry->d_name;
      if (name != "." && name != "..") names.emplace_back(name);
    }
    std::ranges::sort(names);
    for (const std::string& name : names) {
      if (++seen_ > kMostEntries) {
        if (seen_ == kMostEntries + 1)
          problems_.emplace_back("more than 1,000,000 entries: the rest was not looked at");
        return;
      }
      struct stat status{};
      if (fstatat(fd, name.c_str(), &status, AT_SYMLINK_NOFOLLOW) != 0) continue;
      const std::string relative = prefix.empty() ? name : prefix + "/" + name;
      path_bytes_ += relative.size();
      if (path_bytes_ > kMostPathBytes) {
        if (!std::exchange(too_long_, true))
          problems_.emplace_back("more than 24 MiB of paths: the rest was not looked at");
        return;
      }
      if (!visit_(fd, name.c_str(), relative, status) || !S_ISDIR(status.st_mode)) continue;
      if (depth >= kDeepest) {
        problems_.push_back(relative + ": too deep, what is below it was not looked at");
        continue;
      }
      const kernel::Fd child = kernel::open_resolved(fd, name.c_str(), O_RDONLY | O_DIRECTORY | O_NOFOLLOW,
                                                     kernel::kNoMountCrossing | kernel::kNoSymlinks | kernel::kBeneath);
      if (child) {
        descend(child.get(), relative, depth + 1);
      } else if (errno != EXDEV) {
        problems_.push_back(relative + ": " + std::strerror(errno));
      }
    }
  }

  Visitor visit_;
  std::vector<std::string>& problems_;
  std::size_t seen_ = 0;
  std::size_t path_bytes_ = 0;
  bool too_long_ = false;
};

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

bool same_link(int parent, const char* name, const std::string& host) {
  const auto upper = kernel::read_link_at(parent, name);
  const auto lower = kernel::read_link_at(AT_FDCWD, host.c_str());
  return upper && lower && *upper == *lower;
}

// What happened to one name of the upper layer, seen against the host's file; nothing for an unchanged copy-up.
std::optional<Change> compare(int parent, const char* name, const struct stat& upper, const std::string& host) {
  struct stat lower{};
  if (lstat(host.c_str(), &lower) != 0) return is_whiteout(upper) ? std::nullopt : std::optional(Change::created);
  if (is_whiteout(upper)) return Change::deleted;
  if ((upper.st_mode & S_IFMT) != (lower.st_mode & S_IFMT)) return Change::modified;
  const bool same_rights = (upper.st_mode & 07777) == (lower.st_mode & 07777) && upper.st_uid == lower.st_uid &&
                           upper.st_gid == lower.st_gid;
  if (S_ISREG(upper.st_mode)) {
    if (upper.st_size != lower.st_size) return Change::modified;
    const bool same_time = nanoseconds(upper.st_mtim) == nanoseconds(lower.st_mtim);
    const kernel::Fd a(openat(parent, name, O_RDONLY | O_NOFOLLOW | O_CLOEXEC | O_NONBLOCK));
    const kernel::Fd b(open(host.c_str(), O_RDONLY | O_NOFOLLOW | O_CLOEXEC | O_NONBLOCK));
    if (!(a && b ? same_content(a.get(), b.get()) : same_time)) return Change::modified;
    if (!same_time || !same_rights) return Change::metadata;
    return std::nullopt;
  }
  if (S_ISLNK(upper.st_mode) && !same_link(parent, name, host)) return Change::modified;
  // A directory's times change with what is in it: that is reported itself.
  return same_rights ? std::nullopt : std::optional(Change::metadata);
}

// Names that are there because of us: whiteouts of hidden mounts, directories and files that mounts sit on.
std::set<std::string> made_by_us(const InstanceView& instance) {
  std::set<std::string> paths;
  const auto add_with_parents = [&](std::string path) {
    while (path.size() > 1) {
      paths.insert(path);
      path.resize(std::max<std::size_t>(path.rfind('/'), 1));
    }
  };
  for (const InstanceMount& mount : instance.mounts) {
    add_with_parents(mount.plan->path);
    for (const std::string& hidden : mount.plan->hidden) add_with_parents(mount.plan->path + "/" + hidden);
  }
  for (const std::string& bind : instance.binds) add_with_parents(bind);
  return paths;
}

// A directory that was removed and made again hides all of the lower one (overlayfs.rst, opaque directories).
bool is_opaque(int directory) {
  char value = 0;
  return fgetxattr(directory, "user.overlay.opaque", &value, 1) == 1 && value == 'y';
}

void report_hidden(int upper, const std::string& path, ScanResult& result) {
  const kernel::Fd lower(open(path.c_str(), O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC));
  if (!lower) return;
  Walk walk(
      [&](int, const char*, const std::string& relative, const struct stat& status) {
        struct stat above{};
        if (fstatat(upper, relative.c_str(), &above, AT_SYMLINK_NOFOLLOW) == 0) return true;
        const auto bytes = S_ISREG(status.st_mode) ? static_cast<std::uint64_t>(status.st_size) : 0;
        result.changes.push_back({path + "/" + relative, type_name(status.st_mode), Change::deleted, bytes});
        return true;
      },
      result.unreadable);
  walk.run(lower.get());
}

void scan_overlay(const InstanceMount& mount, const std::set<std::string>& ours, ScanResult& result) {
  Walk walk(
      [&](int parent, const char* name, const std::string& relative, const struct stat& status) {
        const std::string path = mount.plan->path + "/" + relative;
        const bool mount_point_only = ours.contains(path);
        struct stat lower{};
        const bool on_host = lstat(path.c_str(), &lower) == 0;
        if (mount_point_only && (is_whiteout(status) || !on_host)) return S_ISDIR(status.st_mode);
        const auto change = compare(parent, name, status, path);
        // Where a mount sits or hides something, an ordinary user can't always give the directory its lower owner.
        if (change && !(mount_point_only && *change == Change::metadata)) {
          const mode_t shown = *change == Change::deleted ? lower.st_mode : status.st_mode;
          const auto bytes = *change == Change::deleted ? lower.st_size : S_ISREG(status.st_mode) ? status.st_size : 0;
          result.changes.push_back({path, type_name(shown), *change, static_cast<std::uint64_t>(bytes)});
        }
        if (S_ISDIR(status.st_mode) && on_host && S_ISDIR(lower.st_mode) && !mount_point_only) {
          const kernel::Fd directory(openat(parent, name, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC));
          if (directory && is_opaque(directory.get())) report_hidden(directory.get(), path, result);
        }
        return true;
      },
      result.unreadable);
  walk.run(mount.layer);
}

const Baseline::Entry* find_entry(const Baseline& baseline, const std::string& path) {
  const auto entry =
      std::ranges::lower_bound(baseline.entries, path, {}, &std::pair<std::string, Baseline::Entry>::first);
  return entry != baseline.entries.end() && entry->first == path ? &entry->second : nullptr;
}

void scan_tmpfs(const InstanceMount& mount, const std::set<std::string>& ours, const std::set<std::string>& binds,
                const Baseline& baseline, ScanResult& result) {
  Walk walk(
      [&](int, const char*, const std::string& relative, const struct stat& status) {
        const std::string path = mount.plan->path + "/" + relative;
        if (binds.contains(path)) return S_ISDIR(status.st_mode);
        if (ours.contains(path) && S_ISDIR(status.st_mode)) return true;
        Change change = Change::created;
        if (const Baseline::Entry* before = find_entry(baseline, path)) {
          const bool same = before->inode == status.st_ino && before->mtime_ns == nanoseconds(status.st_mtim) &&
                            before->size == static_cast<std::uint64_t>(status.st_size);
          if (same || S_ISDIR(status.st_mode)) return true;
          change = Change::modified;
        }
        const auto bytes = S_ISREG(status.st_mode) ? static_cast<std::uint64_t>(status.st_size) : 0;
        result.changes.push_back({path, type_name(status.st_mode), change, bytes});
        return true;
      },
      result.unreadable);
  walk.run(mount.layer);
}

Baseline::Entry entry_of(const struct stat& status) {
  return {status.st_ino, static_cast<std::uint64_t>(status.st_size), nanoseconds(status.st_mtim),
          type_name(status.st_mode)};
}

bool nested_in_other(const InstanceView& instance, const InstanceMount& mount) {
  // In container mode two rows may name directories of one tmpfs: the outer one's walk sees both.
  return std::ranges::any_of(instance.mounts, [&](const InstanceMount& other) {
    return &other != &mount && other.mount_id == mount.mount_id && other.plan->path != mount.plan->path &&
           base::is_beneath(mount.plan->path, other.plan->path);
  });
}

}  // namespace

Baseline take_baseline(const InstanceView& instance) {
  Baseline baseline;
  std::vector<std::string> problems;
  for (const InstanceMount& mount : instance.mounts) {
    if (mount.layer < 0 || mount.plan->type != MountType::tmpfs || nested_in_other(instance, mount)) continue;
    Walk walk(
        [&](int, const char*, const std::string& relative, const struct stat& status) {
          baseline.entries.emplace_back(mount.plan->path + "/" + relative, entry_of(status));
          return true;
        },
        problems);
    walk.run(mount.layer);
  }
  std::ranges::sort(baseline.entries, {}, &std::pair<std::string, Baseline::Entry>::first);
  return baseline;
}

ScanResult scan_storage(const InstanceView& instance, const Baseline& baseline) {
  ScanResult result;
  const std::set<std::string> ours = made_by_us(instance);
  const std::set<std::string> binds(instance.binds.begin(), instance.binds.end());
  for (const InstanceMount& mount : instance.mounts) {
    if (mount.layer < 0) continue;
    if (mount.plan->type == MountType::overlay) {
      scan_overlay(mount, ours, result);
    } else if (mount.plan->type == MountType::tmpfs && !nested_in_other(instance, mount)) {
      scan_tmpfs(mount, ours, binds, baseline, result);
    }
  }
  // In a tmpfs that held something before, what is gone was deleted.
  for (const auto& [path, entry] : baseline.entries) {
    const bool there = kernel::identify(AT_FDCWD, path.c_str(), false).has_value();
    if (!there) result.changes.push_back({path, entry.type, Change::deleted, entry.size});
  }
  std::ranges::sort(result.changes, {}, &ScannedChange::path);
  return result;
}

namespace {

const InstanceMount* mount_holding(const InstanceView& instance, const std::string& path) {
  const InstanceMount* nearest = nullptr;
  for (const InstanceMount& mount : instance.mounts) {
    if (mount.layer >= 0 && base::is_beneath(path, mount.plan->path) &&
        (nearest == nullptr || mount.plan->path.size() > nearest->plan->path.size())) {
      nearest = &mount;
    }
  }
  return nearest;
}

// By descriptor, one component at a time: a link in the target leads nowhere.
bool make_parents(int base_fd, const std::string& relative) {
  kernel::Fd parent;
  for (std::size_t from = 0, at = relative.find('/'); at != std::string::npos;
       from = at + 1, at = relative.find('/', from)) {
    const int directory = parent ? parent.get() : base_fd;
    const std::string name = relative.substr(from, at - from);
    if (mkdirat(directory, name.c_str(), 0700) != 0 && errno != EEXIST) return false;
    parent =
        kernel::open_resolved(directory, name.c_str(), O_PATH | O_DIRECTORY, kernel::kBeneath | kernel::kNoSymlinks);
    if (!parent) return false;
  }
  return true;
}

// Holes stay holes: a sparse file must not fill the disk.
bool copy_file(int from, int to, off_t size) {
  std::array<char, 65536> buffer{};
  for (off_t at = lseek(from, 0, SEEK_DATA); at >= 0; at = lseek(from, at, SEEK_DATA)) {
    const off_t end = lseek(from, at, SEEK_HOLE);
    if (end < 0 || lseek(to, at, SEEK_SET) < 0) return false;
    while (at < end) {
      const auto wanted = std::min<std::size_t>(buffer.size(), static_cast<std::size_t>(end - at));
      const ssize_t got = pread(from, buffer.data(), wanted, at);
      if (got < 0 && errno == EINTR) continue;
      if (got <= 0) return false;
      if (!kernel::write_all(to, {buffer.data(), static_cast<std::size_t>(got)})) return false;
      at += got;
    }
  }
  return errno == ENXIO && ftruncate(to, size) == 0;
}

}  // namespace

std::vector<std::string> keep_writes(const InstanceView& instance, const ScanResult& scan,
                                     const std::string& directory) {
  std::vector<std::string> problems;
  const kernel::Fd base(open(directory.c_str(), O_PATH | O_DIRECTORY | O_CLOEXEC));
  if (!base) return {directory + ": " + std::strerror(errno)};
  for (const ScannedChange& change : scan.changes) {
    if (change.change == Change::deleted || change.type != "file") continue;
    const InstanceMount* mount = mount_holding(instance, change.path);
    if (mount == nullptr) continue;
    const std::string inside = change.path.substr(mount->plan->path.size() + 1);
    const kernel::Fd from = kernel::open_resolved(mount->layer, inside.c_str(), O_RDONLY | O_NOFOLLOW | O_NONBLOCK,
                                                  kernel::kBeneath | kernel::kNoSymlinks | kernel::kNoMountCrossing);
    const std::string relative = change.path.substr(1);
    struct stat status{};
    if (!from || fstat(from.get(), &status) != 0 || !make_parents(base.get(), relative)) {
      problems.push_back(change.path + ": " + std::strerror(errno));
      continue;
    }
    const kernel::Fd to = kernel::open_resolved(base.get(), relative.c_str(), O_WRONLY | O_CREAT | O_TRUNC | O_NOFOLLOW,
                                                kernel::kBeneath | kernel::kNoSymlinks, status.st_mode & 0700);
    if (!to || !copy_file(from.get(), to.get(), status.st_size))
      problems.push_back(change.path + ": " + std::strerror(errno));
  }
  return problems;
}

}  // namespace cofferdam::supervise
