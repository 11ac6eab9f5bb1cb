// What this machine can enforce under a policy, found by trying; the same rows that a run begins with.
#pragma once

#include <map>
#include <string>
#include <vector>

#include "plan/plan.hpp"

namespace cofferdam::plan {

struct Probe {
  std::string what;
  bool ok = false;
  std::string detail;
};

struct Diagnosis {
  std::string mode;
  std::string why_mode;
  std::vector<EnforcementRow> rows;
  std::vector<Probe> probes;
  std::vector<std::string> notices;
  bool all_full = true;
};

// Starts short-lived processes of its own and changes nothing. Fails when the policy can't be planned at all.
[[nodiscard]] Result<Diagnosis> diagnose(const Policy& policy, const std::map<std::string, std::string>& environment);

}  // namespace cofferdam::plan
