// What a Sentry server says about how much it takes (develop.sentry.dev/sdk/expected-features/rate-limiting).
#pragma once

#include <chrono>
#include <optional>
#include <string_view>

namespace cofferdam::logs {

// X-Sentry-Rate-Limits: "60:error;transaction:key, 2700::organization": how long no events are taken. A limit without
// categories is for all of them. Of several the longest holds, a day at most; limits of other categories and what can't
// be read are left out. Nothing: no limit for events.
[[nodiscard]] std::optional<std::chrono::seconds> parse_sentry_limits(std::string_view header);

}  // namespace cofferdam::logs
