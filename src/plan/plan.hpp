// The plan: what the policy means on this machine, decided before anything starts. Plain data; the launcher and
// the supervisor carry it out and decide nothing of their own about it.
#pragma once

#include <sys/types.h>

#include <cstdint>
#include <map>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "cofferdam/event.hpp"
#include "cofferdam/policy.hpp"
#include "plan/command.hpp"
#include "plan/host.hpp"

namespace cofferdam::plan {

// A place where the app may write (or that is hidden). In local mode it is mounted; in container mode it was
// found to be a tmpfs of this container.
struct PlannedMount {
  MountType type = MountType::tmpfs;
  std::string path;          // canonical: no symlinks, as the kernel will print it
  std::string mount_point;   // container mode only: where the tmpfs that it lies on is mounted
  std::uint64_t size = 0;    // local mode: what it gets; container mode: what the policy wishes, 0 when it says nothing
  std::uint64_t inodes = 0;  // the same
  bool exec = true;
  bool watch = false;
  bool directory = true;
  mode_t mode = 0755;  // of the directory that it covers
  uid_t uid = 0;
  gid_t gid = 0;
  std::vector<std::string> hidden;    // overlay: names below it to white out, relative, parents first
  bool mirror = false;                // overlay: over a lower layer of its own with copies of these names, because
  std::vector<std::string> mirrored;  // the host has mounts below the directory
  std::uint64_t mount_id = 0;         // container mode only
  PolicyRef policy;
};

// A host file or directory that stays visible at its own path although a tmpfs covers it.
struct PlannedBind {
  std::string path;
  bool directory = false;
};

// A row of app.also, looked up.
struct AlsoProgram {
  std::optional<Program> program;  // nothing when it isn't installed here: it then matches nothing
  std::string place;               // instead of a program: a pattern of paths, for what is only built later
  std::vector<std::string> argv;
  std::string written;
};

struct Identity {
  uid_t uid = 0;
  gid_t gid = 0;
  std::vector<gid_t> groups;
  bool change = false;    // --user was given: setgroups, setresgid, setresuid
  bool full_map = false;  // local mode as root: every id is mapped
};

// Rule 4: which doors of the instance are open.
struct AccessPlan {
  bool terminals = false;  // terminals and interactive shells: in a one-off, or with remote_login: allow
  bool logins = false;     // listeners on the ports of logins: remote_login: allow
  bool debugging = false;  // debug: allow
  std::string one_off;     // what to type to look around instead
  PolicyRef policy;
};

inline constexpr std::size_t kMostDevices = 64;
// A device of the machine, or a directory of them.
struct PlannedDevice {
  std::string path;  // below /dev, where the app looks for it
  bool directory = false;
};

struct Plan {
  Mode mode = Mode::local;  // never automatic
  HostFacts host;
  Identity identity;
  std::uint64_t kept_capabilities = 0;
  std::vector<PlannedMount> mounts;  // parents before children
  std::vector<PlannedBind> binds;
  std::vector<kernel::MountEntry> foreign_mounts;  // container mode: the mounts that are not ours to write
  std::string scratch;                             // local mode: a directory to build the layers on

  std::vector<std::string> argv;
  std::vector<std::string> environment;  // NAME=value
  Program program;
  std::string working_directory;
  std::vector<AlsoProgram> also;
  Limits limits;
  std::uint64_t open_files = 0;  // soft and hard RLIMIT_NOFILE of the app; 0: as we were started
  bool broker = false;           // sockets are made by the launcher, because it can't take them from the caller
  bool egress_denied = false;    // datagrams are judged, too
  bool sees_reads = false;       // rehearsal: calls that only read a path are notified as well

  AccessPlan access;
  std::vector<PlannedDevice> devices;

  std::vector<EnforcementRow> enforcement;
  std::vector<std::string> notices;
  std::vector<Finding> findings;  // about where we are, not about what the app does: emitted right after the start
};

struct PlanRequest {
  std::vector<std::string> argv;
  std::map<std::string, std::string> environment;  // of the app, after the policy's set and drop
  std::string working_directory;                   // absolute
  std::optional<UserEntry> user;                   // --user
  std::vector<std::string> socket_places;          // of the databases that may be used: socket_places(rules)
  bool one_off = false;                            // cofferdam shell: it has a terminal
};

// Policy x facts -> plan. Refuses (exit code 125, 126 or 127) with the way out in the message: a mount that can't
// be given, a command that can't be run, an enforcement that is lost under `enforcement: strict`.
[[nodiscard]] Result<Plan> make_plan(const Policy& policy, const HostFacts& host, const PlanRequest& request);

// Refuses a database client as the entry of `run` (CD504); shell has no such rule.
[[nodiscard]] Result<void> check_entry(const PlanRequest& request);

// The rows of `enforcement` for a mode on this host; also what doctor prints.
[[nodiscard]] std::vector<EnforcementRow> enforcement_rows(Mode mode, const HostFacts& host,
                                                           const std::vector<PlannedMount>& mounts,
                                                           const std::vector<kernel::MountEntry>& foreign_mounts,
                                                           const Logs& logs);

// Whether sockets come from the launcher: in a container, and where pidfd_getfd(2) is refused.
[[nodiscard]] bool uses_broker(Mode mode, const HostFacts& host);

// The row of `network.egress: deny`; without it there is no such rule.
[[nodiscard]] EnforcementRow network_row(Mode mode, const HostFacts& host);

}  // namespace cofferdam::plan
