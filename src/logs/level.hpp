// The level of a line, as far as its first bytes tell.
#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <string_view>

namespace cofferdam::logs {

enum class LogLevel : std::uint8_t { debug, info, warning, error, critical };
inline constexpr std::size_t kLogLevels = 5;

[[nodiscard]] constexpr const char* to_string(LogLevel level) {
  constexpr std::array<const char*, kLogLevels> kNames = {"debug", "info", "warning", "error", "critical"};
  return kNames.at(static_cast<std::size_t>(level));
}

// Reads the first 64 bytes only: an sd-daemon prefix (`<3>`), a bracketed level (`[error]`), `level=error` or
// `"level":"error"`, a level before a colon at the start (`Error: ...`), or a level in capitals that is the first
// word of the line after its time. Everything else is info, on stderr too: many programs log all they do there.
[[nodiscard]] LogLevel detect_level(std::string_view line);

}  // namespace cofferdam::logs
