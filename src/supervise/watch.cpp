#include "supervise/watch.hpp"

#include <dirent.h>
#include <fcntl.h>
#include <sys/inotify.h>
#include <sys/stat.h>
#include <sys/statvfs.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <climits>
#include <cstring>
#include <memory>

#include "base/text.hpp"

namespace cofferdam::supervise {

namespace {

// An editor's save is several events; they are replayed together once nothing came for a moment, and at the latest
// after a while of continuous change.
constexpr std::chrono::milliseconds kSettle{40};
constexpr std::chrono::milliseconds kLatest{200};
// A command that has ended by then is never watched: giving up an inotify watch costs the kernel some 15 ms.
constexpr std::chrono::milliseconds kBegin{150};
// More at once is a checkout or an install: replaying it would copy the tree into memory.
constexpr std::size_t kMostAtOnce = 2000;
constexpr std::size_t kMostReported = 100;
constexpr int kDirectoriesPerLook = 256;
constexpr std::uint32_t kEvents = IN_CLOSE_WRITE | IN_ATTRIB | IN_CREATE | IN_DELETE | IN_MOVED_FROM | IN_MOVED_TO |
                                  IN_ONLYDIR | IN_DONT_FOLLOW | IN_EXCL_UNLINK;
constexpr const char* kNoDirectory = "could not be replayed: its directory is not the host's any more";
constexpr std::uint64_t kInside =
    kernel::kBeneath | kernel::kNoSymlinks | kernel::kNoMagicLinks | kernel::kNoMountCrossing;

std::int64_t nanoseconds(const timespec& time) {
  return static_cast<std::int64_t>(time.tv_sec) * 1000000000 + time.tv_nsec;
}

std::string join(const std::string& directory, const std::string& name) {
  return directory.empty() ? name : directory + "/" + name;
}

std::string parent_of(const std::string& relative) {
  const std::size_t slash = relative.rfind('/');
  return slash == std::string::npos ? "." : relative.substr(0, slash);
}

std::string name_of(const std::string& relative) {
  return relative.substr(relative.rfind('/') + 1);
}

// The directory of a change inside the instance.
kernel::Fd open_parent(int root, const std::string& relative) {
  return kernel::open_resolved(root, parent_of(relative).c_str(), O_PATH | O_DIRECTORY, kInside);
}

bool copy_content(int from, int to) {
  std::array<char, 65536> buffer{};
  off_t at = 0;
  for (;;) {
    const ssize_t got = pread(from, buffer.data(), buffer.size(), at);
    if (got < 0 && errno == EINTR) continue;
    if (got < 0) return false;
    if (got == 0) break;
    for (ssize_t done = 0; done < got;) {
      const ssize_t wrote = pwrite(to, buffer.data() + done, static_cast<std::size_t>(got - done), at + done);
      if (wrote < 0 && errno == EINTR) continue;
      if (wrote < 0) return false;
      done += wrote;
    }
    at += got;
  }
  // Cut at the end and not before: a reader never sees the file empty.
  return ftruncate(to, at) == 0;
}

void copy_attributes(int to, const struct stat& status) {
  if (status.st_uid != geteuid() || status.st_gid != getegid()) (void)!fchown(to, status.st_uid, status.st_gid);
  (void)fchmod(to, status.st_mode & 07777);
  const timespec times[2] = {status.st_atim, status.st_mtim};
  (void)futimens(to, times);
}

}  // namespace

Watch::Watch(const InstanceView& instance, EventLog& events) : instance_(instance), events_(events) {
  if (instance.container) return;
  for (const InstanceMount& mount : instance.mounts) {
    if (mount.plan->type == MountType::overlay && mount.plan->watch) to_walk_.push_back({&mount, ""});
  }
  begin_at_ = Clock::now() + kBegin;
  timespec now{};
  clock_gettime(CLOCK_REALTIME_COARSE, &now);  // the clock of file times
  started_ns_ = nanoseconds(now);
}

std::chrono::milliseconds Watch::next_look() const {
  if (!to_walk_.empty()) {
    const auto left = std::chrono::duration_cast<std::chrono::milliseconds>(begin_at_ - Clock::now());
    return inotify_ ? std::chrono::milliseconds(0)
                    : std::max(left + std::chrono::milliseconds(1), std::chrono::milliseconds(0));
  }
  if (changes_.empty()) return std::chrono::milliseconds(-1);
  const auto due = std::min(last_change_ + kSettle, first_change_ + kLatest);
  return std::max(
      std::chrono::duration_cast<std::chrono::milliseconds>(due - Clock::now()) + std::chrono::milliseconds(1),
      std::chrono::milliseconds(0));
}

void Watch::look() {
  if (!to_walk_.empty() && Clock::now() >= begin_at_) {
    if (!inotify_) inotify_.reset(inotify_init1(IN_CLOEXEC | IN_NONBLOCK));
    walk_some();
  }
  if (changes_.empty()) return;
  const auto now = Clock::now();
  if (now >= last_change_ + kSettle || now >= first_change_ + kLatest) replay_all();
}

// Other mounts of the instance below this one are not its to replay, nor is the repository: a half-replayed .git is
// worse than an old one.
bool Watch::is_ours(const InstanceMount& mount, const std::string& relative) const {
  for (const std::string_view part : base::split(relative, '/')) {
    if (part == ".git") return false;
  }
  for (const std::string& hidden : mount.plan->hidden) {
    if (base::is_beneath(relative, hidden)) return false;
  }
  const std::string path = mount.plan->path + "/" + relative;
  return std::ranges::none_of(instance_.mounts, [&](const InstanceMount& other) {
    return &other != &mount && other.plan->path.size() > mount.plan->path.size() &&
           base::is_beneath(path, other.plan->path);
  });
}

void Watch::walk_some() {
  for (int i = 0; i < kDirectoriesPerLook && !to_walk_.empty(); ++i) {
    const WatchedDirectory next = std::move(to_walk_.front());
    to_walk_.pop_front();
    if (add_directory(*next.mount, next.relative)) list_directory(*next.mount, next.relative);
  }
}

bool Watch::is_watched(const InstanceMount& mount, const std::string& relative) const {
  const std::string path = mount.plan->path + "/" + relative;
  // The kernel tells one directory by one number, whatever its name; a name alone may be another directory's by now.
  const auto directory = directories_.find(inotify_add_watch(inotify_.get(), path.c_str(), kEvents));
  return directory != directories_.end() && directory->second.mount == &mount && directory->second.relative == relative;
}

bool Watch::add_directory(const InstanceMount& mount, const std::string& relative) {
  const std::string path = relative.empty() ? mount.plan->path : mount.plan->path + "/" + relative;
  const int descriptor = inotify_add_watch(inotify_.get(), path.c_str(), kEvents);
  if (descriptor < 0) {
    if (errno == ENOSPC) {
      give_up("the inotify limit is reached at " + path, "raise it: sysctl fs.inotify.max_user_watches=524288");
    }
    return false;  // gone already, or not readable for us
  }
  WatchedDirectory& watched = directories_[descriptor];
  const bool known = watched.mount == &mount && watched.relative == relative && !relative.empty();
  watched = {&mount, relative};
  return !known;
}

// The first walk: directories to go on with, and what has changed since the start.
void Watch::list_directory(const InstanceMount& mount, const std::string& relative) {
  const std::string path = relative.empty() ? mount.plan->path : mount.plan->path + "/" + relative;
  // What changed between the start and this moment; a directory's own time tells whether a name came or went.
  struct stat directory{};
  const bool changed = stat(path.c_str(), &directory) == 0 && nanoseconds(directory.st_ctim) >= started_ns_;
  const std::unique_ptr<DIR, int (*)(DIR*)> stream(opendir(path.c_str()), closedir);
  while (const dirent* entry = stream ? readdir(stream.get()) : nullptr) {
    const std::string_view name = entry->d_name;
    if (name == "." || name == "..") continue;
    const std::string child = join(relative, std::string(name));
    struct stat status{};
    const bool touched = changed && lstat((mount.plan->path + "/" + child).c_str(), &status) == 0 &&
                         nanoseconds(status.st_ctim) >= started_ns_;
    if (touched) note(mount, child, true);
    // A directory that was moved here as a whole keeps its own times: it is replayed with everything in it.
    const bool arrived = touched && nanoseconds(status.st_mtim) < started_ns_;
    if (entry->d_type == DT_DIR && !arrived && is_ours(mount, child)) to_walk_.push_back({&mount, child});
  }
}

void Watch::on_host_change() {
  alignas(inotify_event) std::array<char, 16384> buffer{};
  for (;;) {
    const ssize_t got = read(inotify_.get(), buffer.data(), buffer.size());
    if (got <= 0) return;
    for (ssize_t at = 0; at < got;) {
      const auto* event = reinterpret_cast<const inotify_event*>(buffer.data() + at);
      at += static_cast<ssize_t>(sizeof(inotify_event)) + event->len;
      if ((event->mask & IN_Q_OVERFLOW) != 0) {
        return give_up("the host changed more than could be followed", "restart the run to see host changes");
      }
      const auto directory = directories_.find(event->wd);
      if (directory == directories_.end()) continue;
      if ((event->mask & IN_IGNORED) != 0) {
        directories_.erase(directory);
        continue;
      }
      if (event->len == 0) continue;
      const WatchedDirectory where = directory->second;
      note(*where.mount, join(where.relative, event->name), (event->mask & IN_MOVED_TO) != 0);
    }
  }
}

void Watch::note(const InstanceMount& mount, const std::string& relative, bool replaced) {
  if (!is_ours(mount, relative)) return;
  last_change_ = Clock::now();
  if (changes_.empty()) first_change_ = last_change_;
  Change& change = changes_[mount.plan->path + "/" + relative];
  change.mount = &mount;
  change.relative = relative;
  change.replaced = change.replaced || replaced;
}

// A directory that is new to us counts with everything in it.
void Watch::measure(const InstanceMount& mount, const std::string& relative, Amount& amount) const {
  const std::string path = mount.plan->path + "/" + relative;
  struct stat status{};
  if (++amount.changes > kMostAtOnce || lstat(path.c_str(), &status) != 0) return;
  if (S_ISREG(status.st_mode)) amount.bytes[&mount] += static_cast<std::uint64_t>(status.st_size);
  if (!S_ISDIR(status.st_mode) || is_watched(mount, relative)) return;
  const std::unique_ptr<DIR, int (*)(DIR*)> stream(opendir(path.c_str()), closedir);
  while (const dirent* entry = stream ? readdir(stream.get()) : nullptr) {
    const std::string_view name = entry->d_name;
    if (name == "." || name == "..") continue;
    const std::string child = join(relative, std::string(name));
    if (is_ours(mount, child)) measure(mount, child, amount);
    if (amount.changes > kMostAtOnce) return;
  }
}

bool Watch::too_much() const {
  Amount amount;
  for (const auto& [path, change] : changes_) {
    measure(*change.mount, change.relative, amount);
    if (amount.changes > kMostAtOnce) return true;
  }
  return std::ranges::any_of(amount.bytes, [](const auto& sum) { return sum.second > sum.first->plan->size / 4; });
}

void Watch::replay_all() {
  if (too_much()) {
    return give_up("more changed on the host at once than is replayed", "restart the run to see host changes");
  }
  const auto changes = std::move(changes_);
  changes_.clear();
  for (const auto& [path, change] : changes) replay(change);
}

void Watch::replay(const Change& change) {
  const std::string host_path = change.mount->plan->path + "/" + change.relative;
  struct stat status{};
  if (lstat(host_path.c_str(), &status) != 0) return replay_removal(change);
  if (S_ISDIR(status.st_mode)) return replay_directory(change, status.st_mode & 07777);
  if (S_ISLNK(status.st_mode)) return replay_link(change);
  if (!S_ISREG(status.st_mode)) return;
  const kernel::Fd host(open(host_path.c_str(), O_RDONLY | O_NOFOLLOW | O_NONBLOCK | O_CLOEXEC));
  if (host) replay_file(change, host.get());
}

// The upper layer holds the name, and not as we left it there.
bool Watch::changed_by_app(const Change& change) const {
  const kernel::Fd parent =
      kernel::open_resolved(change.mount->layer, parent_of(change.relative).c_str(), O_PATH | O_DIRECTORY, kInside);
  struct stat upper{};
  if (!parent || fstatat(parent.get(), name_of(change.relative).c_str(), &upper, AT_SYMLINK_NOFOLLOW) != 0)
    return false;
  if (S_ISDIR(upper.st_mode)) return false;  // a directory is copied up for what is in it
  const auto ours = replayed_.find(change.mount->plan->path + "/" + change.relative);
  if (ours == replayed_.end()) return true;
  return ours->second.inode != upper.st_ino || ours->second.mtime_ns != nanoseconds(upper.st_mtim) ||
         ours->second.size != static_cast<std::uint64_t>(upper.st_size);
}

void Watch::remember(const Change& change) {
  const kernel::Fd parent =
      kernel::open_resolved(change.mount->layer, parent_of(change.relative).c_str(), O_PATH | O_DIRECTORY, kInside);
  struct stat upper{};
  if (!parent || fstatat(parent.get(), name_of(change.relative).c_str(), &upper, AT_SYMLINK_NOFOLLOW) != 0) return;
  replayed_[change.mount->plan->path + "/" + change.relative] = {upper.st_ino, nanoseconds(upper.st_mtim),
                                                                 static_cast<std::uint64_t>(upper.st_size)};
}

void Watch::replay_file(const Change& change, int host) {
  const std::string path = change.mount->plan->path + "/" + change.relative;
  struct stat status{};
  if (fstat(host, &status) != 0) return;
  if (changed_by_app(change)) {
    return report(path, "was changed by the app and on the host; the app's version stays in the instance",
                  "restart the run to take the host's version");
  }
  const kernel::Fd parent = open_parent(change.mount->root, change.relative);
  if (!parent) return report(path, kNoDirectory, "restart the run to see the host's state");
  clear_directory(change, parent.get());
  // The host's own way is kept: a rename arrives as a rename, a write in place as a write.
  const std::string target = name_of(change.relative);
  const std::string temporary = change.replaced ? ".cofferdam-replay~" : target;
  kernel::Fd file = kernel::open_resolved(parent.get(), temporary.c_str(), O_WRONLY | O_CREAT | O_NOFOLLOW | O_NONBLOCK,
                                          kInside, status.st_mode & 07777);
  const bool copied = file && copy_content(host, file.get());
  const int error = errno;
  if (copied) copy_attributes(file.get(), status);
  file.reset();
  if (copied && change.replaced && renameat(parent.get(), temporary.c_str(), parent.get(), target.c_str()) != 0) {
    const int why = errno;
    (void)unlinkat(parent.get(), temporary.c_str(), 0);
    return report(path, std::string("could not be replayed: ") + std::strerror(why),
                  "restart the run to see the host's state");
  }
  if (!copied) {
    if (change.replaced) (void)unlinkat(parent.get(), temporary.c_str(), 0);
    const char* fix =
        error == EOVERFLOW
            ? "the file belongs to another user, whom an ordinary user's instance can't map: own it yourself"
            : "restart the run to see the host's state";
    return report(path, std::string("could not be replayed: ") + std::strerror(error), fix);
  }
  remember(change);
}

void Watch::replay_link(const Change& change) {
  if (changed_by_app(change)) return;
  auto text = kernel::read_link_at(AT_FDCWD, (change.mount->plan->path + "/" + change.relative).c_str());
  const kernel::Fd parent = open_parent(change.mount->root, change.relative);
  if (!text || !parent) return;
  const char* temporary = ".cofferdam-replay~";
  (void)unlinkat(parent.get(), temporary, 0);
  if (symlinkat(text->c_str(), parent.get(), temporary) != 0) return;
  clear_directory(change, parent.get());
  if (renameat(parent.get(), temporary, parent.get(), name_of(change.relative).c_str()) != 0) {
    const int why = errno;
    (void)unlinkat(parent.get(), temporary, 0);
    return report(change.mount->plan->path + "/" + change.relative,
                  std::string("could not be replayed: ") + std::strerror(why),
                  "restart the run to see the host's state");
  }
  remember(change);
}

// A directory of the instance where the host has a file or a link now.
void Watch::clear_directory(const Change& change, int parent) {
  struct stat status{};
  if (fstatat(parent, name_of(change.relative).c_str(), &status, AT_SYMLINK_NOFOLLOW) == 0 && S_ISDIR(status.st_mode)) {
    replay_removal(change);
  }
}

void Watch::replay_removal(const Change& change) {
  if (changed_by_app(change)) return;
  const kernel::Fd parent = open_parent(change.mount->root, change.relative);
  if (!parent) return;
  const std::string name = name_of(change.relative);
  if (unlinkat(parent.get(), name.c_str(), 0) != 0 && errno == EISDIR) {
    // What is still in it was made by the app, and keeps the directory.
    const kernel::Fd gone = kernel::open_resolved(parent.get(), name.c_str(), O_RDONLY | O_DIRECTORY, kInside);
    std::vector<std::string> names;
    if (gone) {
      const std::unique_ptr<DIR, int (*)(DIR*)> stream(fdopendir(fcntl(gone.get(), F_DUPFD_CLOEXEC, 3)), closedir);
      while (const dirent* entry = stream ? readdir(stream.get()) : nullptr) {
        const std::string_view child = entry->d_name;
        if (child != "." && child != "..") names.emplace_back(child);
      }
    }
    for (const std::string& child : names) replay_removal({change.mount, join(change.relative, child), false});
    (void)unlinkat(parent.get(), name.c_str(), AT_REMOVEDIR);
  }
  remember(change);
}

void Watch::replay_directory(const Change& change, mode_t mode) {
  const std::string path = change.mount->plan->path + "/" + change.relative;
  const kernel::Fd parent = open_parent(change.mount->root, change.relative);
  if (!parent) return report(path, kNoDirectory, "restart the run to see the host's state");
  const std::string name = name_of(change.relative);
  (void)mkdirat(parent.get(), name.c_str(), 0755);
  const kernel::Fd directory = kernel::open_resolved(parent.get(), name.c_str(), O_RDONLY | O_DIRECTORY, kInside);
  if (directory) (void)fchmod(directory.get(), mode);
  // What is in a directory that we watch has events of its own.
  if (!add_directory(*change.mount, change.relative)) return;
  const std::unique_ptr<DIR, int (*)(DIR*)> stream(opendir(path.c_str()), closedir);
  while (const dirent* entry = stream ? readdir(stream.get()) : nullptr) {
    const std::string_view child_name = entry->d_name;
    if (child_name == "." || child_name == "..") continue;
    const std::string child = join(change.relative, std::string(child_name));
    if (is_ours(*change.mount, child)) replay({change.mount, child, false});
  }
}

void Watch::report(const std::string& path, const std::string& what, const std::string& fix) {
  if (reported_.size() >= kMostReported || !reported_.emplace(path, true).second) return;
  emit(path, path + " " + what, fix);
}

void Watch::emit(const std::string& path, std::string message, const std::string& fix) {
  Finding finding;
  finding.code = "CD105";
  finding.severity = Severity::warning;
  finding.message = std::move(message);
  finding.fix = fix;
  finding.policy.key = "storage.mounts";
  finding.path = path;
  events_.emit(std::move(finding));
}

void Watch::give_up(const std::string& why, const std::string& fix) {
  emit("", why + ": live reload has stopped", fix);
  inotify_.reset();
  directories_.clear();
  to_walk_.clear();
  changes_.clear();
}

}  // namespace cofferdam::supervise
