// The events of a run as JSON Lines, for programs that follow along.
#pragma once

#include <optional>
#include <string>

#include "cofferdam/event.hpp"
#include "cofferdam/result.hpp"

namespace cofferdam::report {

// One event as a JSON object without a line feed.
[[nodiscard]] std::string event_json(const Event& event);

// Writes events to a descriptor that stays the caller's, 64 KiB at a time, on flush(), and when destroyed. The first
// write error is remembered and ends the writing: a reader that went away must not disturb the run.
class EventStream : public EventSink {
 public:
  explicit EventStream(int fd) : fd_(fd) {}
  ~EventStream() override;

  void on_event(const Event& event) override;

  // The error is the first there was, at any time.
  Result<void> flush();

 private:
  int fd_;
  std::string buffer_;
  std::optional<Error> error_;
};

}  // namespace cofferdam::report
