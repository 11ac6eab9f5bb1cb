// The pump: a process of its own that carries the app's output from its pipes to the sinks.
#pragma once

#include <array>
#include <atomic>
#include <chrono>
#include <cstddef>
#include <cstdint>
#include <string>
#include <vector>

#include "logs/sinks/open.hpp"

namespace cofferdam::logs {

// How the console sink writes: aligned text for people, JSON Lines, or the app's bytes as they are.
enum class Format : std::uint8_t { pretty, json, raw };

// Lives in MAP_SHARED memory, zeroed; written by the pump, read by the launcher at any time. Records are lines of the
// app. For each sink, delivered + pending + its share of dropped = out_records + err_records.
struct PumpCounters {
  struct OfSink {
    std::atomic<std::uint64_t> delivered;
    std::atomic<std::uint64_t> pending;  // encoded, and not yet written
  };
  std::atomic<std::uint64_t> out_records;
  std::atomic<std::uint64_t> out_bytes;  // as the app wrote them
  std::atomic<std::uint64_t> err_records;
  std::atomic<std::uint64_t> err_bytes;
  std::atomic<std::uint64_t> dropped;   // a record that two sinks could not take counts twice
  std::array<OfSink, kMaxSinks> sinks;  // in the order of PumpConfig::sinks
  std::atomic<bool> console_gone;
};
static_assert(std::atomic<std::uint64_t>::is_always_lock_free && std::atomic<bool>::is_always_lock_free);

struct PumpConfig {
  std::string instance;        // "web.1"
  std::size_t name_width = 0;  // pretty: width of the longest instance name
  int out_fd = -1;             // read ends of the app's pipes; made non-blocking and, where allowed, 1 MiB large
  int err_fd = -1;
  int control_fd = -1;  // readable or at its end: the app is gone; -1: only the end of both streams counts
  int console_out = 1;
  int console_err = 2;
  Format format = Format::json;
  bool colour = false;
  std::vector<OpenSink> sinks;  // of open_sinks()
  PumpCounters* counters = nullptr;
  std::chrono::milliseconds drain_idle{300};      // once the app is gone: the end after so long without a byte,
  std::chrono::milliseconds drain_at_most{5000};  // and after so long in any case
};

inline constexpr int kPumpDone = 0;
inline constexpr int kPumpConsoleGone = 3;

// Runs until both streams have ended. Once `control_fd` says that the app is gone while a descendant still holds a
// pipe open: until nothing came for `drain_idle`, `drain_at_most` in all, and never before what was in the pipes by
// then is read. Nothing is buffered when it returns kPumpDone. It returns kPumpConsoleGone at once when nobody reads
// the console and there is no other sink: close every copy of the read ends then, and the app gets the SIGPIPE that it
// would have got without us. With another sink the pump goes on, and the console's records count as dropped. A full
// console makes the pump wait, and through the pipe the app: as without us. Ignores SIGPIPE, SIGINT, SIGTERM, SIGQUIT,
// SIGHUP and SIGTTOU in this process: it ends by its pipes, and a record written just before Ctrl-C still comes
// through. Single-threaded; meant to run in a process forked for it, which must not hold write ends of the app's pipes.
[[nodiscard]] int run_pump(PumpConfig& config);

}  // namespace cofferdam::logs
