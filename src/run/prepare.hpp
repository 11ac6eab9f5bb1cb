// From a request to a plan: policy, environment, database rules, host.
#pragma once

#include <memory>

#include "cofferdam/policy.hpp"
#include "kernel/cgroup.hpp"
#include "plan/backing_services.hpp"
#include "plan/plan.hpp"
#include "run/run.hpp"
#include "supervise/connect_broker.hpp"

namespace cofferdam::run {

struct Preparation {
  Policy policy;
  plan::Plan plan;
  supervise::ConnectRules connects;
  std::vector<std::string> log_secrets;                // values that no record may show
  std::shared_ptr<const kernel::CgroupPlace> cgroups;  // for the policy's limits; never null, may have no room
};

// What the request's policy is read with: `~` is the home directory of --user. Errors: there is no such user.
[[nodiscard]] Result<PolicyContext> policy_context(const RunRequest& request);

// What policy and environment say, before anybody looks at the host or asks for a name.
struct Intent {
  Policy policy;
  plan::PlanRequest wanted;
  supervise::ConnectRules connects;
  std::vector<std::string> log_secrets;
};
[[nodiscard]] Result<Intent> read_intent(const RunRequest& request, Say say);

// Fills in what the names of `connects` stand for; blocks for some seconds at most.
void look_at_network(supervise::ConnectRules& connects, Say say);

[[nodiscard]] Result<Preparation> prepare(const RunRequest& request, Say say);

// The variables of the policy's environment files; a missing file of a shipped policy is none.
[[nodiscard]] Result<std::map<std::string, std::string>> read_environment_files(const Environment& environment);

}  // namespace cofferdam::run
