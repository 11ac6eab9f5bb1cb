// Findings that follow from what is lost with an instance.
#pragma once

#include <cstdint>
#include <span>
#include <utility>
#include <vector>

#include "cofferdam/event.hpp"
#include "cofferdam/report.hpp"

namespace cofferdam::report {

// How often a finding counts, and the finding.
using Counted = std::pair<Finding, std::uint64_t>;

// CD301 (warning) for each log file that was written, with the way out for the program that wrote it; CD102 (note) for
// all files that are no log, cache, source or version control, counted in one. A folded loss counts as its
// files; log files among them have one CD301 a directory.
[[nodiscard]] std::vector<Counted> storage_findings(std::span<const LostFile> lost, std::span<const FoldedLoss> folded);

}  // namespace cofferdam::report
