// The words for a limit that was reached: what, with which figures, and the line or option to change.
#pragma once

#include <optional>
#include <vector>

#include "cofferdam/report.hpp"
#include "kernel/cgroup_seat.hpp"
#include "kernel/oom_log.hpp"
#include "plan/plan.hpp"

namespace cofferdam::run {

struct OutOfMemory {
  kernel::CgroupFigures figures;        // of the cgroup; oom_kills: since the last finding
  std::vector<kernel::OomKill> killed;  // as far as the kernel's log can be read
  std::optional<int> status;            // of wait(2), once the app itself has ended
  std::vector<StorageUse> storage;
};

// CD520. The limit is the policy's, in container mode the container's.
[[nodiscard]] Finding memory_finding(const plan::Plan& plan, const OutOfMemory& event);
// CD521: `count` times a process or thread could not be started.
[[nodiscard]] Finding processes_finding(const plan::Plan& plan, std::uint64_t count);
// CD522, a note: where the app had to wait for its processors in a good part of the time. `figures` of the whole run.
[[nodiscard]] std::optional<Finding> cpu_finding(const plan::Plan& plan, const kernel::CgroupFigures& figures);

}  // namespace cofferdam::run
