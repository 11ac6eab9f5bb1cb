#include "learn/naming.hpp"

#include <algorithm>
#include <chrono>
#include <set>

#include "plan/resolver.hpp"
#include "policy/destination.hpp"
#include "policy/service_url.hpp"
#include "policy/service_variables.hpp"
#include "supervise/egress.hpp"
#include "supervise/name_watch.hpp"

namespace cofferdam::learn {

namespace {

constexpr std::size_t kMostHosts = 64;
constexpr std::chrono::milliseconds kTimeout{3000};

void say_nothing(Severity /*severity*/, const std::string& /*text*/) {}

// A row `env:NAME` for each variable that could stand in one.
plan::DatabaseRules rules_of_variables(const Database& database,
                                       const std::map<std::string, std::string>& environment) {
  plan::DatabaseRules all;
  for (const policy::ServiceVariable& variable : policy::service_variables(environment)) {
    Database one = database;
    DatabaseAllow row;
    row.to.kind = Destination::Kind::environment;
    row.to.variable = variable.name;
    row.to.written = "env:" + variable.name;
    one.allow = {row};
    auto rules = plan::database_rules(one, environment);
    if (!rules) continue;
    for (plan::DatabaseRule& rule : rules->allow) all.allow.push_back(std::move(rule));
  }
  return all;
}

bool is_host_name(const std::string& text) {
  const auto destination = policy::parse_egress(text);
  return destination && destination->kind == Destination::Kind::host_port && destination->port == 0 &&
         !plan::parse_ip(text);
}

}  // namespace

plan::Endpoint endpoint_of(const std::string& destination) {
  if (destination.starts_with("unix:@")) return plan::UnixAbstractEndpoint{destination.substr(6)};
  if (destination.starts_with("unix:")) return plan::UnixPathEndpoint{destination.substr(5)};
  const auto parsed = policy::parse_destination(destination);
  const auto address = parsed ? plan::parse_ip(parsed->host) : std::nullopt;
  if (!address) return plan::OtherEndpoint{};
  return plan::InetEndpoint{*address, parsed->port};
}

std::vector<std::string> hosts_in(const std::map<std::string, std::string>& environment) {
  std::set<std::string> hosts;
  for (const auto& [name, value] : environment) {
    if (name.ends_with("HOST")) {
      if (is_host_name(value)) hosts.insert(value);
      continue;
    }
    if (!name.ends_with("_URL") && !name.ends_with("_URI") && !name.ends_with("_DSN")) continue;
    const auto endpoints = policy::parse_service_url(value);
    if (!endpoints) continue;
    for (const policy::ServiceEndpoint& endpoint : *endpoints) {
      if (!endpoint.srv && is_host_name(endpoint.host)) hosts.insert(endpoint.host);
    }
  }
  std::vector<std::string> all(hosts.begin(), hosts.end());
  if (all.size() > kMostHosts) all.resize(kMostHosts);
  return all;
}

Result<Naming> Naming::read(const run::RunRequest& request) {
  auto intent = run::read_intent(request, say_nothing);
  if (!intent) return std::unexpected(intent.error());
  intent->connects.egress.deny = true;  // what a row would have to name
  run::look_at_network(intent->connects, say_nothing);
  Naming naming(std::move(*intent));
  run::Intent& read = naming.intent_;
  const supervise::NameWatch names(read.connects.names, read.connects.hosts, read.connects.own, {});
  naming.network_ = names.network();

  auto environment = read.wanted.environment;
  const auto files = run::read_environment_files(read.policy.environment);
  if (files) environment.insert(files->begin(), files->end());
  naming.by_variable_ = rules_of_variables(read.policy.database, environment);
  const auto hosts = hosts_in(environment);
  for (const plan::NameAnswer& answer : plan::resolve_all(hosts, kTimeout, read.connects.resolver)) {
    for (const plan::IpAddress& address : answer.addresses) {
      naming.hosts_.try_emplace(plan::to_string(address), answer.host);
    }
    if (!answer.addresses.empty()) naming.network_.resolved[answer.host] = answer.addresses;
  }
  return naming;
}

std::string Naming::variable_of(const std::string& destination) const {
  const auto* rule = supervise::naming_rule(endpoint_of(destination), by_variable_, network_);
  return rule == nullptr ? "" : rule->written;
}

std::string Naming::mentioned_by(const std::string& destination) const {
  plan::DatabaseRules rules;
  rules.named = intent_.connects.database.named;
  const auto* rule = supervise::naming_rule(endpoint_of(destination), rules, network_);
  return rule == nullptr ? "" : rule->written.substr(rule->written.find(':') + 1);
}

std::string Naming::name_of(const std::string& destination) const {
  const plan::Endpoint endpoint = endpoint_of(destination);
  const auto* inet = std::get_if<plan::InetEndpoint>(&endpoint);
  if (inet == nullptr) return destination;
  const std::string address = plan::to_string(inet->address);
  const std::string port = ":" + std::to_string(inet->port);
  if (address == "::1" || address.starts_with("127.")) return "localhost" + port;
  const auto host = hosts_.find(address);
  return host == hosts_.end() ? destination : host->second + port;
}

bool Naming::may_leave(const std::string& destination) const {
  return supervise::judge_egress(endpoint_of(destination), intent_.connects.egress, intent_.connects.database, network_)
      .allowed;
}

}  // namespace cofferdam::learn
