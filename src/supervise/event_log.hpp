// Numbers the events of a command and hands them to the sinks, in order and without holes.
#pragma once

#include <chrono>
#include <cstdint>
#include <string>
#include <type_traits>
#include <unordered_map>
#include <utility>
#include <vector>

#include "cofferdam/event.hpp"

namespace cofferdam::supervise {

// A write that a process makes again and again is told once; how often it came again follows as `repeated`: some second
// later with the next event, or before `exited`. Only calls that change what is in a file or its metadata: where names
// come and go, the order is what matters. At most kMostRepeats writes are remembered, so memory is bounded.
class EventLog {
 public:
  static constexpr std::size_t kMostRepeats = 2048;
  static constexpr std::chrono::nanoseconds kTellEvery{std::chrono::seconds(1)};

  // `counter`: where several instances share one numbering.
  EventLog(std::string instance, std::vector<EventSink*> sinks, std::uint64_t* counter = nullptr)
      : instance_(std::move(instance)), sinks_(std::move(sinks)), counter_(counter) {}

  template <class Body>
  void emit(Body body) {
    Event event;
    clock_gettime(CLOCK_REALTIME, &event.ts);
    if constexpr (std::is_same_v<Body, WriteEvent>) {
      if (repeats(body, event.ts)) return;
    }
    const bool about_to_age = untold_ != 0 && last() - untold_ >= kRepeatWindow / 2;
    if (about_to_age || std::is_same_v<Body, ExitedEvent>) tell_repeats(event.ts);
    event.body = std::move(body);
    send(std::move(event));
  }

  // Events handed out so far.
  [[nodiscard]] std::uint64_t count() const { return counter_ != nullptr ? *counter_ : own_count_; }

 private:
  struct Repeat {
    std::uint64_t of = 0;
    std::uint64_t count = 0;  // not yet told
    std::timespec last{};
    ProcessRef process;  // held, so that its address stays its own
  };

  // True when the event was counted as a repetition; else it is remembered as the next one to be sent.
  bool repeats(const WriteEvent& write, const std::timespec& now);
  void tell_repeats(const std::timespec& now);
  void send(Event event);
  // The number of the last event.
  [[nodiscard]] std::uint64_t& last() { return counter_ != nullptr ? *counter_ : own_count_; }

  std::string instance_;
  std::vector<EventSink*> sinks_;
  std::uint64_t own_count_ = 0;
  std::uint64_t* counter_ = nullptr;                 // in the place of own_count_
  std::unordered_map<std::size_t, Repeat> repeats_;  // by hash of the event
  std::uint64_t untold_ = 0;                         // the oldest event with a count to be told, 0 for none
  std::timespec told_{};                             // when the counts were told last
};

}  // namespace cofferdam::supervise
