// Records to JSON Lines.
#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>

#include "logs/out_buffer.hpp"
#include "logs/record.hpp"

namespace cofferdam::logs {

// One encoder an instance:
//   {"ts":"...","seq":1,"instance":"web.1","stream":"stdout","level":"info","message":"..."}
// A message that is no UTF-8 stands as "message_b64" with "encoding":"base64"; an unterminated line has "eol":false, a
// part of a long one "partial":{"id","n","last"}. Then "trace_id", "span_id", "fields":{...} and, of a gap,
// "gap":{"first","last","count","reason"}, where they apply.
class JsonEncoder {
 public:
  // `instance` is at most 255 bytes; more is cut.
  explicit JsonEncoder(std::string_view instance);

  // Bytes of a record, with its line feed, beside the escaped message and the fields, at most.
  [[nodiscard]] std::size_t overhead() const;

  void append(const Record& record, OutBuffer& out);

 private:
  char* put_time(std::int64_t time, char* out);

  std::array<std::array<std::string, kLogLevels>, kLogStreams> middles_;  // ,"instance":...,"level":"info",
  std::int64_t second_ = -1;                                              // nanoseconds at which `second_text_` begins
  std::array<char, 27> second_text_{};                                    // {"ts":"2026-01-31T12:00:00.
};

}  // namespace cofferdam::logs
