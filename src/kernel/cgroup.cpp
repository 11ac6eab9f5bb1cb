#include "kernel/cgroup.hpp"

#include <dirent.h>
#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <charconv>
#include <csignal>
#include <cstring>
#include <ctime>

#include "base/text.hpp"

namespace cofferdam::kernel {

namespace {

constexpr std::string_view kPrefix = "cofferdam-";
constexpr int kMostOfOneName = 100;
constexpr std::uint64_t kPeriodUsec = 100'000;

std::string name_for(std::string_view what) {
  return std::string(kPrefix) + std::to_string(getpid()) + "-" + std::string(what);
}

// 0 or a positive errno.
int write_file(const std::string& path, const std::string& text) {
  const Fd file(open(path.c_str(), O_WRONLY | O_CLOEXEC));
  return file && write_all(file.get(), text) ? 0 : errno;
}

Error problem_at(const std::string& path, int error) {
  return {path + ": " + std::strerror(error), error, 125};
}

std::string text_of(const std::string& path) {
  return read_file(path, 65536).value_or("");
}

bool lists(const std::string& path, Controller controller) {
  std::string text = text_of(path);
  if (text.ends_with('\n')) text.pop_back();
  const auto words = base::split(text, ' ');
  return std::ranges::find(words, std::string_view(to_string(controller))) != words.end();
}

std::string quota_of(std::uint64_t cpu) {
  return std::to_string(cpu * kPeriodUsec / 1000);
}

Result<void> set_memory(const std::string& directory, bool unified, std::uint64_t bytes) {
  const std::string limit = directory + (unified ? "/memory.max" : "/memory.limit_in_bytes");
  if (const int error = write_file(limit, std::to_string(bytes)); error != 0)
    return std::unexpected(problem_at(limit, error));
  // Production has no swap to go to. Not there without CONFIG_SWAP, or with swapaccount=0.
  const std::string swap = directory + (unified ? "/memory.swap.max" : "/memory.memsw.limit_in_bytes");
  const int error = write_file(swap, unified ? "0" : std::to_string(bytes));
  if (error != 0 && error != ENOENT) return std::unexpected(problem_at(swap, error));
  return {};
}

Result<void> set_limit(const std::string& directory, bool unified, Controller controller, std::uint64_t value) {
  if (controller == Controller::memory) return set_memory(directory, unified, value);
  std::string file = directory + "/pids.max";
  std::string text = std::to_string(value);
  if (controller == Controller::cpu) {
    file = directory + (unified ? "/cpu.max" : "/cpu.cfs_quota_us");
    text = quota_of(value) + (unified ? " " + std::to_string(kPeriodUsec) : "");
  }
  if (const int error = write_file(file, text); error != 0) return std::unexpected(problem_at(file, error));
  return {};
}

// The directory that was made; a name that is taken (an instance that is about to be replaced) gets a number.
Result<std::string> make_directory(const std::string& parent, const std::string& name) {
  for (int number = 1;; ++number) {
    std::string path = parent + "/" + name + (number == 1 ? "" : "-" + std::to_string(number));
    if (mkdir(path.c_str(), 0755) == 0) return path;
    if (errno != EEXIST || number == kMostOfOneName) return std::unexpected(problem_at(parent, errno));
  }
}

// Of launchers that were killed: a cgroup with a process in it can't be removed, and one of a launcher that lives may
// be about to get some.
void remove_leftovers(const std::string& parent) {
  DIR* const listing = opendir(parent.c_str());
  if (listing == nullptr) return;
  while (const dirent* entry = readdir(listing)) {
    const std::string_view name(entry->d_name);
    if (!name.starts_with(kPrefix)) continue;
    pid_t launcher = 0;
    std::from_chars(name.data() + kPrefix.size(), name.data() + name.size(), launcher);
    if (launcher <= 0 || kill(launcher, 0) == 0 || errno != ESRCH) continue;
    (void)rmdir((parent + "/" + entry->d_name).c_str());
  }
  (void)closedir(listing);
}

// What could not be removed yet: after the last process has ended, its memory and mounts are still being taken down.
// Tried again whenever a cgroup comes or goes, because a launcher that serves other instances can't wait, and for a
// second when the program ends.
class EndedCgroups {
 public:
  static EndedCgroups& all() {
    static EndedCgroups ended;
    return ended;
  }
  EndedCgroups(const EndedCgroups&) = delete;
  EndedCgroups& operator=(const EndedCgroups&) = delete;
  ~EndedCgroups() {
    for (long milliseconds = 1; milliseconds <= 512; milliseconds *= 2) {
      remove();
      if (paths_.empty()) return;
      const timespec pause{0, milliseconds * 1'000'000L};
      nanosleep(&pause, nullptr);
    }
    remove();
  }

