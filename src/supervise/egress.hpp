// May anything of the instance send there? The pure half of `network.egress: deny`.
#pragma once

#include <string>
#include <vector>

#include "plan/egress.hpp"
#include "supervise/verdict.hpp"

namespace cofferdam::supervise {

enum class EgressReason {
  not_restricted,   // allowed: the policy has no `egress: deny`
  no_network,       // allowed: a socket of this machine, or an address family without hosts
  this_machine,     // allowed: loopback, or an address of this machine
  name_server,      // allowed: port 53 of a server of resolv.conf
  database,         // allowed: the policy or the environment names it as one
  allowed_by_rule,  // a row of network.allow names it
  not_allowed,      // refused
};
[[nodiscard]] const char* to_string(EgressReason reason);

struct EgressVerdict {
  bool allowed = false;
  EgressReason reason = EgressReason::not_allowed;
  PolicyRef policy;  // the row that decided, else the list
};

// A name that has not been resolved admits nothing. A database counts only where a row or variable names it: its port
// alone opens no way out.
[[nodiscard]] EgressVerdict judge_egress(const plan::Endpoint& destination, const plan::EgressRules& rules,
                                         const plan::DatabaseRules& databases, const NetworkView& network);

// As unsettled_hosts of the database rule: names that may by now stand for a destination that is refused as it is.
[[nodiscard]] std::vector<std::string> unsettled_hosts(const plan::Endpoint& destination,
                                                       const plan::EgressRules& rules,
                                                       const plan::DatabaseRules& databases,
                                                       const NetworkView& network);

}  // namespace cofferdam::supervise
