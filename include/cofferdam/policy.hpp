// The policy as the rest of the program sees it: validated, resolved, immutable plain data.
// Text stops at the loader: no later stage meets a YAML node, a relative path or an unresolved `~`.
#pragma once

#include <chrono>
#include <cstdint>
#include <expected>
#include <map>
#include <optional>
#include <string>
#include <vector>

#include "cofferdam/diagnostic.hpp"
#include "cofferdam/logs.hpp"

namespace cofferdam {

enum class Mode { automatic, local, container };
enum class EnforcementMode { strict, degraded };

// A program that counts as the app beside the entry process.
// `exe` is as it would be typed (looked up on PATH when the plan is made; a program that isn't there matches nothing).
// `argv` are shell-style patterns (fnmatch), one an argument from argv[0] on; what follows the last pattern is free.
// Empty means any arguments.
struct AppAlso {
  std::string exe;
  std::vector<std::string> argv;
  Origin origin;
};

enum class MountType { overlay, tmpfs, read_only, hidden, persistent };
// As it is written in a policy.
[[nodiscard]] constexpr const char* to_string(MountType type) {
  switch (type) {
    case MountType::overlay: return "overlay";
    case MountType::tmpfs: return "tmpfs";
    case MountType::read_only: return "read-only";
    case MountType::hidden: return "hidden";
    case MountType::persistent: return "persistent";
  }
  return "tmpfs";
}

struct MountRule {
  std::string path;     // absolute, lexically normalised, no trailing slash
  std::string written;  // as it stands in the policy, for messages
  MountType type = MountType::tmpfs;
  std::uint64_t size = 0;    // bytes of tmpfs behind it; 0 means the default (kDefaultMountSize)
  std::uint64_t inodes = 0;  // files, directories and links in it; 0 means default_inodes(size)
  bool watch = false;        // overlay only: host edits are replayed into the instance
  bool exec = true;          // false mounts it noexec (tmpfs only)
  bool optional = false;     // skipped where it can't be had; the rows of a built-in policy are
  Origin origin;
};
inline constexpr std::uint64_t kDefaultMountSize = 512ULL << 20;

// One for each page (4 KiB) of the size, at least 1,024: files that hold something run out of bytes first, and empty
// files, directories and links, which take no page but about 1 KiB of the kernel's memory each, are bounded as well.
[[nodiscard]] constexpr std::uint64_t default_inodes(std::uint64_t size) {
  return size / 4096 < 1024 ? 1024 : size / 4096;
}

struct Storage {
  std::vector<MountRule> mounts;
  std::vector<std::string> audit_ignore;  // globs (`**` crosses directories), of the report only
};

// The right-hand side of a `database.allow` row.
struct Destination {
  enum class Kind { host_port, cidr_port, unix_path, environment };
  Kind kind = Kind::host_port;
  std::string host;        // host_port: name or IP literal without brackets; cidr_port: network address
  int prefix = 0;          // cidr_port: prefix length
  std::uint16_t port = 0;  // host_port, cidr_port
  std::string path;        // unix_path: absolute glob; an abstract socket starts with '@'
  std::string variable;    // environment: name of the variable that holds a URL or DSN
  std::string written;     // as it stands in the policy
};

struct DatabaseAllow {
  enum class From { app, one_off, any };
  From from = From::app;
  Destination to;
  Origin origin;
};

struct Database {
  bool all_engines = true;           // `engines: all`
  std::vector<std::string> engines;  // names of the engine table when not all
  std::vector<std::uint16_t> ports;  // beside the engines' own
  std::vector<std::string> sockets;  // absolute globs, beside the engines' own
  std::vector<DatabaseAllow> allow;  // empty: the app and a one-off may reach any database
  Origin origin;                     // of `database.allow`, else of `database`, for findings
};

// A destination of `network.allow`: host_port or cidr_port, where port 0 means any.
struct NetworkAllow {
  Destination to;
  Origin origin;
};

struct Network {
  bool deny = false;  // `egress: deny`
  std::vector<NetworkAllow> allow;
  Origin origin;  // of `network.allow`, else of `network.egress`, for findings
};

// Rule 4. What is not said is denied.
struct Access {
  bool remote_login = false;  // terminals, interactive shells, and listeners on the ports of logins
  bool debug = false;         // ptrace and what comes with it, between processes of the instance
  Origin origin;              // of `access`
};

// A device of the machine that the instance gets.
struct DeviceRule {
  std::string path;  // absolute, lexically normalised
  Origin origin;
};

// A number that bounds an instance, and where it was written. 0: no limit.
struct Limit {
  std::uint64_t value = 0;
  Origin origin;
};

struct Limits {
  Limit memory;      // bytes of all its processes together, with what its tmpfs mounts hold
  Limit processes;   // processes and threads together
  Limit cpu;         // thousandths of a processor
  Limit open_files;  // of each process
};

struct Environment {
  std::vector<std::string> files;  // absolute; read for env:NAME
  bool export_files = false;       // also given to the app
  std::vector<std::string> require;
  std::map<std::string, std::string> set;
  std::vector<std::string> drop;
};

enum class Restart { never, on_failure, always };

// When an instance gets connections: once it answers on `port` (0: the first that it listens on), by HTTP with a status
// of 200 to 399 where `http` is a path.
struct Readiness {
  std::string http;
  std::uint16_t port = 0;
  std::chrono::milliseconds timeout{30000};  // then the instance counts as failed
};

struct Run {
  std::uint32_t replicas = 1;
  std::optional<Restart> restart;      // unset: on_failure for several, never for one
  std::optional<Readiness> readiness;  // unset: once it listens
  std::string stop_signal = "SIGTERM";
  std::chrono::milliseconds stop_grace{10000};
};

struct Policy {
  std::string name;  // the file as given, or the name of the built-in policy
  Mode mode = Mode::automatic;
  EnforcementMode enforcement = EnforcementMode::strict;
  std::vector<AppAlso> also;
  Storage storage;
  Database database;
  Network network;
  Access access;
  std::vector<DeviceRule> devices;
  std::vector<std::string> sockets;  // host sockets let in, absolute paths
  Limits limits;
  Environment environment;
  Logs logs;
  Run run;
};

// What the loader needs to know of the world; nothing else is consulted.
struct PolicyContext {
  std::string working_directory;                   // absolute
  std::string home;                                // absolute, or empty when unset
  std::map<std::string, std::string> environment;  // for COFFERDAM_POLICY
  std::string policy_base =
      {};  // what relative paths of a policy file mean; empty: its own directory (as in `extends`)
  // A policy as text, read as if it were a file in the working directory. It extends the policy that is loaded, unless
  // it says itself what it extends; then it stands alone. `version: 1` may be left out. Empty: none.
  std::string inline_text = {};
};
// What messages and Origin::file call `inline_text`.
inline constexpr const char* kInlinePolicyName = "(inline policy)";

// Where each value of a policy was written, in whichever of the files that extend each other. By key: "limits.memory",
// "environment.set.NAME"; an item of a list by the list and the item as the policy has it, "database.ports[] 15432",
// and a key of a mount by the mount's path, "storage.mounts[] /tmp size". What is not here holds by default.
using PolicyOrigins = std::map<std::string, Origin>;

// Loads a policy by path or by built-in name. All mistakes are reported at once, in file order; warnings
// alone do not make it fail (they are in `warnings` of the success case).
struct LoadedPolicy {
  Policy policy;
  std::vector<Diagnostic> warnings;
  PolicyOrigins origins = {};
};
[[nodiscard]] std::expected<LoadedPolicy, std::vector<Diagnostic>> load_policy(const std::string& file_or_name,
                                                                               const PolicyContext& context);

// Discovery order: `explicit_choice` (--policy), COFFERDAM_POLICY, ./cofferdam.yaml, else "twelve-factor".
[[nodiscard]] std::string discover_policy(const std::optional<std::string>& explicit_choice,
                                          const PolicyContext& context);

// The context of this process: its working directory ("/" when it is gone), HOME and environment. Reads the
// environment, so no other thread may change it at the same time.
[[nodiscard]] PolicyContext current_policy_context();

// The names of the shipped policies, sorted.
[[nodiscard]] std::vector<std::string> shipped_policies();

}  // namespace cofferdam
