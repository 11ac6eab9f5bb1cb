// The `logs` part of a policy: where the app's output comes from, what is done with it, where it goes.
#pragma once

#include <array>
#include <chrono>
#include <cstdint>
#include <map>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "cofferdam/diagnostic.hpp"

namespace cofferdam {

enum class LogLevel : std::uint8_t { debug, info, warning, error, critical };
inline constexpr std::size_t kLogLevels = 5;
[[nodiscard]] constexpr const char* to_string(LogLevel level) {
  constexpr std::array<const char*, kLogLevels> kNames = {"debug", "info", "warning", "error", "critical"};
  return kNames.at(static_cast<std::size_t>(level));
}

// Where a record came from: the app's two streams, its /dev/log, or cofferdam itself (findings, crashes, gaps).
enum class LogStream : std::uint8_t { out, err, syslog, own };
inline constexpr std::size_t kLogStreams = 4;
[[nodiscard]] constexpr const char* to_string(LogStream stream) {
  constexpr std::array<const char*, kLogStreams> kNames = {"stdout", "stderr", "syslog", "cofferdam"};
  return kNames.at(static_cast<std::size_t>(stream));
}

enum class LogCapture : std::uint8_t { pipe, pty };

// What to do with a line that is a JSON object or logfmt. `keep`: the message is the line, only level, trace_id and
// span_id are read from it. `merge`: its members become fields of the record, its message the record's message. `nest`:
// as merge, with all members below one field named `data`.
enum class LogStructured : std::uint8_t { keep, merge, nest };

// All that may change what the app wrote. The default changes nothing: the messages, joined, are the app's bytes.
struct LogParse {
  LogStructured json = LogStructured::keep;
  LogStructured logfmt = LogStructured::keep;
  std::vector<std::string> multiline;      // names of kMultilineRules; empty: lines are not joined
  bool multiline_chosen = false;           // by the policy; else a sentry sink brings all of them
  bool strip_ansi = false;                 // `ansi: strip`
  std::vector<std::string> redact;         // names of kRedactRules; empty: none
  std::vector<std::string> redact_values;  // NAME of environment variables (glob) whose values are secrets
  std::uint64_t rate = 0;                  // records a second and stream that are let through; 0: no limit
  std::uint64_t burst = 0;                 // that may come at once; 0: the same as `rate`
  std::uint64_t sample = 1;                // of records below warning, one in so many is kept
};

// Which records a sink gets. All that is set must hold.
struct LogMatch {
  std::optional<LogLevel> at_least;
  std::vector<LogStream> streams;  // empty: all of the app's; `own` only where it is named (sentry: by default)
  std::string contains;            // in the message, byte for byte; empty: any

  friend bool operator==(const LogMatch&, const LogMatch&) = default;
};

struct LogRotation {
  std::uint64_t size = 0;       // bytes; a file that would be larger is rotated before; 0: never for its size
  std::chrono::seconds age{0};  // 0: never for its age
  std::uint32_t keep = 5;       // rotated files that stay, beside the current one
  std::uint64_t total = 0;      // bytes of all rotated files together (as stored); 0: no limit
  enum class Compress : std::uint8_t { none, gzip, zstd } compress = Compress::none;
};

struct LogSink {
  enum class Type : std::uint8_t { console, file, otlp, fluentd, syslog, sentry };
  // When the sink's memory is used up: the app waits; records go to the spill (and, when that is full, the oldest of
  // them are dropped); the oldest or the newest are dropped. A drop is always announced.
  enum class WhenFull : std::uint8_t { block, spill, drop_oldest, drop_newest };
  // console and file. `automatic` (console): what the command line says, else pretty on a terminal, json elsewhere.
  enum class Format : std::uint8_t { automatic, pretty, json, raw };
  enum class Compress : std::uint8_t { none, gzip };

  Type type = Type::console;
  std::string name;  // in reports and notices; each is there once. The type, with a number where there are several,
                     // unless it is given
  LogMatch match;
  WhenFull when_full = WhenFull::block;
  bool when_full_chosen = false;       // by the policy; else network sinks get spill where there is one, or drop_oldest
  std::uint64_t buffer = 16ULL << 20;  // bytes of memory for records that wait
  std::string fallback;                // file on the host for what could never be delivered; empty: none
  bool require = false;                // the start fails when the sink can't be reached
  std::chrono::milliseconds timeout{10000};  // of one attempt, from the connection to the answer
  Origin origin;

  Format format = Format::automatic;  // console, file
  std::string path;                   // file: absolute, on the host, outside the instance
  LogRotation rotate;                 // file

  // otlp: http(s)://host:port[/path] (without a path /v1/logs); fluentd: host:port; syslog: unix:/path,
  // udp://host:port, tcp://host:port, tls://host:port; sentry: the DSN. A value "env:NAME" has been replaced by then
  // (see plan).
  std::string address;
  bool tls = false;                             // fluentd; the others say it in the address
  std::string ca_file;                          // PEM; empty: the system's bundle
  bool verify = true;                           // of the server's certificate
  std::map<std::string, std::string> headers;   // otlp
  std::map<std::string, std::string> resource;  // otlp resource attributes; service.name defaults to the app's name
  bool json = false;                            // otlp: `encoding: json` instead of protobuf
  Compress compress = Compress::none;           // otlp, fluentd
  std::string tag = "cofferdam.{instance}";     // fluentd
  bool ack = true;                              // fluentd: wait for acknowledgements
  std::string shared_key;                       // fluentd
  std::string facility = "user";                // syslog
  std::string app_name;                         // syslog; empty: the name of the app's executable
  bool octet_counting = true;                   // syslog over TCP: RFC 6587 section 3.4.1, else line feeds
  std::uint32_t max_message = 8000;             // syslog: bytes of one message; a longer one becomes several
  std::string environment;                      // sentry
  std::string release;                          // sentry
};

// So many at most; what needs more is a collector's job.
inline constexpr std::size_t kMaxLogSinks = 8;

struct LogSpill {
  std::string path;                  // directory on the host or on a volume; empty: no spill
  std::uint64_t size = 64ULL << 20;  // bytes of all segments
};

struct Logs {
  LogCapture capture = LogCapture::pipe;
  bool syslog_socket = false;        // /dev/log inside the instance
  std::uint32_t max_record = 16384;  // bytes of a record as JSON with its line feed; longer ones become partial
  LogParse parse;
  LogSpill spill;
  std::chrono::milliseconds shutdown_timeout{8000};  // for the sinks, once the app has ended; below docker stop's 10 s
  std::vector<LogSink> sinks;                        // empty: console
};

// The names that `logs.parse.multiline` and `logs.parse.redact` take, beside "all" and "none" (which the loader
// expands).
inline constexpr std::array<std::string_view, 10> kMultilineRules = {"java", "python", "go",  "node",   "ruby",
                                                                     "rust", "dotnet", "php", "elixir", "sanitizer"};
inline constexpr std::array<std::string_view, 11> kRedactRules = {
    "url-password", "bearer",       "cookie",      "aws-key",    "jwt",          "private-key",
    "github-token", "gitlab-token", "slack-token", "stripe-key", "password-pair"};

}  // namespace cofferdam
