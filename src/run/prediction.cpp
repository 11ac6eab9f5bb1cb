#include "run/prediction.hpp"

#include <unistd.h>

#include <algorithm>

#include "base/text.hpp"
#include "plan/command.hpp"
#include "plan/resolver.hpp"
#include "plan/storage.hpp"
#include "policy/destination.hpp"
#include "policy/engines.hpp"
#include "run/prepare.hpp"
#include "supervise/name_watch.hpp"

namespace cofferdam::run {

namespace {

using supervise::Reason;
using supervise::Role;

constexpr std::chrono::milliseconds kTimeout{3000};

Result<std::vector<plan::Endpoint>> endpoints_of(const std::string& text, const supervise::NetworkView& network) {
  const auto destination = policy::parse_destination(text.starts_with('/') ? "unix:" + text : text);
  if (!destination) {
    return fail(destination.error().message + "; " + destination.error().hint, 0, 2);
  }
  switch (destination->kind) {
    case Destination::Kind::unix_path: {
      if (destination->path.starts_with('@'))
        return std::vector<plan::Endpoint>{plan::UnixAbstractEndpoint{destination->path.substr(1)}};
      const std::string canonical = plan::canonical(destination->path);
      const bool there = access(canonical.c_str(), F_OK) == 0;
      return std::vector<plan::Endpoint>{plan::UnixPathEndpoint{there ? canonical : destination->path}};
    }
    case Destination::Kind::host_port: break;
    default: return fail(base::printable(text) + " is no single destination; write host:port or unix:/path", 0, 2);
  }
  std::vector<plan::IpAddress> addresses;
  if (const auto known = network.resolved.find(destination->host); known != network.resolved.end()) {
    addresses = known->second;
  }
  if (addresses.empty()) {
    auto resolved = plan::resolve(destination->host, kTimeout);
    if (!resolved) return fail(resolved.error().message, 0, 2);
    addresses = std::move(*resolved);
  }
  std::vector<plan::Endpoint> endpoints;
  for (const plan::IpAddress& address : addresses)
    endpoints.emplace_back(plan::InetEndpoint{address, destination->port});
  return endpoints;
}

bool same_program(const plan::Program& a, const plan::Program& b) {
  if (!a.executable_identity.same_file(b.executable_identity) || a.script.empty() != b.script.empty()) return false;
  return a.script.empty() || a.script_identity.same_file(b.script_identity);
}

const AppAlso* row_for(const plan::Program& program, const Policy& policy, const plan::PlanRequest& wanted) {
  const auto row = std::ranges::find_if(policy.also, [&](const AppAlso& also) {
    const auto found = plan::find_program(also.exe, plan::search_path_of(wanted.environment), wanted.working_directory);
    return found && same_program(*found, program);
  });
  return row == policy.also.end() ? nullptr : &*row;
}

std::string in_words(Reason reason) {
  switch (reason) {
    case Reason::not_a_database: return "no database: the database rule says nothing about it";
    case Reason::allowed_by_default: return "without database.allow the app and a one-off may reach any database";
    case Reason::allowed_by_rule: return "database.allow names it";
    case Reason::not_the_app: return "only the app itself may reach the database";
    case Reason::destination_not_allowed: return "no row of database.allow names it for this caller";
    case Reason::caller_unknown: return "the caller can't be identified";
  }
  return "";
}

const char* code_of(Reason reason) {
  switch (reason) {
    case Reason::not_the_app: return "CD201";
    case Reason::destination_not_allowed: return "CD203";
    case Reason::caller_unknown: return "CD204";
    default: return "";
  }
}

PredictedVerdict verdict_of(std::string when, Role role, const plan::Endpoint& destination,
                            const supervise::ConnectRules& rules, const supervise::NetworkView& network) {
  const supervise::Verdict database = supervise::judge(role, destination, rules.database, network);
  PredictedVerdict predicted{std::move(when), database.allowed, code_of(database.reason), in_words(database.reason),
                             database.policy};
  if (!database.allowed) return predicted;
  const auto egress = supervise::judge_egress(destination, rules.egress, rules.database, network);
  if (!egress.allowed) {
    return {std::move(predicted.when), false, "CD206", "network.egress is deny, and network.allow does not name it",
            egress.policy};
  }
  if (egress.reason == supervise::EgressReason::allowed_by_rule && database.engine.empty()) {
    predicted.why = "network.allow names it";
    predicted.policy = egress.policy;
  }
  return predicted;
}

std::string doubt_of(const plan::Endpoint& destination, const supervise::ConnectRules& rules,
                     const supervise::NetworkView& network) {
  const auto* rule = supervise::named_elsewhere(destination, rules.database, network);
  if (rule == nullptr) return "";
  return rule->written.substr(rule->written.find(':') + 1) + " names " + base::printable(rule->host) + ":" +
         std::to_string(rule->port) + ", not this machine [CD205]";
}

}  // namespace

Result<std::vector<Prediction>> predict(const RunRequest& request, const std::string& destination, Say say) {
  auto intent = read_intent(request, say);
  if (!intent) return fail(intent.error().message, 0, 2);
  const auto program = plan::find_program(request.argv.front(), plan::search_path_of(intent->wanted.environment),
                                          intent->wanted.working_directory);
  if (!program) return std::unexpected(program.error());
  look_at_network(intent->connects, say);
  const supervise::NameWatch names(intent->connects.names, intent->connects.hosts, intent->connects.own, {});
  const auto endpoints = endpoints_of(destination, names.network());
  if (!endpoints) return std::unexpected(endpoints.error());

  const AppAlso* also = row_for(*program, intent->policy, intent->wanted);
  const auto entry = plan::check_entry(intent->wanted);
  std::vector<Prediction> predictions;
  for (const plan::Endpoint& endpoint : *endpoints) {
    Prediction prediction;
    prediction.program = program->path;
    prediction.destination = plan::to_string(endpoint);
    prediction.engine = supervise::database_engine(endpoint, intent->connects.database, names.network());
    prediction.doubt = doubt_of(endpoint, intent->connects, names.network());
    const auto add = [&](const char* when, Role role) -> PredictedVerdict& {
      return prediction.verdicts.emplace_back(verdict_of(when, role, endpoint, intent->connects, names.network()));
    };
    PredictedVerdict& started = add("started by the app", also != nullptr ? Role::app : Role::other);
    if (also != nullptr && !prediction.engine.empty()) {
      started.why += "; counts as the app by app.also (" + also->origin.file + ":" + std::to_string(also->origin.line) +
                     (also->argv.empty() ? ")" : "), when its arguments match the row");
    }
    if (entry) {
      add("as the app itself", Role::app);
    } else {
      prediction.verdicts.push_back({"as the app itself", false, "CD504", "a database client is no application", {}});
    }
    add("in cofferdam shell", Role::one_off);
    predictions.push_back(std::move(prediction));
  }
  return predictions;
}

}  // namespace cofferdam::run
