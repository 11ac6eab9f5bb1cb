// What the launcher says about sinks that don't take their records.
#pragma once

#include <array>
#include <cstdint>
#include <vector>

#include "cofferdam/logs.hpp"
#include "logs/pump.hpp"
#include "supervise/event_log.hpp"

namespace cofferdam::run {

// Each sink gets each finding once a run: CD303 it can't be reached, CD305 it refuses records, CD304 records were lost.
// Every loss is also an event `gap`, with what was lost since the one before.
class SinkWatch {
 public:
  SinkWatch(const logs::PumpConfig& config, supervise::EventLog& events);

  // A sink has a queue.
  [[nodiscard]] bool is_needed() const { return needed_; }
  // Readable when something has changed, until hear(); -1: never.
  [[nodiscard]] int news_fd() const { return config_.news_fd; }
  void hear();
  void look();
  // The last look, when nothing changes any more.
  void finish();

 private:
  struct Seen {
    std::uint64_t version = 0;
    std::uint64_t dropped = 0;
    bool unreachable = false;
    bool refused = false;
  };
  void look_at(std::size_t index);
  void emit(const LogSink& sink, const char* code, Severity severity, std::string message, std::string fix);

  const logs::PumpConfig& config_;
  supervise::EventLog& events_;
  std::vector<Seen> seen_;
  bool needed_ = false;
};

}  // namespace cofferdam::run
