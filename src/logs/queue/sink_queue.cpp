#include "logs/queue/sink_queue.hpp"

#include <sys/uio.h>

#include <algorithm>
#include <array>
#include <cstring>
#include <ctime>
#include <limits>
#include <utility>

#include "logs/queue/crc32c.hpp"
#include "logs/queue/packed.hpp"

namespace cofferdam::logs {

namespace {

using std::chrono::milliseconds;
using std::chrono::steady_clock;

constexpr milliseconds kAskAgain{100};
constexpr std::chrono::seconds kSpillAgain{1};
constexpr std::size_t kMostSpilledAtOnce = 1 << 20;
constexpr std::size_t kGapRoom = 512;  // a framed gap is smaller
constexpr std::size_t kAll = std::numeric_limits<std::size_t>::max();

struct Sealed {
  std::uint64_t records = 0;  // without gaps
  std::int64_t time = 0;      // of the first
};

// Gives the frames their checksums.
Sealed seal(std::span<char> frames) {
  Sealed sealed;
  std::size_t at = 0;
  while (const auto frame = frame_at({frames.data() + at, frames.size() - at})) {
    const FrameHead head{static_cast<std::uint32_t>(frame->packed.size()), crc32c(frame->packed)};
    std::memcpy(frames.data() + at, &head, sizeof head);
    PackedHead record;
    (void)peek(frame->packed, record);
    if (at == 0) sealed.time = record.time;
    sealed.records += record.gap_count == 0 ? 1 : 0;
    at += frame->size;
  }
  return sealed;
}

// The gap as a frame with its checksum; empty when there is none.
std::string framed(const Gap& gap) {
  if (gap.empty()) return {};
  std::string message;
  const Record record = gap_record(gap, message);
  const std::size_t size = packed_size(record);
  std::string frame(frame_size(size), '\0');
  const FrameHead head{static_cast<std::uint32_t>(size), 0};
  std::memcpy(frame.data(), &head, sizeof head);
  (void)pack(record, frame.data() + kFrameHead);
  (void)seal(frame);
  return frame;
}

iovec part(std::span<char> bytes) {
  return {bytes.data(), bytes.size()};
}

}  // namespace

std::size_t queue_memory(std::uint64_t buffer) {
  const std::uint64_t ring = std::max<std::uint64_t>(buffer, Ring::kSmallest);
  return Ring::kPage + Ring::kFlight + (static_cast<std::size_t>(ring) + Ring::kPage - 1) / Ring::kPage * Ring::kPage;
}

Result<std::unique_ptr<SinkQueue>> SinkQueue::open(SinkQueueOptions options) {
  auto ring = Ring::attach(options.memory);
  if (!ring) return std::unexpected(ring.error());
  return std::unique_ptr<SinkQueue>(new SinkQueue(std::move(options), *ring));
}

SinkQueue::SinkQueue(SinkQueueOptions options, Ring ring)
    : options_(std::move(options)),
      ring_(ring),
      spill_(options_.spill_fd, options_.spill_size, {options_.sink, options_.instance, ring_.run()}),
      largest_frame_(std::min<std::size_t>(kLargestFrame, ring_.size() / 2) - kGapRoom) {
  spill_.open(ring_.state);
  if (ring_.was_damaged()) announce_damage();
  commit();
}

SinkQueue::~SinkQueue() = default;

// Everything that was pushed and is neither finished nor in a segment was in the memory.
void SinkQueue::announce_damage() {
  RingState& state = ring_.state;
  const std::uint64_t known = state.pushed + state.adopted - state.delivered - state.dropped;
  const std::uint64_t lost = known - std::min(known, spill_.waiting(state));
  if (lost == 0 || lost > state.pushed) return;
  std::timespec now{};
  (void)clock_gettime(CLOCK_REALTIME, &now);
  const std::int64_t time = std::int64_t{now.tv_sec} * 1'000'000'000 + now.tv_nsec;
  const std::uint64_t first = state.last_seq - std::min(lost, state.last_seq) + 1;  // unless others were not for us
  gap(GapPlace::ring).add({state.last_seq, time, lost, first, 0}, "the memory was damaged by a crash");
  state.dropped += lost;
}

void SinkQueue::commit() {
  const RingState& state = ring_.state;
  ring_.commit();
  SinkCounters& counters = *options_.counters;
  counters.pushed.store(state.pushed, std::memory_order_relaxed);
  counters.adopted.store(state.adopted, std::memory_order_relaxed);
  counters.delivered.store(state.delivered, std::memory_order_relaxed);
  const bool lost = counters.dropped.exchange(state.dropped, std::memory_order_relaxed) != state.dropped;
  counters.rejected.store(state.rejected, std::memory_order_relaxed);
  counters.saved.store(state.saved, std::memory_order_relaxed);
  counters.pending.store(state.pushed + state.adopted - state.delivered - state.dropped, std::memory_order_relaxed);
  counters.spilled.store(spill_.empty() ? 0 : spill_.waiting(state), std::memory_order_relaxed);
  if (lost) announce(counters);
}

void SinkQueue::move_gap(GapPlace from, GapPlace to) {
  gap(to).add(gap(from));
  gap(from) = Gap{};
}

// --- the producer

void SinkQueue::push(const Record& record) {
  const std::size_t size = packed_size(record);
  std::unique_lock lock(mutex_);
  RingState& state = ring_.state;
  std::string_view trouble;
  if (frame_size(size) > largest_frame_) {
    trouble = "larger than the buffer takes";
  } else if (!make_room(frame_size(size) + (gap(GapPlace::end).empty() ? 0 : kGapRoom), lock)) {
    trouble = kBufferFull;
  }
  ++state.pushed;
  state.last_seq = record.seq;
  if (!trouble.empty()) {
    lose(record, trouble);
  } else {
    if (ring_.empty()) move_gap(GapPlace::end, GapPlace::ring);
    if (!gap(GapPlace::end).empty()) {
      std::string message;
      const Record lost = gap_record(gap(GapPlace::end), message);
      (void)pack(lost, ring_.reserve(packed_size(lost)));
      ring_.push(packed_size(lost));
      gap(GapPlace::end) = Gap{};
    }
    (void)pack(record, ring_.reserve(size));
    ring_.push(size);
  }
  commit();
  if (wake_at_frames_ == 0) return;
  const bool enough = ring_.frames() >= wake_at_frames_ || ring_.used() >= wake_at_bytes_;
  if (!enough && trouble.empty()) return;
  wake_at_frames_ = 0;
  lock.unlock();
  more_.notify_one();
}

void SinkQueue::lose(const Record& record, std::string_view reason) {
  gap(GapPlace::end).add({record.seq, record.time, record.gap_count, record.gap_first, 0}, reason);
  ++ring_.state.dropped;
}

void SinkQueue::drop_front(std::string_view reason) {
  PackedHead head;
  (void)peek(ring_.front().packed, head);
  gap(GapPlace::ring).add(head, reason);
  ring_.state.dropped += head.gap_count == 0 ? 1 : 0;
  ring_.pop();
}

bool SinkQueue::make_room(std::size_t bytes, std::unique_lock<std::mutex>& lock) {
  if (ring_.has_room(bytes)) return true;
  const bool made = clear_room(bytes, lock);
  // What another process would find must be true before the next record is written where the oldest ones stood.
  commit();
  return made;
}

bool SinkQueue::clear_room(std::size_t bytes, std::unique_lock<std::mutex>& lock) {
  while (!ring_.has_room(bytes)) {
    switch (options_.when_full) {
      case LogSink::WhenFull::drop_newest: return false;
      case LogSink::WhenFull::block:
        if (!wait_for_space(lock) && !spill_some()) return false;
        break;
      case LogSink::WhenFull::spill:
        if (!spill_some()) drop_front(spill_error_.empty() ? kBufferFull : std::string_view(spill_error_));
        break;
      case LogSink::WhenFull::drop_oldest: drop_front(kBufferFull); break;
    }
  }
  return true;
}

bool SinkQueue::wait_for_space(std::unique_lock<std::mutex>& lock) {
  if (closed_ || never_waits_) return false;
  if (space_.wait_for(lock, kAskAgain) == std::cv_status::no_timeout || !options_.may_wait) return true;
  lock.unlock();
  const bool may = options_.may_wait();
  lock.lock();
  never_waits_ = !may;
  return may;
}

bool SinkQueue::spill_some() {
  if (!spill_.exists()) return false;
  const auto now = steady_clock::now();
  if (!spill_error_.empty() && now < spill_again_) return false;
  const int errnum = spill_run(std::clamp<std::size_t>(ring_.size() / 4, Ring::kPage, kMostSpilledAtOnce));
  if (errnum == 0) {
    spill_error_.clear();
    return true;
  }
  spill_error_ = std::string("buffer full, and the spill can't be written: ") + std::strerror(errnum);
  spill_again_ = now + kSpillAgain;
  return false;
}

// Moves frames from the front of the ring to the end of the spill.
int SinkQueue::spill_run(std::size_t most) {
  const auto largest = static_cast<std::size_t>(spill_.largest_piece()) - kGapRoom;
  const Ring::Run run = ring_.run_of_frames(std::min(most, largest), kAll);
  if (run.bytes.size() > largest) {
    drop_front("larger than a spill file");
    return 0;
  }
  if (spill_.empty()) move_gap(GapPlace::ring, GapPlace::spill);
  std::string before = framed(gap(GapPlace::ring));
  const Sealed sealed = seal(run.bytes);
  std::array<iovec, 2> parts = {part(before), part(run.bytes)};
  if (const int errnum = spill_.append(parts, sealed.records, sealed.time, ring_.state)) return errnum;
  gap(GapPlace::ring) = Gap{};
  ring_.remove(run);
  return 0;
}

std::uint64_t SinkQueue::last_seq() const {
  const std::lock_guard lock(mutex_);
  return ring_.state.last_seq;
}

void SinkQueue::close() {
  {
    const std::lock_guard lock(mutex_);
    closed_ = true;
  }
  more_.notify_all();
  space_.notify_all();
}

void SinkQueue::hurry() {
  {
    const std::lock_guard lock(mutex_);
    hurried_ = true;
  }
  more_.notify_all();
}

// --- the end

// What stands before the spill goes into a segment before all others.
bool SinkQueue::spill_front() {
  RingState& state = ring_.state;
  const auto size = static_cast<std::size_t>(state.flight_size - state.flight_done);
  const std::span<char> flight = ring_.flight().subspan(static_cast<std::size_t>(state.flight_done), size);
  std::string before = framed(gap(GapPlace::flight));
  std::string after = framed(gap(GapPlace::spill));
  if (before.empty() && flight.empty() && after.empty()) return true;
  const Sealed sealed = seal(flight);
  if (const auto oldest = spill_.oldest()) {
    oldest->note_sent(state.read_bytes, state.read_records);
    if (state.read_bytes >= oldest->end()) spill_.remove_oldest(state);
  }
  std::array<iovec, 3> parts = {part(before), part(flight), part(after)};
  if (spill_.prepend(parts, sealed.records, sealed.time, state) != 0) return false;
  gap(GapPlace::flight) = Gap{};
  gap(GapPlace::spill) = Gap{};
  state.flight_size = state.flight_done = state.flight_segment = 0;
  return true;
}

bool SinkQueue::leave_to_spill() {
  const std::lock_guard lock(mutex_);
  if (!spill_.exists()) return false;
  bool all = spill_front();
  while (all && !ring_.empty()) all = spill_run(kMostSpilledAtOnce) == 0;
  if (all) {
    move_gap(GapPlace::end, GapPlace::ring);
    std::string rest = framed(gap(GapPlace::ring));
    std::array<iovec, 1> parts = {part(rest)};
    if (!rest.empty()) all = spill_.append(parts, 0, gap(GapPlace::ring).time, ring_.state) == 0;
    if (all) gap(GapPlace::ring) = Gap{};
  }
  // To make room for all that, older segments may have been dropped.
  all = all && spill_front();
  commit();
  return all;
}

void SinkQueue::leave_to(const std::function<bool(const Record&)>& save) {
  const std::lock_guard lock(mutex_);
  RingState& state = ring_.state;
  std::string message;
  std::vector<Field> fields;
  const auto save_gap = [&](GapPlace place) {
    if (!gap(place).empty()) (void)save(gap_record(gap(place), message));
    gap(place) = Gap{};
  };
  const auto save_frame = [&](std::string_view packed) {
    Record record;
    fields.clear();
    return unpack(packed, record, fields) && save(record) && record.gap_count == 0;
  };
  save_gap(GapPlace::flight);
  while (const auto frame = frame_at(ring_.in_flight())) (void)give_up_front(save_frame(frame->packed));
  save_gap(GapPlace::spill);
  save_gap(GapPlace::ring);
  while (!ring_.empty()) {
    const Frame frame = ring_.front();
    PackedHead head;
    (void)peek(frame.packed, head);
    state.saved += save_frame(frame.packed) ? 1 : 0;
    state.dropped += head.gap_count == 0 ? 1 : 0;
    ring_.pop();
  }
  save_gap(GapPlace::end);
  commit();
}

}  // namespace cofferdam::logs
