// One row of `logs.sinks`.
#pragma once

#include <optional>
#include <string_view>

#include "cofferdam/logs.hpp"
#include "policy/document.hpp"
#include "policy/mistakes.hpp"
#include "policy/paths.hpp"

namespace cofferdam::policy {

// Of a row that validate() has seen. Reported here is what validate() can't know: keys that do not apply to the type,
// addresses that are none, values that don't go together, secrets in clear text. Nothing when the row can't be used.
[[nodiscard]] std::optional<LogSink> read_log_sink(const Node& row, const PathBase& base, bool shipped,
                                                   Mistakes& mistakes);

// Its value signs on: Authorization, Cookie, and what has "token", "key" or "secret" in its name.
[[nodiscard]] bool is_secret_header(std::string_view name);

// It is sent to a server: the app need not wait for it.
[[nodiscard]] constexpr bool is_remote(LogSink::Type type) {
  return type != LogSink::Type::console && type != LogSink::Type::file;
}

}  // namespace cofferdam::policy
