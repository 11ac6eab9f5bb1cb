// What programs send to /dev/log: the form of syslog(3), RFC 3164 without a host name, and RFC 5424.
#pragma once

#include <optional>
#include <string_view>

#include "cofferdam/logs.hpp"

namespace cofferdam::logs {

struct SyslogLine {
  LogLevel level = LogLevel::info;
  std::string_view facility;  // "daemon"; empty when there is no priority
  std::string_view ident;     // "nginx"; empty when the line has none
  std::string_view pid;       // digits, or empty
  std::string_view message;   // what the program said, any bytes
};

// Never fails: what can't be read is part of the message. The time is dropped, as every record has its own. Views point
// into `datagram`; a line feed or NUL at its end, which some programs send, is not part of the message.
[[nodiscard]] SyslogLine parse_syslog(std::string_view datagram);

}  // namespace cofferdam::logs
