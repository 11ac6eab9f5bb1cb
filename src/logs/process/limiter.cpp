#include "logs/process/limiter.hpp"

#include <algorithm>
#include <charconv>

#include "base/text.hpp"

namespace cofferdam::logs {

namespace {

constexpr std::int64_t kSummaryAfter = 1000;
constexpr std::uint64_t kOne = 1000;                   // a record, in tokens
constexpr std::uint64_t kMostRecords = 1'000'000'000;  // a second or at once: more is no limit in practice
constexpr std::uint64_t kTraceSpace = 1ULL << 56U;     // values of the random part of a trace id
constexpr std::size_t kTraceDigits = 14;

}  // namespace

Limiter::Limiter(const LogParse& parse)
    : rate_(std::min(parse.rate, kMostRecords)),
      capacity_(std::clamp<std::uint64_t>(parse.burst == 0 ? parse.rate : parse.burst, 1, kMostRecords) * kOne),
      sample_(std::max<std::uint64_t>(parse.sample, 1)) {
  for (std::size_t i = 0; i < kLogStreams; ++i) {
    PerStream& stream = streams_.at(i);
    stream.tokens = capacity_;
    for (std::size_t reason = 0; reason < kLimitReasons; ++reason) {
      stream.left_out.at(reason).stream = static_cast<Stream>(i);
      stream.left_out.at(reason).reason = static_cast<LimitReason>(reason);
    }
  }
}

bool Limiter::admit(Stream stream, LogLevel level, std::string_view trace_id, std::int64_t now_ms) {
  if (stream == Stream::own) return true;
  PerStream& state = streams_[index_of(stream)];
  const auto leave_out = [&](LimitReason reason) {
    Suppressed& left_out = state.left_out[static_cast<std::size_t>(reason)];
    if (left_out.count++ == 0) left_out.first_ms = now_ms;
    left_out.last_ms = now_ms;
    return false;
  };
  if (sample_ > 1 && level < LogLevel::warning && !is_in_sample(state, trace_id)) {
    return leave_out(LimitReason::sampling);
  }
  if (rate_ > 0 && level != LogLevel::critical && !take_token(state, now_ms)) return leave_out(LimitReason::rate);
  return true;
}

bool Limiter::is_in_sample(PerStream& stream, std::string_view trace_id) const {
  std::uint64_t random = 0;
  if (trace_id.size() >= kTraceDigits) {
    const char* const end = trace_id.data() + trace_id.size();
    const auto read = std::from_chars(end - kTraceDigits, end, random, 16);
    if (read.ec == std::errc() && read.ptr == end) return random >= kTraceSpace - kTraceSpace / sample_;
  }
  return stream.seen++ % sample_ == 0;
}

bool Limiter::take_token(PerStream& stream, std::int64_t now_ms) const {
  // What `rate` records a second are in thousandths a millisecond; no more milliseconds than fill the bucket.
  const std::uint64_t enough = (capacity_ - stream.tokens) / rate_ + 1;
  const auto elapsed = static_cast<std::uint64_t>(std::max<std::int64_t>(now_ms - stream.filled_ms, 0));
  stream.tokens = std::min(stream.tokens + std::min(elapsed, enough) * rate_, capacity_);
  stream.filled_ms = std::max(stream.filled_ms, now_ms);
  if (stream.tokens < kOne) return false;
  stream.tokens -= kOne;
  return true;
}

std::optional<std::int64_t> Limiter::due() const {
  std::optional<std::int64_t> next;
  for (const PerStream& stream : streams_) {
    for (const Suppressed& left_out : stream.left_out) {
      if (left_out.count == 0) continue;
      const std::int64_t when = left_out.first_ms + kSummaryAfter;
      next = next ? std::min(*next, when) : when;
    }
  }
  return next;
}

std::optional<Suppressed> Limiter::take_due(std::int64_t now_ms) {
  for (PerStream& stream : streams_) {
    for (Suppressed& left_out : stream.left_out) {
      if (left_out.count == 0 || now_ms - left_out.first_ms < kSummaryAfter) continue;
      const Suppressed taken = left_out;
      left_out.count = 0;
      return taken;
    }
  }
  return std::nullopt;
}

std::optional<Suppressed> Limiter::take_rest() {
  const auto when = due();
  return when ? take_due(*when) : std::nullopt;
}

std::string Limiter::describe(const Suppressed& suppressed) const {
  std::string text = base::grouped(suppressed.count) + (suppressed.count == 1 ? " record of " : " records of ") +
                     cofferdam::to_string(suppressed.stream) + (suppressed.count == 1 ? " was" : " were") +
                     " left out: ";
  if (suppressed.reason == LimitReason::rate) {
    return text + "the rate is limited to " + base::grouped(rate_) + " a second (logs.parse.rate)";
  }
  return text + "one in " + base::grouped(sample_) + " below warning is kept (logs.parse.sample)";
}

}  // namespace cofferdam::logs
