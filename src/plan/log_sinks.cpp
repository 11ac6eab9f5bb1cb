#include "plan/log_sinks.hpp"

#include <fnmatch.h>

#include <algorithm>
#include <optional>
#include <string_view>

#include "plan/address.hpp"
#include "policy/engines.hpp"
#include "policy/log_address.hpp"
#include "policy/mistakes.hpp"

namespace cofferdam::plan {
namespace {

constexpr std::size_t kShortestSecret = 6;
constexpr std::string_view kReference = "env:";

class Sinks {
 public:
  Sinks(const std::map<std::string, std::string>& environment, const EgressRules& egress, const DatabaseRules& database)
      : environment_(environment), egress_(egress), database_(database) {}

  void fill(LogSink& sink) {
    const bool from_environment = sink.address.starts_with(kReference);
    const bool complete = replace(sink, sink.address) && replace(sink, sink.shared_key);
    for (auto& [name, value] : sink.headers) (void)replace(sink, value);
    if (!complete || sink.type == LogSink::Type::console || sink.type == LogSink::Type::file) return;
    const auto address = policy::parse_log_address(sink);
    if (!address) {
      // Only of a variable: the loader has read what stands in the policy. The message may show a part of the value.
      if (from_environment) error(sink, "its variable holds no address", address.error().hint);
      return;
    }
    if (!address->path.empty()) return;
    check_egress(sink, *address);
    check_database(sink, *address);
  }

  std::vector<Diagnostic> take() { return std::move(mistakes_); }

 private:
  bool replace(const LogSink& sink, std::string& value) {
    if (!value.starts_with(kReference)) return true;
    const std::string name = value.substr(kReference.size());
    const auto found = environment_.find(name);
    if (found == environment_.end() || found->second.empty()) {
      error(sink, "the environment variable " + name + " is not set",
            "export it, or write it into a file of environment.files");
      return false;
    }
    value = found->second;
    return true;
  }

  void check_egress(const LogSink& sink, const policy::LogAddress& to) {
    if (!egress_.deny) return;
    const auto literal = parse_ip(to.host);
    if (to.host == "localhost" || (literal && is_loopback(*literal))) return;
    const bool allowed = std::ranges::any_of(egress_.allow, [&](const EgressRule& rule) {
      if (rule.port != 0 && rule.port != to.port) return false;
      if (!rule.host.empty()) return rule.host == to.host;
      return literal && !rule.addresses.empty() && in_network(*literal, rule.addresses.front(), rule.prefix);
    });
    if (allowed) return;
    const std::string place =
        (to.host.find(':') == std::string::npos ? to.host : "[" + to.host + "]") + ":" + std::to_string(to.port);
    error(sink, "network.egress is deny, and network.allow does not have " + place,
          "add \"" + place + "\" to network.allow");
  }

  void check_database(const LogSink& sink, const policy::LogAddress& to) {
    const policy::Engine* engine = policy::engine_by_port(to.port, database_.engines);
    const auto names = [&](const DatabaseRule& rule) {
      return rule.kind == DatabaseRule::Kind::host && rule.host == to.host && rule.port == to.port;
    };
    const bool named = std::ranges::any_of(database_.allow, names) || std::ranges::any_of(database_.named, names);
    const bool listed = std::ranges::find(database_.ports, to.port) != database_.ports.end();
    if (engine == nullptr && !named && !listed) return;
    error(sink,
          "its port " + std::to_string(to.port) + " is one of " +
              (engine != nullptr ? std::string(engine->name) : std::string("a database")) +
              ", and the database is reached by the app alone",
          "send the records to a collector's port, such as 4318 (OTLP) or 24224 (fluentd)");
  }

  void error(const LogSink& sink, const std::string& what, const std::string& hint) {
    mistakes_.push_back({Severity::error, sink.origin, std::string(policy::code::kValue),
                         "the log sink " + sink.name + ": " + what, hint});
  }

  const std::map<std::string, std::string>& environment_;
  const EgressRules& egress_;
  const DatabaseRules& database_;
  std::vector<Diagnostic> mistakes_;
};

}  // namespace

std::expected<Logs, std::vector<Diagnostic>> log_sinks(const Logs& logs,
                                                       const std::map<std::string, std::string>& environment,
                                                       const EgressRules& egress, const DatabaseRules& database) {
  Logs filled = logs;
  Sinks sinks(environment, egress, database);
  for (LogSink& sink : filled.sinks) sinks.fill(sink);
  std::vector<Diagnostic> mistakes = sinks.take();
  if (!mistakes.empty()) return std::unexpected(std::move(mistakes));
  return filled;
}

std::vector<std::string> log_secrets(const Logs& logs, const std::map<std::string, std::string>& environment) {
  std::vector<std::string> secrets;
  for (const auto& [name, value] : environment) {
    if (value.size() < kShortestSecret) continue;
    const bool named = std::ranges::any_of(logs.parse.redact_values, [&](const std::string& pattern) {
      return fnmatch(pattern.c_str(), name.c_str(), 0) == 0;
    });
    if (named && std::ranges::find(secrets, value) == secrets.end()) secrets.push_back(value);
  }
  std::ranges::sort(secrets, [](const std::string& a, const std::string& b) { return a.size() > b.size(); });
  return secrets;
}

}  // namespace cofferdam::plan
