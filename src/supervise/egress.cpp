#include "supervise/egress.hpp"

#include <algorithm>

namespace cofferdam::supervise {
namespace {

using plan::EgressRule;
using plan::IpAddress;

constexpr std::uint16_t kDns = 53;

// The address that the kernel would send to; none where it is no internet address.
const plan::InetEndpoint* inet_of(const plan::Endpoint& destination) {
  if (const auto* inet = std::get_if<plan::InetEndpoint>(&destination)) return inet;
  const auto* other = std::get_if<plan::OtherEndpoint>(&destination);
  return other != nullptr && other->as_inet ? &*other->as_inet : nullptr;
}

bool contains(const std::vector<IpAddress>& list, const IpAddress& address) {
  return std::ranges::any_of(list, [&](const IpAddress& one) { return plan::same_address(one, address); });
}

bool is_this_machine(const IpAddress& address, const NetworkView& network) {
  return plan::is_loopback(address) || plan::is_unspecified(address) || contains(network.own, address);
}

bool names(const EgressRule& rule, const plan::InetEndpoint& inet, const NetworkView& network) {
  // getaddrinfo(3) connects a datagram socket to port 0 to learn the own address: nothing is sent.
  if (rule.port != 0 && inet.port != 0 && rule.port != inet.port) return false;
  if (rule.host.empty())
    return !rule.addresses.empty() && in_network(inet.address, rule.addresses.front(), rule.prefix);
  if (!rule.addresses.empty()) return contains(rule.addresses, inet.address);
  const auto resolved = network.resolved.find(rule.host);
  return resolved != network.resolved.end() && contains(resolved->second, inet.address);
}

}  // namespace

const char* to_string(EgressReason reason) {
  switch (reason) {
    case EgressReason::not_restricted: return "not_restricted";
    case EgressReason::no_network: return "no_network";
    case EgressReason::this_machine: return "this_machine";
    case EgressReason::name_server: return "name_server";
    case EgressReason::database: return "database";
    case EgressReason::allowed_by_rule: return "allowed_by_rule";
    case EgressReason::not_allowed: return "not_allowed";
  }
  return "not_allowed";
}

EgressVerdict judge_egress(const plan::Endpoint& destination, const plan::EgressRules& rules,
                           const plan::DatabaseRules& databases, const NetworkView& network) {
  if (!rules.deny) return {.allowed = true, .reason = EgressReason::not_restricted, .policy = {}};
  const plan::InetEndpoint* inet = inet_of(destination);
  if (inet == nullptr) return {.allowed = true, .reason = EgressReason::no_network, .policy = {}};
  if (is_this_machine(inet->address, network)) {
    return {.allowed = true, .reason = EgressReason::this_machine, .policy = rules.policy};
  }
  if (inet->port == kDns && contains(rules.name_servers, inet->address)) {
    return {.allowed = true, .reason = EgressReason::name_server, .policy = rules.policy};
  }
  for (const EgressRule& rule : rules.allow) {
    if (!names(rule, *inet, network)) continue;
    return {.allowed = true, .reason = EgressReason::allowed_by_rule, .policy = rule.policy};
  }
  if (const plan::DatabaseRule* rule = naming_rule(destination, databases, network)) {
    return {.allowed = true, .reason = EgressReason::database, .policy = rule->policy};
  }
  return {.allowed = false, .reason = EgressReason::not_allowed, .policy = rules.policy};
}

std::vector<std::string> unsettled_hosts(const plan::Endpoint& destination, const plan::EgressRules& rules,
                                         const plan::DatabaseRules& databases, const NetworkView& network) {
  std::vector<std::string> hosts;
  if (judge_egress(destination, rules, databases, network).allowed) return hosts;
  const plan::InetEndpoint* inet = inet_of(destination);
  for (const EgressRule& rule : rules.allow) {
    const bool same_port = rule.port == 0 || inet->port == 0 || rule.port == inet->port;
    if (rule.addresses.empty() && same_port) hosts.push_back(rule.host);
  }
  return hosts;
}

}  // namespace cofferdam::supervise
