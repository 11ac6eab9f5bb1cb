// How a policy would write a destination that a run has seen as an address.
#pragma once

#include <map>
#include <string>
#include <vector>

#include "plan/address.hpp"
#include "run/prepare.hpp"

namespace cofferdam::learn {

class Naming {
 public:
  // What the policy and the environment name: `intent` is of the policy without anything that learn adds. Asks the
  // resolver for the hosts that the variables name; blocks for some seconds at most.
  [[nodiscard]] static Result<Naming> read(const run::RunRequest& request);

  // "env:DATABASE_URL" where such a row admits the destination (as events name it), else "".
  [[nodiscard]] std::string variable_of(const std::string& destination) const;
  // The variable that names it without being a row's (PGHOST), else "".
  [[nodiscard]] std::string mentioned_by(const std::string& destination) const;
  // "db.internal:5432", "localhost:5432", else the destination itself.
  [[nodiscard]] std::string name_of(const std::string& destination) const;
  // Needs no row of `network.allow`: it is on this machine, a name server, a named database, or has a row.
  [[nodiscard]] bool may_leave(const std::string& destination) const;

 private:
  explicit Naming(run::Intent intent) : intent_(std::move(intent)) {}

  run::Intent intent_;
  plan::DatabaseRules by_variable_;  // as if each variable were a row of database.allow
  supervise::NetworkView network_;
  std::map<std::string, std::string> hosts_;  // by address, as text
};

// "127.0.0.1:5432", "[::1]:5432", "unix:/run/x.sock", "unix:@name"; an address of another kind is OtherEndpoint.
[[nodiscard]] plan::Endpoint endpoint_of(const std::string& destination);

// The hosts that variables name, in URLs and connection strings or alone where the name ends in HOST: sorted, each
// once, no literals.
[[nodiscard]] std::vector<std::string> hosts_in(const std::map<std::string, std::string>& environment);

}  // namespace cofferdam::learn