  void add(const std::string& path) { paths_.push_back(path); }
  void remove() {
    std::erase_if(paths_, [](const std::string& path) { return rmdir(path.c_str()) == 0 || errno != EBUSY; });
  }

 private:
  EndedCgroups() = default;
  std::vector<std::string> paths_;
};

// The root of the hierarchy itself may have processes and hand out controllers; it alone has no type.
bool is_root(const std::string& directory) {
  return access((directory + "/cgroup.type").c_str(), F_OK) != 0;
}

bool are_alone_in(const std::string& directory) {
  return text_of(directory + "/cgroup.procs") == std::to_string(getpid()) + "\n";
}

// Those of `needed` that children of the directory have.
std::vector<Controller> enabled_in(const std::string& directory, const std::vector<Controller>& needed) {
  std::vector<Controller> enabled;
  for (const Controller each : needed) {
    if (lists(directory + "/cgroup.subtree_control", each)) enabled.push_back(each);
  }
  return enabled;
}

// 0 or the last errno.
int enable(const std::string& directory, const std::vector<Controller>& needed) {
  const std::string file = directory + "/cgroup.subtree_control";
  int refusal = 0;
  for (const Controller each : needed) {
    const int error = lists(file, each) ? 0 : write_file(file, std::string("+") + to_string(each));
    if (error != 0) refusal = error;
  }
  return refusal;
}

// A place beside this cgroup is below a limit of its own no more.
bool has_limits(const std::string& directory) {
  const auto memory = limit_number(text_of(directory + "/memory.max"));
  const auto cpu = cpu_quota(text_of(directory + "/cpu.max"));
  return memory || cpu;
}

std::string refusal_text(const std::string& directory, int error) {
  if (error == EBUSY) return directory + " has other processes in it, so its children get no controllers";
  if (error == ENOENT) return directory + " has no such controller to hand out";
  return directory + ": " + std::strerror(error);
}

}  // namespace

// The launcher's own cgroup while its former one holds instances. A process is in one cgroup, so there is one leaf,
// whoever asks.
class LauncherLeaf {
 public:
  // Null when it can't be made.
  static std::shared_ptr<const LauncherLeaf> enter(const std::string& home) {
    const std::string leaf = home + "/" + name_for("launcher");
    if (mkdir(leaf.c_str(), 0755) != 0 && errno != EEXIST) return nullptr;
    if (write_file(leaf + "/cgroup.procs", "0") != 0) {
      (void)rmdir(leaf.c_str());
      return nullptr;
    }
    auto entered = std::make_shared<const LauncherLeaf>(home, leaf);
    current() = entered;
    return entered;
  }
  static std::weak_ptr<const LauncherLeaf>& current() {
    static std::weak_ptr<const LauncherLeaf> leaf;
    return leaf;
  }

  LauncherLeaf(std::string home, std::string leaf) : home_(std::move(home)), leaf_(std::move(leaf)) {}
  LauncherLeaf(const LauncherLeaf&) = delete;
  LauncherLeaf& operator=(const LauncherLeaf&) = delete;
  ~LauncherLeaf() {
    for (const Controller each : kControllers) {
      (void)write_file(home_ + "/cgroup.subtree_control", std::string("-") + to_string(each));
    }
    (void)write_file(home_ + "/cgroup.procs", "0");
    (void)rmdir(leaf_.c_str());
  }

  [[nodiscard]] const std::string& home() const { return home_; }

