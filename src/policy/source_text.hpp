// What must be true of the bytes of a file before a parser sees them.
#pragma once

#include <string_view>

#include "policy/mistakes.hpp"

namespace cofferdam::policy {

// Line and column of the byte at `offset`.
[[nodiscard]] Place place_of(std::string_view text, std::size_t offset);

// Checks the encoding: UTF-8 without byte order mark, no NUL, no control character but tab and line end (LF or
// CR LF). Reports the first violation. Returns true when there is none.
bool check_encoding(std::string_view text, Mistakes& mistakes);

// Checks what a YAML reader would take in different ways: tabs in indentation, and directives. Reports each
// line. Returns true when there is none.
bool check_indentation(std::string_view text, Mistakes& mistakes);

}  // namespace cofferdam::policy
