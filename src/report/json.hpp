// The report as JSON.
#pragma once

#include <string>

#include "cofferdam/report.hpp"

namespace cofferdam::report {

// One document with all keys of version 1, on one line with a line feed at its end.
[[nodiscard]] std::string to_json(const Report& report);

}  // namespace cofferdam::report
