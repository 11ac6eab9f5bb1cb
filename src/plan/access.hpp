// Rule 4 on this machine, and what the policy's own wishes cost: debuggers, devices and sockets of the host that it
// lets in.
#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "plan/plan.hpp"

namespace cofferdam::plan {

// What to type for a one-off with a terminal; in a container that is a new container, without cofferdam in front.
[[nodiscard]] std::string_view way_to_a_one_off(Mode mode);

// `one_off`: an instance of `cofferdam shell`, which has a terminal.
[[nodiscard]] AccessPlan access_plan(Mode mode, const Access& access, bool one_off);
[[nodiscard]] EnforcementRow access_row(Mode mode, const HostFacts& host, const Policy& policy, bool one_off);

// Something that the policy lets in. `rules` are names of enforcement rows, separated by blanks: they become partial,
// because the policy chose so. Empty: no rule is weaker for it, but it is said at the start all the same.
struct Opening {
  std::string what;  // "the device /dev/ttyUSB0: a serial line"
  std::string_view rules;
  std::string_view why;  // "somebody at its other end may log in"
};
// Debuggers and sockets; devices come from plan_devices (devices.hpp).
[[nodiscard]] std::vector<Opening> openings_of(const Policy& policy);

// Lowers the rows that an opening weakens.
void weaken(std::vector<EnforcementRow>& rows, const std::vector<Opening>& openings);
// What is said of it at the start.
[[nodiscard]] std::string notice_of(const Opening& opening);

}  // namespace cofferdam::plan
