#include "report/traces.hpp"

#include <algorithm>
#include <functional>
#include <limits>

namespace cofferdam::report {

namespace {

constexpr std::int64_t kSecond = 1'000'000'000;
constexpr std::size_t kFewestSlots = 256;

}  // namespace

PathHash hash_path(std::string_view path) {
  return std::hash<std::string_view>{}(path);
}

std::int64_t to_nanoseconds(const std::timespec& time) {
  return static_cast<std::int64_t>(time.tv_sec) * kSecond + time.tv_nsec;
}

std::timespec to_timespec(std::int64_t nanoseconds) {
  return {nanoseconds / kSecond, nanoseconds % kSecond};
}

void Mark::add(std::uint32_t more, std::int64_t from, std::int64_t to) {
  first = count == 0 ? from : std::min(first, from);
  last = std::max(last, to);
  count += std::min(more, std::numeric_limits<std::uint32_t>::max() - count);
}

const Trace* TraceTable::find(PathHash path) const {
  if (slots_.empty()) return nullptr;
  const std::size_t mask = slots_.size() - 1;
  for (std::size_t at = path & mask; slots_[at] != 0; at = (at + 1) & mask) {
    const Trace& trace = traces_[slots_[at] - 1];
    if (trace.path == path) return &trace;
  }
  return nullptr;
}

Trace& TraceTable::insert(PathHash path) {
  // At most three quarters are in use: an unlucky search stays short.
  if (4 * (traces_.size() + 1) > 3 * slots_.size()) {
    slots_.assign(std::max(kFewestSlots, 2 * slots_.size()), 0);
    for (std::uint32_t number = 1; number <= traces_.size(); ++number) place(number);
  }
  traces_.push_back({.path = path, .writer = {}, .removed = 0, .moved_here = false});
  place(static_cast<std::uint32_t>(traces_.size()));
  return traces_.back();
}

void TraceTable::place(std::uint32_t number) {
  const std::size_t mask = slots_.size() - 1;
  std::size_t at = traces_[number - 1].path & mask;
  while (slots_[at] != 0) at = (at + 1) & mask;
  slots_[at] = number;
}

}  // namespace cofferdam::report
