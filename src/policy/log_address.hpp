// Where a log sink sends to, as far as its text tells.
#pragma once

#include <cstdint>
#include <string>

#include "cofferdam/logs.hpp"
#include "policy/values.hpp"

namespace cofferdam::policy {

struct LogAddress {
  std::string host;        // name or IP literal without brackets, lower case; empty for a unix socket
  std::uint16_t port = 0;  // the type's usual one where the text has none
  std::string path;        // of a unix socket: absolute
};

// Of a network sink; `address` is no reference to the environment any more. otlp: http://host[:port][/path] or https;
// fluentd: host[:port]; syslog: unix:/path, udp://host[:port], tcp:// or tls://; sentry:
// https://KEY@host[:port]/PROJECT. Errors say what is wrong and show nothing of a DSN but its host.
[[nodiscard]] Value<LogAddress> parse_log_address(const LogSink& sink);

}  // namespace cofferdam::policy
