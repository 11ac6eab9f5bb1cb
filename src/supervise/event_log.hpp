// Numbers the events of a run and hands them to the sinks, in order and without holes.
#pragma once

#include <string>
#include <utility>
#include <vector>

#include "cofferdam/event.hpp"

namespace cofferdam::supervise {

class EventLog {
 public:
  EventLog(std::string instance, std::vector<EventSink*> sinks)
      : instance_(std::move(instance)), sinks_(std::move(sinks)) {}

  template <class Body>
  void emit(Body body) {
    Event event;
    event.seq = ++last_;
    clock_gettime(CLOCK_REALTIME, &event.ts);
    event.instance = instance_;
    event.body = std::move(body);
    for (EventSink* sink : sinks_) sink->on_event(event);
  }

  [[nodiscard]] std::uint64_t count() const { return last_; }

 private:
  std::string instance_;
  std::vector<EventSink*> sinks_;
  std::uint64_t last_ = 0;
};

}  // namespace cofferdam::supervise
