// The report's JSON, read back.
#pragma once

#include <string>
#include <string_view>

#include "cofferdam/report.hpp"
#include "cofferdam/result.hpp"

namespace cofferdam::report {

// The report that `text` holds. Keys that are missing or unknown are no mistake (a report of another release); a value
// of a wrong type counts as missing. Errors say what the text is instead: not JSON, JSON that ends in the middle, JSON
// that is no report, a newer version of it. No exception leaves it. Nothing in the result is safe for a terminal.
[[nodiscard]] Result<Report> from_json(std::string_view text);

// The same document, indented, with every key that was there, in its order, in ASCII: a terminal finds nothing to obey.
// Errors are those of from_json.
[[nodiscard]] Result<std::string> indented_json(std::string_view text);

}  // namespace cofferdam::report
