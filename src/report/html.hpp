// A whole report as one HTML file: `cofferdam report --format html FILE`.
#pragma once

#include <string>

#include "cofferdam/report.hpp"

namespace cofferdam::report {

// Self-contained: no script, nothing from a network, which its Content-Security-Policy forbids as well. For light and
// dark, narrow screens, keyboards, screen readers and paper. Of a directory the `kShownEntries` largest entries are
// shown, or with `all` each.
[[nodiscard]] std::string report_html(const Report& report, bool all);

}  // namespace cofferdam::report
