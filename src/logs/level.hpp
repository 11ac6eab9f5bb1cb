// The level of a line, as far as its first bytes tell.
#pragma once

#include <cstdint>
#include <optional>
#include <string_view>

#include "cofferdam/logs.hpp"

namespace cofferdam::logs {

// Reads the first 64 bytes only (colours do not count); nothing when they tell no level. What it knows, with the
// loggers that write so:
//   <3>text                           sd-daemon        [error] (error) [php:error]   nginx, HAProxy, Apache, hclog
//   E1122 10:00:00.1 12 file.go:1]    klog, glog       level=error "level":"error"   slog, logrus, JSON; also numbers
//   ERROR:root:text  fail: Category   Python, .NET     the first word, in capitals   logback, env_logger, PostgreSQL
//   a - ERROR - b  a | ERROR | b      Python, loguru   production.ERROR: text        Monolog
//   <TAB>error<TAB>                   zap              : ERROR/MainProcess]          Celery
//   npm ERR!  PHP Warning:            npm, PHP         file.c:1:2: error: text       compilers
// The first word is the first one of more than three letters that is neither in brackets nor part of a `key=value`,
// or the second one in a line that begins with a digit (a time, then a logger's name).
[[nodiscard]] std::optional<LogLevel> find_level(std::string_view line);

// As find_level(); a line that tells no level is info, on stderr too: many programs log all they do there.
[[nodiscard]] inline LogLevel detect_level(std::string_view line) {
  return find_level(line).value_or(LogLevel::info);
}

// Of lines that a Joiner made one: the level of the first line; without one it is an error, since several lines are a
// stack trace. One line is read as by detect_level().
[[nodiscard]] LogLevel detect_joined_level(std::string_view text);

// The level that a value of a key `level` names, in any case: `warn`, `Information`, `FATAL`.
[[nodiscard]] std::optional<LogLevel> level_of_name(std::string_view name);

// The level that such a number means: 0 to 7 of syslog (RFC 5424), 10 to 60 of pino and bunyan, 100 to 600 of Monolog.
// Between two of them stand levels that a program has made up; the lower one counts.
[[nodiscard]] std::optional<LogLevel> level_of_number(std::uint32_t number);

}  // namespace cofferdam::logs
