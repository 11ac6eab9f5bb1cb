#include "plan/doctor.hpp"

#include <sys/statvfs.h>
#include <unistd.h>

#include <algorithm>
#include <iterator>

#include "plan/access.hpp"
#include "plan/devices.hpp"
#include "plan/limits.hpp"
#include "plan/storage.hpp"
#include "policy/log_address.hpp"
#include "policy/log_words.hpp"

namespace cofferdam::plan {

namespace {

bool has_all(const kernel::CgroupGrant& grant) {
  return std::ranges::all_of(kernel::kControllers, [&](auto each) { return grant.has(each); });
}

std::string grant_text(const HostFacts& facts) {
  const kernel::CgroupGrant& grant = facts.limits.grant;
  if (has_all(grant)) return grant.kind;
  if (facts.in_container) return "the container's own limits hold";
  return (grant.kind.empty() ? "" : grant.kind + " gives some; ") + grant.problem + ". " +
         how_to_get_cgroups(facts.limits, facts.uid == 0);
}

std::vector<Probe> probes_of(const HostFacts& facts, const HostTrials& trials) {
  return {
      {"user, mount and pid namespaces", trials.namespaces, trials.namespaces ? "" : trials.namespaces_error},
      {"overlay on tmpfs in them", trials.overlay, ""},
      {"fresh /proc in them", trials.fresh_proc, ""},
      {"seccomp user notification", trials.notification, trials.notification ? "" : trials.notification_error},
      {"pidfd_getfd of a child", trials.steal_descriptors,
       trials.steal_descriptors ? "" : "the socket broker is used instead"},
      {"Landlock", facts.landlock_abi > 0, facts.landlock_abi > 0 ? "ABI " + std::to_string(facts.landlock_abi) : ""},
      {"address space randomisation", facts.address_space_randomised, ""},
      {"cgroups for memory, processes and cpu", has_all(facts.limits.grant), grant_text(facts)},
      {"launcher would be PID 1", facts.is_pid_1, facts.is_pid_1 ? "" : "of weight in a container only"},
  };
}

void lose(Diagnosis& diagnosis, const std::string& rule, const std::string& why) {
  for (EnforcementRow& row : diagnosis.rows) {
    if (row.rule != rule) continue;
    row.level = Level::none;
    row.advice = why;
  }
}

std::vector<StoragePlace> places_of(const Plan& plan) {
  std::vector<StoragePlace> places;
  for (const PlannedMount& mount : plan.mounts) {
    if (mount.type == MountType::hidden || mount.type == MountType::read_only) continue;
    StoragePlace& place = places.emplace_back();
    place.path = mount.path;
    place.kind = to_string(mount.type);
    place.size = mount.size;
    place.inodes = mount.inodes;
    struct statvfs real{};
    if (mount.type == MountType::persistent) {
      place.size = place.inodes = 0;
      place.advice = "kept after the run, because the policy says so";
    } else if (plan.mode == Mode::container && statvfs(mount.path.c_str(), &real) == 0) {
      place.size = static_cast<std::uint64_t>(real.f_blocks) * real.f_frsize;
      place.inodes = real.f_files;
    }
  }
  for (const Finding& finding : plan.findings) places.push_back({finding.path, "disk", 0, 0, finding.message});
  return places;
}

// Where the address stands in the environment, only its name is known here.
std::string place_of(const LogSink& sink) {
  if (sink.type == LogSink::Type::console) return "standard output";
  if (sink.type == LogSink::Type::file) return sink.path;
  const auto address = policy::parse_log_address(sink);
  if (!address) return sink.address.starts_with("env:") ? sink.address : "";
  return address->path.empty() ? address->host + ":" + std::to_string(address->port) : address->path;
}

const char* promise_of(const LogSink& sink) {
  switch (sink.type) {
    case LogSink::Type::console:
    case LogSink::Type::file: return "delivered when it is written";
    case LogSink::Type::otlp: return "at least once: the server answers for each batch";
    case LogSink::Type::fluentd:
      return sink.ack ? "at least once: the server acknowledges each chunk" : "delivered when it is sent (ack: false)";
    case LogSink::Type::syslog:
      return sink.address.starts_with("udp://") ? "delivered when it is sent: UDP may lose it"
                                                : "delivered when it is sent: syslog acknowledges nothing";
    case LogSink::Type::sentry:
      return "at least once; while the server limits the rate, events are dropped and counted";
  }
  return "";
}

std::vector<LogPlace> log_places(const Logs& logs) {
  const std::vector<LogSink> usual(1);
  std::vector<LogPlace> places;
  for (const LogSink& sink : logs.sinks.empty() ? usual : logs.sinks) {
    places.push_back({sink.name.empty() ? "console" : sink.name, place_of(sink),
                      std::string(policy::word_of(policy::kWhenFullWords, sink.when_full)), promise_of(sink)});
  }
  return places;
}

constexpr const char* kRestricted =
    "user namespaces are restricted here: load the AppArmor profile of the package, or use sudo cofferdam run --user "
    "\"$USER\"; in a chroot there are none: start cofferdam outside of it";

}  // namespace

Result<Diagnosis> diagnose(const Policy& policy, const std::map<std::string, std::string>& environment) {
  auto facts = read_host_facts(environment);
  if (!facts) return std::unexpected(facts.error());
  const HostTrials trials = try_host();
  Plan plan;
  plan.host = *facts;
  plan.mode = policy.mode != Mode::automatic ? policy.mode : facts->in_container ? Mode::container : Mode::local;
  const bool local = plan.mode == Mode::local;
  constexpr kernel::CgroupLimits kTry = {.memory = 1ULL << 30, .processes = 1000, .cpu = 1000};
  const auto cgroups = local ? kernel::CgroupPlace::find(facts->mounts, kTry) : kernel::CgroupPlace();
  facts->limits = read_limit_facts(plan.mode, cgroups, facts->mounts);
  auto stored = local ? plan_local_storage(policy, {}, plan) : plan_container_storage(policy, plan);

  compare_sizes(plan);

  Diagnosis diagnosis;
  diagnosis.mode = local ? "local" : "container";
  diagnosis.why_mode = policy.mode != Mode::automatic ? "the policy says so"
                       : facts->in_container          ? "this is a container"
                                                      : "this is no container";
  diagnosis.rows = enforcement_rows(plan.mode, *facts, plan.mounts, plan.foreign_mounts, policy.logs);
  if (policy.network.deny) diagnosis.rows.push_back(network_row(plan.mode, *facts));
  diagnosis.rows.push_back(access_row(plan.mode, *facts, policy, false));
  weaken(diagnosis.rows, openings_of(policy));
  auto openings = plan_devices(policy, plan);
  if (openings) weaken(diagnosis.rows, *openings);
  if (has_limits(policy.limits)) {
    diagnosis.rows.push_back(limits_row(plan.mode, policy.limits, facts->limits, facts->uid == 0));
    std::ranges::move(limit_notices(plan.mode, policy.limits, facts->limits, facts->memory.available()),
                      std::back_inserter(plan.notices));
  }
  diagnosis.probes = probes_of(*facts, trials);
  diagnosis.storage = places_of(plan);
  diagnosis.logs = log_places(policy.logs);
  diagnosis.memory = facts->memory;
  diagnosis.notices = plan.notices;
  for (const Finding& finding : plan.findings) diagnosis.notices.push_back(finding.path + ": " + finding.fix);
  if (!openings) diagnosis.notices.push_back(openings.error().message);
  if (!stored) lose(diagnosis, "storage", stored.error().message);
  if (local && !trials.namespaces) {
    for (const char* rule : {"storage", "processes"}) lose(diagnosis, rule, kRestricted);
  } else if (local && !trials.fresh_proc) {
    lose(diagnosis, "processes", "a fresh /proc can't be mounted: something is mounted over parts of the host's");
  } else if (local && !trials.overlay) {
    lose(diagnosis, "storage",
         "an overlay can't be mounted in a user namespace (Linux 5.11 is needed): name tmpfs mounts instead");
  }
  if (policy.logs.capture == LogCapture::pty && access("/dev/ptmx", R_OK | W_OK) != 0) {
    lose(diagnosis, "logs", "there is no /dev/ptmx that can be opened: write capture: pipe");
  }
  if (!trials.notification) {
    const std::string why = "no seccomp notification: " + trials.notification_error;
    for (const char* rule : {"storage", "database", "network", "access"}) lose(diagnosis, rule, why);
  }
  diagnosis.all_full = std::ranges::all_of(diagnosis.rows, [](const auto& row) { return row.level == Level::full; });
  return diagnosis;
}

}  // namespace cofferdam::plan
