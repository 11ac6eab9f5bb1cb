// The events of a run as JSON Lines, for programs that follow along.
#pragma once

#include <chrono>
#include <optional>
#include <string>

#include "cofferdam/event.hpp"
#include "cofferdam/result.hpp"

namespace cofferdam::report {

// One event as a JSON object without a line feed.
[[nodiscard]] std::string event_json(const Event& event);

// Writes events to a descriptor that stays the caller's and is best non-blocking: 64 KiB at a time, what is left a
// tenth of a second later (on_tick), and the rest on flush() and when destroyed. A reader that is slow holds nobody up:
// what it leaves waits here, up to 4 MiB; the events after that are counted and told as a `gap` once there is room. The
// first write error is remembered and ends the writing: a reader that went away must not disturb the run.
class EventStream : public EventSink {
 public:
  explicit EventStream(int fd) : fd_(fd) {}
  ~EventStream() override;

  void on_event(const Event& event) override;

  // -1 ms: nothing waits.
  [[nodiscard]] std::chrono::milliseconds next_tick() const;
  void on_tick();

  // For the end: waits for a reader that goes on reading, but never longer than two seconds for the next byte to be
  // taken. The error is the first there was, at any time; ETIMEDOUT when the reader stood still.
  Result<void> flush();

 private:
  using Clock = std::chrono::steady_clock;

  void append(const Event& event);
  void tell_gap();
  bool write_some();  // false when the descriptor takes no more now

  int fd_;
  std::string buffer_;
  std::size_t sent_ = 0;   // of the buffer
  Clock::time_point due_;  // of the oldest byte in the buffer
  std::optional<Event> gap_;
  std::optional<Error> error_;
};

}  // namespace cofferdam::report
