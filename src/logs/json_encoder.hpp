// Lines to JSON records.
#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <ctime>
#include <string>
#include <string_view>

#include "logs/level.hpp"
#include "logs/out_buffer.hpp"
#include "logs/record.hpp"

namespace cofferdam::logs {

// The clock of the records: each call of next() gives a later nanosecond than the one before, whatever the system's
// clock does. Stores that know an entry by its time (Loki) keep every record, and a retry is recognised.
class RecordClock {
 public:
  static constexpr std::size_t kSize = 30;  // 2026-01-31T12:00:00.123456789Z

  // The time of a batch, read once; the records of the batch follow it by a nanosecond each.
  void set(const std::timespec& now);
  // Writes the next time, kSize characters; returns one past the last.
  char* next(char* out);

 private:
  void render_second();

  std::int64_t second_ = 0;
  std::int64_t nanosecond_ = 0;  // of the next record
  std::array<char, 20> text_{};  // "2026-01-31T12:00:00." of `rendered_`
  std::int64_t rendered_ = -1;
};

// One encoder an instance: `seq` counts its records from 1 without holes, over both streams.
//   {"ts":"...","seq":1,"instance":"web.1","stream":"stdout","level":"info","message":"..."}
// A line that is no UTF-8 has "message_b64" and "encoding":"base64" instead of "message"; an unterminated one has
// "eol":false. A record with its line feed is at most kMaxRecord bytes, since container runtimes break longer lines:
// a longer line becomes several records with "partial":{"id","n","last"}, cut between characters; the messages of
// one id, in order of n and decoded where they are base64, are the line.
class JsonEncoder {
 public:
  static constexpr std::size_t kMaxRecord = 16384;

  // `instance` is at most 255 bytes.
  explicit JsonEncoder(std::string_view instance);

  void set_time(const std::timespec& now) { clock_.set(now); }
  void append(const Piece& piece, OutBuffer& out);

 private:
  struct Line {
    LogLevel level = LogLevel::info;
    std::uint64_t id = 0;  // of the partial records of the current line, 0 when it has none so far
    std::uint64_t n = 0;
  };

  std::size_t append_record(const Piece& piece, std::string_view rest, Line& line, OutBuffer& out);

  RecordClock clock_;
  std::uint64_t seq_ = 0;
  std::uint64_t last_id_ = 0;
  std::array<Line, 2> lines_;
  std::array<std::array<std::string, kLogLevels>, 2> middles_;  // ,"instance":...,"level":"info",
};

}  // namespace cofferdam::logs
