#include "plan/backing_services.hpp"

#include <algorithm>
#include <array>
#include <set>
#include <utility>

#include "base/text.hpp"
#include "plan/resolver.hpp"
#include "policy/service_url.hpp"
#include "policy/service_variables.hpp"

namespace cofferdam::plan {
namespace {

using policy::ServiceEndpoint;

// To bind one of these would show the instance far more than a socket.
constexpr auto kSharedDirectories = std::to_array<std::string_view>(
    {"/", "/tmp", "/var/tmp", "/run", "/var/run", "/var", "/dev", "/dev/shm", "/home", "/root", "/run/user"});

PolicyRef ref(std::string key, const Origin& origin) {
  return {std::move(key), origin.file, origin.line};
}

void set_host(DatabaseRule& rule, const std::string& host) {
  rule.kind = DatabaseRule::Kind::host;
  rule.host = host;
  if (auto known = resolve_without_query(host)) rule.addresses = *std::move(known);
}

DatabaseRule from_endpoint(const ServiceEndpoint& endpoint, DatabaseRule rule) {
  rule.engine = endpoint.engine;
  if (endpoint.unix_path.empty()) {
    set_host(rule, endpoint.host);
    rule.port = endpoint.port;
  } else {
    rule.kind = DatabaseRule::Kind::socket;
    rule.path = endpoint.unix_path;
  }
  return rule;
}

class Builder {
 public:
  Builder(const Database& database, const std::map<std::string, std::string>& environment)
      : database_(database), environment_(environment) {}

  std::expected<DatabaseRules, std::vector<Diagnostic>> build() {
    rules_.restricted = !database_.allow.empty();
    rules_.engines = policy::EngineSet::from(database_);
    rules_.ports = database_.ports;
    rules_.sockets = database_.sockets;
    rules_.policy = list_ref();
    for (const DatabaseAllow& row : database_.allow) add_row(row);
    for (const policy::ServiceVariable& variable : policy::service_variables(environment_)) add_named(variable);
    if (!mistakes_.empty()) return std::unexpected(std::move(mistakes_));
    return std::move(rules_);
  }

 private:
  // A refused destination is explained by the rows it was compared with: the first of the file that decides.
  [[nodiscard]] PolicyRef list_ref() const {
    if (database_.allow.empty()) return ref("database", database_.origin);
    const auto row = std::ranges::find_if(
        database_.allow, [&](const DatabaseAllow& one) { return one.origin.file == database_.origin.file; });
    return ref("database.allow", row == database_.allow.end() ? database_.origin : row->origin);
  }

  void add_row(const DatabaseAllow& row) {
    DatabaseRule rule;
    rule.from = row.from;
    rule.written = row.to.written;
    rule.policy = ref("database.allow", row.origin);
    switch (row.to.kind) {
      case Destination::Kind::host_port:
        set_host(rule, row.to.host);
        rule.port = row.to.port;
        break;
      case Destination::Kind::cidr_port: {
        const auto network = parse_ip(row.to.host);
        if (!network) {
          mistake(row, row.to.written + " is no network", "write it as 10.0.0.0/8:5432");
          return;
        }
        rule.kind = DatabaseRule::Kind::network;
        rule.addresses = {*network};
        rule.prefix = row.to.prefix;
        rule.port = row.to.port;
        break;
      }
      case Destination::Kind::unix_path:
        rule.kind = DatabaseRule::Kind::socket;
        rule.path = row.to.path;
        break;
      case Destination::Kind::environment: add_variable(row, rule); return;
    }
    rules_.allow.push_back(std::move(rule));
  }

  void add_variable(const DatabaseAllow& row, const DatabaseRule& rule) {
    const std::string& name = row.to.variable;
    const std::string key = "database.allow names env:" + name + ", ";
    const auto variable = environment_.find(name);
    if (variable == environment_.end() || variable->second.empty()) {
      const bool unset = variable == environment_.end();
      mistake(row, key + "but " + name + (unset ? " is not set" : " is empty"),
              "set it, name a file that has it in environment.files, or write host:port in its place");
      return;
    }
    const auto endpoints = policy::parse_service_url(variable->second);
    if (!endpoints) {
      mistake(row, key + "but its value can't be read: " + endpoints.error().message,
              "a URL such as postgres://host:5432/name, or host:port, is needed");
      return;
    }
    if (std::ranges::any_of(*endpoints, &ServiceEndpoint::srv)) {
      mistake(row, key + "whose hosts only DNS knows (+srv)", "name each host as host:port in its place");
      return;
    }
    for (const ServiceEndpoint& endpoint : *endpoints) rules_.allow.push_back(from_endpoint(endpoint, rule));
  }

