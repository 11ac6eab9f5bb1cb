#include "supervise/watch.hpp"

#include <fcntl.h>
#include <sys/inotify.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <bit>
#include <cerrno>
#include <cstring>
#include <utility>
#include <vector>

#include "base/text.hpp"
#include "supervise/compare.hpp"

namespace cofferdam::supervise {

namespace {

using std::chrono::milliseconds;

// An editor's save is several events; they are replayed together once nothing came for a moment, and at the latest
// after a while of continuous change.
constexpr milliseconds kSettle{40};
constexpr milliseconds kLatest{150};
// A file that was made and not written for so long is meant to be empty (or is a link to another).
constexpr milliseconds kStaysEmpty{100};
// A command that has ended by then is never watched: giving up an inotify watch costs the kernel some 15 ms.
constexpr milliseconds kBegin{150};
// The longest that the app's calls wait for us.
constexpr milliseconds kSlice{2};
// More at once is an install or a build: replaying it would copy the tree into memory.
constexpr std::size_t kMostAtOnce = 2000;
constexpr std::uint64_t kUsualWatches = 524288;
constexpr std::uint32_t kEvents = IN_CLOSE_WRITE | IN_MODIFY | IN_ATTRIB | IN_CREATE | IN_DELETE | IN_MOVED_FROM |
                                  IN_MOVED_TO | IN_ONLYDIR | IN_DONT_FOLLOW | IN_EXCL_UNLINK;
constexpr const char* kRestart = "restart to see host changes";

// A half-replayed repository is worse than an old one, and a cache is each side's own.
constexpr std::array<std::string_view, 2> kNeverReplayed = {".git", "__pycache__"};
// Filled by tools; nobody edits there.
constexpr std::array<std::string_view, 22> kFilled = {"node_modules",  "bower_components",
                                                      ".venv",         "venv",
                                                      "site-packages", "vendor",
                                                      "target",        "dist",
                                                      "build",         ".next",
                                                      ".nuxt",         ".tox",
                                                      ".nox",          ".gradle",
                                                      ".cache",        ".yarn",
                                                      ".mypy_cache",   ".pytest_cache",
                                                      ".terraform",    "coverage",
                                                      ".hg",           ".pnpm-store"};

std::string join(const std::string& directory, std::string_view name) {
  return directory.empty() ? std::string(name) : directory + "/" + std::string(name);
}

bool is_one_of(const auto& names, std::string_view name) {
  return std::ranges::find(names, name) != names.end();
}

milliseconds left_until(std::chrono::steady_clock::time_point when) {
  const auto left = std::chrono::duration_cast<milliseconds>(when - std::chrono::steady_clock::now());
  return std::max(left + milliseconds(1), milliseconds(0));
}

std::uint64_t read_limit(const char* name) {
  const auto text = kernel::read_file(std::string("/proc/sys/fs/inotify/") + name, 64);
  return text ? std::strtoull(text->c_str(), nullptr, 10) : 0;
}

}  // namespace

Watch::Watch(const InstanceView& instance, EventLog& events, WatchLimits limits)
    : instance_(instance), replay_(events), most_watches_(limits.watches.value_or(0)) {
  if (instance.container) return;
  for (const InstanceMount& mount : instance.mounts) {
    if (mount.plan->type != MountType::overlay || !mount.plan->watch) continue;
    to_walk_.push_back({&mount, ""});
    if (first_ == nullptr) first_ = &mount;
  }
  begin_at_ = Clock::now() + kBegin;
  timespec now{};
  clock_gettime(CLOCK_REALTIME_COARSE, &now);  // the clock of file times
  started_ns_ = nanoseconds(now);
}

milliseconds Watch::next_look() const {
  const bool walking = !to_walk_.empty() || !to_walk_last_.empty() || listing_;
  if (walking && !inotify_) return left_until(begin_at_);
  if (walking || !replaying_.empty()) return milliseconds(0);
  std::optional<Clock::time_point> next;
  const auto consider = [&](Clock::time_point when) { next = next ? std::min(*next, when) : when; };
  if (!changes_.empty()) consider(std::min(last_change_ + kSettle, first_change_ + kLatest));
  for (const auto& [path, writing] : writing_) {
    if (writing.until) consider(*writing.until);
  }
  return next ? left_until(*next) : milliseconds(-1);
}

void Watch::look() {
  const bool walking = !to_walk_.empty() || !to_walk_last_.empty() || listing_;
  if (walking && !inotify_ && Clock::now() >= begin_at_) begin();
  if (!inotify_) return;
  if (walking) walk_some();
  release_empty_files();
  const auto is_due = [&] {
    const auto now = Clock::now();
    return !changes_.empty() && (now >= last_change_ + kSettle || now >= first_change_ + kLatest);
  };
  if (replaying_.empty() && is_due()) {
    on_host_change();  // what somebody has begun to write since must wait
    if (inotify_ && is_due()) begin_replay();
  }
  if (!replaying_.empty()) replay_some();
}

// Other mounts of the instance below this one are not its to replay.
bool Watch::is_ours(const InstanceMount& mount, const std::string& relative) const {
  for (const std::string_view part : base::split(relative, '/')) {
    if (is_one_of(kNeverReplayed, part)) return false;
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

// --- the first walk: watches every directory, and finds what has changed since the start -----------------------------

void Watch::begin() {
  inotify_.reset(inotify_init1(IN_CLOEXEC | IN_NONBLOCK));
  if (!inotify_) {
    const std::uint64_t most = read_limit("max_user_instances");
    return give_up("no inotify instance is left to follow host edits with (fs.inotify.max_user_instances is " +
                       std::to_string(most) + ", of open files " + std::strerror(errno) + ")",
                   "raise it: sysctl -w fs.inotify.max_user_instances=" + std::to_string(std::max(most * 4, 1024UL)));
  }
  if (most_watches_ == 0) most_watches_ = read_limit("max_user_watches");
}

void Watch::walk_some() {
  const auto until = Clock::now() + kSlice;
  do {
    if (listing_) {
      const dirent* entry = listing_->stream ? readdir(listing_->stream.get()) : nullptr;
      if (entry == nullptr) {
        listing_.reset();
      } else {
        list_entry(entry->d_name, entry->d_type);
      }
    } else if (!to_walk_.empty()) {
      open_listing(std::exchange(to_walk_.front(), {}), false);
      to_walk_.pop_front();
    } else if (!to_walk_last_.empty()) {
      open_listing(std::exchange(to_walk_last_.front(), {}), true);
      to_walk_last_.pop_front();
    } else {
      return end_walk();
    }
  } while (inotify_ && Clock::now() < until);
}

void Watch::open_listing(Directory directory, bool filled) {
  if (add_directory(directory, filled) == Watched::already && !directory.relative.empty()) return;
  listing_.emplace();
  const std::string path = directory.path();
  struct stat status{};
  listing_->changed = stat(path.c_str(), &status) == 0 && nanoseconds(status.st_ctim) >= started_ns_;
  listing_->filled = filled;
  listing_->stream.reset(opendir(path.c_str()));
  listing_->directory = std::move(directory);
}

void Watch::list_entry(const char* name, unsigned char type) {
  if (std::strcmp(name, ".") == 0 || std::strcmp(name, "..") == 0) return;
  const InstanceMount& mount = *listing_->directory.mount;
  const std::string child = join(listing_->directory.relative, name);
  // An edit in place leaves no mark on its directory: each file is looked at, but for those that nobody edits.
  struct stat status{};
  const bool looked = (listing_->changed || !listing_->filled || type == DT_UNKNOWN) &&
                      fstatat(dirfd(listing_->stream.get()), name, &status, AT_SYMLINK_NOFOLLOW) == 0;
  const bool directory = looked ? S_ISDIR(status.st_mode) : type == DT_DIR;
  const bool touched = looked && nanoseconds(status.st_ctim) >= started_ns_ && (!directory || listing_->changed);
  if ((touched || directory) && !is_ours(mount, child)) return;
  // A name that came is replayed as it came, an edit in place by writing, so that watchers inside hear of it.
  if (touched) note({&mount, child, listing_->changed, listing_->changed, true, false});
  // A directory that was moved here as a whole keeps its own times: it is replayed with everything in it.
  const bool moved_here = touched && nanoseconds(status.st_mtim) < started_ns_;
  if (!directory || moved_here) return;
  const bool filled = listing_->filled || is_one_of(kFilled, name);
  (filled ? to_walk_last_ : to_walk_).push_back({&mount, child});
}

void Watch::end_walk() {
  if (unwatched_ == 0) return;
  const std::uint64_t wanted = std::bit_ceil(std::max(kUsualWatches, 2 * (directories_.size() + unwatched_)));
  replay_.announce(*first_,
                   "host edits in " + std::to_string(unwatched_) + " directories are not followed (the first is " +
                       first_unwatched_ + "): fs.inotify.max_user_watches is " + std::to_string(most_watches_) + ", " +
                       std::to_string(directories_.size()) + " are in use here",
                   "raise it: sysctl -w fs.inotify.max_user_watches=" + std::to_string(wanted) + "; or " + kRestart);
  unwatched_ = 0;
}

// The kernel tells one directory by one number, whatever its name; a name alone may be another directory's by now.
bool Watch::is_watched(const Directory& directory) const {
  const auto known = directories_.find(inotify_add_watch(inotify_.get(), directory.path().c_str(), kEvents));
  return known != directories_.end() && known->second.mount == directory.mount &&
         known->second.relative == directory.relative;
}

Watch::Watched Watch::add_directory(const Directory& directory, bool filled) {
  const bool spared = filled && directories_.size() >= most_watches_ / 2;
  const int number = spared ? -1 : inotify_add_watch(inotify_.get(), directory.path().c_str(), kEvents);
  if (number < 0) {
    if (spared || errno == ENOSPC) {
      if (unwatched_++ == 0) first_unwatched_ = directory.path();
    }
    return Watched::not_possible;  // else gone already, or not readable for us
  }
  Directory& watched = directories_[number];
  const bool already = watched.mount == directory.mount && watched.relative == directory.relative;
  watched = directory;
  return already ? Watched::already : Watched::now;
}

// --- what the host does ----------------------------------------------------------------------------------------------

void Watch::on_host_change() {
  alignas(inotify_event) std::array<char, 16384> buffer{};
  // A writer that is faster than we read never lets the queue run empty.
  const auto until = Clock::now() + kSlice;
  while (inotify_ && Clock::now() < until) {
    const ssize_t got = read(inotify_.get(), buffer.data(), buffer.size());
    if (got <= 0) return;
    for (ssize_t at = 0; at < got;) {
      const auto* event = reinterpret_cast<const inotify_event*>(buffer.data() + at);
      at += static_cast<ssize_t>(sizeof(inotify_event)) + event->len;
      if ((event->mask & IN_Q_OVERFLOW) != 0) return give_up("the host changed more than could be followed", kRestart);
      const auto directory = directories_.find(event->wd);
      if (directory == directories_.end()) continue;
      if ((event->mask & IN_IGNORED) != 0) {
        directories_.erase(directory);
        continue;
      }
      if (event->len == 0) continue;
      const Directory& where = directory->second;
      HostChange change{where.mount, join(where.relative, event->name)};
      if (is_ours(*change.mount, change.relative)) on_event(change, event->mask);
    }
  }
}

// Nothing is replayed while somebody writes it: a file counts when it is closed, moved or removed.
void Watch::on_event(const HostChange& named, std::uint32_t mask) {
  HostChange change = named;
  change.arrived = (mask & (IN_CREATE | IN_MOVED_TO)) != 0;
  change.moved = (mask & IN_MOVED_TO) != 0;
  change.existed = !change.arrived;
  change.directory = (mask & IN_ISDIR) != 0;
  change.attributes_only = (mask & (IN_ALL_EVENTS & ~IN_ATTRIB)) == 0;
  const std::string path = change.path();
  const auto open = writing_.find(path);
  if (open != writing_.end()) {
    const HostChange& before = open->second.change;
    change.arrived |= before.arrived;
    change.moved |= before.moved;
    change.existed = before.existed;
    change.attributes_only = false;
  }
  struct stat status{};
  const bool made =
      (mask & IN_CREATE) != 0 && lstat(path.c_str(), &status) == 0 && S_ISREG(status.st_mode) && status.st_nlink == 1;
  if (made || (mask & IN_MODIFY) != 0) {
    writing_[path] = {change, made ? std::optional(Clock::now() + kStaysEmpty) : std::nullopt};
    return;
  }
  if (open != writing_.end()) {
    if ((mask & IN_ATTRIB) != 0) return;
    writing_.erase(open);
  }
  note(change);
}

void Watch::release_empty_files() {
  const auto now = Clock::now();
  for (auto at = writing_.begin(); at != writing_.end();) {
    if (at->second.until && now >= *at->second.until) {
      note(at->second.change);
      at = writing_.erase(at);
    } else {
      ++at;
    }
  }
}

void Watch::note(const HostChange& change) {
  last_change_ = Clock::now();
  if (changes_.empty()) first_change_ = last_change_;
  const auto [at, first] = changes_.emplace(change.path(), change);
  if (first) return;
  at->second.arrived |= change.arrived;
  at->second.moved |= change.moved;
  at->second.directory |= change.directory;
  at->second.attributes_only &= change.attributes_only;
}

// --- the replay ------------------------------------------------------------------------------------------------------

// A directory that is new to us counts with everything in it.
void Watch::measure(const HostChange& change, Amount& amount) const {
  const std::string path = change.path();
  struct stat status{};
  if (++amount.changes > kMostAtOnce || lstat(path.c_str(), &status) != 0) return;
  if (S_ISREG(status.st_mode)) amount.bytes[change.mount] += static_cast<std::uint64_t>(status.st_size);
  if (!S_ISDIR(status.st_mode) || !change.arrived || is_watched({change.mount, change.relative})) return;
  const std::unique_ptr<DIR, int (*)(DIR*)> stream(opendir(path.c_str()), closedir);
  while (const dirent* entry = stream ? readdir(stream.get()) : nullptr) {
    const std::string_view name = entry->d_name;
    if (name == "." || name == "..") continue;
    HostChange child = change;
    child.relative = join(change.relative, name);
    if (is_ours(*child.mount, child.relative)) measure(child, amount);
    if (amount.changes > kMostAtOnce) return;
  }
}

bool Watch::too_much() const {
  Amount amount;
  for (const auto& [path, change] : changes_) {
    measure(change, amount);
    if (amount.changes > kMostAtOnce) return true;
  }
  return std::ranges::any_of(amount.bytes, [](const auto& sum) { return sum.second > sum.first->plan->size / 4; });
}

void Watch::begin_replay() {
  if (too_much()) {
    return give_up("more than 2,000 files or 25 % of the mount's size changed on the host at once", kRestart);
  }
  std::array<std::vector<HostChange>, 4> by_order;
  for (auto& [path, change] : std::exchange(changes_, {})) {
    by_order.at(static_cast<std::size_t>(Replay::order_of(change))).push_back(std::move(change));
  }
  for (auto& changes : by_order) std::ranges::move(changes, std::back_inserter(replaying_));
}

void Watch::replay_some() {
  const auto until = Clock::now() + kSlice;
  do {
    HostChange change = std::move(replaying_.front());
    replaying_.pop_front();
    switch (replay_.apply(change)) {
      case Replay::Result::done: break;
      case Replay::Result::directory: enter(change, false); break;
      case Replay::Result::directory_anew: enter(change, true); break;
      case Replay::Result::stale:
        ++change.tries;
        if (replaying_.empty()) {
          note(change);
        } else {
          replaying_.push_back(std::move(change));
        }
        break;
      case Replay::Result::unsettled:
        ++change.tries;
        note(change);
        break;
    }
  } while (!replaying_.empty() && Clock::now() < until);
}

// What is in a directory that we watch already has events of its own.
void Watch::enter(const HostChange& change, bool anew) {
  const Directory directory{change.mount, change.relative};
  const bool known = add_directory(directory, false) == Watched::already;
  if (!anew && (known || !change.arrived)) return;
  const std::unique_ptr<DIR, int (*)(DIR*)> stream(opendir(directory.path().c_str()), closedir);
  std::vector<std::string> names;
  while (const dirent* entry = stream ? readdir(stream.get()) : nullptr) {
    const std::string_view name = entry->d_name;
    if (name != "." && name != "..") names.emplace_back(name);
  }
  std::ranges::sort(names, std::greater());
  for (const std::string& name : names) {
    HostChange child{change.mount, join(change.relative, name), true};
    if (is_ours(*child.mount, child.relative)) replaying_.push_front(std::move(child));
  }
}

void Watch::give_up(const std::string& why, const std::string& fix) {
  replay_.announce(*first_, why + ": live reload has stopped; " + kRestart, fix);
  inotify_.reset();
  directories_.clear();
  to_walk_.clear();
  to_walk_last_.clear();
  listing_.reset();
  changes_.clear();
  writing_.clear();
  replaying_.clear();
}

}  // namespace cofferdam::supervise
