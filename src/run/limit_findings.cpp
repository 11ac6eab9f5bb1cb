#include "run/limit_findings.hpp"

#include <sys/wait.h>

#include <algorithm>
#include <csignal>

#include "base/text.hpp"
#include "plan/limits.hpp"
#include "policy/effective_text.hpp"
#include "policy/limits.hpp"

namespace cofferdam::run {

namespace {

using kernel::Controller;

constexpr std::uint64_t kReachedPercent = 90;    // the kernel hands memory out in batches, below the limit
constexpr std::uint64_t kFewestPeriods = 20;     // two seconds in which it ran
constexpr std::uint64_t kThrottledPercent = 25;  // where Kubernetes' own alert begins (CPUThrottlingHigh)
constexpr std::size_t kMostNamed = 3;

PolicyRef ref_of(const char* key, const Limit& limit) {
  return {key, limit.origin.file, limit.origin.line};
}

std::uint64_t limit_of(const plan::Plan& plan, Controller controller) {
  const bool container = plan.mode == Mode::container;
  switch (controller) {
    case Controller::memory: return container ? plan.host.memory.limit : plan.limits.memory.value;
    case Controller::pids: return container ? plan.host.limits.container.processes : plan.limits.processes.value;
    case Controller::cpu: return container ? plan.host.limits.container.cpu : plan.limits.cpu.value;
  }
  return 0;
}

// "raise limits.cpu in p.yaml:3", or how to start the container with `more`.
std::string how_to_raise(const plan::Plan& plan, const PolicyRef& ref, Controller controller, std::uint64_t more) {
  if (plan.mode == Mode::container) return "start the container with " + plan::how_to_limit(controller, more);
  return "raise " + ref.key + (ref.file.empty() ? "" : " in " + ref.file + ":" + std::to_string(ref.line));
}

std::string killed_text(const OutOfMemory& event) {
  std::vector<std::string> names;
  for (const kernel::OomKill& kill : event.killed) {
    if (names.size() == kMostNamed) break;
    std::string text = base::printable(kill.name) + " (pid " + std::to_string(kill.pid) + " of this machine";
    if (kill.bytes != 0) text += ", " + base::human_bytes(kill.bytes);
    names.push_back(text + ")");
  }
  const std::uint64_t count = std::max<std::uint64_t>(event.figures.oom_kills, event.killed.size());
  if (!names.empty()) {
    return base::join(names, ", ") +
           (count > names.size() ? " and " + std::to_string(count - names.size()) + " more" : "");
  }
  const bool itself = event.status && WIFSIGNALED(*event.status) && WTERMSIG(*event.status) == SIGKILL;
  if (itself && count == 1) return "the app itself";
  return (count == 1 ? "a process" : std::to_string(count) + " processes") + " of the instance" +
         (itself ? ", the app among them" : "");
}

// "; 40.0 MiB were in tmpfs mounts and shared memory, most of it in /dev/shm"
std::string tmpfs_text(const OutOfMemory& event) {
  std::uint64_t bytes = event.figures.shared_memory;
  const StorageUse* largest = nullptr;
  std::uint64_t sum = 0;
  for (const StorageUse& use : event.storage) {
    sum += use.peak;
    if (largest == nullptr || use.peak > largest->peak) largest = &use;
  }
  bytes = std::max(bytes, sum);
  if (bytes == 0) return "; tmpfs mounts held nothing";
  std::string text = "; " + base::human_bytes(bytes) + " of it were in tmpfs mounts and shared memory";
  if (largest != nullptr && largest->peak != 0) {
    text += ", " + base::human_bytes(largest->peak) + " in " + base::printable(largest->path);
  }
  return text;
}

bool tmpfs_is_most(const OutOfMemory& event, std::uint64_t limit) {
  std::uint64_t sum = 0;
  for (const StorageUse& use : event.storage) sum += use.peak;
  return limit != 0 && std::max(sum, event.figures.shared_memory) * 2 >= limit;
}

}  // namespace

Finding memory_finding(const plan::Plan& plan, const OutOfMemory& event) {
  const std::uint64_t limit = limit_of(plan, Controller::memory);
  const kernel::CgroupFigures& figures = event.figures;
  Finding finding;
  finding.code = "CD520";
  finding.severity = Severity::error;
  finding.policy = ref_of("limits.memory", plan.limits.memory);
  const bool reached = limit != 0 && (figures.memory_peak == 0 || figures.memory_peak * 100 >= limit * kReachedPercent);
  const std::string peak = figures.memory_peak == 0 ? "" : "peak " + base::human_bytes(figures.memory_peak);
  if (reached) {
    finding.message = "out of memory: the limit of " + base::human_bytes(limit) + " was reached" +
                      (peak.empty() ? "" : " (" + peak + ")");
  } else {
    finding.message = "out of memory, not by a limit of the instance (" + (peak.empty() ? "peak unknown" : peak) +
                      "): the machine, or a cgroup around, had no more";
  }
  finding.message += ", and the kernel killed " + killed_text(event) + tmpfs_text(event);
  finding.fix =
      tmpfs_is_most(event, limit) ? "write less to tmpfs mounts, which count as memory, or " : "use less memory, or ";
  finding.fix +=
      reached ? how_to_raise(plan, finding.policy, Controller::memory, limit * 2) : std::string("run less beside it");
  finding.fix += "; production kills the container the same way (exit 137, OOMKilled) and starts it again";
  return finding;
}

Finding processes_finding(const plan::Plan& plan, std::uint64_t count) {
  const std::uint64_t limit = limit_of(plan, Controller::pids);
  Finding finding;
  finding.code = "CD521";
  finding.severity = Severity::error;
  finding.policy = ref_of("limits.processes", plan.limits.processes);
  finding.message = "a process or thread could not be started (" + base::plural(count, "time") + "): the limit of " +
                    std::to_string(limit) + " was reached, and fork fails with EAGAIN";
  finding.fix = "look for what starts so many (each thread counts), or " +
                how_to_raise(plan, finding.policy, Controller::pids, limit * 2);
  return finding;
}

std::optional<Finding> cpu_finding(const plan::Plan& plan, const kernel::CgroupFigures& figures) {
  if (figures.periods < kFewestPeriods || figures.throttled * 100 < figures.periods * kThrottledPercent) {
    return std::nullopt;
  }
  const std::uint64_t limit = limit_of(plan, Controller::cpu);
  Finding finding;
  finding.code = "CD522";
  finding.severity = Severity::note;
  finding.policy = ref_of("limits.cpu", plan.limits.cpu);
  finding.message = "the app had to wait for its processors in " +
                    std::to_string(figures.throttled * 100 / figures.periods) + " % of the time that it ran (" +
                    std::to_string(figures.throttled) + " of " + base::plural(figures.periods, "period") +
                    " of 100 ms, " + policy::duration_text(std::chrono::milliseconds(figures.throttled_usec / 1000)) +
                    " in all): the limit is " + policy::cores_text(limit);
  finding.fix = "production throttles it the same way and answers are slow then: do less at once, or " +
                how_to_raise(plan, finding.policy, Controller::cpu, limit * 2);
  return finding;
}

}  // namespace cofferdam::run
