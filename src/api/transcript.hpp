// What a run has told so far: the lines of its pipes as events and records, kept within limits.
#pragma once

#include <chrono>
#include <condition_variable>
#include <functional>
#include <mutex>
#include <optional>
#include <string>
#include <string_view>

#include "cofferdam/run.hpp"

namespace cofferdam::api {

// Cuts bytes into lines, which may come in any pieces.
class Lines {
 public:
  // Calls `use` with each line that is complete now, without its line feed.
  void add(std::string_view bytes, const std::function<void(std::string_view)>& use);
  // What stands behind the last line feed, if anything.
  void finish(const std::function<void(std::string_view)>& use);

 private:
  std::string rest_;
};

// One thread adds, any number waits. Callbacks of the request are made by the thread that adds, without a lock.
class Transcript {
 public:
  explicit Transcript(const RunRequest& request) : request_(request) {}

  void add_events(std::string_view bytes);
  void add_output(std::string_view bytes);
  void add_messages(std::string_view bytes);

  // The end: no more is added. Whoever waits is woken.
  void end(Result<FinishedRun> result);
  // Events, records and messages, for the result; after it only end() may follow.
  [[nodiscard]] FinishedRun take();

  [[nodiscard]] bool ended() const;
  [[nodiscard]] Result<FinishedRun> wait() const;
  // False when the time is over first.
  [[nodiscard]] bool wait_for_end(std::chrono::milliseconds timeout) const;
  [[nodiscard]] bool wait_for_event(const std::function<bool(const Event&)>& matches,
                                    std::chrono::milliseconds timeout) const;
  [[nodiscard]] bool wait_for_record(const std::function<bool(const LogRecord&)>& matches,
                                     std::chrono::milliseconds timeout) const;

 private:
  static constexpr std::size_t kMostMessages = 1 << 20;

  void add_event(std::string_view line);
  void add_record(std::string_view line);

  const RunRequest& request_;
  Lines event_lines_;
  Lines output_lines_;
  std::size_t output_ = 0;  // bytes of messages that are kept

  mutable std::mutex mutex_;
  mutable std::condition_variable changed_;
  FinishedRun run_;
  std::optional<Result<FinishedRun>> result_;
};

}  // namespace cofferdam::api
