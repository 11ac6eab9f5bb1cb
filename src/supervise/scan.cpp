#include "supervise/scan.hpp"

#include <fcntl.h>
#include <sys/stat.h>
#include <sys/xattr.h>

#include <algorithm>
#include <functional>
#include <set>

#include "base/text.hpp"
#include "kernel/fd.hpp"
#include "supervise/compare.hpp"
#include "supervise/content.hpp"
#include "supervise/walk.hpp"

namespace cofferdam::supervise {

namespace {

constexpr std::size_t kMostProblems = 100;

using Paths = std::set<std::string, std::less<>>;

std::uint64_t bytes_of(const struct stat& status) {
  return S_ISREG(status.st_mode) ? static_cast<std::uint64_t>(status.st_size) : 0;
}

// Names that are there because of us: whiteouts of hidden mounts, directories and files that mounts sit on.
Paths made_by_us(const InstanceView& instance) {
  Paths paths;
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
bool is_opaque(const LayerEntry& entry) {
  const kernel::Fd directory(openat(entry.parent, entry.name, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC));
  char value = 0;
  return directory && fgetxattr(directory.get(), "user.overlay.opaque", &value, 1) == 1 && value == 'y';
}

Baseline::Entry entry_of(const struct stat& status) {
  return {.inode = status.st_ino,
          .size = static_cast<std::uint64_t>(status.st_size),
          .mtime_ns = nanoseconds(status.st_mtim),
          .ctime_ns = nanoseconds(status.st_ctim),
          .links = status.st_nlink,
          .mode = status.st_mode,
          .uid = status.st_uid,
          .gid = status.st_gid,
          .type = type_name(status.st_mode)};
}

// The change time, which nobody can set, tells of a write whose times were set back; another link moves it as well.
std::optional<Change> change_since(const Baseline::Entry& before, const struct stat& now) {
  const bool same_rights = before.mode == now.st_mode && before.uid == now.st_uid && before.gid == now.st_gid;
  if (S_ISDIR(now.st_mode)) return same_rights ? std::nullopt : std::optional(Change::metadata);
  const bool same_file = before.inode == now.st_ino && before.size == static_cast<std::uint64_t>(now.st_size) &&
                         before.mtime_ns == nanoseconds(now.st_mtim);
  if (!same_file) return Change::modified;
  if (!same_rights) return Change::metadata;
  const bool touched = before.ctime_ns != nanoseconds(now.st_ctim) && before.links == now.st_nlink;
  return touched ? std::optional(Change::modified) : std::nullopt;
}

bool nested_in_other(const InstanceView& instance, const InstanceMount& mount) {
  // In container mode two rows may name directories of one tmpfs: the outer one's walk sees both.
  return std::ranges::any_of(instance.mounts, [&](const InstanceMount& other) {
    return &other != &mount && other.mount_id == mount.mount_id && other.plan->path != mount.plan->path &&
           base::is_beneath(mount.plan->path, other.plan->path);
  });
}

class Scan {
 public:
  Scan(const InstanceView& instance, const Baseline& baseline, const ChangeVisitor& visit)
      : instance_(instance), baseline_(baseline), visit_(visit), ours_(made_by_us(instance)) {
    binds_.insert(instance.binds.begin(), instance.binds.end());
    for (const InstanceMount& mount : instance.mounts) {
      if (!mount.plan->directory) file_mounts_.insert(mount.plan->path);
    }
  }

  std::vector<Unreadable> run() {
    for (const InstanceMount& mount : instance_.mounts) {
      if (mount.layer < 0) continue;
      if (mount.plan->type == MountType::overlay) {
        scan_overlay(mount);
      } else if (mount.plan->type == MountType::tmpfs && !nested_in_other(instance_, mount)) {
        scan_tmpfs(mount);
      }
    }
    // In a tmpfs that held something before, what is gone was deleted.
    for (const auto& [path, entry] : baseline_.entries) {
      const bool there = kernel::identify(AT_FDCWD, path.c_str(), false).has_value();
      if (!there) visit_({path, entry.type, Change::deleted, entry.size});
    }
    return std::move(problems_);
  }

 private:
  // Every change of what is in a layer comes through here, while its entry is at hand (its parent's descriptor, its
  // name, its status): the place for whatever else is to be told of it.
  void tell(const std::string& path, const LayerEntry& entry, Change change) {
    visit_({path, type_name(entry.status.st_mode), change, bytes_of(entry.status),
            std::string(content_of(entry.parent, entry.name, entry.status))});
  }
  void tell_deleted(const std::string& path, const struct stat& lower) {
    visit_({path, type_name(lower.st_mode), Change::deleted, bytes_of(lower)});
  }

  void scan_overlay(const InstanceMount& mount) {
    const kernel::Fd host(open(mount.plan->path.c_str(), O_PATH | O_DIRECTORY | O_CLOEXEC));
    walk(mount.plan->path, mount.layer, host.get(), [&](const LayerEntry& entry, const std::string& path) {
      // Below it lies the empty file that a mount of ours sits on.
      if (!S_ISDIR(entry.status.st_mode) && file_mounts_.contains(path)) return true;
      const bool mount_point = ours_.contains(path);
      const Comparison found = compare_with_host(entry);
      if (mount_point && (is_whiteout(entry.status) || !found.on_host)) return true;
      // Where a mount sits or hides something, an ordinary user can't always give the directory its lower owner.
      if (found.change == Change::deleted) {
        tell_deleted(path, found.lower);
      } else if (found.change && !(mount_point && *found.change == Change::metadata)) {
        tell(path, entry, *found.change);
      }
      const bool both = found.on_host && S_ISDIR(entry.status.st_mode) && S_ISDIR(found.lower.st_mode);
      if (both && !mount_point && is_opaque(entry)) tell_hidden(entry, path);
      return true;
    });
  }

  // What an opaque directory hides of the host's one.
  void tell_hidden(const LayerEntry& entry, const std::string& path) {
    const kernel::Fd above(openat(entry.parent, entry.name, O_PATH | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC));
    const kernel::Fd below(openat(entry.lower, entry.name, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC));
    if (!above || !below) return;
    // Beside the host's directory goes the upper one.
    walk(path, below.get(), above.get(), [&](const LayerEntry& hidden, const std::string& hidden_path) {
      struct stat status{};
      const bool there = hidden.lower >= 0 && fstatat(hidden.lower, hidden.name, &status, AT_SYMLINK_NOFOLLOW) == 0;
      if (!there && !ours_.contains(hidden_path)) tell_deleted(hidden_path, hidden.status);
      return true;
    });
  }

  void scan_tmpfs(const InstanceMount& mount) {
    walk(mount.plan->path, mount.layer, -1, [&](const LayerEntry& entry, const std::string& path) {
      const bool ours = binds_.contains(path) || file_mounts_.contains(path);
      if (ours || (S_ISDIR(entry.status.st_mode) && ours_.contains(path))) return true;
      const Baseline::Entry* before = find_before(path);
      if (before == nullptr) {
        tell(path, entry, Change::created);
        return true;
      }
      if (const auto change = change_since(*before, entry.status)) tell(path, entry, *change);
      return true;
    });
  }

  [[nodiscard]] const Baseline::Entry* find_before(const std::string& path) const {
    const auto entry =
        std::ranges::lower_bound(baseline_.entries, path, {}, &std::pair<std::string, Baseline::Entry>::first);
    return entry != baseline_.entries.end() && entry->first == path ? &entry->second : nullptr;
  }

  // The visitor gets the path as the app saw it, too.
  template <class Visitor>
  void walk(const std::string& root, int layer, int lower, const Visitor& visit) {
    std::string path = root.ends_with('/') ? root : root + "/";
    const std::size_t prefix = path.size();
    walk_layer(
        layer, lower,
        [&](const LayerEntry& entry) {
          path.resize(prefix);
          path += entry.relative;
          return visit(entry, path);
        },
        [&](std::string_view relative, const std::string& why) { add_problem(root, relative, why); });
  }

  void add_problem(const std::string& root, std::string_view relative, const std::string& why) {
    if (problems_.size() > kMostProblems) return;
    // Too many to name each: nothing is claimed about all of it.
    if (problems_.size() == kMostProblems) return problems_.push_back({"/", "and other places"});
    problems_.push_back({relative.empty() ? root : root + "/" + std::string(relative), why});
  }

  const InstanceView& instance_;
  const Baseline& baseline_;
  const ChangeVisitor& visit_;
  const Paths ours_;
  Paths binds_;
  Paths file_mounts_;
  std::vector<Unreadable> problems_;
};

}  // namespace

Baseline take_baseline(const InstanceView& instance) {
  Baseline baseline;
  for (const InstanceMount& mount : instance.mounts) {
    if (mount.layer < 0 || mount.plan->type != MountType::tmpfs || nested_in_other(instance, mount)) continue;
    walk_layer(
        mount.layer, -1,
        [&](const LayerEntry& entry) {
          baseline.entries.emplace_back(mount.plan->path + "/" + std::string(entry.relative), entry_of(entry.status));
          return true;
        },
        [](std::string_view, const std::string&) {});
  }
  std::ranges::sort(baseline.entries, {}, &std::pair<std::string, Baseline::Entry>::first);
  return baseline;
}

std::vector<Unreadable> scan_storage(const InstanceView& instance, const Baseline& baseline,
                                     const ChangeVisitor& visit) {
  return Scan(instance, baseline, visit).run();
}

}  // namespace cofferdam::supervise
