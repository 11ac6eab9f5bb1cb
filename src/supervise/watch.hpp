// Live reload: host edits below an overlay are followed with inotify and replayed into the instance (replay.hpp),
// because an overlay neither shows every change of its lower layer nor tells inotify of any (kernel-facts section 4).
//
// Nothing here blocks: the tree is walked and edits are replayed a few milliseconds at a time, between the answers to
// the app's calls. Sources are watched first, breadth first; directories that tools fill (node_modules, .venv, ...)
// come last and get at most half of the inotify watches that the user has. `.git` and `__pycache__` are never replayed.
#pragma once

#include <dirent.h>

#include <chrono>
#include <cstdint>
#include <deque>
#include <map>
#include <memory>
#include <optional>
#include <string>
#include <unordered_map>

#include "kernel/fd.hpp"
#include "supervise/event_log.hpp"
#include "supervise/places.hpp"
#include "supervise/replay.hpp"

namespace cofferdam::supervise {

// max_user_watches of fs.inotify; given for tests.
struct WatchLimits {
  std::optional<std::uint64_t> watches;
};

class Watch {
 public:
  // Does nothing when no overlay asks for it. Watching begins with the first look().
  Watch(const InstanceView& instance, EventLog& events, WatchLimits limits = {});

  // Readable when the host has changed something; -1 when nothing is watched.
  [[nodiscard]] int fd() const { return inotify_.get(); }
  void on_host_change();

  // Goes on walking the tree, and replays what has settled, for a few milliseconds. Call it when next_look() has
  // passed.
  void look();
  [[nodiscard]] std::chrono::milliseconds next_look() const;  // -1 ms: nothing to do

  // After the app's end, before the layers are scanned.
  void end() { replay_.sweep(); }
  [[nodiscard]] bool is_replay(const std::string& path) const { return replay_.left_as_is(path); }

 private:
  using Clock = std::chrono::steady_clock;
  struct Directory {
    const InstanceMount* mount = nullptr;
    std::string relative;  // "" is the mount itself
    [[nodiscard]] std::string path() const {
      return relative.empty() ? mount->plan->path : mount->plan->path + "/" + relative;
    }
  };
  // A directory in the middle of being read.
  struct Listing {
    Directory directory;
    std::unique_ptr<DIR, int (*)(DIR*)> stream{nullptr, closedir};
    bool changed = false;  // a name in it came or went since the start
    bool filled = false;   // by a tool
  };
  // A file that somebody on the host has open for writing, as far as we know.
  struct Writing {
    HostChange change;
    std::optional<Clock::time_point> until;  // made, and nothing written yet: it may stay empty
  };
  enum class Watched { already, now, not_possible };

  void begin();
  void walk_some();
  void open_listing(Directory directory, bool filled);
  void list_entry(const char* name, unsigned char type);
  void end_walk();
  Watched add_directory(const Directory& directory, bool filled);
  [[nodiscard]] bool is_watched(const Directory& directory) const;

  void on_event(const HostChange& change, std::uint32_t mask);
  void note(const HostChange& change);
  void release_empty_files();
  // What a replay would copy.
  struct Amount {
    std::size_t changes = 0;
    std::map<const InstanceMount*, std::uint64_t> bytes;
  };
  void measure(const HostChange& change, Amount& amount) const;
  [[nodiscard]] bool too_much() const;
  void begin_replay();
  void replay_some();
  void enter(const HostChange& directory, bool anew);
  [[nodiscard]] bool is_ours(const InstanceMount& mount, const std::string& relative) const;
  void give_up(const std::string& why, const std::string& fix);

  const InstanceView& instance_;
  Replay replay_;
  const InstanceMount* first_ = nullptr;
  kernel::Fd inotify_;
  std::unordered_map<int, Directory> directories_;  // by watch descriptor
  std::deque<Directory> to_walk_;
  std::deque<Directory> to_walk_last_;
  std::optional<Listing> listing_;
  std::uint64_t most_watches_ = 0;
  std::uint64_t unwatched_ = 0;
  std::string first_unwatched_;
  std::map<std::string, HostChange> changes_;  // by path
  std::map<std::string, Writing> writing_;     // by path
  std::deque<HostChange> replaying_;
  Clock::time_point begin_at_;
  std::int64_t started_ns_ = 0;  // of CLOCK_REALTIME, as file times are
  Clock::time_point last_change_;
  Clock::time_point first_change_;
};

}  // namespace cofferdam::supervise
