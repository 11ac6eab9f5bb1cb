// The policy's limits on this machine: who enforces which, how to get the rest, and what each is called in production.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "cofferdam/event.hpp"
#include "cofferdam/policy.hpp"
#include "kernel/cgroup.hpp"

namespace cofferdam::plan {

// What a look at this machine has shown.
struct LimitFacts {
  kernel::CgroupGrant grant;       // local mode: what cgroups of our own can limit
  kernel::CgroupView own;          // of the launcher; in container mode the container's
  kernel::CgroupLimits container;  // container mode: what it is limited to
  std::uint64_t open_files = 0;    // the hard RLIMIT_NOFILE that we were started with
  unsigned processors = 0;         // that this process may use
};

// What the instance's cgroup is to be limited to. Local mode: its init counts as a process, too, which is not the
// app's; so it gets one more. There is no other way to limit processes: RLIMIT_NPROC counts all processes of the user,
// on the whole machine, and the app would be refused a fork because of the developer's browser.
[[nodiscard]] kernel::CgroupLimits cgroup_limits(const Limits& limits);

// `place`: where cgroups can be made, in local mode; it may stay empty in container mode, where we make none.
[[nodiscard]] LimitFacts read_limit_facts(Mode mode, const kernel::CgroupPlace& place,
                                          const std::vector<kernel::MountEntry>& mounts);

// full: all that the policy limits is; none: nothing is. Only where the policy has limits is there such a row.
[[nodiscard]] bool has_limits(const Limits& limits);
[[nodiscard]] EnforcementRow limits_row(Mode mode, const Limits& limits, const LimitFacts& facts, bool root);

// Limits that say nothing here: more processors or memory than the machine has, less than the container has, more open
// files than may be had. `memory`: what is available, in bytes.
[[nodiscard]] std::vector<std::string> limit_notices(Mode mode, const Limits& limits, const LimitFacts& facts,
                                                     std::uint64_t memory);

// How docker, compose and Kubernetes give a container this limit, in one line.
[[nodiscard]] std::string how_to_limit(kernel::Controller controller, std::uint64_t value);

// How an instance gets a cgroup in local mode. `root`: whether we are.
[[nodiscard]] std::string how_to_get_cgroups(const LimitFacts& facts, bool root);

}  // namespace cofferdam::plan
