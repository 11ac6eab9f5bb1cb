// Rule 1 on this machine: which mounts the instance gets, per mode. Called by make_plan only.
#pragma once

#include "plan/plan.hpp"

namespace cofferdam::plan {

// Local mode: fills mounts, binds and scratch of the plan.
[[nodiscard]] Result<void> plan_local_storage(const Policy& policy, const PlanRequest& request, Plan& plan);

// Container mode: verifies by mount id that the named mounts are tmpfs mounts of this container and fills mounts
// and foreign_mounts. The refusal names the docker flag, the compose key and the Kubernetes field.
[[nodiscard]] Result<void> plan_container_storage(const Policy& policy, Plan& plan);

[[nodiscard]] PolicyRef policy_ref(const MountRule& rule);

// realpath(3) without its limits; the path itself when it does not exist.
[[nodiscard]] std::string canonical(const std::string& path);

}  // namespace cofferdam::plan
