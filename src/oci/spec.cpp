#include "oci/spec.hpp"

#include <algorithm>
#include <array>
#include <cstdio>
#include <nlohmann/json.hpp>
#include <optional>

#include "base/text.hpp"

namespace cofferdam::oci {

namespace {

using json = nlohmann::ordered_json;

Result<json> parse(std::string_view text, const char* what) {
  json document = json::parse(text, nullptr, false);
  if (document.is_discarded() || !document.is_object()) return fail(std::string(what) + " is no JSON object");
  return document;
}

// The member when it is there and of that kind.
const json* member(const json& object, const char* key, json::value_t type) {
  if (!object.is_object()) return nullptr;
  const auto found = object.find(key);
  return found != object.end() && found->type() == type ? &*found : nullptr;
}

std::string text_of(const json& object, const char* key) {
  const json* found = member(object, key, json::value_t::string);
  return found == nullptr ? "" : found->get<std::string>();
}

std::string destination_of(const json& mount) {
  return base::normalise_path(text_of(mount, "destination"));
}

std::vector<std::string> options_of(const json& mount) {
  std::vector<std::string> options;
  if (const json* list = member(mount, "options", json::value_t::array)) {
    for (const json& option : *list) {
      if (option.is_string()) options.push_back(option.get<std::string>());
    }
  }
  return options;
}

// runc takes a mount for a bind by its options, whatever its type says.
bool is_bind(const json& mount) {
  return text_of(mount, "type") == "bind" || std::ranges::any_of(options_of(mount), [](const std::string& option) {
           return option == "bind" || option == "rbind";
         });
}

void make_read_only(json& mount) {
  std::vector<std::string> options = options_of(mount);
  std::erase(options, "rw");
  if (std::ranges::find(options, "ro") == options.end()) options.emplace_back("ro");
  mount["options"] = options;
}

// An image's VOLUME that nobody has named: Docker gives it a directory with 64 hexadecimal digits, containerd one below
// its container's own.
bool is_anonymous_volume(const std::string& source) {
  constexpr std::string_view kDigits = "0123456789abcdef";
  std::string_view path = source;
  if (path.ends_with("/_data")) path.remove_suffix(6);
  const std::size_t slash = path.rfind('/');
  if (slash == std::string_view::npos) return false;
  const std::string_view name = path.substr(slash + 1);
  const std::string_view parent = path.substr(0, slash);
  if (!parent.ends_with("/volumes") || name.find_first_not_of(kDigits) != std::string_view::npos) return false;
  return name.size() == 64 || parent.find("/io.containerd.grpc.v1.cri/containers/") != std::string_view::npos;
}

const MountRule* rule_at(const Policy& policy, const std::string& path) {
  const auto found = std::ranges::find(policy.storage.mounts, path, &MountRule::path);
  return found == policy.storage.mounts.end() ? nullptr : &*found;
}

bool is_kept(const Policy& policy, const std::string& path) {
  return std::ranges::any_of(policy.storage.mounts, [&](const MountRule& rule) {
    return rule.type == MountType::persistent && base::is_beneath(path, rule.path);
  });
}

// `copy_up`: what the image has at the place is copied in (an option of runc and crun).
json tmpfs_at(const std::string& path, const MountRule& like, const Governed& by, bool copy_up) {
  const Owner owner = by.in_image(path).value_or(Owner{});
  std::array<char, 16> mode{};
  std::snprintf(mode.data(), mode.size(), "mode=%04o", owner.mode & 07777U);
  json options = {"nosuid", "nodev", mode.data(),
                  "size=" + std::to_string(like.size != 0 ? like.size : kDefaultMountSize)};
  if (owner.uid != 0) options.push_back("uid=" + std::to_string(owner.uid));
  if (owner.gid != 0) options.push_back("gid=" + std::to_string(owner.gid));
  if (!like.exec) options.push_back("noexec");
  if (copy_up) options.push_back("tmpcopyup");
  return {{"destination", path}, {"type", "tmpfs"}, {"source", "tmpfs"}, {"options", options}};
}

json bind_of(const std::string& source, std::string_view destination) {
  return {{"destination", destination},
          {"type", "bind"},
          {"source", source},
          {"options", {"bind", "ro", "nosuid", "nodev", "private"}}};
}

void govern_mounts(json& mounts, const Governed& by) {
  for (json& mount : mounts) {
    if (!is_bind(mount)) continue;
    const std::string source = text_of(mount, "source");
    const std::string destination = destination_of(mount);
    if (is_kept(by.policy, destination) || by.on_tmpfs(source)) continue;
    if (is_anonymous_volume(source)) {
      const MountRule* rule = rule_at(by.policy, destination);
      mount = tmpfs_at(destination, rule != nullptr ? *rule : MountRule{}, by, true);
    } else {
      make_read_only(mount);
    }
  }
}

// A copy of all that the app consists of is no scratch space: the shipped rows for `.` and `~` wait for a tmpfs of the
// user's own there. Other rows that nobody insists on are given where the image has the directory.
bool gets_tmpfs(const MountRule& rule, const Governed& by) {
  if (rule.type == MountType::tmpfs) return true;
  if (rule.type != MountType::overlay) return false;
  if (!rule.optional) return true;
  const bool whole = rule.path == by.facts.working_directory || rule.path == by.facts.home;
  return !whole && by.in_image(rule.path).has_value();
}

// Those that the engine has mounted already are left as they are: the launcher looks at them itself. What no user has
// asked for, /run above all, comes with what the image has there.
void add_storage(json& mounts, const Governed& by) {
  for (const MountRule& rule : by.policy.storage.mounts) {
    if (!gets_tmpfs(rule, by)) continue;
    const auto taken = [&](const json& mount) { return destination_of(mount) == rule.path; };
    if (std::ranges::any_of(mounts, taken)) continue;
    mounts.push_back(tmpfs_at(rule.path, rule, by, rule.type == MountType::overlay || rule.optional));
  }
}

// Docker's --init: the launcher has these duties itself, and as the first process nothing outlives it.
void drop_engine_init(json& args) {
  constexpr std::string_view kDockerInit = "/sbin/docker-init";
  if (args.size() < 3 || args[0] != kDockerInit || args[1] != "--") return;
  args.erase(args.begin(), args.begin() + 2);
}

void drop_launcher(json& args) {
  if (args.empty() || args[0] != kLauncher) return;
  const auto end = std::ranges::find(args, json("--"));
  if (end != args.end()) args.erase(args.begin(), end + 1);
}

}  // namespace

Result<SpecFacts> read_spec(std::string_view config) {
  auto document = parse(config, "config.json");
  if (!document) return std::unexpected(document.error());
  SpecFacts facts;
  if (const json* root = member(*document, "root", json::value_t::object)) facts.root = text_of(*root, "path");
  if (const json* annotations = member(*document, "annotations", json::value_t::object)) {
    for (const auto& [key, value] : annotations->items()) {
      if (value.is_string()) facts.annotations[key] = value.get<std::string>();
    }
  }
  if (const json* process = member(*document, "process", json::value_t::object)) {
    facts.working_directory = text_of(*process, "cwd");
    if (const json* environment = member(*process, "env", json::value_t::array)) {
      for (const json& variable : *environment) {
        if (!variable.is_string()) continue;
        const auto text = variable.get<std::string>();
        if (const auto equals = text.find('='); equals != std::string::npos) {
          facts.environment[text.substr(0, equals)] = text.substr(equals + 1);
        }
      }
    }
  }
  if (const auto home = facts.environment.find("HOME"); home != facts.environment.end()) facts.home = home->second;
  if (const json* mounts = member(*document, "mounts", json::value_t::array)) {
    for (const json& mount : *mounts) {
      if (!is_bind(mount)) continue;
      facts.bind_sources.push_back(text_of(mount, "source"));
      if (is_anonymous_volume(facts.bind_sources.back())) facts.anonymous_volumes.push_back(destination_of(mount));
    }
  }
  return facts;
}

void add_volumes(Policy& policy, const SpecFacts& facts) {
  for (const std::string& path : facts.anonymous_volumes) {
    if (rule_at(policy, path) != nullptr || is_kept(policy, path)) continue;
    policy.storage.mounts.push_back({.path = path,
                                     .written = path,
                                     .type = MountType::tmpfs,
                                     .optional = true,
                                     .origin = {.file = "VOLUME of the image", .line = 0, .column = 0}});
  }
}

Result<std::string> govern_spec(std::string_view config, const Governed& by) {
  auto document = parse(config, "config.json");
  if (!document) return std::unexpected(document.error());
  json& process = (*document)["process"];
  const json* given = member(process, "args", json::value_t::array);
  if (given == nullptr || given->empty()) {
    return fail("config.json has no process.args, so there is nothing that a policy could govern");
  }
  json args = *given;
  drop_launcher(args);
  drop_engine_init(args);
  json governed = by.one_off ? json{kLauncher, "shell", "--policy", kPolicy, "--"}
                             : json{kLauncher, "run", "--format", "raw", "--policy", kPolicy, "--"};
  for (json& word : args) governed.push_back(std::move(word));
  process["args"] = std::move(governed);
  process["noNewPrivileges"] = true;
  (*document)["root"]["readonly"] = true;

  json& mounts = (*document)["mounts"];
  if (!mounts.is_array()) mounts = json::array();
  for (auto mount = mounts.begin(); mount != mounts.end();) {
    const bool ours = base::is_beneath(destination_of(*mount), std::string(kDirectory));
    mount = ours ? mounts.erase(mount) : mount + 1;
  }
  govern_mounts(mounts, by);
  add_storage(mounts, by);
  mounts.push_back(bind_of(by.launcher, kLauncher));
  mounts.push_back(bind_of(by.policy_file, kPolicy));
  return document->dump();
}

Result<ProcessFacts> read_process(std::string_view process) {
  const auto document = parse(process, "the document of --process");
  if (!document) return std::unexpected(document.error());
  const json* terminal = member(*document, "terminal", json::value_t::boolean);
  return ProcessFacts{.terminal = terminal != nullptr && terminal->get<bool>()};
}

Result<std::string> govern_process(std::string_view process) {
  auto document = parse(process, "the document of --process");
  if (!document) return std::unexpected(document.error());
  (*document)["noNewPrivileges"] = true;
  return document->dump();
}

}  // namespace cofferdam::oci
