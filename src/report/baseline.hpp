// Findings that are known: an application adopts a policy step by step when only new ones fail its build.
#pragma once

#include <compare>
#include <cstddef>
#include <set>
#include <string>
#include <string_view>
#include <vector>

#include "cofferdam/report.hpp"

namespace cofferdam::report {

// What makes a finding the same in another run, on another machine, in another instance: no pid, no name that each run
// makes up, no port of the ephemeral range, no path above the project or the home directory.
struct BaselineEntry {
  std::string code;
  std::string program;  // that did it, by name; may be empty
  std::string what;     // "./media", "~/.cache/pip", "/var/lib/shop", "10.0.0.5:5432"; may be empty
  friend auto operator<=>(const BaselineEntry&, const BaselineEntry&) = default;
};
using Baseline = std::set<BaselineEntry>;

// `directory` and `home` are absolute; empty when unknown.
[[nodiscard]] BaselineEntry entry_of(const CountedFinding& finding, const std::string& directory,
                                     const std::string& home);
[[nodiscard]] Baseline baseline_of(const Report& report, const std::string& home);

// JSON Lines, sorted, one entry each, so that a diff shows what came and went.
[[nodiscard]] std::string to_text(const Baseline& baseline);
// The error names the line and what is wrong with it.
[[nodiscard]] Result<Baseline> parse_baseline(std::string_view text);

// Takes the known findings out of the report.
struct Compared {
  std::size_t known = 0;                // findings that were taken out
  std::vector<BaselineEntry> vanished;  // entries that no finding is of
};
Compared take_known(Report& report, const Baseline& baseline, const std::string& home);

}  // namespace cofferdam::report
