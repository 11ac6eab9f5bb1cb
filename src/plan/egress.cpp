#include "plan/egress.hpp"

#include <set>
#include <sstream>

#include "plan/resolver.hpp"

namespace cofferdam::plan {
namespace {

// "nameserver ADDRESS" a line; resolv.conf(5). A zone may be a name there (fe80::1%eth0), which any zone stands for.
std::vector<IpAddress> name_servers_of(const std::string& resolv_conf) {
  std::vector<IpAddress> servers;
  std::istringstream lines(resolv_conf);
  for (std::string line; std::getline(lines, line);) {
    std::istringstream fields(line);
    std::string keyword;
    std::string address;
    fields >> keyword >> address;
    if (keyword != "nameserver") continue;
    if (const auto ip = parse_ip(std::string_view(address).substr(0, address.find('%')))) servers.push_back(*ip);
  }
  return servers;
}

}  // namespace

EgressRules egress_rules(const Network& network, const std::string& resolv_conf) {
  EgressRules rules;
  rules.deny = network.deny;
  if (!rules.deny) return rules;
  rules.name_servers = name_servers_of(resolv_conf);
  rules.policy = {network.allow.empty() ? "network.egress" : "network.allow", network.origin.file, network.origin.line};
  for (const NetworkAllow& row : network.allow) {
    EgressRule rule;
    rule.port = row.to.port;
    rule.policy = {"network.allow", row.origin.file, row.origin.line};
    if (row.to.kind == Destination::Kind::cidr_port) {
      if (const auto address = parse_ip(row.to.host)) rule.addresses = {*address};
      rule.prefix = row.to.prefix;
    } else {
      rule.host = row.to.host;
      if (auto known = resolve_without_query(row.to.host)) rule.addresses = *std::move(known);
    }
    rules.allow.push_back(std::move(rule));
  }
  return rules;
}

std::vector<std::string> hosts_to_resolve(const EgressRules& rules) {
  std::set<std::string> hosts;
  for (const EgressRule& rule : rules.allow) {
    if (rule.addresses.empty()) hosts.insert(rule.host);
  }
  return {hosts.begin(), hosts.end()};
}

}  // namespace cofferdam::plan
