// The level of a line, as far as its first bytes tell.
#pragma once

#include <string_view>

#include "cofferdam/logs.hpp"

namespace cofferdam::logs {

// Reads the first 64 bytes only: an sd-daemon prefix (`<3>`), a bracketed level (`[error]`), `level=error` or
// `"level":"error"`, a level before a colon at the start (`Error: ...`), or a level in capitals that is the first
// word of the line after its time. Everything else is info, on stderr too: many programs log all they do there.
[[nodiscard]] LogLevel detect_level(std::string_view line);

}  // namespace cofferdam::logs
