// Doctor's table: each rule, its mechanism in this mode on this host, its level, and what to change.
#include <algorithm>

#include "plan/plan.hpp"

namespace cofferdam::plan {

namespace {

// Below ABI 3, truncate(2) of an existing file is not covered; below ABI 6, signals are not.
constexpr int kAbiTruncate = 3;
constexpr int kAbiSignals = 6;
constexpr int kAbiTcp = 4;

std::string landlock_name(int abi) {
  return abi > 0 ? "Landlock ABI " + std::to_string(abi) : std::string("no Landlock");
}

EnforcementRow storage_row(Mode mode, const HostFacts& host, const std::vector<PlannedMount>& mounts,
                           const std::vector<kernel::MountEntry>& foreign) {
  EnforcementRow row{"storage", Level::full, {}, {}};
  if (mode == Mode::local) {
    row.mechanism = "mount namespace: all read-only, the policy's mounts on tmpfs; " + landlock_name(host.landlock_abi);
  } else {
    row.mechanism = landlock_name(host.landlock_abi) + " over " + std::to_string(mounts.size()) +
                    (mounts.size() == 1 ? " tmpfs mount" : " tmpfs mounts") + " of the container";
    if (host.landlock_abi < kAbiTruncate && !foreign.empty()) {
      row.level = host.landlock_abi == 0 ? Level::none : Level::partial;
      row.advice = "the app can write " + foreign.front().mount_point + " (" + foreign.front().type +
                   "): run the container with --read-only and a --tmpfs for each directory that the app writes";
      return row;
    }
  }
  const auto kept = std::ranges::find(mounts, MountType::persistent, &PlannedMount::type);
  if (kept != mounts.end()) {
    row.level = Level::partial;
    row.chosen = true;
    row.advice = kept->path + " is kept after the run because the policy says so (type: persistent)";
  }
  return row;
}

EnforcementRow database_row(Mode mode, const HostFacts& host) {
  EnforcementRow row{"database", Level::full, {}, {}};
  row.mechanism = uses_broker(mode, host) ? "sockets made and connected by the launcher (socket broker)"
                                          : "connect performed by the launcher (pidfd_getfd)";
  if (!host.address_space_randomised) {
    row.level = Level::none;
    row.advice =
        "the app can't be told from what it executes without address space randomisation: "
        "sysctl kernel.randomize_va_space=2";
  }
  return row;
}

EnforcementRow logs_row(const Logs& logs) {
  EnforcementRow row{"logs", Level::full, {}, {}};
  row.mechanism = logs.capture == LogCapture::pty
                      ? "two pseudoterminals to a pump of its own, because the policy says capture: pty"
                      : "two pipes to a pump of its own, as a container has them (capture: pipe)";
  if (logs.syslog_socket) row.mechanism += "; /dev/log";
  return row;
}

EnforcementRow processes_row(Mode mode, const HostFacts& host) {
  if (mode == Mode::local) return {"processes", Level::full, "pid namespace: all die with the launcher", {}};
  if (host.is_pid_1) return {"processes", Level::full, "launcher is PID 1: all die with it", {}};
  EnforcementRow row{"processes", Level::partial, "subreaper", {}};
  if (host.landlock_abi < kAbiSignals) row.mechanism += "; signals at the launcher stopped by the filter only";
  row.advice =
      "if the launcher is killed, the app dies, but what the app started lives on with every audited call "
      "failing; make cofferdam PID 1 (no docker --init)";
  return row;
}

}  // namespace

bool uses_broker(Mode mode, const HostFacts& host) {
  return mode == Mode::container || !host.steals_descriptors;
}

EnforcementRow network_row(Mode mode, const HostFacts& host) {
  EnforcementRow row{"network", Level::full, {}, {}};
  row.mechanism = "connects and datagrams performed by the launcher (";
  row.mechanism += uses_broker(mode, host) ? "socket broker)" : "pidfd_getfd)";
  if (host.landlock_abi >= kAbiTcp)
    row.mechanism += "; " + landlock_name(host.landlock_abi) + ": no TCP connect beside it";
  return row;
}

std::vector<EnforcementRow> enforcement_rows(Mode mode, const HostFacts& host, const std::vector<PlannedMount>& mounts,
                                             const std::vector<kernel::MountEntry>& foreign_mounts, const Logs& logs) {
  return {storage_row(mode, host, mounts, foreign_mounts), database_row(mode, host), logs_row(logs),
          processes_row(mode, host)};
}

}  // namespace cofferdam::plan
