#include "plan/limits.hpp"

#include <sys/resource.h>
#include <unistd.h>

#include <algorithm>

#include "base/text.hpp"
#include "policy/effective_text.hpp"
#include "policy/limits.hpp"

namespace cofferdam::plan {

namespace {

using kernel::Controller;

const char* key_of(Controller controller) {
  switch (controller) {
    case Controller::memory: return "memory";
    case Controller::pids: return "processes";
    case Controller::cpu: return "cpu";
  }
  return "";
}

// As a policy writes it.
std::string value_text(Controller controller, std::uint64_t value) {
  switch (controller) {
    case Controller::memory: return policy::size_text(value);
    case Controller::pids: return std::to_string(value);
    case Controller::cpu: return policy::cores_text(value);
  }
  return "";
}

std::uint64_t value_of(const Limits& limits, Controller controller) {
  switch (controller) {
    case Controller::memory: return limits.memory.value;
    case Controller::pids: return limits.processes.value;
    case Controller::cpu: return limits.cpu.value;
  }
  return 0;
}

// "memory 512MiB"
std::string named(Controller controller, std::uint64_t value) {
  return std::string(key_of(controller)) + " " + value_text(controller, value);
}

// "memory 512 MiB": of what was not written by anybody and may be odd.
std::string found_text(Controller controller, std::uint64_t value) {
  return controller == Controller::memory ? base::human_bytes(value) : value_text(controller, value);
}

bool is_given(Mode mode, Controller controller, std::uint64_t wanted, const LimitFacts& facts) {
  if (mode == Mode::local) return facts.grant.has(controller);
  const std::uint64_t has = facts.container.of(controller);
  return has != 0 && has <= wanted;
}

std::string container_advice(const std::vector<Controller>& missing, const Limits& limits, const LimitFacts& facts) {
  std::vector<std::string> parts;
  for (const Controller each : missing) {
    const std::uint64_t has = facts.container.of(each);
    parts.push_back("the container has " +
                    (has == 0 ? std::string("no limit of ") + key_of(each)
                              : std::string("a limit of ") + key_of(each) + " of " + found_text(each, has)) +
                    ": start it with " + how_to_limit(each, value_of(limits, each)));
  }
  return base::join(parts, "; ");
}

}  // namespace

kernel::CgroupLimits cgroup_limits(const Limits& limits) {
  const std::uint64_t processes = limits.processes.value;
  return {.memory = limits.memory.value, .processes = processes == 0 ? 0 : processes + 1, .cpu = limits.cpu.value};
}

LimitFacts read_limit_facts(Mode mode, const kernel::CgroupPlace& place,
                            const std::vector<kernel::MountEntry>& mounts) {
  LimitFacts facts;
  facts.grant = place.grant();
  facts.own = kernel::own_view(mounts);
  if (mode == Mode::container) facts.container = kernel::read_limits(facts.own);
  rlimit open_files{};
  if (getrlimit(RLIMIT_NOFILE, &open_files) == 0) facts.open_files = open_files.rlim_max;
  facts.processors = static_cast<unsigned>(std::max(sysconf(_SC_NPROCESSORS_ONLN), 0L));
  return facts;
}

bool has_limits(const Limits& limits) {
  return limits.memory.value != 0 || limits.processes.value != 0 || limits.cpu.value != 0 ||
         limits.open_files.value != 0;
}

EnforcementRow limits_row(Mode mode, const Limits& limits, const LimitFacts& facts, bool root) {
  EnforcementRow row{"limits", Level::full, {}, {}};
  std::vector<std::string> given;
  std::vector<Controller> missing;
  for (const Controller each : kernel::kControllers) {
    const std::uint64_t wanted = value_of(limits, each);
    if (wanted == 0) continue;
    if (is_given(mode, each, wanted, facts)) {
      given.push_back(mode == Mode::local
                          ? named(each, wanted)
                          : std::string(key_of(each)) + " " + found_text(each, facts.container.of(each)));
    } else {
      missing.push_back(each);
    }
  }
  const bool local = mode == Mode::local;
  if (!given.empty()) {
    row.mechanism = (local ? facts.grant.kind : "the container's cgroup") + ": " + base::join(given, ", ");
  } else if (!missing.empty()) {
    row.mechanism = local ? "no cgroup" : "the container's cgroup";
  }
  if (limits.open_files.value != 0) {
    row.mechanism += (row.mechanism.empty() ? "" : "; ") + std::string("RLIMIT_NOFILE: open_files ") +
                     std::to_string(limits.open_files.value);
  }
  if (missing.empty()) return row;
  row.level = given.empty() && limits.open_files.value == 0 ? Level::none : Level::partial;
  if (!local) {
    row.advice = container_advice(missing, limits, facts);
    return row;
  }
  std::vector<std::string> names;
  for (const Controller each : missing) names.emplace_back(key_of(each));
  row.advice = base::join(names, ", ") + (names.size() == 1 ? " is" : " are") + " not limited: " + facts.grant.problem +
               ". " + how_to_get_cgroups(facts, root);
  return row;
}

std::vector<std::string> limit_notices(Mode mode, const Limits& limits, const LimitFacts& facts, std::uint64_t memory) {
  std::vector<std::string> notices;
  for (const Controller each : kernel::kControllers) {
    const std::uint64_t wanted = value_of(limits, each);
    const std::uint64_t has = facts.container.of(each);
    if (mode != Mode::container || wanted == 0 || has == 0 || has >= wanted) continue;
    notices.push_back("the container's limit of " + std::string(key_of(each)) + " is " + found_text(each, has) +
                      ", less than the " + value_text(each, wanted) + " of the policy: start it with " +
                      how_to_limit(each, wanted));
  }
  if (mode == Mode::local && memory != 0 && limits.memory.value > memory) {
    notices.push_back("limits.memory: " + policy::size_text(limits.memory.value) + " is more than the " +
                      base::human_bytes(memory) + " of memory that there is here");
  }
  if (facts.processors != 0 && limits.cpu.value > facts.processors * 1000ULL) {
    notices.push_back("limits.cpu: " + policy::cores_text(limits.cpu.value) + " is more than the " +
                      base::plural(facts.processors, "processor") + " of this machine: it limits nothing here");
  }
  if (facts.open_files != 0 && limits.open_files.value > facts.open_files) {
    notices.push_back("limits.open_files: " + std::to_string(limits.open_files.value) +
                      " is more than cofferdam itself may have, so the app gets " + std::to_string(facts.open_files) +
                      " (ulimit -Hn; docker run --ulimit nofile=...)");
  }
  return notices;
}

std::string how_to_limit(Controller controller, std::uint64_t value) {
  if (controller == Controller::memory) {
    const bool whole = value % (1ULL << 20) == 0;
    const std::string number = std::to_string(whole ? value >> 20 : (value + 1023) >> 10);
    const std::string docker = number + (whole ? "m" : "k");
    return "docker run --memory " + docker + " --memory-swap " + docker + " (compose: mem_limit: " + docker +
           "; Kubernetes: resources: {limits: {memory: " + number + (whole ? "Mi" : "Ki") + "}})";
  }
  if (controller == Controller::pids) {
    const std::string number = std::to_string(value);
    return "docker run --pids-limit " + number + " (compose: pids_limit: " + number +
           "; Kubernetes: podPidsLimit of the kubelet)";
  }
  const std::string number = policy::cores_text(value);
  return "docker run --cpus " + number + " (compose: cpus: " + number +
         "; Kubernetes: resources: {limits: {cpu: " + std::to_string(value) + "m}})";
}

std::string how_to_get_cgroups(const LimitFacts& facts, bool root) {
  const bool unified = std::ranges::any_of(facts.own.seats, [](const auto& seat) { return seat && seat->unified; });
  if (!unified) {
    return root ? "Root makes cgroups of v1 where they are mounted writable"
                : "Cgroups of v1 are root's: sudo cofferdam run --user \"$USER\" ...";
  }
  return std::string("Start cofferdam in a scope of its own: systemd-run ") + (root ? "" : "--user ") +
         "--scope -p Delegate=yes cofferdam run ...";
}

}  // namespace cofferdam::plan
