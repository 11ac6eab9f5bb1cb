// cofferdam's own text: on stderr, by spdlog, with colour only on a terminal and never with NO_COLOR.
#pragma once

#include <map>
#include <string>

#include "cofferdam/diagnostic.hpp"
#include "cofferdam/result.hpp"

namespace cofferdam::cli {

// Sets the logger up: at the level of COFFERDAM_LOG (trace, debug, info, warn, error), else debug for a `verbosity` of
// 1 (-v), trace for more, and info for 0. May be called again.
void set_up_console(int verbosity);

void say(Severity severity, const std::string& text);
// Prints the error and returns its exit code.
int report_error(const Error& error);

[[nodiscard]] bool want_colour(int fd);
[[nodiscard]] std::map<std::string, std::string> environment_map();

}  // namespace cofferdam::cli
