// `network` of a policy as the verdict compares a destination with it.
#pragma once

#include <string>
#include <vector>

#include "cofferdam/event.hpp"
#include "cofferdam/policy.hpp"
#include "plan/address.hpp"

namespace cofferdam::plan {

struct EgressRule {
  std::string host;                  // of a name or literal; empty for a network
  std::vector<IpAddress> addresses;  // of a host: those known without a query, else empty; of a network: its address
  int prefix = 0;                    // of a network
  std::uint16_t port = 0;            // 0: any
  PolicyRef policy;
};

struct EgressRules {
  bool deny = false;  // false: nothing below counts
  std::vector<EgressRule> allow;
  std::vector<IpAddress> name_servers;
  PolicyRef policy;  // of the list when there is one, else of `network.egress`
};

// `resolv_conf` is the text of the file of that name: its name servers stay reachable, on port 53. Without one,
// resolvers ask this machine.
[[nodiscard]] EgressRules egress_rules(const Network& network, const std::string& resolv_conf);

// The names that must be resolved before a verdict, sorted, each once.
[[nodiscard]] std::vector<std::string> hosts_to_resolve(const EgressRules& rules);

}  // namespace cofferdam::plan
