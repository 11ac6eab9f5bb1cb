// Container mode: the tmpfs mounts of the policy as they were before an instance, so that the next one finds them
// empty.
#pragma once

#include <string>
#include <vector>

#include "supervise/scan.hpp"

namespace cofferdam::supervise {

// Removes what the scan says was created. Nothing else is touched: each name is reached from its mount's own handle,
// through no link and into no other mount. Returns what is not as it was before, one line each, the first hundred: what
// could not be removed, and what was changed or deleted, which nobody can bring back. Call it when nothing of the
// instance runs. Memory is bounded: it takes a part of the changes at a time.
[[nodiscard]] std::vector<std::string> empty_mounts(const InstanceView& instance, const Baseline& baseline);

}  // namespace cofferdam::supervise
