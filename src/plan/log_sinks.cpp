#include "plan/log_sinks.hpp"

#include <fnmatch.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <cstring>
#include <string_view>
#include <utility>

#include "base/text.hpp"
#include "plan/address.hpp"
#include "plan/resolver.hpp"
#include "policy/engines.hpp"
#include "policy/log_address.hpp"
#include "policy/log_sink.hpp"
#include "policy/mistakes.hpp"

namespace cofferdam::plan {
namespace {

constexpr std::size_t kShortestSecret = 6;
constexpr std::string_view kReference = "env:";

// What env:NAME stands for, "" when it is not set; any other value is itself.
std::string_view value_of(const std::string& written, const std::map<std::string, std::string>& environment) {
  if (!written.starts_with(kReference)) return written;
  const auto found = environment.find(written.substr(kReference.size()));
  return found == environment.end() ? std::string_view() : std::string_view(found->second);
}

std::string host_and_port(const policy::LogAddress& to) {
  return (to.host.find(':') == std::string::npos ? to.host : "[" + to.host + "]") + ":" + std::to_string(to.port);
}

class Sinks {
 public:
  Sinks(const EgressRules& egress, const DatabaseRules& database) : egress_(egress), database_(database) {}

  void fill(LogSink& sink, const std::map<std::string, std::string>& environment) {
    const bool from_environment = sink.address.starts_with(kReference);
    const bool complete = replace(sink, sink.address, environment) && replace(sink, sink.shared_key, environment);
    for (auto& [name, value] : sink.headers) (void)replace(sink, value, environment);
    if (!sink.ca_file.empty() && access(sink.ca_file.c_str(), R_OK) != 0) {
      error(sink, "can't read its ca_file " + policy::in_quotes(sink.ca_file) + ": " + std::strerror(errno),
            "write the path of a file with the server's CA certificate (PEM), or remove ca_file to trust what the "
            "system trusts");
    }
    if (complete) check(sink, from_environment);
  }

  void check(const LogSink& sink, bool from_environment) {
    if (!policy::is_remote(sink.type) || sink.address.starts_with(kReference)) return;
    const auto address = policy::parse_log_address(sink);
    if (!address) {
      // Only of a variable: the loader has read what stands in the policy. The message may show a part of the value.
      if (from_environment) error(sink, "its variable holds no address", address.error().hint);
      return;
    }
    if (!address->path.empty()) {
      check_socket(sink, address->path);
      return;
    }
    const auto addresses = resolve_without_query(address->host);
    check_egress(sink, *address, addresses ? *addresses : std::vector<IpAddress>());
    check_database(sink, *address, addresses ? *addresses : std::vector<IpAddress>());
  }

  std::vector<Diagnostic> take() { return std::move(mistakes_); }

 private:
  bool replace(const LogSink& sink, std::string& value, const std::map<std::string, std::string>& environment) {
    if (!value.starts_with(kReference)) return true;
    const std::string name = value.substr(kReference.size());
    const auto found = environment.find(name);
    if (found == environment.end() || found->second.empty()) {
      error(sink, "the environment variable " + name + (found == environment.end() ? " is not set" : " is empty"),
            "export it, or write it into a file of environment.files");
      return false;
    }
    value = found->second;
    return true;
  }

  // What network.egress leaves open to the app: this machine, and the rows of network.allow.
  void check_egress(const LogSink& sink, const policy::LogAddress& to, const std::vector<IpAddress>& addresses) {
    if (!egress_.deny || std::ranges::any_of(addresses, is_loopback)) return;
    const bool allowed = std::ranges::any_of(egress_.allow, [&](const EgressRule& rule) {
      if (rule.port != 0 && rule.port != to.port) return false;
      return rule.host.empty() ? any_inside(addresses, rule.addresses, rule.prefix)
                               : rule.host == to.host || any_same(addresses, rule.addresses);
    });
    if (allowed) return;
    const std::string place = host_and_port(to);
    error(sink, "network.egress is deny, and network.allow does not have " + place,
          "add \"" + place + "\" to network.allow");
  }

  void check_database(const LogSink& sink, const policy::LogAddress& to, const std::vector<IpAddress>& addresses) {
    const auto names = [&](const DatabaseRule& rule) {
      if (rule.kind == DatabaseRule::Kind::socket || rule.port != to.port) return false;
      if (rule.kind == DatabaseRule::Kind::network) return any_inside(addresses, rule.addresses, rule.prefix);
      return rule.host == to.host || any_same(addresses, rule.addresses);
    };
    if (std::ranges::any_of(database_.allow, names) || std::ranges::any_of(database_.named, names)) {
      is_database(sink, host_and_port(to) + " is a database of the policy or the environment");
    } else if (const policy::Engine* engine = policy::engine_by_port(to.port, database_.engines)) {
      is_database(sink, "port " + std::to_string(to.port) + " is " + std::string(engine->name) + "'s");
    } else if (std::ranges::find(database_.ports, to.port) != database_.ports.end()) {
      is_database(sink, "port " + std::to_string(to.port) + " is one of database.ports");
    }
  }

