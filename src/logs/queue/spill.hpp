// The segments of one sink, oldest first. Not thread-safe: SinkQueue locks.
#pragma once

#include <cstdint>
#include <deque>
#include <memory>
#include <span>
#include <string>
#include <string_view>

#include "cofferdam/result.hpp"
#include "kernel/fd.hpp"
#include "logs/queue/gap.hpp"
#include "logs/queue/ring.hpp"
#include "logs/queue/segment.hpp"

namespace cofferdam::logs {

// Opens the directory of the spill for SinkQueueOptions::spill_fd; makes it (mode 0700) when only its last component is
// missing. Close-on-exec. Errors name the path and what to do.
[[nodiscard]] Result<kernel::Fd> open_spill(const std::string& path);

class Spill {
 public:
  static constexpr std::size_t kMostSegments = 64;  // that are taken over at once: each holds a descriptor open

  // `directory` -1: there is no spill, and can't be one. `size` is that of all segments together.
  Spill(int directory, std::uint64_t size, SegmentOwner owner);

  // Takes the segments over that are there: this run's, after a crash of the process (`state` says how far they are
  // valid and read), and those of earlier runs, unless another run holds them.
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
  // Appends whole frames; `time` is that of the first record. When the spill would be larger than its size, the oldest
  // segments are dropped before, with a gap in `state`. Sets what `state` knows of segments; commit() is the caller's.
  // An errno when the frames could not be written.
  [[nodiscard]] int append(std::span<iovec> frames, std::uint64_t records, std::int64_t time, RingState& state);
  // Puts frames before all segments, whatever the size.
  [[nodiscard]] int prepend(std::span<iovec> frames, std::uint64_t records, std::int64_t time, RingState& state);

  // Frames from the place up to which the oldest segment was taken, at most `into.size()` bytes; only whole frames
  // whose checksum is right. A damaged one at that place is passed over, with a gap in `state`. Returns the bytes;
  // `records` are those among them that are no gaps. 0: the oldest segment has no more (finished() then removes it), or
  // is damaged.
  struct Taken {
    std::size_t bytes = 0;
    std::uint64_t records = 0;
    std::uint64_t last_seq = 0;
    std::int64_t last_time = 0;
    bool damaged = false;  // what follows is no frame with the right checksum
  };
  // Reads without changing anything: may be called without the lock of the queue, on a segment that is held.
  [[nodiscard]] static Taken read(const Segment& segment, std::uint64_t from, std::uint64_t end, std::span<char> into);

  // Removes the oldest segment: all of it was delivered.
  void remove_oldest(RingState& state);
  // Drops what is left of the oldest segment: its records become part of the gap before the spill.
  void drop_oldest(std::string_view reason, RingState& state);

 private:
  [[nodiscard]] std::uint64_t total() const;
  [[nodiscard]] int add_segment(std::uint64_t id);

  int directory_;
  std::uint64_t size_;
  std::uint64_t largest_;  // of a segment
  SegmentOwner owner_;
  std::deque<std::shared_ptr<Segment>> segments_;
};

}  // namespace cofferdam::logs
