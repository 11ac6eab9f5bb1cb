#include "logs/process/known_keys.hpp"

#include <algorithm>
#include <array>

namespace cofferdam::logs {

namespace {

using enum KeyRole;

constexpr KnownKey kKnown[] = {
    {"msg", message, 0},
    {"message", message, 1},
    {"event", message, 2},  // structlog
    {"@m", message, 3},     // Serilog, rendered
    {"@mt", message, 4},    // Serilog's template

    {"level", level, 0},
    {"severity", level, 1},
    {"lvl", level, 2},
    {"log.level", level, 3},  // Elastic Common Schema
    {"levelname", level, 4},
    {"level_name", level, 5},  // Monolog
    {"@l", level, 6},

    {"trace_id", trace_id, 0},
    {"traceId", trace_id, 1},
    {"traceID", trace_id, 2},
    {"TraceId", trace_id, 3},
    {"traceid", trace_id, 4},
    {"trace.id", trace_id, 5},     // Elastic Common Schema
    {"otelTraceID", trace_id, 6},  // OpenTelemetry for Python
    {"@tr", trace_id, 7},
    {"dd.trace_id", trace_id, 8, true},  // decimal, unless it has 128 bits

    {"span_id", span_id, 0},
    {"spanId", span_id, 1},
    {"spanID", span_id, 2},
    {"SpanId", span_id, 3},
    {"spanid", span_id, 4},
    {"span.id", span_id, 5},
    {"otelSpanID", span_id, 6},
    {"@sp", span_id, 7},
};

constexpr std::string_view kOfRecord[] = {"ts",      "seq",         "instance", "stream",  "level",
                                          "message", "message_b64", "encoding", "partial", "eol",
                                          "fields",  "gap",         "trace_id", "span_id"};

constexpr std::size_t kLongest = 11;

// A bit for each first letter of the known keys of a length: most keys are neither.
constexpr auto kFirstLetters = [] {
  std::array<std::uint32_t, kLongest + 1> letters{};
  const auto add = [&](std::string_view key) {
    letters.at(key.size()) |= 1U << (static_cast<unsigned>(key.front()) & 31U);
  };
  for (const KnownKey& known : kKnown) add(known.key);
  for (const std::string_view key : kOfRecord) add(key);
  return letters;
}();

bool may_be_known(std::string_view key) {
  return !key.empty() && key.size() <= kLongest &&
         (kFirstLetters[key.size()] >> (static_cast<unsigned>(key.front()) & 31U) & 1U) != 0;
}

}  // namespace

const KnownKey* find_known_key(std::string_view key) {
  if (!may_be_known(key)) return nullptr;
  const auto* const known = std::ranges::find(kKnown, key, &KnownKey::key);
  return known == std::end(kKnown) ? nullptr : known;
}

bool is_record_key(std::string_view key) {
  return may_be_known(key) && std::ranges::find(kOfRecord, key) != std::end(kOfRecord);
}

}  // namespace cofferdam::logs
