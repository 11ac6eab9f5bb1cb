#include <unistd.h>

#include <algorithm>

#include "base/redact.hpp"
#include "base/text.hpp"
#include "plan/access.hpp"
#include "plan/devices.hpp"
#include "plan/limits.hpp"
#include "plan/plan.hpp"
#include "plan/storage.hpp"
#include "policy/engines.hpp"

namespace cofferdam::plan {

namespace {

// Bits of linux/capability.h, which are ABI. What Docker gives a container, without those that reach around the
// rules: making devices, raw sockets, reading by handle, tracing.
enum Capability : unsigned {
  cap_chown = 0,
  cap_dac_override = 1,
  cap_fowner = 3,
  cap_fsetid = 4,
  cap_kill = 5,
  cap_setgid = 6,
  cap_setuid = 7,
  cap_setpcap = 8,
  cap_net_bind_service = 10,
};
constexpr std::uint64_t kKeptCapabilities = 1ULL << cap_chown | 1ULL << cap_dac_override | 1ULL << cap_fowner |
                                            1ULL << cap_fsetid | 1ULL << cap_kill | 1ULL << cap_setgid |
                                            1ULL << cap_setuid | 1ULL << cap_setpcap | 1ULL << cap_net_bind_service;

Identity identity_of(const HostFacts& host, const PlanRequest& request, Mode mode) {
  Identity identity;
  identity.uid = host.uid;
  identity.gid = host.gid;
  if (request.user) {
    identity.uid = request.user->uid;
    identity.gid = request.user->gid;
    identity.groups = groups_of(*request.user);
    identity.change = identity.uid != host.uid || identity.gid != host.gid;
  }
  identity.full_map = mode == Mode::local && host.uid == 0;
  return identity;
}

std::vector<AlsoProgram> look_up_also(const Policy& policy, const PlanRequest& request) {
  std::vector<AlsoProgram> rows;
  for (const AppAlso& row : policy.also) {
    AlsoProgram also;
    also.written = row.exe;
    also.argv = row.argv;
    if (row.exe.find('/') != std::string::npos && row.exe.find_first_of("*?") != std::string::npos) {
      also.place = row.exe;
    } else if (auto program = find_program(row.exe, search_path_of(request.environment), request.working_directory)) {
      also.program = std::move(*program);
    }
    rows.push_back(std::move(also));
  }
  return rows;
}

// A client as the entry would make every query look like the app's.
Result<void> refuse_database_client(const PlanRequest& request) {
  const std::string name = base::base_name(request.argv.front());
  if (!policy::is_client_program(name)) return {};
  return fail(name +
                  " is a database client, not an application [CD504]: as the entry command it would count as the app. "
                  "For a one-off session use: cofferdam shell -- " +
                  base::shell_quote(base::redact_argv(request.argv)),
              0, 125);
}

Result<void> refuse_lost_enforcement(const Policy& policy, Plan& plan) {
  for (const EnforcementRow& row : plan.enforcement) {
    if (row.level == Level::full) continue;
    // What the policy itself gives away is said, not refused.
    const bool weaker_death = row.rule == "processes" && row.level == Level::partial;
    // A limit makes a run more like production; without it no rule is weaker.
    const bool limits = row.rule == "limits";
    const std::string text =
        "rule " + row.rule + " is " + to_string(row.level) + " here (" + row.mechanism + "): " + row.advice;
    if (policy.enforcement == EnforcementMode::strict && !row.chosen && !weaker_death && !limits) {
      return fail(text + ". To start anyway, set `enforcement: degraded` in the policy");
    }
    plan.notices.push_back(text);
  }
  return {};
}

void plan_limits(const Policy& policy, Plan& plan) {
  plan.limits = policy.limits;
  if (!has_limits(policy.limits)) return;
  const LimitFacts& facts = plan.host.limits;
  plan.open_files = std::min<std::uint64_t>(policy.limits.open_files.value, facts.open_files);
  plan.enforcement.push_back(limits_row(plan.mode, policy.limits, facts, plan.host.uid == 0));
  const auto notices = limit_notices(plan.mode, policy.limits, facts, plan.host.memory.available());
  plan.notices.insert(plan.notices.end(), notices.begin(), notices.end());
}

}  // namespace

Result<Plan> make_plan(const Policy& policy, const HostFacts& host, const PlanRequest& request) {
  Plan plan;
  plan.host = host;
  plan.mode = policy.mode != Mode::automatic ? policy.mode : host.in_container ? Mode::container : Mode::local;
  plan.identity = identity_of(host, request, plan.mode);
  plan.kept_capabilities = plan.identity.uid == 0 || host.uid == 0 ? kKeptCapabilities : 0;
  plan.argv = request.argv;
  plan.working_directory = canonical(request.working_directory);
  for (const auto& [name, value] : request.environment) plan.environment.push_back(name + "=" + value);

  auto program = find_program(request.argv.front(), search_path_of(request.environment), request.working_directory);
  if (!program) return std::unexpected(program.error());
  plan.program = std::move(*program);
  if (request.user && plan.identity.change && host.uid != 0) {
    return fail("--user needs root: an ordinary user can only run the app as itself");
  }
  if (plan.identity.change && plan.mode == Mode::container && !host.reads_other_users) {
    return fail(
        "--user: without CAP_SYS_PTRACE cofferdam can't tell who a process of another user is, and would refuse " +
        std::string("its connections. Start the container as that user (docker run --user ") +
        std::to_string(plan.identity.uid) + ":" + std::to_string(plan.identity.gid) + "), or add --cap-add SYS_PTRACE");
  }
  plan.also = look_up_also(policy, request);

  auto stored =
      plan.mode == Mode::local ? plan_local_storage(policy, request, plan) : plan_container_storage(policy, plan);
  if (!stored) return std::unexpected(stored.error());
  compare_sizes(plan);
  plan.enforcement = enforcement_rows(plan.mode, host, plan.mounts, plan.foreign_mounts, policy.logs);
  plan.broker = uses_broker(plan.mode, host);
  plan.egress_denied = policy.network.deny;
  if (plan.egress_denied) plan.enforcement.push_back(network_row(plan.mode, host));
  plan.access = access_plan(plan.mode, policy.access, request.one_off);
  plan.enforcement.push_back(access_row(plan.mode, host, policy, request.one_off));
  auto openings = plan_devices(policy, plan);
  if (!openings) return std::unexpected(openings.error());
  for (const Opening& opening : openings_of(policy)) openings->push_back(opening);
  plan_limits(policy, plan);
  if (auto kept = refuse_lost_enforcement(policy, plan); !kept) return std::unexpected(kept.error());
  weaken(plan.enforcement, *openings);
  for (const Opening& opening : *openings) plan.notices.push_back(notice_of(opening));
  return plan;
}

Result<void> check_entry(const PlanRequest& request) {
  return refuse_database_client(request);
}

}  // namespace cofferdam::plan
