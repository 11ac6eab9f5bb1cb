// Retry-After: how long a server wants to be left alone.
#include <algorithm>
#include <charconv>
#include <ctime>

#include "logs/net/http_client.hpp"

namespace cofferdam::logs {

namespace {

using std::chrono::milliseconds;
using std::chrono::system_clock;

constexpr milliseconds kMost = std::chrono::minutes(5);

std::string_view trim(std::string_view text) {
  const std::size_t first = text.find_first_not_of(" \t");
  if (first == std::string_view::npos) return {};
  return text.substr(first, text.find_last_not_of(" \t") - first + 1);
}

// The three forms of RFC 9110 section 5.6.7, the second and third of which only old servers send.
std::optional<std::time_t> parse_http_date(const std::string& text) {
  for (const char* form : {"%a, %d %b %Y %H:%M:%S GMT", "%A, %d-%b-%y %H:%M:%S GMT", "%a %b %d %H:%M:%S %Y"}) {
    std::tm time{};
    const char* end = strptime(text.c_str(), form, &time);
    if (end != nullptr && *end == '\0') return timegm(&time);
  }
  return std::nullopt;
}

}  // namespace

std::optional<milliseconds> parse_retry_after(std::string_view value, system_clock::time_point now) {
  const std::string_view text = trim(value);
  if (text.empty()) return std::nullopt;
  if (text.find_first_not_of("0123456789") == std::string_view::npos) {
    std::uint64_t seconds = 0;
    const auto read = std::from_chars(text.data(), text.data() + text.size(), seconds);
    const auto most = static_cast<std::uint64_t>(std::chrono::duration_cast<std::chrono::seconds>(kMost).count());
    if (read.ec != std::errc() || seconds > most) return kMost;
    return std::chrono::seconds(seconds);
  }
  const auto date = parse_http_date(std::string(text));
  if (!date) return std::nullopt;
  // In seconds: a clock of nanoseconds ends in 2262.
  const std::int64_t left = *date - system_clock::to_time_t(now);
  return std::clamp<milliseconds>(std::chrono::seconds(std::clamp<std::int64_t>(left, 0, 3600)), milliseconds(0),
                                  kMost);
}

}  // namespace cofferdam::logs
