// One host edit carried into the instance, the way the host made it: a rename arrives as a rename, a write in place as
// a write, so that watchers inside see what they would see on the host.
//
// Every step inside goes by the directory handle and openat2 without following links, so that a symlink planted by the
// app leads nowhere. What the app itself has changed is left alone and reported (CD106). Replays are never the app's
// writes: they land in the upper layer with the host's own content, which the scan reads as no change.
#pragma once

#include <sys/stat.h>

#include <cstddef>
#include <cstdint>
#include <map>
#include <set>
#include <string>
#include <unordered_map>

#include "kernel/fd.hpp"
#include "supervise/event_log.hpp"
#include "supervise/places.hpp"

namespace cofferdam::supervise {

// What happened to one name of a watched overlay, all its events of a moment taken together.
struct HostChange {
  const InstanceMount* mount = nullptr;
  std::string relative;          // to the mount
  bool arrived = false;          // the name was made or moved here: another file than before
  bool moved = false;            // by a rename
  bool existed = false;          // the first event was of something that was there
  bool attributes_only = false;  // rights, owner or times, never the content
  bool directory = false;        // the event was of a directory
  int tries = 0;                 // that found it unsettled

  [[nodiscard]] std::string path() const { return mount->plan->path + "/" + relative; }
};

class Replay {
 public:
  explicit Replay(EventLog& events) : events_(events) {}

  enum class Result {
    done,
    directory,       // it is there now; what is in it is the caller's to go on with
    directory_anew,  // and nothing is in it
    unsettled,       // the host was writing it: try again later
    stale,           // it, or something in it, has its old name here: try again after the removals
  };
  Result apply(const HostChange& change);

  // A reloader that looks in the middle must find what the files that it reads name: what is new comes first (1), then
  // what has changed (2), then what is gone (3). Directories that are gone come before all (0): one may be there under
  // another name now, which the overlay gives out only when nobody holds the old one.
  [[nodiscard]] static int order_of(const HostChange& change);

  // Whether the upper layer holds this path as a replay left it: no write of the app, whatever the host holds by now.
  [[nodiscard]] bool left_as_is(const std::string& path) const;

  // Once the app has ended: takes what removed directories have left in the upper layers.
  void sweep();

  // CD105, once a path, for at most a hundred paths.
  void report(const HostChange& change, const std::string& what, const std::string& fix);
  // CD105 about the whole mount, always.
  void announce(const InstanceMount& mount, std::string message, const std::string& fix);

 private:
  // A file of the upper layer as a replay left it.
  struct Left {
    const InstanceMount* mount = nullptr;
    std::uint64_t inode = 0;
    std::int64_t mtime_ns = 0;
    std::int64_t ctime_ns = 0;  // the app can set the others back
    std::uint64_t size = 0;
    bool directory = false;
  };
  enum class Upper { not_the_apps, changed, deleted };

  Result replay_file(const HostChange& change, int host);
  void replay_attributes(const HostChange& change, int parent, const struct stat& status);
  [[nodiscard]] int write_file(const HostChange& change, int parent, int host, const struct stat& status);
  void replay_link(const HostChange& change);
  Result replay_removal(const HostChange& change);
  [[nodiscard]] static bool holds_stale(int parent, const std::string& name, int depth);
  void remove_tree(const HostChange& change, int parent, int depth);
  Result replay_directory(const HostChange& change, mode_t mode);
  void say_it_is_gone(const HostChange& change, int parent);
  void clear_directory(const HostChange& change, int parent);

  [[nodiscard]] Upper look_at_upper(const HostChange& change) const;
  void remember(const HostChange& change);
  void conflict(const HostChange& change, const char* by_the_app, const char* on_the_host);
  void failed(const HostChange& change, int error);
  [[nodiscard]] bool is_news(const std::string& path);
  void emit(const char* code, const InstanceMount& mount, const std::string& path, std::string message,
            const std::string& fix);

  EventLog& events_;
  std::unordered_map<std::string, Left> left_;
  std::set<std::string> reported_;
  // By path: directories that the host removed and the overlay goes on showing, empty, because somebody uses them.
  std::map<std::string, HostChange> ghosts_;
};

}  // namespace cofferdam::supervise
