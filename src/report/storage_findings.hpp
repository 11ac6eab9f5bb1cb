// Findings that follow from what is lost with an instance.
#pragma once

#include <cstddef>
#include <cstdint>
#include <span>
#include <utility>
#include <vector>

#include "cofferdam/event.hpp"
#include "cofferdam/report.hpp"
#include "report/framework.hpp"

namespace cofferdam::report {

// How often a finding counts (in files), and the finding.
using Counted = std::pair<Finding, std::uint64_t>;

// Temporary files that were never removed are a finding from here on: a handful of them is what every program leaves.
inline constexpr std::uint64_t kManyTemporaryFiles = 100;
inline constexpr std::uint64_t kLargeTemporaryBytes = 32ULL << 20;
// Directories of one class that get a finding each; the rest of the class is told in the last of them.
inline constexpr std::size_t kMostPlaces = 16;

struct LossContext {
  Project project;
  bool one_off = false;  // the instance is a one-off (cofferdam shell)
};

// One finding a class and directory, in order of code: CD110 uploads, CD111 embedded databases, CD112 PID
// files, CD113 sessions, CD114 search indexes, CD115 caches below the home directory, CD116 schedules, CD117 lock
// files, CD118 installed packages, CD301 log files; then CD120 source that a serving process changed, CD121 temporary
// files that are many or large, and, in one finding, CD119 what a one-off leaves or CD102 the other files. Files that
// were created or modified count; deleted ones, directories and changes of metadata do not. A folded
// loss counts as its files, below its directory.
[[nodiscard]] std::vector<Counted> storage_findings(std::span<const LostFile> lost, std::span<const FoldedLoss> folded,
                                                    const LossContext& context);

// CD122: what a persistent mount keeps, in one finding; nothing when nothing was kept.
[[nodiscard]] std::vector<Counted> kept_findings(std::span<const ScannedChange> kept);

}  // namespace cofferdam::report
