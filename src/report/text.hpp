// The end of a run in at most 15 lines, for people.
#pragma once

#include <cstddef>
#include <string>

#include "cofferdam/report.hpp"

namespace cofferdam::report {

struct TextOptions {
  std::string working_directory;  // paths beneath it are shown relative to it
  std::string report_file;        // where the whole report was written, empty when nowhere
  bool colour = false;
};

inline constexpr std::size_t kSummaryLines = 15;

// What was refused (with the process, the policy line and what to do), lost source and version-control files, other
// lost files with sizes and writers, log files, caches, and the end of the run. Empty when nothing was refused and
// nothing lost. Safe for a terminal: names chosen by the app are made visible.
[[nodiscard]] std::string summary(const Report& report, const TextOptions& options);

}  // namespace cofferdam::report
