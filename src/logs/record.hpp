// What travels through the log path: pieces of lines on the way in, records on the way out.
#pragma once

#include <cstddef>
#include <cstdint>
#include <span>
#include <string_view>

#include "cofferdam/logs.hpp"

namespace cofferdam::logs {

using Stream = LogStream;

[[nodiscard]] constexpr std::size_t index_of(Stream stream) {
  return static_cast<std::size_t>(stream);
}

// A line without its line feed, or a part of a line too long for memory. `first` and `last` say where in its line
// the piece stands; both are set for nearly every line. `eol` is false for the last piece of a stream that ended
// without a line feed. `bytes` are the app's own, whatever they are (CR, NUL, no UTF-8), and valid during the call.
struct Piece {
  Stream stream = Stream::out;
  std::string_view bytes;
  bool first = true;
  bool last = true;
  bool eol = true;
};

// A member of a record beside its message. `json` is one valid JSON value in UTF-8, as it was written.
struct Field {
  std::string_view key;  // UTF-8, not escaped, at most 255 bytes
  std::string_view json;
};

// One record as every sink sees it. The views are valid during the call that is given the record.
struct Record {
  std::int64_t time = 0;  // nanoseconds since 1970; later than that of the record before
  std::uint64_t seq = 0;  // counts the records of an instance from 1, without holes, over all streams
  Stream stream = Stream::out;
  LogLevel level = LogLevel::info;
  // The app's bytes, without the line feed: any bytes, also no UTF-8. Joined lines have line feeds in it.
  std::string_view message;
  bool text = true;  // `message` is valid UTF-8
  bool eol = true;   // false: the stream ended without a line feed
  // Of a line longer than one record: all parts of a line have the same id (from 1), count from 1, and one is the last.
  std::uint64_t partial_id = 0;  // 0: the record is a whole line
  std::uint64_t partial_n = 0;
  bool partial_last = true;
  std::span<const Field> fields;  // in the order of the line; never a key that the record has itself
  std::string_view trace_id;      // 32 lower-case hexadecimal digits, or empty
  std::string_view span_id;       // 16, or empty

  // A gap: records that this sink will not get. `seq` is the last of them, `message` says it for people, `stream` is
  // Stream::own, the level warning. 0 for every other record.
  std::uint64_t gap_count = 0;
  std::uint64_t gap_first = 0;  // the first lost one's seq
  std::string_view gap_reason;  // "buffer full", "rejected by the server", ...
};

}  // namespace cofferdam::logs
