// Live reload: host edits below an overlay are replayed into the instance, because an overlay neither shows every
// change of its lower layer nor tells inotify of any (kernel-facts section 4). Replays are never the app's writes: they
// land in the upper layer with the host's own content, which the scan reads as no change.
//
// Every step inside goes by the directory handle and openat2 without following links, so that a symlink planted by the
// app leads nowhere. A file that the app itself has changed is left alone and reported (CD105).
#pragma once

#include <chrono>
#include <cstdint>
#include <deque>
#include <map>
#include <string>
#include <unordered_map>

#include "kernel/fd.hpp"
#include "supervise/event_log.hpp"
#include "supervise/places.hpp"

namespace cofferdam::supervise {

class Watch {
 public:
  // Does nothing when no overlay asks for it. Watching begins with the first look().
  Watch(const InstanceView& instance, EventLog& events);

  // Readable when the host has changed something; -1 when nothing is watched.
  [[nodiscard]] int fd() const { return inotify_.get(); }
  void on_host_change();

  // Goes on walking the tree, and replays what has settled. Call it when next_look() has passed.
  void look();
  [[nodiscard]] std::chrono::milliseconds next_look() const;  // -1 ms: nothing to do

 private:
  using Clock = std::chrono::steady_clock;
  struct WatchedDirectory {
    const InstanceMount* mount = nullptr;
    std::string relative;  // "" is the mount itself
  };
  struct Change {
    const InstanceMount* mount = nullptr;
    std::string relative;
    bool replaced = false;  // by a rename: replay it as one
  };
  struct Replayed {
    std::uint64_t inode = 0;
    std::int64_t mtime_ns = 0;
    std::uint64_t size = 0;
  };

  void walk_some();
  // False when it was watched under this name already.
  bool add_directory(const InstanceMount& mount, const std::string& relative);
  void list_directory(const InstanceMount& mount, const std::string& relative);
  [[nodiscard]] bool is_watched(const InstanceMount& mount, const std::string& relative) const;
  void note(const InstanceMount& mount, const std::string& relative, bool replaced);
  void replay_all();
  // What a replay would copy.
  struct Amount {
    std::size_t changes = 0;
    std::map<const InstanceMount*, std::uint64_t> bytes;
  };
  void measure(const InstanceMount& mount, const std::string& relative, Amount& amount) const;
  [[nodiscard]] bool too_much() const;
  void replay(const Change& change);
  void replay_file(const Change& change, int host);
  void replay_link(const Change& change);
  void replay_removal(const Change& change);
  void clear_directory(const Change& change, int parent);
  void replay_directory(const Change& change, mode_t mode);
  [[nodiscard]] bool changed_by_app(const Change& change) const;
  void remember(const Change& change);
  [[nodiscard]] bool is_ours(const InstanceMount& mount, const std::string& relative) const;
  void report(const std::string& path, const std::string& what, const std::string& fix);
  void emit(const std::string& path, std::string message, const std::string& fix);
  void give_up(const std::string& why, const std::string& fix);

  const InstanceView& instance_;
  EventLog& events_;
  kernel::Fd inotify_;
  std::unordered_map<int, WatchedDirectory> directories_;  // by watch descriptor
  std::deque<WatchedDirectory> to_walk_;
  std::map<std::string, Change> changes_;  // by absolute path: a parent comes before its children
  Clock::time_point begin_at_;
  std::int64_t started_ns_ = 0;  // of CLOCK_REALTIME, as file times are
  Clock::time_point last_change_;
  Clock::time_point first_change_;
  std::unordered_map<std::string, Replayed> replayed_;
  std::map<std::string, bool> reported_;
};

}  // namespace cofferdam::supervise
