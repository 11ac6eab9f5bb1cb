// A record to a Sentry envelope with one event (develop.sentry.dev/sdk/data-model/envelopes, .../event-payloads).
#pragma once

#include <string>
#include <string_view>

#include "logs/record.hpp"

namespace cofferdam::logs {

// What a record becomes:
//   event_id            from host, instance, time and seq: the same record is the same event, however often it comes
//   timestamp, level    critical is Sentry's fatal
//   exception           when the message, or a field of the names that loggers use (exception, exc_info, stack_trace,
//                       stack, also inside error or err), is a stack trace (stack_trace.hpp); and a crash by a signal
//   logentry            the message; beside an exception the logger's line before it
//   tags                instance, stream, app; code (of a finding), signal, partial where they apply
//   extra               seq, the fields with their JSON types, and the trace as it was written
//   contexts.trace      of a record with trace and span id; a lone trace id is a tag
//   logger              the field `logger`; "cofferdam" for its own records
//   fingerprint         of gaps only: they are one issue; all else is grouped by Sentry
// Bytes that are no UTF-8 become U+FFFD.
class SentryEncoder {
 public:
  struct Origin {
    std::string instance, app, host, environment, release;  // empty: left out
  };
  explicit SentryEncoder(Origin origin) : origin_(std::move(origin)) {}

  [[nodiscard]] std::string encode(const Record& record) const;

 private:
  [[nodiscard]] std::string event_id(const Record& record) const;

  Origin origin_;
};

}  // namespace cofferdam::logs
