// Records to JSON Lines.
#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <string_view>
#include <vector>

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
  // A number that mostly goes up by one: its digits are counted up in place.
  class Counter {
   public:
    // Writes the digits of `value`, with zeros in front up to `width`; returns one past the last.
    char* put(std::uint64_t value, std::size_t width, char* out);

   private:
    static constexpr std::size_t kDigits = 20;
    std::array<char, 2 * kDigits> digits_{};  // the second half only so that a copy may be of constant size
    std::size_t begin_ = kDigits;             // of the digits
    std::uint64_t value_ = 0;
  };
  // What stands between seq and message; longer only for long names of instances.
  struct Middle {
    static constexpr std::size_t kUsual = 96;
    std::array<char, 2048> text{};
    std::size_t size = 0;
  };

  char* put_time(std::int64_t time, char* out);

  std::vector<Middle> middles_;         // ,"instance":...,"level":"info", for each stream and level
  std::int64_t second_ = -1;            // nanoseconds at which `second_text_` begins
  std::array<char, 27> second_text_{};  // {"ts":"2026-01-31T12:00:00.
  Counter nanoseconds_;
  Counter seq_;
};

}  // namespace cofferdam::logs
