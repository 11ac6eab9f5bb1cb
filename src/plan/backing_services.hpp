// The database rule of a policy with the environment filled in: what the verdict compares a destination with.
#pragma once

#include <cstdint>
#include <expected>
#include <functional>
#include <map>
#include <string>
#include <string_view>
#include <vector>

#include "cofferdam/diagnostic.hpp"
#include "cofferdam/event.hpp"
#include "cofferdam/policy.hpp"
#include "plan/address.hpp"
#include "policy/engines.hpp"

namespace cofferdam::plan {

// Code of the diagnostics: a variable that `database.allow` names is unset or holds nothing that can be read.
inline constexpr std::string_view kBackingServiceVariable = "CD911";

// One destination.
struct DatabaseRule {
  enum class Kind { host, network, socket };
  DatabaseAllow::From from = DatabaseAllow::From::app;
  Kind kind = Kind::host;
  std::string host;                  // host: lower case, no brackets
  std::vector<IpAddress> addresses;  // host: those known without a query, else empty; network: its address
  int prefix = 0;                    // network
  std::uint16_t port = 0;            // host, network
  std::string path;                  // socket: absolute glob; "@name" is an abstract one
  std::string engine;                // when the policy or the URL tells, else empty
  std::string written;               // "10.0.0.0/8:5432", "env:DATABASE_URL"; never a URL
  PolicyRef policy;
};

struct DatabaseRules {
  // True when the policy has `database.allow` rows, even if they name no destination (a sqlite:// URL).
  bool restricted = false;
  std::vector<DatabaseRule> allow;  // rows, in order; one env:NAME may give several
  // Destinations that are databases whatever their port, beside those of `allow`: what the environment names
  // (policy::service_variables) of the engines in `engines`. Their `from` means nothing.
  std::vector<DatabaseRule> named;
  policy::EngineSet engines;
  std::vector<std::uint16_t> ports;
  std::vector<std::string> sockets;  // absolute globs
  PolicyRef policy;                  // of the list when there is one, else of `database`
  std::vector<std::string> notices;  // variables that could not be read although they look like a database's
};

// `environment` holds the app's variables and those of `environment.files`. All errors are reported: an env:NAME
// that is unset, empty or not understood, and one that only DNS can list (mongodb+srv). No message or notice
// shows a variable's value. A file database (sqlite) has no destination and is no error.
[[nodiscard]] std::expected<DatabaseRules, std::vector<Diagnostic>> database_rules(
    const Database& database, const std::map<std::string, std::string>& environment);

// The host names that must be resolved before a verdict, sorted, each once; no literals, no localhost.
[[nodiscard]] std::vector<std::string> hosts_to_resolve(const DatabaseRules& rules);

// The supervisor compares sockets by their canonical path. For each socket that is written with another one this
// adds a copy with the canonical path. `canonical` resolves the links of an existing path and returns "" when
// there is none; where a pattern or a missing socket forbids asking for the whole, its directory is asked for.
void add_canonical_sockets(DatabaseRules& rules, const std::function<std::string(const std::string&)>& canonical);

// What must stay visible where an instance covers /run or /tmp, sorted: the directories of the sockets that may be
// used (a restarted server replaces its socket), or the socket itself where its directory is a shared one such
// as /tmp. They need not exist. Without `database.allow` these are the engines' own directories too.
[[nodiscard]] std::vector<std::string> socket_places(const DatabaseRules& rules);

}  // namespace cofferdam::plan
