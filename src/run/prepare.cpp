#include "run/prepare.hpp"

#include <ifaddrs.h>
#include <netinet/in.h>
#include <sys/socket.h>
#include <unistd.h>

#include <algorithm>
#include <cstring>
#include <memory>

#include "base/text.hpp"
#include "plan/access.hpp"
#include "plan/log_sinks.hpp"
#include "plan/resolver.hpp"
#include "plan/storage.hpp"
#include "policy/dotenv.hpp"

namespace cofferdam::run {

namespace {

constexpr std::chrono::milliseconds kResolveTimeout{3000};

std::string all_of(const std::vector<Diagnostic>& diagnostics) {
  std::string text;
  for (const Diagnostic& diagnostic : diagnostics) {
    if (!text.empty()) text += '\n';
    text += format_diagnostic(diagnostic);
  }
  return text;
}

Result<std::optional<plan::UserEntry>> find_user(const RunRequest& request) {
  if (!request.user) return std::nullopt;
  auto user = plan::find_user(*request.user);
  if (user) return user;
  const bool number = !request.user->empty() && request.user->find_first_not_of("0123456789") == std::string::npos;
  if (!number) return fail("--user " + base::printable(*request.user) + ": no such user in /etc/passwd");
  // An arbitrary uid without an entry, as Kubernetes likes to give: its group is its own number.
  plan::UserEntry anonymous;
  anonymous.uid = static_cast<uid_t>(std::stoul(*request.user));
  anonymous.gid = anonymous.uid;
  return anonymous;
}

PolicyContext context_for(const RunRequest& request, const std::optional<plan::UserEntry>& user) {
  PolicyContext context;
  context.working_directory = request.working_directory;
  context.environment = request.environment;
  context.policy_base = request.policy_base;
  context.inline_text = request.policy_text;
  const auto home = request.environment.find("HOME");
  if (user && !user->home.empty()) {
    context.home = user->home;
  } else if (home != request.environment.end()) {
    context.home = home->second;
  }
  return context;
}

// The environment of the app: ours, with the user's own home, without what the policy drops, with what it sets.
std::map<std::string, std::string> app_environment(const RunRequest& request, const Policy& policy,
                                                   const std::map<std::string, std::string>& files,
                                                   const std::optional<plan::UserEntry>& user) {
  auto environment = request.environment;
  if (user && user->uid != geteuid()) {
    for (const char* name : {"USER", "LOGNAME"}) environment[name] = user->name;
    if (!user->home.empty()) environment["HOME"] = user->home;
    if (!user->shell.empty()) environment["SHELL"] = user->shell;
  }
  if (policy.environment.export_files) environment.insert(files.begin(), files.end());
  for (const std::string& name : policy.environment.drop) environment.erase(name);
  for (const auto& [name, value] : policy.environment.set) environment[name] = value;
  environment["COFFERDAM"] = "1";
  environment["COFFERDAM_INSTANCE"] = request.instance;
  return environment;
}

Result<void> require_variables(const Policy& policy, const std::map<std::string, std::string>& environment) {
  std::string missing;
  for (const std::string& name : policy.environment.require) {
    if (!environment.contains(name)) missing += (missing.empty() ? "" : ", ") + name;
  }
  if (missing.empty()) return {};
  return fail("the policy requires environment variables that are not set: " + missing +
              "; export them or write them into a file of environment.files");
}

std::vector<plan::IpAddress> own_addresses() {
  std::vector<plan::IpAddress> addresses;
  ifaddrs* list = nullptr;
  if (getifaddrs(&list) != 0) return addresses;
  const std::unique_ptr<ifaddrs, void (*)(ifaddrs*)> owner(list, freeifaddrs);
  for (const ifaddrs* entry = list; entry != nullptr; entry = entry->ifa_next) {
    if (entry->ifa_addr == nullptr) continue;
    const std::size_t size = entry->ifa_addr->sa_family == AF_INET    ? sizeof(sockaddr_in)
                             : entry->ifa_addr->sa_family == AF_INET6 ? sizeof(sockaddr_in6)
                                                                      : 0;
    if (size == 0) continue;
    const auto endpoint = plan::parse_sockaddr({reinterpret_cast<const std::byte*>(entry->ifa_addr), size});
    const auto* inet = endpoint ? std::get_if<plan::InetEndpoint>(&*endpoint) : nullptr;
    if (inet != nullptr) addresses.push_back(inet->address);
  }
  return addresses;
}

// A report must not say that a rule was enforced in a run that let everything through.
void admit_permissiveness(plan::Plan& plan) {
  for (EnforcementRow& row : plan.enforcement) {
    if (row.rule != "database" && row.rule != "network" && row.rule != "storage") continue;
    row.level = Level::none;
    row.mechanism = "what would be refused is told and let through (cofferdam learn)";
    row.advice.clear();
    row.chosen = true;
  }
}

}  // namespace

// What the names of the policy stand for at the start; the supervisor follows them from here on.
void look_at_network(supervise::ConnectRules& connects, Say say) {
  const plan::DatabaseRules& rules = connects.database;
  // Without named destinations the port alone decides, and nothing needs to be asked.
  if (!rules.restricted && rules.named.empty() && !connects.egress.deny) return;
  connects.own = own_addresses();
  connects.hosts = plan::hosts_to_resolve(rules);
  for (std::string& host : plan::hosts_to_resolve(connects.egress)) {
    if (std::ranges::find(connects.hosts, host) == connects.hosts.end()) connects.hosts.push_back(std::move(host));
  }
  const auto now = std::chrono::steady_clock::now();
  for (const plan::NameAnswer& answer : plan::resolve_all(connects.hosts, kResolveTimeout, connects.resolver)) {
    connects.names.learn(answer, now);
    if (answer.error.empty()) continue;
    say(Severity::note, answer.error +
                            "; connections to it are refused until the name is known, which is asked for again "
                            "when something connects to its port");
  }
}

Result<std::map<std::string, std::string>> read_environment_files(const Environment& environment) {
  std::map<std::string, std::string> variables;
  for (const std::string& file : environment.files) {
    auto text = kernel::read_file(file, policy::kMaxDotenvBytes + 1);
    if (!text) {
      // Not there is the usual case (.env of a shipped policy); what needs a variable of it names that variable.
      if (text.error().errnum == ENOENT) continue;
      return fail("environment.files: " + text.error().message);
    }
    auto parsed = policy::parse_dotenv(*text, file);
    if (!parsed) return fail(all_of(parsed.error()));
    for (auto& [name, value] : *parsed) variables[name] = std::move(value);
  }
  return variables;
}

Result<PolicyContext> policy_context(const RunRequest& request) {
  const auto user = find_user(request);
  if (!user) return std::unexpected(user.error());
  return context_for(request, *user);
}

Result<Intent> read_intent(const RunRequest& request, Say say) {
  auto user = find_user(request);
  if (!user) return std::unexpected(user.error());

  const PolicyContext context = context_for(request, *user);
  auto loaded = load_policy(discover_policy(request.policy, context), context);
  if (!loaded) return fail(all_of(loaded.error()));
  for (const Diagnostic& warning : loaded->warnings) say(warning.severity, format_diagnostic(warning));

  Intent intent;
  intent.policy = std::move(loaded->policy);
  const Policy& policy = intent.policy;
  auto files = read_environment_files(policy.environment);
  if (!files) return std::unexpected(files.error());

  if (request.permissive) {
    intent.connects.permissive = true;
    intent.policy.network.deny = false;
  }

  plan::PlanRequest& wanted = intent.wanted;
  wanted.argv = request.argv;
  wanted.working_directory = request.working_directory;
  wanted.user = *user;
  wanted.one_off = request.shell;
  wanted.environment = app_environment(request, policy, *files, *user);
  auto known = wanted.environment;
  known.insert(files->begin(), files->end());
  if (auto complete = require_variables(policy, known); !complete) return std::unexpected(complete.error());

  auto rules = plan::database_rules(policy.database, known);
  if (!rules) return fail(all_of(rules.error()));
  for (const std::string& notice : rules->notices) say(Severity::note, notice);
  plan::add_canonical_sockets(*rules, [](const std::string& path) {
    const std::string resolved = plan::canonical(path);
    return access(resolved.c_str(), F_OK) == 0 ? resolved : std::string();
  });
  wanted.socket_places = plan::socket_places(*rules);
  intent.connects.database = std::move(*rules);
  const auto resolv_conf = kernel::read_file("/etc/resolv.conf", 1 << 16);
  intent.connects.egress = plan::egress_rules(policy.network, resolv_conf ? *resolv_conf : "");
  auto logs = plan::log_sinks(policy.logs, known, intent.connects.egress, intent.connects.database);
  if (!logs) return fail(all_of(logs.error()));
  intent.log_secrets = plan::log_secrets(*logs, known);
  intent.policy.logs = std::move(*logs);
  for (const std::string& socket : policy.sockets) intent.connects.sockets.push_back(plan::canonical(socket));
  return intent;
}

// Whether they can be enforced is tried before the plan says so.
std::shared_ptr<const kernel::CgroupPlace> look_at_limits(const Limits& limits, Mode mode, plan::HostFacts& host) {
  const kernel::CgroupLimits wanted = plan::cgroup_limits(limits);
  const bool tries = mode == Mode::local && wanted.any();
  auto place = std::make_shared<const kernel::CgroupPlace>(tries ? kernel::CgroupPlace::find(host.mounts, wanted)
                                                                 : kernel::CgroupPlace());
  if (plan::has_limits(limits) || mode == Mode::container)
    host.limits = plan::read_limit_facts(mode, *place, host.mounts);
  return place;
}

Result<Preparation> prepare(const RunRequest& request, Say say) {
  auto intent = read_intent(request, say);
  if (!intent) return std::unexpected(intent.error());
  Preparation preparation;
  preparation.policy = std::move(intent->policy);
  preparation.connects = std::move(intent->connects);
  preparation.log_secrets = std::move(intent->log_secrets);
  const Policy& policy = preparation.policy;
  plan::PlanRequest& wanted = intent->wanted;

  if (!request.shell) {
    if (auto entry = plan::check_entry(wanted); !entry) return std::unexpected(entry.error());
  }
  auto host = plan::read_host_facts(request.environment);
  if (!host) return std::unexpected(host.error());
  const Mode mode = policy.mode != Mode::automatic ? policy.mode : host->in_container ? Mode::container : Mode::local;
  // As the first process it is what the container was started for, and the container's storage is its own.
  if (mode == Mode::container && request.shell && getpid() != 1) {
    return fail("cofferdam shell has no storage of its own to give inside a container; start a new one instead: " +
                std::string(plan::way_to_a_one_off(mode)));
  }
  if (mode == Mode::container && request.permissive) {
    return fail(
        "inside a container nothing can be learned: it has no storage to give to writes that the policy does not name; "
        "run the application on a machine of its own kind, as docs/learn.md says");
  }
  const std::uint32_t replicas = request.replicas.value_or(policy.run.replicas);
  if (mode == Mode::container && !request.shell && replicas > 1) {
    return fail(
        std::to_string(replicas) +
        " replicas need storage of their own, which cofferdam can't give out inside a container; let the engine "
        "start several containers: docker compose up --scale SERVICE=" +
        std::to_string(replicas) + ", or deploy.replicas; and say run.replicas: 1 here");
  }
  preparation.cgroups = look_at_limits(policy.limits, mode, *host);
  wanted.environment["COFFERDAM_MODE"] = mode == Mode::local ? "local" : "container";
  auto planned = plan::make_plan(policy, *host, wanted);
  if (!planned) return std::unexpected(planned.error());
  preparation.plan = std::move(*planned);
  if (request.permissive) admit_permissiveness(preparation.plan);
  look_at_network(preparation.connects, say);
  for (const std::string& notice : preparation.plan.notices) say(Severity::note, notice);
  return preparation;
}

}  // namespace cofferdam::run