  void check_socket(const LogSink& sink, const std::string& path) {
    const std::string socket = policy::unify_run(path);
    const auto matches = [&](const std::string& glob) { return base::glob_match(policy::unify_run(glob), socket); };
    const auto names = [&](const DatabaseRule& rule) {
      return rule.kind == DatabaseRule::Kind::socket && matches(rule.path);
    };
    if (policy::engine_by_socket(socket, database_.engines) != nullptr ||
        std::ranges::any_of(database_.sockets, matches) || std::ranges::any_of(database_.allow, names) ||
        std::ranges::any_of(database_.named, names)) {
      is_database(sink, policy::in_quotes(path) + " is a database's socket");
    }
  }

  static bool any_same(const std::vector<IpAddress>& some, const std::vector<IpAddress>& others) {
    return std::ranges::any_of(some, [&](const IpAddress& one) {
      return std::ranges::any_of(others, [&](const IpAddress& other) { return same_address(one, other); });
    });
  }

  static bool any_inside(const std::vector<IpAddress>& some, const std::vector<IpAddress>& network, int prefix) {
    return !network.empty() &&
           std::ranges::any_of(some, [&](const IpAddress& one) { return in_network(one, network.front(), prefix); });
  }

  void is_database(const LogSink& sink, const std::string& what) {
    error(sink, what + ", and the database is reached by the app alone",
          "send the records to a collector's port, such as 4318 (OTLP), 24224 (fluentd) or 514 (syslog)");
  }

  void error(const LogSink& sink, const std::string& what, const std::string& hint) {
    mistakes_.push_back({Severity::error, sink.origin, std::string(policy::code::kValue),
                         "the log sink " + policy::in_quotes(sink.name) + ": " + what, hint});
  }

  const EgressRules& egress_;
  const DatabaseRules& database_;
  std::vector<Diagnostic> mistakes_;
};

}  // namespace

std::expected<Logs, std::vector<Diagnostic>> log_sinks(const Logs& logs,
                                                       const std::map<std::string, std::string>& environment,
                                                       const EgressRules& egress, const DatabaseRules& database) {
  Logs filled = logs;
  Sinks sinks(egress, database);
  for (LogSink& sink : filled.sinks) sinks.fill(sink, environment);
  std::vector<Diagnostic> mistakes = sinks.take();
  if (!mistakes.empty()) return std::unexpected(std::move(mistakes));
  return filled;
}

std::vector<Diagnostic> check_log_sinks(const Policy& policy) {
  Database written = policy.database;
  std::erase_if(written.allow, [](const DatabaseAllow& row) { return row.to.kind == Destination::Kind::environment; });
  const auto database = database_rules(written, {});
  if (!database) return database.error();
  const EgressRules egress = egress_rules(policy.network, "");
  Sinks sinks(egress, *database);
  for (const LogSink& sink : policy.logs.sinks) sinks.check(sink, false);
  return sinks.take();
}

std::vector<std::string> log_secrets(const Logs& logs, const std::map<std::string, std::string>& environment) {
  std::vector<std::string> secrets;
  const auto add = [&](std::string_view value) {
    if (value.size() >= kShortestSecret && std::ranges::find(secrets, value) == secrets.end()) {
      secrets.emplace_back(value);
    }
  };
  for (const auto& [name, value] : environment) {
    if (std::ranges::any_of(logs.parse.redact_values, [&](const std::string& pattern) {
          return fnmatch(pattern.c_str(), name.c_str(), 0) == 0;
        })) {
      add(value);
    }
  }
  if (logs.parse.redact.empty() && logs.parse.redact_values.empty()) return {};
  for (const LogSink& sink : logs.sinks) {
    add(value_of(sink.shared_key, environment));
    for (const auto& [name, written] : sink.headers) {
      const std::string_view value = value_of(written, environment);
      // "Bearer TOKEN": the token is the secret.
      if (policy::is_secret_header(name)) add(value.substr(value.rfind(' ') + 1));
    }
  }
  std::ranges::sort(secrets, [](const std::string& a, const std::string& b) { return a.size() > b.size(); });
  return secrets;
}

}  // namespace cofferdam::plan
