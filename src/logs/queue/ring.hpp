// The memory of a sink's queue, which outlives the process: a ring of packed records, the batch in flight, and the
// state that says what of both is valid. Not thread-safe: SinkQueue locks.
#pragma once

#include <array>
#include <atomic>
#include <cstddef>
#include <cstdint>
#include <span>
#include <string_view>
#include <type_traits>

#include "cofferdam/result.hpp"
#include "logs/queue/frame.hpp"
#include "logs/queue/gap.hpp"

namespace cofferdam::logs {

// Before what a gap stands. The order of what a queue holds: flight, spill, ring, end.
enum class GapPlace : std::uint8_t { flight, spill, ring, end };
inline constexpr std::size_t kGapPlaces = 4;

// All that must be true at the same moment, whenever the process is killed.
struct RingState {
  std::uint64_t head = 0;  // bytes that ever left the ring and came in; the place is the number modulo the ring's size
  std::uint64_t tail = 0;
  std::uint64_t flight_size = 0;  // bytes in flight, and how many of them are finished
  std::uint64_t flight_done = 0;
  std::uint64_t flight_segment = 0;  // the segment that the flight was read from; 0: it came from the ring
  std::uint64_t flight_from = 0;     // where in the segment it began

  std::uint64_t read_segment = 0;  // the oldest segment, and how much of it was taken
  std::uint64_t read_bytes = 0;
  std::uint64_t read_records = 0;
  std::uint64_t read_seq = 0;  // of the last record that was taken from a segment
  std::int64_t read_time = 0;
  std::uint64_t write_segment = 0;  // the newest segment, and how much of it is valid
  std::uint64_t write_bytes = 0;
  std::uint64_t write_records = 0;

  std::uint64_t last_seq = 0;
  std::uint64_t pushed = 0;
  std::uint64_t adopted = 0;
  std::uint64_t delivered = 0;
  std::uint64_t dropped = 0;
  std::uint64_t rejected = 0;
  std::uint64_t saved = 0;
  std::uint64_t has_gaps = 0;          // whether any of the next is not empty
  std::array<Gap, kGapPlaces> gaps{};  // the last member: not copied while there is none

  [[nodiscard]] Gap& gap(GapPlace place) { return gaps[static_cast<std::size_t>(place)]; }
  [[nodiscard]] const Gap& gap(GapPlace place) const { return gaps[static_cast<std::size_t>(place)]; }
};
static_assert(std::is_trivially_copyable_v<RingState>);

class Ring {
 public:
  static constexpr std::size_t kPage = 4096;
  static constexpr std::size_t kFlight = (1 << 20) + (256 << 10);
  static constexpr std::size_t kSmallest = 64 << 10;  // of the ring itself

  // Attaches to the ring in the memory, or makes one where the memory is zeroed. Errors: memory that is too small.
  [[nodiscard]] static Result<Ring> attach(std::span<std::byte> memory);
  // There was a ring that can't be right (a crash wrote into it): it was emptied, and its counters were kept.
  [[nodiscard]] bool was_damaged() const { return damaged_; }

  // Differs between the runs, and is the same for all processes that attach.
  [[nodiscard]] std::uint64_t run() const;

  // What is true once commit() has been called; before that, another process sees the state of the last commit().
  RingState state;
  void commit();

  [[nodiscard]] std::uint64_t size() const { return size_; }
  [[nodiscard]] bool empty() const { return state.head == state.tail; }
  [[nodiscard]] std::uint64_t used() const { return state.tail - state.head; }

  // Whether frames (frame_size()) of so many bytes together fit.
  [[nodiscard]] bool has_room(std::size_t bytes) const;
  // Where a packed record of so many bytes, for which there is room, is written; push() then makes it part of the ring.
  [[nodiscard]] char* reserve(std::size_t packed);
  void push(std::size_t packed);
  // The frame that was pushed first; the ring is not empty. pop() removes it.
  [[nodiscard]] Frame front();
  void pop();
  // Whole frames at the front that lie in one piece.
  struct Run {
    std::span<char> bytes;
    std::size_t frames = 0;
  };
  // As many as there are, but not more than `most` bytes (one frame in any case) and `most_frames`; none only when the
  // ring is empty. remove() removes them.
  [[nodiscard]] Run run_of_frames(std::size_t most, std::size_t most_frames);
  void remove(const Run& run);
  // In the ring: records and gaps.
  [[nodiscard]] std::size_t frames() const { return frames_; }

  // Where a batch in flight is kept.
  [[nodiscard]] std::span<char> flight() const { return {flight_, kFlight}; }
  // What of it is not finished yet.
  [[nodiscard]] std::string_view in_flight() const {
    return {flight_ + state.flight_done, static_cast<std::size_t>(state.flight_size - state.flight_done)};
  }

 private:
  struct Shared;
  Ring() = default;
  [[nodiscard]] bool count_frames();
  void forget_contents();
  void skip_to_frame();

  Shared* shared_ = nullptr;
  char* flight_ = nullptr;
  char* ring_ = nullptr;
  std::uint64_t size_ = 0;
  std::size_t frames_ = 0;
  bool damaged_ = false;
};

// "buffer full" and its relatives, as gaps name them.
inline constexpr std::string_view kBufferFull = "buffer full";
inline constexpr std::string_view kSpillFull = "spill full";

}  // namespace cofferdam::logs
