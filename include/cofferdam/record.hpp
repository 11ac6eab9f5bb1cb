// A log record as the `json` format of the console, file and stdout sinks writes it: one line of the app's output.
#pragma once

#include <cstdint>
#include <ctime>
#include <map>
#include <string>
#include <string_view>

#include "cofferdam/logs.hpp"
#include "cofferdam/result.hpp"

namespace cofferdam {

struct LogRecord {
  std::timespec ts{};     // CLOCK_REALTIME, when the line was read
  std::uint64_t seq = 0;  // of its instance, from 1; a hole is told by a record with `gap_reason`
  std::string instance;   // "web.1"
  LogStream stream = LogStream::out;
  LogLevel level = LogLevel::info;
  std::string message;    // the app's bytes, without the line feed; not always UTF-8
  bool ends_line = true;  // false: the app ended without a line feed, or a later part of a long line follows
  std::map<std::string, std::string> fields;  // a text as it is, anything else as JSON
  std::string trace_id;
  std::string span_id;
  std::uint64_t gap_count = 0;  // records that are missing before this one
  std::string gap_reason;
};

// The record that one line holds. Keys that are missing or unknown are no mistake (another release); the error says
// what the line is instead. No exception leaves it. Safe to call from any thread.
[[nodiscard]] Result<LogRecord> parse_record(std::string_view line);

}  // namespace cofferdam
