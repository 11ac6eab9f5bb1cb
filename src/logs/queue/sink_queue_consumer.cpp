// The consumer's side of SinkQueue: what the worker of a sink waits for, takes and finishes.
#include <algorithm>
#include <utility>

#include "logs/queue/packed.hpp"
#include "logs/queue/sink_queue.hpp"

namespace cofferdam::logs {

namespace {

using std::chrono::milliseconds;
using std::chrono::steady_clock;

std::string refusal(std::string_view why) {
  return why.empty() ? "rejected by the server" : "rejected by the server: " + std::string(why);
}

}  // namespace

bool SinkQueue::has_anything() const {
  return !ring_.empty() || !ring_.in_flight().empty() || !spill_.empty() ||
         std::ranges::any_of(ring_.state.gaps, [](const Gap& gap) { return !gap.empty(); });
}

SinkQueue::Ready SinkQueue::wait(const BatchLimits& limits, milliseconds patience) {
  std::unique_lock lock(mutex_);
  while (!closed_ && !has_anything()) {
    wake_at_frames_ = 1;
    wake_at_bytes_ = 1;
    if (patience == milliseconds::max()) {
      more_.wait(lock);
    } else if (more_.wait_for(lock, patience) == std::cv_status::timeout && !has_anything()) {
      wake_at_frames_ = 0;
      return Ready::quiet;
    }
  }
  const auto until = steady_clock::now() + limits.linger;
  // A ring that is smaller than a batch must not fill up while we wait for a whole one.
  const std::size_t bytes = std::min<std::size_t>(limits.bytes, ring_.size() / 2);
  while (!closed_ && spill_.empty() && ring_.in_flight().empty() && ring_.frames() < limits.records &&
         ring_.used() < bytes) {
    wake_at_frames_ = limits.records;
    wake_at_bytes_ = bytes;
    if (more_.wait_until(lock, until) == std::cv_status::timeout) break;
  }
  wake_at_frames_ = 0;
  return has_anything() ? Ready::batch : Ready::ended;
}

bool SinkQueue::pause(milliseconds time) {
  std::unique_lock lock(mutex_);
  return !more_.wait_for(lock, time, [this] { return closed_ || hurried_; });
}

bool SinkQueue::closed() const {
  const std::lock_guard lock(mutex_);
  return closed_;
}

bool SinkQueue::take(const BatchLimits& limits) {
  std::unique_lock lock(mutex_);
  if (!ring_.in_flight().empty()) return true;
  if (!take_from_spill(lock)) take_from_ring(limits);
  commit();
  space_.notify_all();
  return !ring_.in_flight().empty() || !gap(GapPlace::flight).empty();
}

bool SinkQueue::take_from_spill(std::unique_lock<std::mutex>& lock) {
  RingState& state = ring_.state;
  while (const auto segment = spill_.oldest()) {
    const std::uint64_t from = state.read_bytes;
    const std::uint64_t end = segment->end();
    if (from >= end) {
      spill_.remove_oldest(state);
      continue;
    }
    // A slow disk holds the worker up, not push().
    lock.unlock();
    const Spill::Read read = Spill::read(*segment, from, end, ring_.flight());
    lock.lock();
    if (spill_.oldest() != segment) continue;  // push() dropped it meanwhile
    if (read.bytes == 0) {
      spill_.skip_damage(state);
      continue;
    }
    move_gap(GapPlace::spill, GapPlace::flight);
    state.flight_size = read.bytes;
    state.flight_done = 0;
    state.flight_segment = segment->id();
    state.flight_from = from;
    state.read_bytes += read.bytes;
    state.read_records += read.records;
    state.read_seq = read.last_seq;
    state.read_time = read.last_time;
    if (spill_.is_adopted(*segment)) state.adopted += read.records;
    return true;
  }
  return false;
}

void SinkQueue::take_from_ring(const BatchLimits& limits) {
  move_gap(GapPlace::spill, GapPlace::flight);
  move_gap(GapPlace::ring, GapPlace::flight);
  const std::size_t most = std::min(std::max<std::size_t>(limits.bytes, 1), Ring::kFlight);
  std::size_t bytes = 0;
  std::size_t frames = 0;
  while (frames < limits.records) {
    const Ring::Run run = ring_.run_of_frames(most - std::min(bytes, most), limits.records - frames);
    if (run.frames == 0 || (bytes != 0 && bytes + run.bytes.size() > most)) break;
    std::memcpy(ring_.flight().data() + bytes, run.bytes.data(), run.bytes.size());
    ring_.remove(run);
    bytes += run.bytes.size();
    frames += run.frames;
  }
  if (frames == 0) move_gap(GapPlace::end, GapPlace::flight);
  RingState& state = ring_.state;
  state.flight_size = bytes;
  state.flight_done = 0;
  state.flight_segment = 0;
  state.flight_from = 0;
}

bool SinkQueue::view(const BatchLimits& limits, std::size_t most, QueuedBatch& batch) const {
  const std::lock_guard lock(mutex_);
  batch.records.clear();
  batch.fields.clear();
  most = std::clamp<std::size_t>(most, 1, std::max<std::size_t>(limits.records, 1));
  const Gap& before = ring_.state.gap(GapPlace::flight);
  if (!before.empty()) batch.records.push_back(gap_record(before, batch.gap_message));
  std::string_view flight = ring_.in_flight();
  std::size_t frames = 0;
  std::size_t fields = 0;
  std::size_t bytes = 0;
  while (batch.records.size() + frames < most) {
    const auto frame = frame_at(flight.substr(bytes));
    if (!frame || (bytes != 0 && bytes + frame->size > limits.bytes)) break;
    PackedHead head;
    (void)peek(frame->packed, head);
    fields += head.fields;
    bytes += frame->size;
    ++frames;
  }
  batch.fields.reserve(fields);
  for (; frames != 0; --frames) {
    const Frame frame = *frame_at(flight);
    // Was checked when it came in from outside; a record that is not right is safe to use all the same.
    (void)unpack(frame.packed, batch.records.emplace_back(), batch.fields);
    flight.remove_prefix(frame.size);
  }
  return !batch.records.empty();
}

void SinkQueue::finish_delivered(std::size_t elements, std::uint64_t refused, std::string_view why) {
  const std::lock_guard lock(mutex_);
  RingState& state = ring_.state;
  if (elements != 0 && !gap(GapPlace::flight).empty()) {
    gap(GapPlace::flight) = Gap{};
    --elements;
  }
  const std::string_view flight = ring_.in_flight();
  std::size_t bytes = 0;
  std::uint64_t records = 0;
  PackedHead refusals;  // as a gap over all of them: which it were is not known
  for (; elements != 0; --elements) {
    const auto frame = frame_at(flight.substr(bytes));
    if (!frame) break;
    bytes += frame->size;
    PackedHead head;
    (void)peek(frame->packed, head);
    if (head.gap_count != 0) continue;
    if (records == 0) refusals.gap_first = head.seq;
    refusals.seq = head.seq;
    refusals.time = head.time;
    ++records;
  }
  refused = std::min(refused, records);
  state.delivered += records - refused;
  if (refused != 0) {
    state.dropped += refused;
    state.rejected += refused;
    refusals.gap_count = refused;
    gap(GapPlace::flight).add(refusals, refusal(why));
  }
  flight_moved(bytes, records);
  commit();
}

void SinkQueue::finish_rejected(std::string_view why, bool saved) {
  const std::lock_guard lock(mutex_);
  if (!gap(GapPlace::flight).empty()) {
    gap(GapPlace::flight) = Gap{};  // an announcement that nobody takes is given up without another one
  } else if (const auto lost = give_up_front(saved)) {
    ++ring_.state.rejected;
    gap(GapPlace::flight).add(*lost, refusal(why));
  }
  commit();
}

// The first frame of the flight; what it was, when it was a record.
std::optional<PackedHead> SinkQueue::give_up_front(bool saved) {
  const auto frame = frame_at(ring_.in_flight());
  if (!frame) return {};
  PackedHead head;
  (void)peek(frame->packed, head);
  const bool is_record = head.gap_count == 0;
  if (is_record) {
    ++ring_.state.dropped;
    ring_.state.saved += saved ? 1 : 0;
  }
  flight_moved(frame->size, is_record ? 1 : 0);
  return is_record ? std::optional(head) : std::nullopt;
}

// `bytes` of the flight are finished. The next run need not send what is delivered, and a segment that is, is removed.
void SinkQueue::flight_moved(std::size_t bytes, std::uint64_t records) {
  RingState& state = ring_.state;
  state.flight_done += bytes;
  const bool landed = state.flight_done == state.flight_size;
  const auto segment = spill_.oldest();
  if (segment && state.flight_segment == segment->id()) {
    if (!landed) {
      segment->note_sent(state.flight_from + state.flight_done, segment->sent_records() + records);
    } else if (state.read_bytes < segment->end()) {
      segment->note_sent(state.read_bytes, state.read_records);
    } else {
      spill_.remove_oldest(state);
    }
  }
  if (landed) state.flight_size = state.flight_done = state.flight_segment = 0;
}

}  // namespace cofferdam::logs