  void add_named(const policy::ServiceVariable& variable) {
    if (!variable.problem.empty()) {
      rules_.notices.push_back(variable.name + " looks like the address of a database, but can't be read: " +
                               variable.problem + "; its destination counts by its port only");
    }
    DatabaseRule rule;
    rule.from = DatabaseAllow::From::any;
    rule.written = "env:" + variable.name;
    rule.policy = rules_.policy;
    for (const ServiceEndpoint& endpoint : variable.endpoints) {
      const policy::Engine* engine = policy::find_engine(endpoint.engine);
      // The hosts of +srv are not known; their port counts already.
      if (engine == nullptr || !rules_.engines.contains(*engine) || endpoint.srv) continue;
      rules_.named.push_back(from_endpoint(endpoint, rule));
    }
  }

  void mistake(const DatabaseAllow& row, std::string message, std::string hint) {
    mistakes_.push_back({.severity = Severity::error,
                         .where = row.origin,
                         .code = std::string(kBackingServiceVariable),
                         .message = std::move(message),
                         .hint = std::move(hint)});
  }

  const Database& database_;
  const std::map<std::string, std::string>& environment_;
  DatabaseRules rules_;
  std::vector<Diagnostic> mistakes_;
};

// The directory of a socket pattern and what follows it; an empty directory when a wildcard precedes the last '/'.
std::pair<std::string, std::string> split_directory(const std::string& path) {
  const std::size_t slash = path.rfind('/');
  if (slash == std::string::npos || path.find_first_of("*?") < slash) return {"", path};
  return {slash == 0 ? "/" : path.substr(0, slash), path.substr(slash + 1)};
}

std::string canonical_socket(const std::string& path, const std::function<std::string(const std::string&)>& canonical) {
  if (!path.starts_with('/')) return path;
  if (path.find_first_of("*?") == std::string::npos) {
    std::string whole = canonical(path);
    if (!whole.empty()) return whole;
  }
  const auto [directory, rest] = split_directory(path);
  const std::string real = directory.empty() ? "" : canonical(directory);
  if (real.empty()) return path;
  return (real == "/" ? "" : real) + "/" + rest;
}

}  // namespace

std::expected<DatabaseRules, std::vector<Diagnostic>> database_rules(
    const Database& database, const std::map<std::string, std::string>& environment) {
  return Builder(database, environment).build();
}

std::vector<std::string> hosts_to_resolve(const DatabaseRules& rules) {
  std::set<std::string> hosts;
  for (const auto* list : {&rules.allow, &rules.named}) {
    for (const DatabaseRule& rule : *list) {
      if (rule.kind == DatabaseRule::Kind::host && rule.addresses.empty()) hosts.insert(rule.host);
    }
  }
  return {hosts.begin(), hosts.end()};
}

void add_canonical_sockets(DatabaseRules& rules, const std::function<std::string(const std::string&)>& canonical) {
  for (auto* list : {&rules.allow, &rules.named}) {
    std::vector<DatabaseRule> copies;
    for (const DatabaseRule& rule : *list) {
      if (rule.kind != DatabaseRule::Kind::socket) continue;
      DatabaseRule copy = rule;
      copy.path = canonical_socket(rule.path, canonical);
      if (copy.path != rule.path) copies.push_back(std::move(copy));
    }
    list->insert(list->end(), std::make_move_iterator(copies.begin()), std::make_move_iterator(copies.end()));
  }
  const std::vector<std::string> written = rules.sockets;
  for (const std::string& glob : written) {
    std::string path = canonical_socket(glob, canonical);
    if (path != glob) rules.sockets.push_back(std::move(path));
  }
}

std::vector<std::string> socket_places(const DatabaseRules& rules) {
  std::set<std::string> places;
  const auto add = [&](const std::string& path) {
    if (!path.starts_with('/')) return;
    const auto [directory, rest] = split_directory(path);
    if (directory.empty()) return;
    const bool shared = std::ranges::find(kSharedDirectories, directory) != kSharedDirectories.end();
    if (!shared) {
      places.insert(directory);
    } else if (rest.find_first_of("*?") == std::string::npos) {
      places.insert(path);
    }
  };
  for (const DatabaseRule& rule : rules.allow) add(rule.path);
  if (!rules.restricted) {
    for (const DatabaseRule& rule : rules.named) add(rule.path);
    for (const std::string& glob : rules.sockets) add(glob);
    for (std::string& directory : policy::socket_directories(rules.engines)) places.insert(std::move(directory));
  }
  return {places.begin(), places.end()};
}

}  // namespace cofferdam::plan
