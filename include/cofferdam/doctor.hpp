// What this machine can enforce under a policy, rule by rule: the rows that a run would begin with.
#pragma once

#include <cstdint>
#include <map>
#include <optional>
#include <string>
#include <vector>

#include "cofferdam/event.hpp"
#include "cofferdam/result.hpp"

namespace cofferdam {

// Of which policy, and seen from where. All of it means what it means in RunRequest (run.hpp).
struct DoctorRequest {
  std::optional<std::string> policy = {};
  std::string policy_text = {};
  std::string working_directory = {};
  std::map<std::string, std::string> environment = {};
  std::string binary = {};
};

// Something that was tried.
struct ProbeResult {
  std::string what;  // "user namespaces"
  bool ok = false;
  std::string detail;
};

// A place that an instance could write to.
struct StoragePlace {
  std::string path;
  std::string kind;          // overlay, tmpfs, persistent, disk
  std::uint64_t size = 0;    // bytes that it can hold; 0: unknown or no limit
  std::uint64_t inodes = 0;  // the same
  std::string advice;        // may be empty
};

struct Capabilities {
  std::string mode;                         // local, container
  std::vector<EnforcementRow> enforcement;  // one a rule
  std::vector<ProbeResult> probes;
  std::vector<StoragePlace> storage;
  std::vector<std::string> notices;

  // `none` for a rule that there is no row of.
  [[nodiscard]] Level level(const std::string& rule) const {
    for (const EnforcementRow& row : enforcement) {
      if (row.rule == rule) return row.level;
    }
    return Level::none;
  }
  [[nodiscard]] bool all_full() const {
    for (const EnforcementRow& row : enforcement) {
      if (row.level != Level::full) return false;
    }
    return true;
  }
};

// Finds it out by trying, in processes of its own: nothing is changed. Takes some 10 to 100 ms, 30 s at most. Errors:
// no cofferdam binary, one of another version, an invalid policy (its diagnostics are the message; exit_code 2). Safe
// to call from any thread.
[[nodiscard]] Result<Capabilities> doctor(const DoctorRequest& request = {});

}  // namespace cofferdam
