#include "policy/log_address.hpp"

#include <gtest/gtest.h>

#include <string>

namespace cofferdam::policy {
namespace {

using Type = LogSink::Type;

// "host:port", the path of a socket, or "error".
std::string place_of(Type type, const std::string& address) {
  LogSink sink;
  sink.type = type;
  sink.address = address;
  const auto parsed = parse_log_address(sink);
  if (!parsed) return "error";
  return parsed->path.empty() ? parsed->host + " " + std::to_string(parsed->port) : parsed->path;
}

TEST(LogAddress, HasThePortThatItsTypeUses) {
  EXPECT_EQ(place_of(Type::otlp, "http://Collector:4318/v1/logs?x=1"), "collector 4318");
  EXPECT_EQ(place_of(Type::otlp, "https://collector.example"), "collector.example 443");
  EXPECT_EQ(place_of(Type::otlp, "http://user:a:b@[::1]/"), "::1 80");
  EXPECT_EQ(place_of(Type::fluentd, "127.0.0.1"), "127.0.0.1 24224");
  EXPECT_EQ(place_of(Type::fluentd, "[fd00::1]:1"), "fd00::1 1");
  EXPECT_EQ(place_of(Type::syslog, "udp://log"), "log 514");
  EXPECT_EQ(place_of(Type::syslog, "tcp://log/"), "log 601");
  EXPECT_EQ(place_of(Type::syslog, "tls://log"), "log 6514");
  EXPECT_EQ(place_of(Type::syslog, "unix:/dev/log"), "/dev/log");
  EXPECT_EQ(place_of(Type::syslog, "/run/log"), "/run/log");
  EXPECT_EQ(place_of(Type::sentry, "https://key@o1.ingest.example:8443/sub/42"), "o1.ingest.example 8443");
  EXPECT_EQ(place_of(Type::sentry, "http://key:secret@localhost:9000/1"), "localhost 9000");
}

TEST(LogAddress, RefusesWhatNoClientCouldUse) {
  for (const char* text : {"", "collector:4318", "grpc://a", "http://", "http://a:x", "http://a:65536", "http://a b",
                           "http://[::1", "http://[::1]4318", "http://[fe80::1%]:", "http://a:"}) {
    EXPECT_EQ(place_of(Type::otlp, text), "error") << text;
  }
  for (const char* text : {"", ":24224", "a:", "a:0", "a:b", "a/b", "::1", "::1:24224", "tcp://a:24224"}) {
    EXPECT_EQ(place_of(Type::fluentd, text), "error") << text;
  }
  for (const char* text : {"", "log", "log:514", "unix:log", "relp://a", "udp://", "tcp://a:0", "http://a"}) {
    EXPECT_EQ(place_of(Type::syslog, text), "error") << text;
  }
  for (const char* text : {"", "key@host/1", "https://host/1", "https://@host/1", "https://key@host",
                           "https://key@host/", "https://key@host/name", "https://key@/1", "udp://key@host/1"}) {
    EXPECT_EQ(place_of(Type::sentry, text), "error") << text;
  }
}

}  // namespace
}  // namespace cofferdam::policy
