// The words for a mount that is nearly full (CD107) or full (CD103): what, of what, by what, and the line to change.
#pragma once

#include <cstdint>

#include "cofferdam/event.hpp"
#include "plan/plan.hpp"
#include "supervise/heaviest.hpp"

namespace cofferdam::supervise {

struct StorageAlarm {
  bool full = false;       // else nearly
  bool of_inodes = false;  // inodes ran out (or will), not bytes
  std::uint64_t used = 0;  // bytes
  std::uint64_t size = 0;
  std::uint64_t used_inodes = 0;
  std::uint64_t inodes = 0;
  Heaviest heaviest;
};

[[nodiscard]] Finding storage_finding(const plan::PlannedMount& mount, bool container, const StorageAlarm& alarm);

}  // namespace cofferdam::supervise
