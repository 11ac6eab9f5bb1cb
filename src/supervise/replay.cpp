#include "supervise/replay.hpp"

#include <dirent.h>
#include <fcntl.h>
#include <sys/xattr.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <cstring>
#include <memory>
#include <vector>

#include "kernel/mount.hpp"
#include "supervise/compare.hpp"
#include "supervise/host_copy.hpp"

namespace cofferdam::supervise {

namespace {

constexpr std::size_t kMostReported = 100;
constexpr int kTries = 3;
// Of a name that is stale: the kernel takes its time to let a watched directory go.
constexpr int kStaleTries = 25;
constexpr int kDeepest = 256;  // levels; a deeper tree is not the host's alone
// Watchers know a name that ends like this as an editor's and leave it alone.
constexpr const char* kStaged = ".cofferdam-replay~";
constexpr const char* kRestart = "restart the run to see the host's state";
constexpr std::uint64_t kInside =
    kernel::kBeneath | kernel::kNoSymlinks | kernel::kNoMagicLinks | kernel::kNoMountCrossing;

std::string parent_of(const std::string& relative) {
  const std::size_t slash = relative.rfind('/');
  return slash == std::string::npos ? "." : relative.substr(0, slash);
}

std::string name_of(const std::string& relative) {
  return relative.substr(relative.rfind('/') + 1);
}

// The directory of a change in the merged view or in the upper layer.
kernel::Fd open_parent(int root, const std::string& relative) {
  return kernel::open_resolved(root, parent_of(relative).c_str(), O_PATH | O_DIRECTORY, kInside);
}

bool is_directory(int root, const std::string& relative) {
  const kernel::Fd parent = open_parent(root, relative);
  struct stat status{};
  return parent && fstatat(parent.get(), name_of(relative).c_str(), &status, AT_SYMLINK_NOFOLLOW) == 0 &&
         S_ISDIR(status.st_mode);
}

// Nothing of the directory is in the upper layer, and it could be made anew there (an overlay marks it with an
// attribute that a tmpfs has since Linux 6.6).
bool shows_through(const HostChange& change) {
  struct stat upper{};
  const kernel::Fd parent = open_parent(change.mount->layer, change.relative);
  if (parent && fstatat(parent.get(), name_of(change.relative).c_str(), &upper, AT_SYMLINK_NOFOLLOW) == 0) return false;
  return fgetxattr(change.mount->layer, "user.overlay.none", nullptr, 0) >= 0 || errno == ENODATA;
}

// An overlay that remembers a directory which the host has removed can neither list it nor remove it.
void look_again(const HostChange& change) {
  if (change.mount->filesystem >= 0) (void)kernel::forget_names(change.mount->filesystem);
}

}  // namespace

int Replay::order_of(const HostChange& change) {
  struct stat status{};
  if (lstat(change.path().c_str(), &status) != 0) return change.directory ? 0 : 3;
  if (S_ISDIR(status.st_mode)) return 1;
  const kernel::Fd parent = open_parent(change.mount->root, change.relative);
  const bool there =
      parent && fstatat(parent.get(), name_of(change.relative).c_str(), &status, AT_SYMLINK_NOFOLLOW) == 0;
  return there ? 2 : 1;
}

Replay::Result Replay::apply(const HostChange& change) {
  const std::string path = change.path();
  struct stat status{};
  if (lstat(path.c_str(), &status) != 0) {
    return replay_removal(change);
  } else if (S_ISDIR(status.st_mode)) {
    return replay_directory(change, status.st_mode & 07777);
  } else if (S_ISLNK(status.st_mode)) {
    replay_link(change);
  } else if (S_ISREG(status.st_mode)) {
    const kernel::Fd host(open(path.c_str(), O_RDONLY | O_NOFOLLOW | O_NONBLOCK | O_CLOEXEC));
    if (host) return replay_file(change, host.get());
    if (errno != ENOENT) failed(change, errno);
  }
  return Result::done;
}

// The upper layer holds the name, and not as we left it there.
Replay::Upper Replay::look_at_upper(const HostChange& change) const {
  const kernel::Fd parent = open_parent(change.mount->layer, change.relative);
  struct stat upper{};
  // What can't be looked at (a path beyond PATH_MAX) counts as the app's. Below a link nothing is.
  if (!parent && errno != ENOENT && errno != ENOTDIR && errno != ELOOP) return Upper::changed;
  if (!parent || fstatat(parent.get(), name_of(change.relative).c_str(), &upper, AT_SYMLINK_NOFOLLOW) != 0 ||
      S_ISDIR(upper.st_mode)) {  // a directory is copied up for what is in it
    return Upper::not_the_apps;
  }
  const auto left = left_.find(change.path());
  if (left != left_.end() && left->second.inode == upper.st_ino &&
      left->second.ctime_ns == nanoseconds(upper.st_ctim) && left->second.mtime_ns == nanoseconds(upper.st_mtim) &&
      left->second.size == static_cast<std::uint64_t>(upper.st_size)) {
    return Upper::not_the_apps;
  }
  return is_whiteout(upper) ? Upper::deleted : Upper::changed;
}

bool Replay::left_as_is(const std::string& path) const {
  const auto left = left_.find(path);
  if (left == left_.end()) return false;
  const InstanceMount* mount = left->second.mount;
  if (left->second.directory != is_directory(mount->layer, path.substr(mount->plan->path.size() + 1))) return false;
  return look_at_upper({mount, path.substr(mount->plan->path.size() + 1)}) == Upper::not_the_apps;
}

void Replay::remember(const HostChange& change) {
  const kernel::Fd parent = open_parent(change.mount->layer, change.relative);
  struct stat upper{};
  if (!parent || fstatat(parent.get(), name_of(change.relative).c_str(), &upper, AT_SYMLINK_NOFOLLOW) != 0) {
    left_.erase(change.path());
    return;
  }
  left_[change.path()] = {change.mount,
                          upper.st_ino,
                          nanoseconds(upper.st_mtim),
                          nanoseconds(upper.st_ctim),
                          static_cast<std::uint64_t>(upper.st_size),
                          S_ISDIR(upper.st_mode)};
}

Replay::Result Replay::replay_file(const HostChange& change, int host) {
  struct stat status{};
  if (fstat(host, &status) != 0) return Result::done;
  const Upper upper = look_at_upper(change);
  const kernel::Fd parent = open_parent(change.mount->root, change.relative);
  if (upper != Upper::not_the_apps) {
    const kernel::Fd inside = kernel::open_resolved(parent.get(), name_of(change.relative).c_str(),
                                                    O_RDONLY | O_NOFOLLOW | O_NONBLOCK, kInside);
    if (inside && same_content(inside.get(), host)) {
      remember(change);  // both made the same of it
    } else {
      conflict(change, upper == Upper::deleted ? "deleted" : "changed", "changed");
    }
    return Result::done;
  }
  if (!parent) {
    if (change.tries < kTries) return Result::unsettled;  // the host's directory may be on its way
    conflict(change, "moved away with its directory", "changed");
    return Result::done;
  }
  clear_directory(change, parent.get());
  if (change.attributes_only) {
    replay_attributes(change, parent.get(), status);
    return Result::done;
  }
  const int error = write_file(change, parent.get(), host, status);
  if (error != 0 && error != EAGAIN) {
    failed(change, error);
  } else {
    remember(change);
  }
  return error == EAGAIN ? Result::unsettled : Result::done;
}

void Replay::replay_attributes(const HostChange& change, int parent, const struct stat& status) {
  const kernel::Fd inside =
      kernel::open_resolved(parent, name_of(change.relative).c_str(), O_RDONLY | O_NOFOLLOW | O_NONBLOCK, kInside);
  if (!inside) return;
  // Also when it shows the host's rights already: an overlay judges by those that it saw first.
  if (fchmod(inside.get(), status.st_mode & 07777) != 0) return failed(change, errno);
  copy_attributes(inside.get(), status);
  remember(change);
}

// 0, an errno, or EAGAIN.
int Replay::write_file(const HostChange& change, int parent, int host, const struct stat& status) {
  const std::string name = name_of(change.relative);
  struct stat inside{};
  const bool there = fstatat(parent, name.c_str(), &inside, AT_SYMLINK_NOFOLLOW) == 0;
  // Another file of the same name (checkouts remove and create) must not change the one that the app has open.
  bool staged = change.moved || (change.arrived && there);
  kernel::Fd file;
  if (!staged) {
    file = kernel::open_resolved(parent, name.c_str(), O_WRONLY | O_CREAT | O_NOFOLLOW | O_NONBLOCK, kInside,
                                 status.st_mode & 07777);
    // A running program, or a file on which the app holds a lease, takes the name by a rename.
    if (!file && errno != ETXTBSY && errno != EWOULDBLOCK) return errno;
    staged = !file;
  }
  const int stage = change.mount->stage >= 0 ? change.mount->stage : parent;
  if (staged) {
    (void)unlinkat(stage, kStaged, 0);
    file = kernel::open_resolved(stage, kStaged, O_WRONLY | O_CREAT | O_EXCL | O_NOFOLLOW, kInside,
                                 status.st_mode & 07777);
    if (!file) return errno;
  }
  int error = copy_content(host, file.get(), status);
  if (error == 0) copy_attributes(file.get(), status);
  file.reset();
  if (!staged) return error;
  if (error == 0 && renameat(stage, kStaged, parent, name.c_str()) != 0) error = errno;
  if (error != 0) (void)unlinkat(stage, kStaged, 0);
  return error;
}

void Replay::replay_link(const HostChange& change) {
  auto text = kernel::read_link_at(AT_FDCWD, change.path().c_str());
  if (!text) return;
  const kernel::Fd parent = open_parent(change.mount->root, change.relative);
  const Upper upper = look_at_upper(change);
  if (!parent || upper != Upper::not_the_apps) {
    const auto inside = parent ? kernel::read_link_at(parent.get(), name_of(change.relative).c_str()) : text;
    if (parent && inside && *inside == *text) return remember(change);
    return conflict(change, upper == Upper::deleted ? "deleted" : "changed", "changed");
  }
  const int stage = change.mount->stage >= 0 ? change.mount->stage : parent.get();
  (void)unlinkat(stage, kStaged, 0);
  if (symlinkat(text->c_str(), stage, kStaged) != 0) return failed(change, errno);
  clear_directory(change, parent.get());
  if (renameat(stage, kStaged, parent.get(), name_of(change.relative).c_str()) != 0) {
    const int error = errno;
    (void)unlinkat(stage, kStaged, 0);
    return failed(change, error);
  }
  remember(change);
}

// A directory of the instance where the host has a file or a link now.
void Replay::clear_directory(const HostChange& change, int parent) {
  const std::string name = name_of(change.relative);
  struct stat status{};
  const auto is_directory = [&] {
    return fstatat(parent, name.c_str(), &status, AT_SYMLINK_NOFOLLOW) == 0 && S_ISDIR(status.st_mode);
  };
  if (!is_directory()) return;
  look_again(change);
  if (is_directory()) remove_tree(change, parent, 0);
}

// One that was moved away is still whole to the overlay: removed as it is known, those who watch it let go of it. Of
// one that is no more the overlay has to forget the names first, and with them all others: it comes last.
Replay::Result Replay::replay_removal(const HostChange& change) {
  const Upper upper = look_at_upper(change);
  if (upper == Upper::deleted) return Result::done;
  if (upper == Upper::changed) {
    conflict(change, "changed", "removed");
    return Result::done;
  }
  const kernel::Fd parent = open_parent(change.mount->root, change.relative);
  if (!parent) return Result::done;
  const std::string name = name_of(change.relative);
  if (change.directory && change.tries > 0) look_again(change);
  if (unlinkat(parent.get(), name.c_str(), 0) == 0) {
    remember(change);
    return Result::done;
  }
  if (errno == EISDIR) {
    remove_tree(change, parent.get(), 0);
    if (errno == ENOENT && change.tries == 0) return Result::stale;
    if (errno == ENOTEMPTY || errno == EEXIST) conflict(change, "written to", "removed");
    remember(change);
    return Result::done;
  }
  if (errno != ENOENT) {
    failed(change, errno);
    return Result::done;
  }
  const std::string above = change.path().substr(0, change.path().rfind('/'));
  if (change.existed && access(above.c_str(), F_OK) == 0) say_it_is_gone(change, parent.get());
  return Result::done;
}

// An overlay that never looked at a name tells nobody that it is gone: it comes once more, to go.
void Replay::say_it_is_gone(const HostChange& change, int parent) {
  const std::string name = name_of(change.relative);
  if (change.directory) {
    if (mkdirat(parent, name.c_str(), 0700) == 0) (void)unlinkat(parent, name.c_str(), AT_REMOVEDIR);
    return;
  }
  const kernel::Fd again =
      kernel::open_resolved(parent, name.c_str(), O_WRONLY | O_CREAT | O_EXCL | O_NOFOLLOW, kInside, 0600);
  if (again) (void)unlinkat(parent, name.c_str(), 0);
}

// Something in it was moved here on the host, and still has its old name in the instance.
bool Replay::holds_stale(int parent, const std::string& name, int depth) {
  const kernel::Fd directory = kernel::open_resolved(parent, name.c_str(), O_RDONLY | O_DIRECTORY, kInside);
  if (!directory || depth >= kDeepest) return false;
  return std::ranges::any_of(names_in(directory.get()), [&](const std::string& child) {
    struct stat status{};
    if (fstatat(directory.get(), child.c_str(), &status, AT_SYMLINK_NOFOLLOW) != 0) return errno == ESTALE;
    return S_ISDIR(status.st_mode) && holds_stale(directory.get(), child, depth + 1);
  });
}

// What is still in it afterwards was made by the app, and keeps the directory. errno is that of the last step.
void Replay::remove_tree(const HostChange& change, int parent, int depth) {
  const std::string name = name_of(change.relative);
  if (depth >= kDeepest) {
    errno = ENOTEMPTY;
    return;
  }
  {
    const kernel::Fd gone = kernel::open_resolved(parent, name.c_str(), O_RDONLY | O_DIRECTORY, kInside);
    for (const std::string& child : gone ? names_in(gone.get()) : std::vector<std::string>{}) {
      HostChange inner = change;
      inner.relative += "/" + child;
      if (look_at_upper(inner) != Upper::not_the_apps) continue;
      if (unlinkat(gone.get(), child.c_str(), 0) != 0 && errno == EISDIR) {
        remove_tree(inner, gone.get(), depth + 1);
      }
      remember(inner);
    }
  }
  if (unlinkat(parent, name.c_str(), AT_REMOVEDIR) == 0) {
    ghosts_.erase(change.path());
    errno = 0;
  } else if (errno == ENOENT) {
    // The overlay can't list a lower directory that is no more, and so can't tell that this one is empty.
    ghosts_.insert_or_assign(change.path(), change);
  }
}

void Replay::sweep() {
  for (auto ghost = ghosts_.rbegin(); ghost != ghosts_.rend(); ++ghost) {
    const HostChange& change = ghost->second;
    struct stat status{};
    if (lstat(ghost->first.c_str(), &status) == 0 && S_ISDIR(status.st_mode)) continue;
    const kernel::Fd directory =
        kernel::open_resolved(change.mount->layer, change.relative.c_str(), O_RDONLY | O_DIRECTORY, kInside);
    if (!directory) continue;
    for (const std::string& name : names_in(directory.get())) {
      if (fstatat(directory.get(), name.c_str(), &status, AT_SYMLINK_NOFOLLOW) == 0 && is_whiteout(status))
        (void)unlinkat(directory.get(), name.c_str(), 0);
    }
    (void)unlinkat(change.mount->layer, change.relative.c_str(), AT_REMOVEDIR);
  }
  ghosts_.clear();
}

Replay::Result Replay::replay_directory(const HostChange& change, mode_t mode) {
  const kernel::Fd parent = open_parent(change.mount->root, change.relative);
  if (!parent) {
    if (change.tries < kTries) return Result::unsettled;  // the host's directory may be on its way
    conflict(change, "moved away with its directory", "changed");
    return Result::done;
  }
  const std::string name = name_of(change.relative);
  struct stat inside{};
  const bool there = fstatat(parent.get(), name.c_str(), &inside, AT_SYMLINK_NOFOLLOW) == 0;
  if (!there && errno == ESTALE && change.tries < kStaleTries) {
    // Not to be forgotten before those who watch it under its old name have heard that this is gone.
    if (change.tries > 0) look_again(change);
    return Result::stale;
  }
  const bool other = there && !S_ISDIR(inside.st_mode);
  const Upper upper = look_at_upper(change);
  // A directory for which nothing but its own rights or times changed is still deleted where the app deleted it.
  if (upper == Upper::deleted && !change.arrived) return Result::done;
  if (other && upper != Upper::not_the_apps) {
    conflict(change, "changed", "changed");
    return Result::done;
  }
  if (other) (void)unlinkat(parent.get(), name.c_str(), 0);
  // Another directory took the name, or it shows through already and came without a word to those who watch: it comes
  // again, for them to hear.
  const bool again = there && !other && change.directory && change.arrived && (change.existed || shows_through(change));
  if (again) {
    if (change.tries > 0) look_again(change);
    if (change.tries < kStaleTries && holds_stale(parent.get(), name, 0)) return Result::stale;
    look_again(change);
    remove_tree(change, parent.get(), 0);
  }
  if (mkdirat(parent.get(), name.c_str(), 0755) != 0 && errno != EEXIST) {
    failed(change, errno);
    return Result::done;
  }
  const kernel::Fd directory = kernel::open_resolved(parent.get(), name.c_str(), O_RDONLY | O_DIRECTORY, kInside);
  struct stat now{};
  if (directory && fstat(directory.get(), &now) == 0 && (now.st_mode & 07777) != mode)
    (void)fchmod(directory.get(), mode);
  return again ? Result::directory_anew : Result::directory;
}

void Replay::conflict(const HostChange& change, const char* by_the_app, const char* on_the_host) {
  const std::string path = change.path();
  if (!is_news(path)) return;
  emit("CD106", *change.mount, path,
       path + " was " + by_the_app + " by the app and " + on_the_host +
           " on the host: the app's version stays in the instance, the host's is not shown there",
       "restart the run to take the host's version; --keep-writes DIR keeps the app's");
}

void Replay::failed(const HostChange& change, int error) {
  if (ghosts_.contains(change.path())) {
    return report(change, "could not be replayed: it was a directory, which somebody in the instance has open",
                  kRestart);
  }
  // A directory that would not go: the app has files in it.
  if (error == EISDIR || error == ENOTEMPTY || error == EEXIST) return conflict(change, "written to", "replaced");
  if (error == ESTALE) {
    return report(change,
                  "could not be replayed: the directory keeps its old name here, as the app wrote in it or has it open",
                  kRestart);
  }
  report(change, std::string("could not be replayed: ") + std::strerror(error),
         error == EOVERFLOW
             ? "the file belongs to another user, whom an ordinary user's instance can't map: own it yourself"
             : kRestart);
}

bool Replay::is_news(const std::string& path) {
  return reported_.size() < kMostReported && reported_.insert(path).second;
}

void Replay::report(const HostChange& change, const std::string& what, const std::string& fix) {
  const std::string path = change.path();
  if (is_news(path)) emit("CD105", *change.mount, path, path + " " + what, fix);
}

void Replay::announce(const InstanceMount& mount, std::string message, const std::string& fix) {
  emit("CD105", mount, "", std::move(message), fix);
}

void Replay::emit(const char* code, const InstanceMount& mount, const std::string& path, std::string message,
                  const std::string& fix) {
  Finding finding;
  finding.code = code;
  finding.severity = Severity::warning;
  finding.message = std::move(message);
  finding.fix = fix;
  finding.policy = mount.plan->policy;
  finding.path = path;
  events_.emit(std::move(finding));
}

}  // namespace cofferdam::supervise
