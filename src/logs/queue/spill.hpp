// The segments of one sink, oldest first. Not thread-safe: SinkQueue locks.
#pragma once

#include <sys/uio.h>

#include <cstdint>
#include <deque>
#include <memory>
#include <span>
#include <string>
#include <string_view>

#include "cofferdam/result.hpp"
#include "kernel/fd.hpp"
#include "logs/queue/ring.hpp"
#include "logs/queue/segment.hpp"

namespace cofferdam::logs {

// Opens the directory of the spill for SinkQueueOptions::spill_fd; makes it (mode 0700) when only its last component is
// missing. Close-on-exec. Errors name the path and what to do.
[[nodiscard]] Result<kernel::Fd> open_spill(const std::string& path);

// What of a segment is taken stands in the RingState (read_*), and so does what of it is valid (write_*): a process
// that takes over knows both. commit() is always the caller's.
class Spill {
 public:
  static constexpr std::size_t kMostSegments = 64;  // each holds a descriptor open; more are left to the next run

  // `directory` -1: there is no spill, and can't be one. `size`: bytes of all segments together; a segment has a
  // quarter of it, but from 64 KiB to 8 MiB.
  Spill(int directory, std::uint64_t size, SegmentOwner owner);

  // Takes over what is there: this run's segments, after a crash of the process, and those of earlier runs, unless
  // another run holds them.
  void open(RingState& state);

  [[nodiscard]] bool exists() const { return directory_ >= 0; }
  [[nodiscard]] bool empty() const { return segments_.empty(); }
  // The oldest segment; null when there is none.
  [[nodiscard]] std::shared_ptr<Segment> oldest() const { return empty() ? nullptr : segments_.front(); }
  [[nodiscard]] bool is_adopted(const Segment& segment) const { return segment.run() != owner_.run; }
  // Records of this run that are in segments and have not been taken.
  [[nodiscard]] std::uint64_t waiting(const RingState& state) const;

  // The most bytes that append() takes.
  [[nodiscard]] std::uint64_t largest_piece() const { return largest_ - Segment::kHead; }
  // Appends whole frames with `records` that are no gaps; `time` is that of the first. When the spill would be larger
  // than its size, the oldest segments are dropped before. An errno when the frames could not be written.
  [[nodiscard]] int append(std::span<iovec> frames, std::uint64_t records, std::int64_t time, RingState& state);
  // Puts frames before all segments, whatever the size.
  [[nodiscard]] int prepend(std::span<iovec> frames, std::uint64_t records, std::int64_t time, RingState& state);

  struct Read {
    std::size_t bytes = 0;      // whole frames with the right checksum; 0: there is none at that place
    std::uint64_t records = 0;  // in them, without gaps
    std::uint64_t last_seq = 0;
    std::int64_t last_time = 0;
  };
  // Changes nothing: may be called without the queue's lock, on a segment that is held.
  [[nodiscard]] static Read read(const Segment& segment, std::uint64_t from, std::uint64_t end, std::span<char> into);

  // Passes over what is damaged at the place up to which the oldest segment was taken: one record, if it can be told
  // where the next begins, else the rest of the segment. What was lost is added to the gap before the spill. What a
  // process was writing when it died is cut, and no loss: it is still in the ring, or was lost with it.
  void skip_damage(RingState& state);
  // Removes the oldest segment: all of it was delivered.
  void remove_oldest(RingState& state);
  // Drops what is left of the oldest segment: it is added to the gap before the spill.
  void drop_oldest(std::string_view reason, RingState& state);

 private:
  [[nodiscard]] std::uint64_t total() const;
  [[nodiscard]] int add_segment(std::uint64_t id);
  void read_from_start(RingState& state) const;
  // The records between two places of the oldest segment were lost.
  void lose_taken(std::uint64_t records, RingState& state) const;

  int directory_;
  std::uint64_t size_;
  std::uint64_t largest_;
  SegmentOwner owner_;
  std::deque<std::shared_ptr<Segment>> segments_;
  std::shared_ptr<Segment> writing_;  // the last segment, while it may be appended to
};

}  // namespace cofferdam::logs
