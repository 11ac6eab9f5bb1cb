// The parts of judge() that compare lists of expectations with lists of the report.
#pragma once

#include <optional>
#include <string>
#include <vector>

#include "harness/judge.hpp"

namespace cofferdam::harness {

// Path globs of a case: relative ones mean its directory.
struct Paths {
  std::string directory;
  [[nodiscard]] bool match(const std::string& glob, const std::string& path) const;
  // As a test would write it.
  [[nodiscard]] std::string shown(const std::string& path) const;
};

// Expected ones that did not come, and ones that came although no row names them.
[[nodiscard]] std::vector<Problem> judge_findings(const Expectations& expect, const Report& report, const Paths& paths);
[[nodiscard]] std::vector<Problem> judge_losses(const Expectations& expect, const Report& report, const Paths& paths);
[[nodiscard]] std::vector<Problem> judge_connections(const Expectations& expect, const Report& report);

// Nothing when a record matches.
[[nodiscard]] std::optional<Problem> missing_record(const RecordRow& row, const std::vector<Record>& records);

}  // namespace cofferdam::harness
