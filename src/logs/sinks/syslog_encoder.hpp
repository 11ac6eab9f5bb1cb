// Records to syslog messages (RFC 5424).
#pragma once

#include <cstddef>
#include <cstdint>
#include <span>
#include <string>
#include <string_view>

#include "logs/record.hpp"
#include "logs/sinks/sender.hpp"

namespace cofferdam::logs {

// <PRI>1 TIME HOST APP PROCID MSGID [SD] MSG: PROCID is the instance, MSGID the stream, the time has six digits after
// the second, the structured data [meta sequenceId="N"] and, where there is something to say, [cofferdam@32473 ...]
// with the record's fields, partial_id, partial_n, partial_last, eol, trace_id, span_id, gap_count, gap_first and
// gap_reason. MSG is the message as it is, without a byte order mark. (32473 is the number that RFC 5612 gives to
// examples: cofferdam has none of its own.) Control characters in values are #012 and the like. Fields that leave no
// room for the message in `max_message` stand behind it instead.
//
// A message of more than `max_message` bytes becomes several, cut between characters, with part="N" in each and
// more="true" in all but the last.
class SyslogEncoder {
 public:
  struct Options {
    int facility = 1;  // RFC 5424 table 1: 1 is user
    std::string host;
    std::string app;
    std::string instance;
    std::size_t max_message = 8000;
    // The form of syslog(3), which daemons expect on their local socket: <PRI>Nov 22 10:00:00 APP[INSTANCE]: MSG, in
    // local time; fields follow the message as key=value.
    bool local = false;
    bool one_line = false;  // line feeds become #012, as rsyslog writes them: the framing is by line feeds
  };
  explicit SyslogEncoder(const Options& options);

  // Frames of RFC 6587: the length in decimal, a space, the message.
  [[nodiscard]] std::string encode(std::span<const Record> records) const;

 private:
  void append(const Record& record, std::string& out) const;
  void append_local(const Record& record, std::string& out) const;

  Options options_;
  std::string middle_;  // " HOST APP PROCID "
};

// The number of a facility's name; -1 when there is none.
[[nodiscard]] int syslog_facility(std::string_view name);

// Takes the first frame off `frames` and returns its message; empty when there is none.
[[nodiscard]] std::string_view take_frame(std::string_view& frames);

}  // namespace cofferdam::logs
