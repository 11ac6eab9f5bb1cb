// How policies write the values of cofferdam/logs.hpp: the words of each enumeration, in its order.
#pragma once

#include <array>
#include <cstddef>
#include <string_view>

#include "cofferdam/logs.hpp"

namespace cofferdam::policy {

inline constexpr auto kCaptureWords = std::to_array<std::string_view>({"pipe", "pty"});
inline constexpr auto kStructuredWords = std::to_array<std::string_view>({"keep", "merge", "nest"});
inline constexpr auto kAnsiWords = std::to_array<std::string_view>({"keep", "strip"});  // LogParse::strip_ansi
inline constexpr auto kSinkWords =
    std::to_array<std::string_view>({"console", "file", "otlp", "fluentd", "syslog", "sentry"});
inline constexpr auto kWhenFullWords =
    std::to_array<std::string_view>({"block", "spill", "drop-oldest", "drop-newest"});
inline constexpr auto kFormatWords = std::to_array<std::string_view>({"auto", "pretty", "json", "raw"});
inline constexpr auto kRotatedWords = std::to_array<std::string_view>({"none", "gzip", "zstd"});
inline constexpr auto kCompressWords = std::to_array<std::string_view>({"none", "gzip"});
inline constexpr auto kEncodingWords = std::to_array<std::string_view>({"protobuf", "json"});     // LogSink::json
inline constexpr auto kFramingWords = std::to_array<std::string_view>({"lf", "octet-counting"});  // octet_counting
inline constexpr auto kStreamWords = std::to_array<std::string_view>(
    {to_string(LogStream::out), to_string(LogStream::err), to_string(LogStream::syslog), to_string(LogStream::own)});

template <class Words, class Enum>
[[nodiscard]] constexpr std::string_view word_of(const Words& words, Enum value) {
  return words.at(static_cast<std::size_t>(value));
}

}  // namespace cofferdam::policy
