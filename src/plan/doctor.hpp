// What this machine can enforce under a policy, found by trying; the same rows that a run begins with.
#pragma once

#include <cstdint>
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

// A place of the instance's storage, or in a container one beside it that keeps what is written.
struct StoragePlace {
  std::string path;
  std::string kind;          // overlay, tmpfs, persistent, disk
  std::uint64_t size = 0;    // bytes that it can hold; 0: unknown or no limit. In container mode what it has, else what
                             // it gets
  std::uint64_t inodes = 0;  // the same
  std::string advice;        // may be empty
};

// Where records go.
struct LogPlace {
  std::string name;
  std::string to;         // "standard output", a path, "collector:4318", "env:NAME"; nothing secret
  std::string when_full;  // as policies write it
  std::string promise;    // what "delivered" means there
};

struct Diagnosis {
  std::string mode;
  std::string why_mode;
  std::vector<EnforcementRow> rows;
  std::vector<Probe> probes;
  std::vector<StoragePlace> storage;
  std::vector<LogPlace> logs;
  MemoryFacts memory;  // what the storage is taken from
  std::vector<std::string> notices;
  bool all_full = true;
};

// Starts short-lived processes of its own and changes nothing. Fails when the policy can't be planned at all.
[[nodiscard]] Result<Diagnosis> diagnose(const Policy& policy, const std::map<std::string, std::string>& environment);

}  // namespace cofferdam::plan
