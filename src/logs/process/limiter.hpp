// Lets so many records a second through, and one in so many of the unimportant ones.
#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

#include "cofferdam/logs.hpp"
#include "logs/record.hpp"

namespace cofferdam::logs {

enum class LimitReason : std::uint8_t { sampling, rate };
inline constexpr std::size_t kLimitReasons = 2;
// For Record::gap_reason.
[[nodiscard]] constexpr const char* to_string(LimitReason reason) {
  return reason == LimitReason::rate ? "rate limit" : "sampling";
}

// Records of one stream that were left out for one reason.
struct Suppressed {
  Stream stream = Stream::out;
  LimitReason reason = LimitReason::rate;
  std::uint64_t count = 0;
  std::int64_t first_ms = 0;  // when the first of them came
  std::int64_t last_ms = 0;
};

// One an instance; each stream has a limit of its own. All times are milliseconds of a monotonic clock.
//
// Sampling (LogParse::sample = N) comes first: of the records below warning, one in N is kept. Records with a trace id
// are kept or left out by it, all of a trace alike, in all instances alike, and as OpenTelemetry's consistent
// probability sampling does it (the last 56 bits of the id against a threshold), so that the logs are those of the
// traces that a sampler of the same probability keeps. Of the others the first one is kept, then each Nth of the
// stream.
//
// Then the rate (LogParse::rate, burst): a bucket that holds `burst` records, is full at the start and gets `rate`
// records a second. It holds for every level but critical: a flood of errors is a flood, too, and the first of them
// pass. Records of cofferdam itself always pass.
//
// What is left out has no sequence number (those of a sink have no holes). Instead a summary is due a second after the
// first that was left out, once a second while it goes on: the caller makes a record of it, with `count` as its
// gap_count.
class Limiter {
 public:
  explicit Limiter(const LogParse& parse);

  struct PerStream {
    std::uint64_t tokens = 0;  // thousandths of a record
    std::int64_t filled_ms = 0;
    std::uint64_t seen = 0;  // records without a trace id that were subject to sampling
    std::array<Suppressed, kLimitReasons> left_out;
  };
  // What another limiter needs to go on.
  using State = std::array<PerStream, kLogStreams>;
  [[nodiscard]] const State& state() const { return streams_; }
  void restore(const State& state) { streams_ = state; }

  // Asked once a line, not once a piece.
  [[nodiscard]] bool admit(Stream stream, LogLevel level, std::string_view trace_id, std::int64_t now_ms);

  // When take_due() has something; nothing while nothing is left out.
  [[nodiscard]] std::optional<std::int64_t> due() const;
  // A summary that is due; call it until there is none.
  [[nodiscard]] std::optional<Suppressed> take_due(std::int64_t now_ms);
  // A summary of what is left, at the end.
  [[nodiscard]] std::optional<Suppressed> take_rest();

  // The summary for people: "120 records of stdout were left out: the rate is limited to 100 a second
  // (logs.parse.rate)".
  [[nodiscard]] std::string describe(const Suppressed& suppressed) const;

 private:
  [[nodiscard]] bool is_in_sample(PerStream& stream, std::string_view trace_id) const;
  [[nodiscard]] bool take_token(PerStream& stream, std::int64_t now_ms) const;

  std::uint64_t rate_;
  std::uint64_t capacity_;  // thousandths of a record
  std::uint64_t sample_;
  State streams_;
};

}  // namespace cofferdam::logs
