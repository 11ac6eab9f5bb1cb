// What this machine is: asked of the kernel by trying, never by its version number.
#pragma once

#include <sys/types.h>

#include <map>
#include <optional>
#include <string>
#include <vector>

#include "cofferdam/result.hpp"
#include "kernel/mountinfo.hpp"
#include "plan/limits.hpp"
#include "plan/memory.hpp"

namespace cofferdam::plan {

// A line of /etc/passwd. Read by ourselves: a static binary has no name service switch.
struct UserEntry {
  std::string name;
  uid_t uid = 0;
  gid_t gid = 0;
  std::string home;
  std::string shell;
};
// By name or by number; nothing when there is no such line.
[[nodiscard]] std::optional<UserEntry> find_user(const std::string& name_or_uid,
                                                 const std::string& passwd_file = "/etc/passwd");
// The groups that /etc/group gives the user, with the primary one.
[[nodiscard]] std::vector<gid_t> groups_of(const UserEntry& user, const std::string& group_file = "/etc/group");

// Cheap facts, read at every start.
struct HostFacts {
  bool in_container = false;
  bool is_pid_1 = false;
  uid_t uid = 0;
  gid_t gid = 0;
  int landlock_abi = 0;
  bool steals_descriptors = true;        // pidfd_getfd(2) is there; else the socket broker is used
  bool reads_other_users = true;         // CAP_SYS_PTRACE: what a process of another user is can be read
  bool address_space_randomised = true;  // kernel.randomize_va_space is not 0
  std::vector<kernel::MountEntry> mounts;
  MemoryFacts memory;
  LimitFacts limits;  // filled where the policy has limits, and in container mode

  // In a container only: what tells a tmpfs of its own from one that was there before.
  bool kubernetes = false;
  bool shares_ipc = false;                     // the host's IPC namespace (--ipc host), and so its /dev/shm
  std::optional<std::int64_t> born;            // when the tmpfs at /dev was made, which is new with each container;
                                               // seconds since 1970
  std::map<std::uint64_t, std::int64_t> made;  // the same of each tmpfs that can be seen, by mount id
};
[[nodiscard]] Result<HostFacts> read_host_facts(const std::map<std::string, std::string>& environment);

// What only a try tells. Each try runs in a child of its own and changes nothing. For doctor.
struct HostTrials {
  bool namespaces = false;       // user, mount and pid namespace with a recursive read-only root
  std::string namespaces_error;  // "mount: Permission denied"
  bool overlay = false;          // an overlay on tmpfs inside them
  bool fresh_proc = false;
  bool notification = false;  // a seccomp listener under no_new_privs
  std::string notification_error;
  bool steal_descriptors = false;  // pidfd_getfd(2) of a child
};
[[nodiscard]] HostTrials try_host();

}  // namespace cofferdam::plan
