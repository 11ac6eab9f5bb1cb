// The pump: a process of its own that carries the app's output from its pipes to the sinks.
#pragma once

#include <chrono>
#include <cstddef>
#include <cstdint>
#include <span>
#include <string>
#include <vector>

#include "logs/pump_memory.hpp"
#include "logs/sinks/open.hpp"
#include "logs/sinks/sender.hpp"
#include "logs/sinks/sink.hpp"

namespace cofferdam::logs {

// How the console sink writes: aligned text for people, JSON Lines, or the app's bytes as they are.
enum class Format : std::uint8_t { pretty, json, raw };

struct PumpConfig {
  std::string instance;        // "web.1"
  std::size_t name_width = 0;  // pretty: width of the longest instance name
  int out_fd = -1;             // read ends of the app's pipes; made non-blocking and, where allowed, 1 MiB large
  int err_fd = -1;
  int syslog_fd = -1;   // the instance's /dev/log, a datagram socket; -1: it has none
  int own_fd = -1;      // a SOCK_SEQPACKET socket, with packed records of cofferdam's own; -1: no sink wants them
  int news_fd = -1;     // an eventfd that is written to when a sink changes in a way that people are told of; -1: none
  int control_fd = -1;  // readable or at its end: the app is gone; -1: only the end of both streams counts
  int console_out = 1;
  int console_err = 2;
  Format format = Format::json;  // of a console whose sink does not say
  bool colour = false;
  LogParse parse;
  std::vector<std::string> secrets;  // values that no record may show
  std::uint32_t max_record = 16384;
  std::vector<OpenSink> sinks;  // of open_sinks()
  // For each sink that is queued, in the order of `sinks`: queue_memory(LogSink::buffer) bytes, MAP_SHARED and zero at
  // first.
  std::vector<std::span<std::byte>> queues;
  int spill_fd = -1;             // directory of open_spill(); -1: no spill
  std::uint64_t spill_size = 0;  // of all sinks together
  SenderContext context;
  std::chrono::milliseconds shutdown_timeout{8000};  // for the queued sinks, once everything has been read
  PumpMemory* memory = nullptr;
  std::chrono::milliseconds drain_idle{300};      // once the app is gone: the end after so long without a byte,
  std::chrono::milliseconds drain_at_most{5000};  // and after so long in any case

  [[nodiscard]] Encoding encoding_of(const OpenSink& sink) const;
};

inline constexpr int kPumpDone = 0;
inline constexpr int kPumpConsoleGone = 3;

// Runs until both streams have ended, and own_fd has. Once `control_fd` says that the app is gone while a descendant
// still holds a pipe open: until nothing came for `drain_idle`, `drain_at_most` in all, and never before what was in
// the pipes by then is read. Nothing is buffered when it returns kPumpDone. It returns kPumpConsoleGone at once when
// nobody reads the console and there is no other sink: close every copy of the read ends then, and the app gets the
// SIGPIPE that it would have got without us. With another sink the pump goes on, and the console's records count as
// dropped. A full console makes the pump wait, and through the pipe the app: as without us. Ignores SIGPIPE, SIGINT,
// SIGTERM, SIGQUIT, SIGHUP and SIGTTOU in this process: it ends by its pipes, and a record written just before Ctrl-C
// still comes through. Meant to run in a process forked for it, which must not hold write ends of the app's pipes.
//
// A pump that takes over from one that crashed goes on where that one stood, with the same memory: no byte is lost;
// records that had left for a sink just before may come twice, with the same `seq`.
[[nodiscard]] int run_pump(PumpConfig& config);

}  // namespace cofferdam::logs
