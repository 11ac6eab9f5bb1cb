// The end of a run in at most 15 lines, for people.
#pragma once

#include <cstddef>
#include <string>
#include <vector>

#include "cofferdam/report.hpp"

namespace cofferdam::report {

struct TextOptions {
  std::string working_directory;  // paths beneath it are shown relative to it
  std::string report_file;        // where the whole report was written, empty when nowhere
  bool colour = false;
  std::string kept_directory = {};       // --keep-writes: where copies of the lost files are, empty when nowhere
  std::vector<std::string> hidden = {};  // paths of the host that the policy hid; told when the app failed
  std::string home = {};                 // shown as ~ in hidden paths
};

inline constexpr std::size_t kSummaryLines = 15;

// What was refused (with the process, the policy line and what to do), lost source files and commits, losses by class
// (uploads, databases, sessions, ...) with the way out of each, other lost files with sizes and writers, log files,
// caches, what was hidden when the app failed, and the end of the run. Empty when there is nothing to say of all that.
// Safe for a terminal: names chosen by the app are made visible.
[[nodiscard]] std::string summary(const Report& report, const TextOptions& options);

}  // namespace cofferdam::report
