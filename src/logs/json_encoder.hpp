// Records to JSON Lines.
#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <cstring>
#include <limits>
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
  [[nodiscard]] std::size_t overhead() const { return overhead_; }

  void append(const Record& record, OutBuffer& out);

 private:
  // Time and number of a record as text. Both mostly are one more than the record's before: then they are counted up
  // in place.
  class Head {
   public:
    static constexpr std::size_t kTime = 7;  // {"ts":"
    static constexpr std::size_t kSecond = 20;
    static constexpr std::size_t kNanoseconds = 9;
    static constexpr std::size_t kDigits = 20;

    void set(std::int64_t time, std::uint64_t seq) {
      const bool next = time == time_ + 1 && seq == seq_ + 1;
      time_ = time;
      seq_ = seq;
      if (!next || !count_up(kSeq - kGap - 1) || !count_up(size_ - 1)) render();
    }
    // Writes the head, and more behind it that is overwritten later: kMost bytes in all. Returns one past the head.
    char* put(char* out) const {
      std::memcpy(out, text_.data(), kMost);
      return out + size_;
    }

   private:
    static constexpr std::size_t kGap = 9;  // Z","seq":
    static constexpr std::size_t kSeq = kTime + kSecond + kNanoseconds + kGap;
    static constexpr std::size_t kMost = 80;
    static_assert(kMost >= kSeq + kDigits);

    // The number whose last digit is at `last`. False, with digits spoilt, when it would get longer or reach the
    // second.
    bool count_up(std::size_t last) {
      if (text_[last] != '9') [[likely]] {
        ++text_[last];
        return true;
      }
      return carry(last);
    }
    bool carry(std::size_t last);
    void render();

    std::int64_t time_ = std::numeric_limits<std::int64_t>::min();
    std::uint64_t seq_ = 0;
    std::size_t size_ = 0;
    std::int64_t second_ = -1;  // of the time that is rendered
    std::array<char, kMost> text_{};
  };
  // What stands between seq and message; longer only for long names of instances.
  struct Middle {
    static constexpr std::size_t kUsual = 80;
    std::array<char, 2048> text{};
    std::size_t size = 0;
  };

  std::vector<Middle> middles_;  // ,"instance":...,"level":"info", for each stream and level
  std::size_t overhead_ = 0;
  Head head_;
};

}  // namespace cofferdam::logs