 private:
  std::string home_;
  std::string leaf_;
};

Cgroup::~Cgroup() {
  unified_.reset();
  for (const Directory& each : directories_) EndedCgroups::all().add(each.path);
  if (!directories_.empty()) EndedCgroups::all().remove();
}

int Cgroup::admit(pid_t pid, bool cloned_into) const {
  for (const Directory& each : directories_) {
    if (cloned_into && each.unified) continue;
    if (const int error = write_file(each.path + "/cgroup.procs", std::to_string(pid)); error != 0) return error;
  }
  return 0;
}

Result<Cgroup> CgroupPlace::make(std::string_view name, const CgroupLimits& limits) const {
  Cgroup cgroup;
  for (const Room& room : rooms_) {
    const bool needed = std::ranges::any_of(room.controllers, [&](Controller each) { return limits.of(each) != 0; });
    if (!needed) continue;
    remove_leftovers(room.directory);
    auto directory = make_directory(room.directory, name_for(name));
    if (!directory) return std::unexpected(directory.error());
    cgroup.directories_.push_back({*directory, room.unified});
    for (const Controller each : room.controllers) {
      cgroup.view_.of(each) = CgroupSeat{*directory, room.directory, room.unified};
      if (limits.of(each) == 0) continue;
      if (auto set = set_limit(*directory, room.unified, each, limits.of(each)); !set)
        return std::unexpected(set.error());
    }
    if (!room.unified) continue;
    cgroup.unified_.reset(open(directory->c_str(), O_RDONLY | O_DIRECTORY | O_CLOEXEC));
    if (!cgroup.unified_) return std::unexpected(problem_at(*directory, errno));
  }
  return cgroup;
}

// Whether a cgroup with these limits can be made in the room, and processes moved into it.
Result<void> CgroupPlace::try_room(const Room& room, const CgroupLimits& wanted) {
  CgroupPlace only;
  only.rooms_.push_back(room);
  if (auto trial = only.make("try", wanted); !trial) return std::unexpected(trial.error());
  // v2 asks the nearest cgroup above both the old and the new one for that right.
  const std::string file = room.directory + "/cgroup.procs";
  if (room.unified && faccessat(AT_FDCWD, file.c_str(), W_OK, AT_EACCESS) != 0)
    return std::unexpected(problem_at(file, errno));
  return {};
}

void CgroupPlace::take_room(Room room, const CgroupLimits& wanted) {
  if (room.controllers.empty()) return;
  if (auto tried = try_room(room, wanted); !tried) {
    // What is wrong with our own cgroup says more than that the one above it is somebody else's.
    if (grant_.problem.empty()) grant_.problem = tried.error().message;
    return;
  }
  for (const Controller each : room.controllers) grant_.controllers.at(static_cast<std::size_t>(each)) = true;
  const std::string kind = room.unified ? "cgroup v2" : "cgroup v1";
  if (!grant_.kind.contains(kind)) grant_.kind += (grant_.kind.empty() ? "" : " and ") + kind;
  rooms_.push_back(std::move(room));
}

void CgroupPlace::find_unified(const CgroupSeat& seat, const std::vector<Controller>& needed,
                               const CgroupLimits& wanted) {
  leaf_ = LauncherLeaf::current().lock();
  const std::string home = leaf_ ? leaf_->home() : seat.directory;
  // The kernel would take some controllers (pids, cpu) for a home with processes in it, but no process then goes into
  // its children (EOPNOTSUPP): so who is there is looked at before anything is switched on.
  const bool alone = !leaf_ && !is_root(home) && are_alone_in(home);
  if (alone) leaf_ = LauncherLeaf::enter(home);
  const int refusal = leaf_ || is_root(home) ? enable(home, needed) : alone ? EACCES : EBUSY;
  std::vector<Controller> here = refusal == EBUSY ? std::vector<Controller>() : enabled_in(home, needed);
  if (here.size() != needed.size()) grant_.problem = refusal_text(home, refusal);
  if (here.size() != needed.size() && home.size() > seat.mount_point.size() && !has_limits(home)) {
    const std::string parent = home.substr(0, home.rfind('/'));
    std::vector<Controller> beside = enabled_in(parent, needed);
    if (beside.size() > here.size()) {
      leaf_.reset();
      return take_room({parent, true, std::move(beside)}, wanted);
    }
  }
  take_room({home, true, std::move(here)}, wanted);
}

CgroupPlace CgroupPlace::find(const std::vector<MountEntry>& mounts, const CgroupLimits& wanted) {
  CgroupPlace place;
  const CgroupView own = own_view(mounts);
  std::vector<Controller> unified;
  for (const Controller each : kControllers) {
    if (wanted.of(each) == 0) continue;
    const auto& seat = own.of(each);
    if (!seat) {
      place.grant_.problem =
          std::string("no cgroup file system with the controller ") + to_string(each) + " is mounted";
    } else if (seat->unified) {
      unified.push_back(each);
    } else {
      place.take_room({seat->directory, false, {each}}, wanted);
    }
  }
  if (!unified.empty()) place.find_unified(*own.of(unified.front()), unified, wanted);
  return place;
}

}  // namespace cofferdam::kernel
