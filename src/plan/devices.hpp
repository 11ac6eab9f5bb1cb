// The policy's `devices`: which of them an instance may have, and what each weakens. The numbers are those of the
// kernel's own list (Documentation/admin-guide/devices.txt); where they are given out at run time, the name decides.
#pragma once

#include <sys/types.h>

#include <string>
#include <string_view>
#include <vector>

#include "plan/access.hpp"

namespace cofferdam::plan {

struct DeviceKind {
  std::string_view what;
  std::string_view refused;  // why no instance gets it; empty: it may be let in
  std::string_view rules;    // as in Opening
  std::string_view why;
};
// `mode` and `number` as stat(2) gives them of the node at `path` (canonical).
[[nodiscard]] const DeviceKind& device_kind(const std::string& path, mode_t mode, dev_t number);

// Fills plan.devices and returns what they open. A device that is not there, or of a kind that no instance gets, is an
// error that says why and what to do: in a container it names docker's and compose's way to give one.
[[nodiscard]] Result<std::vector<Opening>> plan_devices(const Policy& policy, Plan& plan);

}  // namespace cofferdam::plan
