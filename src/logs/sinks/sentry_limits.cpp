#include "logs/sinks/sentry_limits.hpp"

#include <algorithm>
#include <charconv>
#include <cstdint>
#include <string_view>

#include "base/text.hpp"

namespace cofferdam::logs {

namespace {

constexpr std::chrono::seconds kMost = std::chrono::hours(24);

std::string_view trim(std::string_view text) {
  const std::size_t first = text.find_first_not_of(" \t");
  if (first == std::string_view::npos) return {};
  return text.substr(first, text.find_last_not_of(" \t") - first + 1);
}

bool is_for_events(std::string_view categories) {
  if (categories.empty()) return true;
  return std::ranges::any_of(base::split(categories, ';'), [](std::string_view each) {
    each = trim(each);
    return each == "error" || each == "default";  // events without and with an exception
  });
}

}  // namespace

std::optional<std::chrono::seconds> parse_sentry_limits(std::string_view header) {
  std::optional<std::chrono::seconds> longest;
  for (const std::string_view each : base::split(header, ',')) {
    const auto parts = base::split(trim(each), ':');
    if (parts.size() < 2 || !is_for_events(trim(parts[1]))) continue;
    // Some servers write fractions; what is begun counts.
    double seconds = 0;
    const auto read = std::from_chars(parts[0].data(), parts[0].data() + parts[0].size(), seconds);
    if (read.ec != std::errc() || read.ptr != parts[0].data() + parts[0].size() || !(seconds >= 0)) continue;
    const double most = static_cast<double>(kMost.count());
    const std::chrono::seconds asked(static_cast<std::int64_t>(std::min(seconds + 0.999, most)));
    longest = std::max(longest.value_or(asked), asked);
  }
  return longest;
}

}  // namespace cofferdam::logs
