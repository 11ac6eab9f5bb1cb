#include "supervise/verdict.hpp"

#include <algorithm>
#include <optional>
#include <string_view>
#include <variant>

#include "base/text.hpp"
#include "policy/engines.hpp"

namespace cofferdam::supervise {
namespace {

using plan::DatabaseRule;
using plan::DatabaseRules;
using plan::Endpoint;
using plan::IpAddress;

enum class Match { no, perhaps, yes };  // perhaps: the rule's host has not been resolved
// Who asks: to count a destination as a database is the strict side, to admit a caller to it the generous one.
enum class Purpose { count, admit };

bool contains(const std::vector<IpAddress>& list, const IpAddress& address) {
  return std::ranges::any_of(list, [&](const IpAddress& one) { return plan::same_address(one, address); });
}

bool names_loopback(const IpAddress& address) {
  return plan::is_loopback(address) || plan::is_unspecified(address);
}

// A destination in the form that rules are compared with.
struct Target {
  std::vector<IpAddress> forms;  // of an IP destination; empty for a socket
  std::uint16_t port = 0;
  bool local = false;  // one of the forms is this machine
  std::string socket;  // path, or "@name"
};

std::optional<Target> target_of(const Endpoint& destination, const NetworkView& network) {
  const auto inet_target = [&](const plan::InetEndpoint& inet) {
    Target target;
    target.forms = plan::reachable_forms(inet.address);
    target.port = inet.port;
    target.local = std::ranges::any_of(
        target.forms, [&](const IpAddress& form) { return names_loopback(form) || contains(network.own, form); });
    return target;
  };
  if (const auto* inet = std::get_if<plan::InetEndpoint>(&destination)) return inet_target(*inet);
  if (const auto* other = std::get_if<plan::OtherEndpoint>(&destination)) {
    if (!other->as_inet) return std::nullopt;
    return inet_target(*other->as_inet);
  }
  Target target;
  if (const auto* path = std::get_if<plan::UnixPathEndpoint>(&destination)) {
    // A name that begins with '@' is no abstract socket.
    target.socket = path->path.starts_with('/') ? policy::unify_run(path->path) : "./" + path->path;
  } else {
    // Clients that pass the whole sockaddr_un pad the name with NULs.
    const std::string& name = std::get<plan::UnixAbstractEndpoint>(destination).name;
    target.socket = "@" + name.substr(0, name.find_last_not_of('\0') + 1);
  }
  return target;
}

bool socket_matches(const std::string& glob, const Target& target) {
  if (target.socket.empty() || glob.starts_with('@') != target.socket.starts_with('@')) return false;
  return base::glob_match(policy::unify_run(glob), target.socket);
}

bool address_matches(const IpAddress& named, const Target& target, const NetworkView& network, Purpose purpose) {
  if (contains(target.forms, named)) return true;
  if (!target.local) return false;
  return names_loopback(named) || (purpose == Purpose::count && contains(network.own, named));
}

bool network_matches(const DatabaseRule& rule, const Target& target, const NetworkView& network, Purpose purpose) {
  const auto inside = [&](const IpAddress& address) {
    return plan::in_network(address, rule.addresses.front(), rule.prefix);
  };
  if (std::ranges::any_of(target.forms, inside)) return true;
  if (!target.local) return false;
  const auto loopback = plan::reachable_forms(IpAddress{});  // of the unspecified address: 127.0.0.1 and ::1
  return std::ranges::any_of(loopback, inside) ||
         (purpose == Purpose::count && std::ranges::any_of(network.own, inside));
}

Match match(const DatabaseRule& rule, const Target& target, const NetworkView& network, Purpose purpose) {
  const auto yes_if = [](bool matches) { return matches ? Match::yes : Match::no; };
  if (rule.kind == DatabaseRule::Kind::socket) return yes_if(socket_matches(rule.path, target));
  if (target.forms.empty() || rule.port != target.port) return Match::no;
  if (rule.kind == DatabaseRule::Kind::network) {
    return yes_if(!rule.addresses.empty() && network_matches(rule, target, network, purpose));
  }
  const auto has = [&](const std::vector<IpAddress>& addresses) {
    return std::ranges::any_of(
        addresses, [&](const IpAddress& named) { return address_matches(named, target, network, purpose); });
  };
  if (!rule.addresses.empty()) return yes_if(has(rule.addresses));
  const auto known = network.resolved.find(rule.host);
  if (known == network.resolved.end() || known->second.empty()) return Match::perhaps;
  if (has(known->second)) return Match::yes;
  const auto earlier = network.earlier.find(rule.host);
  return yes_if(purpose == Purpose::count && earlier != network.earlier.end() && has(earlier->second));
}

bool is_on_this_machine(const DatabaseRule& rule, const NetworkView& network) {
  if (rule.kind == DatabaseRule::Kind::socket) return true;
  const auto resolved = network.resolved.find(rule.host);
  const auto& addresses = resolved == network.resolved.end() ? rule.addresses : resolved->second;
  return std::ranges::any_of(
      addresses, [&](const IpAddress& address) { return names_loopback(address) || contains(network.own, address); });
}

// The names of the rules with this destination's port, those that match now apart from those that do not.
struct Names {
  std::vector<std::string> matching;
  std::vector<std::string> others;
  bool settled = false;  // some rule, whatever its kind, names the destination
};

Names names_for(const Endpoint& destination, const DatabaseRules& rules, const NetworkView& network) {
  Names names;
  const auto target = target_of(destination, network);
  if (!target) return names;
  for (const auto* list : {&rules.allow, &rules.named}) {
    for (const DatabaseRule& rule : *list) {
      const bool matches = match(rule, *target, network, Purpose::admit) == Match::yes;
      names.settled |= matches;
      const bool asked = rule.kind == DatabaseRule::Kind::host && rule.addresses.empty() && !target->forms.empty() &&
                         rule.port == target->port;
      if (asked) (matches ? names.matching : names.others).push_back(rule.host);
    }
  }
  return names;
}

std::string_view name_of(const policy::Engine* engine) {
  return engine == nullptr ? std::string_view() : engine->name;
}

std::string engine_of(const Target& target, const DatabaseRules& rules, const NetworkView& network) {
  bool is_database = false;
  std::string possible;
  for (const auto* list : {&rules.allow, &rules.named}) {
    for (const DatabaseRule& rule : *list) {
      const Match matched = match(rule, target, network, Purpose::count);
      if (matched == Match::no) continue;
      if (matched == Match::yes && !rule.engine.empty()) return rule.engine;
      is_database = true;
      if (possible.empty()) possible = rule.engine;
    }
  }
  const bool is_socket = target.forms.empty();
  const auto* own = is_socket ? policy::engine_by_socket(target.socket, rules.engines)
                              : policy::engine_by_port(target.port, rules.engines);
  if (own != nullptr) return std::string(own->name);
  is_database |=
      is_socket ? std::ranges::any_of(rules.sockets, [&](const auto& glob) { return socket_matches(glob, target); })
                : std::ranges::find(rules.ports, target.port) != rules.ports.end();
  if (!is_database) return "";
  if (possible.empty()) {
    const policy::EngineSet all;
    possible =
        name_of(is_socket ? policy::engine_by_socket(target.socket, all) : policy::engine_by_port(target.port, all));
  }
  return possible.empty() ? "database" : possible;
}

bool admits(DatabaseAllow::From from, Role caller) {
  switch (from) {
    case DatabaseAllow::From::app: return caller == Role::app;
    case DatabaseAllow::From::one_off: return caller == Role::one_off;
    case DatabaseAllow::From::any: return true;
  }
  return false;
}

Reason refusal(Role caller) {
  switch (caller) {
    case Role::app:
    case Role::one_off: return Reason::destination_not_allowed;
    case Role::other: return Reason::not_the_app;
    case Role::unknown: return Reason::caller_unknown;
  }
  return Reason::caller_unknown;
}

}  // namespace

const char* to_string(Reason reason) {
  switch (reason) {
    case Reason::not_a_database: return "not_a_database";
    case Reason::allowed_by_default: return "allowed_by_default";
    case Reason::allowed_by_rule: return "allowed_by_rule";
    case Reason::not_the_app: return "not_the_app";
    case Reason::destination_not_allowed: return "destination_not_allowed";
    case Reason::caller_unknown: return "caller_unknown";
  }
  return "caller_unknown";
}

std::vector<std::string> unsettled_hosts(const Endpoint& destination, const DatabaseRules& rules,
                                         const NetworkView& network) {
  // Without rows a database's own port decides, whoever stands behind it.
  const auto* inet = std::get_if<plan::InetEndpoint>(&destination);
  if (inet != nullptr && !rules.restricted && policy::engine_by_port(inet->port, rules.engines) != nullptr) return {};
  Names names = names_for(destination, rules, network);
  return names.settled ? std::vector<std::string>() : std::move(names.others);
}

std::vector<std::string> settled_hosts(const Endpoint& destination, const DatabaseRules& rules,
                                       const NetworkView& network) {
  return names_for(destination, rules, network).matching;
}

std::string database_engine(const Endpoint& destination, const DatabaseRules& rules, const NetworkView& network) {
  const auto target = target_of(destination, network);
  return target ? engine_of(*target, rules, network) : "";
}

Verdict judge(Role caller, const Endpoint& destination, const DatabaseRules& rules, const NetworkView& network) {
  const auto target = target_of(destination, network);
  if (!target) return {.allowed = true, .reason = Reason::not_a_database, .engine = "", .policy = {}};
  const std::string engine = engine_of(*target, rules, network);
  if (engine.empty()) return {.allowed = true, .reason = Reason::not_a_database, .engine = "", .policy = {}};

  const bool is_app_like = caller == Role::app || caller == Role::one_off;
  if (!rules.restricted && is_app_like) {
    return {.allowed = true, .reason = Reason::allowed_by_default, .engine = engine, .policy = rules.policy};
  }
  const DatabaseRule* for_others = nullptr;
  for (const DatabaseRule& rule : rules.allow) {
    if (match(rule, *target, network, Purpose::admit) != Match::yes) continue;
    if (admits(rule.from, caller)) {
      return {.allowed = true, .reason = Reason::allowed_by_rule, .engine = engine, .policy = rule.policy};
    }
    if (for_others == nullptr) for_others = &rule;
  }
  const PolicyRef& policy = for_others != nullptr ? for_others->policy : rules.policy;
  return {.allowed = false, .reason = refusal(caller), .engine = engine, .policy = policy};
}

const DatabaseRule* naming_rule(const Endpoint& destination, const DatabaseRules& rules, const NetworkView& network) {
  const auto target = target_of(destination, network);
  if (!target) return nullptr;
  for (const auto* list : {&rules.allow, &rules.named}) {
    for (const DatabaseRule& rule : *list) {
      if (match(rule, *target, network, Purpose::admit) == Match::yes) return &rule;
    }
  }
  return nullptr;
}

const DatabaseRule* named_elsewhere(const Endpoint& destination, const DatabaseRules& rules,
                                    const NetworkView& network) {
  const auto target = target_of(destination, network);
  if (!target || !target->local) return nullptr;
  const policy::Engine* engine = policy::engine_by_port(target->port, rules.engines);
  if (engine == nullptr) return nullptr;
  const DatabaseRule* elsewhere = nullptr;
  for (const auto* list : {&rules.allow, &rules.named}) {
    for (const DatabaseRule& rule : *list) {
      if (match(rule, *target, network, Purpose::admit) == Match::yes) return nullptr;
      if (rule.engine != engine->name || !rule.written.starts_with("env:")) continue;
      // Another port or socket of this machine: whoever wrote that means this machine.
      if (is_on_this_machine(rule, network)) return nullptr;
      if (elsewhere == nullptr) elsewhere = &rule;
    }
  }
  return elsewhere;
}

}  // namespace cofferdam::supervise
