// What one policy file says, as typed values, before it is merged with what it extends.
#pragma once

#include <chrono>
#include <map>
#include <optional>
#include <string>
#include <vector>

#include "cofferdam/policy.hpp"
#include "policy/document.hpp"
#include "policy/log_layer.hpp"
#include "policy/mistakes.hpp"
#include "policy/mounts.hpp"
#include "policy/paths.hpp"

namespace cofferdam::policy {

// Keys that were left out are empty or unset.
struct Layer {
  std::optional<Mode> mode;
  std::optional<EnforcementMode> enforcement;
  std::vector<AppAlso> also;
  std::vector<MountRow> mounts;
  std::vector<std::string> audit_ignore;
  struct {
    std::optional<bool> all_engines;  // set when `engines` is there
    std::vector<std::string> engines;
    std::vector<std::uint16_t> ports;
    std::vector<std::string> sockets;
    std::vector<DatabaseAllow> allow;
    std::optional<Origin> origin;        // of `database`
    std::optional<Origin> allow_origin;  // of `database.allow`
  } database;
  struct {
    std::optional<bool> deny;
    std::vector<NetworkAllow> allow;
    std::optional<Origin> origin;        // of `network.egress`
    std::optional<Origin> allow_origin;  // of `network.allow`
  } network;
  struct {
    std::optional<bool> remote_login;
    std::optional<bool> debug;
    std::optional<Origin> origin;  // of `access`
  } access;
  std::vector<DeviceRule> devices;
  std::vector<std::string> sockets;
  Limits limits;
  struct {
    std::vector<std::string> files;
    std::optional<bool> export_files;
    std::vector<std::string> require;
    std::map<std::string, std::string> set;
    std::vector<std::string> drop;
  } environment;
  LogLayer logs;
  struct {
    std::optional<std::uint32_t> replicas;
    std::optional<Restart> restart;
    std::optional<Readiness> readiness;
    std::optional<std::string> stop_signal;
    std::optional<std::chrono::milliseconds> stop_grace;
  } run;
};

// Reads a tree that validate() has seen. Values that validate() refused are left out in silence; what it could
// not know (paths without a home, keys that exclude each other) is reported here. `shipped` marks a built-in
// policy, for which paths that do not resolve are no mistakes but skipped with a note.
[[nodiscard]] Layer read_layer(const Node& root, const PathBase& base, bool shipped, Mistakes& mistakes);

}  // namespace cofferdam::policy
