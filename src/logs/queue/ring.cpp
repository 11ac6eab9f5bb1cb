#include "logs/queue/ring.hpp"

#include <algorithm>
#include <cstddef>
#include <cstring>
#include <ctime>
#include <new>
#include <vector>

namespace cofferdam::logs {

namespace {

constexpr std::uint64_t kMagic = 0x31474E4952444643;  // "CFDRING1"
// Instead of a frame's size: the next frame is at the beginning of the ring.
constexpr std::uint32_t kSkip = 0xFFFFFFFF;

bool is_skip(const char* at) {
  std::uint32_t size = 0;
  std::memcpy(&size, at, sizeof size);
  return size == kSkip;
}

}  // namespace

// The first page (the magic is written last). Two states: the one that is valid, and the one that is being written.
struct Ring::Shared {
  std::atomic<std::uint64_t> magic;
  std::uint64_t size;
  std::uint64_t run;
  std::atomic<std::uint64_t> turn;  // the valid state is states[turn % 2]
  std::array<RingState, 2> states;
};

Result<Ring> Ring::attach(std::span<std::byte> memory) {
  static_assert(sizeof(Shared) <= kPage);
  if (memory.size() < kPage + kFlight + kSmallest) return fail("the memory of a log sink's queue is too small");
  Ring ring;
  ring.shared_ = std::launder(reinterpret_cast<Shared*>(memory.data()));
  ring.flight_ = reinterpret_cast<char*>(memory.data()) + kPage;
  ring.ring_ = ring.flight_ + kFlight;
  ring.size_ = (memory.size() - kPage - kFlight) / kPage * kPage;
  Shared& shared = *ring.shared_;
  if (shared.magic.load(std::memory_order_acquire) == kMagic && shared.size == ring.size_) {
    ring.state = shared.states[shared.turn.load(std::memory_order_acquire) % 2];
    if (ring.state.has_gaps == 0) ring.state.gaps = {};
    for (Gap& gap : ring.state.gaps) gap.reason.back() = '\0';
    ring.damaged_ = !ring.count_frames();
    if (ring.damaged_) ring.forget_contents();
    return ring;
  }
  std::timespec now{};
  (void)clock_gettime(CLOCK_REALTIME, &now);
  shared.size = ring.size_;
  // Nanoseconds, with the place in memory for two runs that begin at the same one.
  shared.run = (static_cast<std::uint64_t>(now.tv_sec) * 1'000'000'000 + static_cast<std::uint64_t>(now.tv_nsec)) ^
               (reinterpret_cast<std::uintptr_t>(memory.data()) << 16);
  ring.commit();
  shared.magic.store(kMagic, std::memory_order_release);
  return ring;
}

std::uint64_t Ring::run() const {
  return shared_->run;
}

void Ring::commit() {
  state.has_gaps = 0;
  for (const Gap& gap : state.gaps) state.has_gaps |= static_cast<std::uint64_t>(!gap.empty());
  const std::uint64_t turn = shared_->turn.load(std::memory_order_relaxed) + 1;
  RingState& next = shared_->states[turn % 2];
  std::memcpy(&next, &state, state.has_gaps != 0 ? sizeof state : offsetof(RingState, gaps));
  shared_->turn.store(turn, std::memory_order_release);
}

bool Ring::count_frames() {
  frames_ = 0;
  if (state.tail < state.head || used() > size_ || state.head % 8 != 0 || state.tail % 8 != 0) return false;
  if (state.flight_size > kFlight || state.flight_done > state.flight_size) return false;
  Record record;
  std::vector<Field> fields;
  for (std::string_view rest = in_flight(); !rest.empty();) {
    const auto frame = frame_at(rest);
    fields.clear();
    if (!frame || !unpack(frame->packed, record, fields)) return false;
    rest.remove_prefix(frame->size);
  }
  for (std::uint64_t at = state.head; at != state.tail;) {
    const std::uint64_t place = at % size_;
    const std::uint64_t room = std::min(size_ - place, state.tail - at);
    const std::string_view rest(ring_ + place, static_cast<std::size_t>(room));
    if (const auto frame = frame_at(rest)) {
      fields.clear();
      if (!unpack(frame->packed, record, fields)) return false;
      at += frame->size;
      ++frames_;
    } else if (is_skip(rest.data())) {
      at += room;
    } else {
      return false;
    }
  }
  return true;
}

void Ring::forget_contents() {
  state.head = state.tail = 0;
  state.flight_size = state.flight_done = 0;
  state.gaps = {};
  frames_ = 0;
}

bool Ring::has_room(std::size_t bytes) const {
  if (empty()) return bytes <= size_;
  const std::uint64_t to_end = size_ - state.tail % size_;
  return used() + bytes + (bytes > to_end ? to_end : 0) <= size_;
}

char* Ring::reserve(std::size_t packed) {
  if (empty()) state.head = state.tail = 0;  // the same few pages again, as long as the sink keeps up
  const std::uint64_t place = state.tail % size_;
  if (frame_size(packed) > size_ - place) {
    std::memcpy(ring_ + place, &kSkip, sizeof kSkip);
    state.tail += size_ - place;
  }
  return ring_ + state.tail % size_ + kFrameHead;
}

void Ring::push(std::size_t packed) {
  const FrameHead head{static_cast<std::uint32_t>(packed), 0};
  std::memcpy(ring_ + state.tail % size_, &head, sizeof head);
  state.tail += frame_size(packed);
  ++frames_;
}

void Ring::skip_to_frame() {
  const std::uint64_t place = state.head % size_;
  if (is_skip(ring_ + place)) state.head += size_ - place;
}

Frame Ring::front() {
  skip_to_frame();
  const std::uint64_t place = state.head % size_;
  return *frame_at({ring_ + place, static_cast<std::size_t>(size_ - place)});
}

void Ring::pop() {
  state.head += front().size;
  --frames_;
}

Ring::Run Ring::run_of_frames(std::size_t most, std::size_t most_frames) {
  if (empty()) return {};
  skip_to_frame();
  const std::uint64_t place = state.head % size_;
  Run run{{ring_ + place, 0}, 0};
  const std::string_view all(ring_ + place, static_cast<std::size_t>(std::min(size_ - place, used())));
  std::size_t bytes = 0;
  for (; run.frames < most_frames && bytes < all.size(); ++run.frames) {
    const auto frame = frame_at(all.substr(bytes));
    if (!frame || (bytes != 0 && bytes + frame->size > most)) break;
    bytes += frame->size;
  }
  run.bytes = {ring_ + place, bytes};
  return run;
}

void Ring::remove(const Run& run) {
  state.head += run.bytes.size();
  frames_ -= run.frames;
}

}  // namespace cofferdam::logs
