// The report as JSON.
#pragma once

#include <functional>
#include <string>
#include <string_view>

#include "cofferdam/report.hpp"

namespace cofferdam::report {

// One document with all keys of version 1, on one line with a line feed at its end.
[[nodiscard]] std::string to_json(const Report& report);

// The same, some 64 KiB at a time: a report may have megabytes.
void write_json(const Report& report, const std::function<void(std::string_view)>& output);

}  // namespace cofferdam::report
