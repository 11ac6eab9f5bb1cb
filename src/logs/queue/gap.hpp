// Records that a sink will not get, remembered at their place in the order.
#pragma once

#include <array>
#include <cstdint>
#include <string>
#include <string_view>

#include "logs/queue/packed.hpp"
#include "logs/record.hpp"

namespace cofferdam::logs {

// Lives in shared memory. `count` is counted, not derived: a sink need not get every sequence number.
struct Gap {
  std::uint64_t count = 0;  // 0: there is no gap
  std::uint64_t first = 0;  // sequence numbers of the first and the last lost record
  std::uint64_t last = 0;
  std::int64_t time = 0;          // of the last lost record
  std::array<char, 96> reason{};  // ends with a zero byte

  [[nodiscard]] bool empty() const { return count == 0; }
  [[nodiscard]] std::string_view why() const;

  // A lost record, or a lost announcement of several. What is added comes after what is in the gap. Two reasons are
  // named both, the first ones that fit.
  void add(const PackedHead& lost, std::string_view reason);
  void add(const Gap& later);
};

// The record that announces the gap; its views point into `gap` and `message`.
[[nodiscard]] Record gap_record(const Gap& gap, std::string& message);

}  // namespace cofferdam::logs
