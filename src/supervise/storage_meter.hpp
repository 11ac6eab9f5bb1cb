// How full the instance's storage is while it runs: high-water marks for the report, a warning before a mount is full
// (CD107), an error when it is (CD103).
#pragma once

#include <chrono>
#include <cstdint>
#include <vector>

#include "cofferdam/report.hpp"
#include "supervise/event_log.hpp"
#include "supervise/memory_meter.hpp"
#include "supervise/places.hpp"

namespace cofferdam::supervise {

// Nobody tells when bytes are written (write(2) is never notified), so the figures are asked for: fstatfs of each
// tmpfs, about 1 us each.
//  - Before a notified call: at most every 50 us when the call may free something (unlink, truncate, rename, an open
//    with O_TRUNC), at most every 5 ms before other opens. What fills a mount and is then removed by name is so seen.
//  - By the timer: every 250 ms after an open, more often the sooner the mount would be full at the rate of the last
//    two looks (down to 10 ms), and once a second when nothing happens.
// The limit: a file without a name (O_TMPFILE, or removed while open), or one emptied through its descriptor
// (ftruncate, a punched hole), that fills a mount and frees it again between two looks is not seen; nor is a
// fallocate(2) that fails because it asks for more than there is.
class StorageMeter {
 public:
  using Clock = std::chrono::steady_clock;

  // `instance` and `events` outlive the meter. `entry` is the app's first process.
  StorageMeter(const InstanceView& instance, EventLog& events, pid_t entry);

  // A call that writes is about to run; `frees` when it may give space back.
  void before_call(bool frees);

  // Call when next_look() has passed.
  void on_tick();
  [[nodiscard]] std::chrono::milliseconds next_look() const;

  void measure();
  // One row for each mount with storage of its own, in the order of the mounts. Two rows of one tmpfs (container
  // mode) have the same figures.
  [[nodiscard]] std::vector<StorageUse> use() const;
  [[nodiscard]] MemoryUse memory_peak() const { return memory_.peak(); }

 private:
  struct Meter {
    const InstanceMount* mount = nullptr;
    StorageUse use;
    std::uint64_t used = 0;  // bytes, at the last look
    bool first = true;       // of the rows that share a tmpfs: the one that speaks for it
    bool warned = false;
    bool full = false;
  };
  void judge(Meter& meter, std::uint64_t free_bytes, std::uint64_t free_inodes);
  void plan_next_look(Clock::time_point now, Clock::duration soonest_full);

  EventLog& events_;
  std::vector<Meter> meters_;
  MemoryMeter memory_;
  bool container_;
  Clock::time_point last_;
  Clock::duration wait_;
};

}  // namespace cofferdam::supervise
