// Who wrote which path, in as few bytes as that takes: paths are known by their hash alone.
#pragma once

#include <cstddef>
#include <cstdint>
#include <ctime>
#include <deque>
#include <string_view>
#include <utility>
#include <vector>

namespace cofferdam::report {

// 64 bits: two paths of one run share a value with a chance of one in 10^8 at 500,000 paths; one of them would then
// name the writers of the other.
using PathHash = std::uint64_t;
[[nodiscard]] PathHash hash_path(std::string_view path);

// Nanoseconds since the epoch.
[[nodiscard]] std::int64_t to_nanoseconds(const std::timespec& time);
[[nodiscard]] std::timespec to_timespec(std::int64_t nanoseconds);

inline constexpr std::uint16_t kNobody = 0xffff;

// One process that wrote one path.
struct Mark {
  std::int64_t first = 0;  // nanoseconds since the epoch
  std::int64_t last = 0;
  std::uint32_t count = 0;  // stays at its largest value
  std::uint16_t process = kNobody;
  std::uint16_t next = 0;  // the next mark of the same path, 0 for none

  void add(std::uint32_t more, std::int64_t from, std::int64_t to);
};

struct Trace {
  PathHash path = 0;
  Mark writer;                // the first of its marks
  std::uint32_t removed = 0;  // number of the write that took it away, 0 for none
  bool moved_here = false;
};
static_assert(sizeof(Trace) == 40);

// Traces by path. They never move, so a pointer to one stays good.
class TraceTable {
 public:
  [[nodiscard]] const Trace* find(PathHash path) const;
  [[nodiscard]] Trace* find(PathHash path) { return const_cast<Trace*>(std::as_const(*this).find(path)); }
  // `path` must not be there yet.
  Trace& insert(PathHash path);
  [[nodiscard]] std::size_t size() const { return traces_.size(); }
  // Bytes held, for tests of the bound.
  [[nodiscard]] std::size_t bytes() const { return traces_.size() * sizeof(Trace) + slots_.size() * sizeof slots_[0]; }

 private:
  void place(std::uint32_t number);

  std::deque<Trace> traces_;
  std::vector<std::uint32_t> slots_;  // number of the trace from 1, 0 for none; a power of two of them
};

}  // namespace cofferdam::report
