#include "logs/queue/gap.hpp"

#include <algorithm>
#include <cstring>

#include "base/text.hpp"

namespace cofferdam::logs {

namespace {

bool names(std::string_view reasons, std::string_view reason) {
  for (const std::string_view one : base::split(reasons, ';')) {
    if (one == reason || (one.starts_with(' ') && one.substr(1) == reason)) return true;
  }
  return false;
}

void add_reason(Gap& gap, std::string_view reason) {
  const std::string_view before = gap.why();
  if (reason.empty() || names(before, reason)) return;
  const std::string_view separator = before.empty() ? "" : "; ";
  const std::size_t room = gap.reason.size() - 1 - before.size();
  // What is in there already stays whole; half a second reason would say nothing.
  if (!before.empty() && separator.size() + reason.size() > room) return;
  char* out = gap.reason.data() + before.size();
  out = std::copy(separator.begin(), separator.end(), out);
  const std::string_view fits = reason.substr(0, room - separator.size());
  out = std::copy(fits.begin(), fits.end(), out);
  *out = '\0';
}

}  // namespace

std::string_view Gap::why() const {
  return {reason.data(), strnlen(reason.data(), reason.size() - 1)};
}

void Gap::add(const PackedHead& lost, std::string_view reason_of_it) {
  const bool is_gap = lost.gap_count != 0;
  if (count == 0) {
    *this = Gap{};
    first = is_gap ? lost.gap_first : lost.seq;
  }
  count += is_gap ? lost.gap_count : 1;
  last = lost.seq;
  time = lost.time;
  add_reason(*this, reason_of_it);
}

void Gap::add(const Gap& later) {
  if (later.count == 0) return;
  if (count == 0) {
    *this = later;
    return;
  }
  count += later.count;
  last = later.last;
  time = later.time;
  add_reason(*this, later.why());
}

Record gap_record(const Gap& gap, std::string& message) {
  message = base::plural(gap.count, "record") + " lost here: " + std::string(gap.why());
  Record record;
  record.time = gap.time;
  record.seq = gap.last;
  record.stream = Stream::own;
  record.level = LogLevel::warning;
  record.message = message;
  record.gap_count = gap.count;
  record.gap_first = gap.first;
  record.gap_reason = gap.why();
  return record;
}

}  // namespace cofferdam::logs
