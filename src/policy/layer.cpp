#include "policy/layer.hpp"

#include <algorithm>
#include <array>
#include <utility>

#include "policy/destination.hpp"
#include "policy/engines.hpp"
#include "policy/limits.hpp"
#include "policy/node_values.hpp"
#include "policy/values.hpp"

namespace cofferdam::policy {
namespace {

template <class T>
using Names = std::initializer_list<std::pair<std::string_view, T>>;

// Reads what validate() let through; every reader gives nothing for a value that it refused.
class Reader {
 public:
  Reader(const PathBase& base, bool shipped, Mistakes& mistakes)
      : base_(base), shipped_(shipped), mistakes_(mistakes) {}

  void read_app(const Node& app, Layer& layer) {
    for (const Node& item : child(app, "also").items) {
      const Node& exe = item.kind == Node::Kind::map ? child(item, "exe") : item;
      if (exe.kind != Node::Kind::scalar || exe.text.empty()) continue;
      AppAlso row{.exe = exe.text, .argv = texts_of(child(item, "argv")), .origin = mistakes_.origin(exe.place)};
      if (row.exe.find('/') != std::string::npos) {
        auto path = resolve(exe, &resolve_path);
        if (!path) continue;
        row.exe = std::move(*path);
      }
      if (!shipped_) warn_if_wide(row, exe.place);
      layer.also.push_back(std::move(row));
    }
  }

  void read_storage(const Node& storage, Layer& layer) {
    layer.mounts = read_mounts(child(storage, "mounts"), base_, shipped_, mistakes_);
    layer.audit_ignore = paths(child(child(storage, "audit"), "ignore"), &resolve_glob);
  }

  void read_database(const Node& root, Layer& layer) {
    const auto entry = std::ranges::find(root.entries, "database", &Entry::key);
    if (entry == root.entries.end()) return;
    const Node& database = entry->value;
    auto& out = layer.database;
    out.origin = mistakes_.origin(entry->place);
    read_engines(child(database, "engines"), layer);
    for (const Node& item : child(database, "ports").items) {
      if (item.kind != Node::Kind::scalar || item.quoted) continue;
      if (const auto port = parse_port(item.text)) out.ports.push_back(*port);
    }
    out.sockets = socket_paths(child(database, "sockets"));
    const auto allow = std::ranges::find(database.entries, "allow", &Entry::key);
    if (allow == database.entries.end()) return;
    out.allow_origin = mistakes_.origin(allow->place);
    for (const Node& item : allow->value.items) read_allow(item, layer);
  }

  void read_network(const Node& network, Layer& layer) {
    auto& out = layer.network;
    for (const Entry& entry : network.entries) {
      if (entry.key == "egress") {
        out.origin = mistakes_.origin(entry.place);
        out.deny = choice<bool>(entry.value, {{"allow", false}, {"deny", true}});
      } else if (entry.key == "allow") {
        out.allow_origin = mistakes_.origin(entry.place);
        for (const Node& item : entry.value.items) {
          auto destination = parse_egress(item.text);
          if (item.kind != Node::Kind::scalar || !destination) continue;
          out.allow.push_back({std::move(*destination), mistakes_.origin(item.place)});
        }
      }
    }
  }

  void read_access(const Node& root, Layer& layer) {
    const auto entry = std::ranges::find(root.entries, "access", &Entry::key);
    if (entry == root.entries.end()) return;
    auto& out = layer.access;
    out.origin = mistakes_.origin(entry->place);
    const Names<bool> words = {{"deny", false}, {"allow", true}};
    out.remote_login = choice<bool>(child(entry->value, "remote_login"), words);
    out.debug = choice<bool>(child(entry->value, "debug"), words);
  }

  void read_devices(const Node& devices, Layer& layer) {
    for (const Node& item : devices.items) {
      auto path = resolve(item, &resolve_path);
      if (!path) continue;
      if (path->find_first_of("*?") != std::string::npos) {
        mistakes_.error(item.place, code::kDangerousPath, in_quotes(item.text) + " is a pattern",
                        "name each device, or the directory that holds them");
        continue;
      }
      if (!path->starts_with("/dev/")) {
        mistakes_.error(item.place, code::kDangerousPath, in_quotes(item.text) + " is no device below /dev",
                        *path == "/dev" ? "name the devices that the app needs, such as /dev/dri"
                                        : "files and directories of the machine are rows of storage.mounts");
        continue;
      }
      layer.devices.push_back({std::move(*path), mistakes_.origin(item.place)});
    }
  }

  void read_environment(const Node& environment, Layer& layer) {
    auto& out = layer.environment;
    out.files = paths(child(environment, "files"), &resolve_path);
    out.export_files = boolean_of(child(environment, "export"));
    out.require = texts_of(child(environment, "require"));
    out.drop = texts_of(child(environment, "drop"));
    for (const Entry& entry : child(environment, "set").entries) {
      if (entry.key.starts_with("COFFERDAM")) {
        mistakes_.error(entry.place, code::kValue,
                        in_quotes(entry.key) + " can't be set: cofferdam sets COFFERDAM* itself");
      } else if (std::ranges::find(out.drop, entry.key) != out.drop.end()) {
        mistakes_.error(entry.place, code::kValue, in_quotes(entry.key) + " is both set and dropped",
                        "remove it from one of the two");
      } else if (entry.value.kind == Node::Kind::scalar) {
        out.set.emplace(entry.key, entry.value.text);
      }
    }
  }

  void read_run(const Node& run, Layer& layer) {
    constexpr std::uint64_t kMostReplicas = 100;
    const Node& replicas = child(run, "replicas");
    if (const auto count = parse_count(replicas.text); count && replicas.kind == Node::Kind::scalar) {
      if (*count <= kMostReplicas) {
        layer.run.replicas = static_cast<std::uint32_t>(*count);
      } else {
        mistakes_.error(replicas.place, code::kValue, in_quotes(replicas.text) + " replicas are too many",
                        "write 100 at most");
      }
    }
    const Node& restart = child(run, "restart");
    if (restart.text == "never") layer.run.restart = Restart::never;
    if (restart.text == "on-failure") layer.run.restart = Restart::on_failure;
    if (restart.text == "always") layer.run.restart = Restart::always;
    read_readiness(child(run, "readiness"), layer);
    const Node& signal = child(run, "stop_signal");
    if (auto name = parse_signal(signal.text); name && signal.kind == Node::Kind::scalar)
      layer.run.stop_signal = std::move(*name);
    const Node& grace = child(run, "stop_grace");
    if (const auto time = parse_duration(grace.text); time && grace.kind == Node::Kind::scalar)
      layer.run.stop_grace = *time;
  }

  void read_readiness(const Node& node, Layer& layer) {
    if (node.kind != Node::Kind::map) return;
    Readiness readiness;
    const Node& http = child(node, "http");
    if (http.kind == Node::Kind::scalar) {
      readiness.http = http.text;
      const bool printable = std::ranges::all_of(http.text, [](char letter) { return letter > ' ' && letter < 0x7f; });
      if (!http.text.starts_with('/') || !printable) {
        mistakes_.error(http.place, code::kValue, in_quotes(http.text) + " is no path of a URL",
                        "write it as /healthz");
      }
    }
    const Node& port = child(node, "port");
    if (const auto number = parse_port(port.text); number && port.kind == Node::Kind::scalar) readiness.port = *number;
    const Node& timeout = child(node, "timeout");
    if (const auto time = parse_duration(timeout.text); time && timeout.kind == Node::Kind::scalar) {
      readiness.timeout = *time;
    }
    layer.run.readiness = std::move(readiness);
  }

  std::vector<std::string> socket_paths(const Node& list) {
    std::vector<std::string> out;
    for (const Node& item : list.items) {
      if (item.kind == Node::Kind::scalar && item.text.starts_with('@')) {
        out.push_back(item.text);
      } else if (auto path = resolve(item, &resolve_path)) {
        out.push_back(std::move(*path));
      }
    }
    return out;
  }

  template <class T>
  static std::optional<T> choice(const Node& node, Names<T> names) {
    if (node.kind != Node::Kind::scalar) return std::nullopt;
    for (const auto& [name, value] : names) {
      if (node.text == name) return value;
    }
    return std::nullopt;
  }

 private:
  std::optional<std::string> resolve(const Node& node, Resolve how) {
    return path_of(node, base_, shipped_, mistakes_, how);
  }

  std::vector<std::string> paths(const Node& list, Resolve how) {
    std::vector<std::string> out;
    for (const Node& item : list.items) {
      if (auto path = resolve(item, how)) out.push_back(std::move(*path));
    }
    return out;
  }

  void read_engines(const Node& engines, Layer& layer) {
    auto& out = layer.database;
    if (engines.kind == Node::Kind::scalar && engines.text == "all") out.all_engines = true;
    if (engines.kind != Node::Kind::list) return;
    out.all_engines = false;
    for (const std::string& name : texts_of(engines)) {
      if (name == "all") {
        out.all_engines = true;
      } else if (const Engine* engine = find_engine(name)) {
        out.engines.emplace_back(engine->name);
      }
    }
  }

  void read_allow(const Node& item, Layer& layer) {
    using From = DatabaseAllow::From;
    const Node& to = item.kind == Node::Kind::map ? child(item, "to") : item;
    auto destination = parse_destination(to.text);
    if (to.kind != Node::Kind::scalar || !destination) return;
    if (destination->kind == Destination::Kind::unix_path && !destination->path.starts_with('@')) {
      auto path = resolve_path(destination->path, base_);
      if (!path) {
        if (!shipped_) mistakes_.error(to.place, code::kValue, path.error().message, path.error().hint);
        return;
      }
      destination->path = std::move(*path);
    }
    const auto from =
        choice<From>(child(item, "from"), {{"app", From::app}, {"one-off", From::one_off}, {"any", From::any}});
    layer.database.allow.push_back({from.value_or(From::app), std::move(*destination), mistakes_.origin(to.place)});
  }

  // A row that makes every script the app may start the app itself leaves nothing of the database rule.
  void warn_if_wide(const AppAlso& row, Place place) {
    static constexpr auto kShells =
        std::to_array<std::string_view>({"ash", "bash", "busybox", "dash", "env", "fish", "ksh", "sh", "zsh"});
    static constexpr auto kInterpreters = std::to_array<std::string_view>(
        {"bun", "deno", "java", "lua", "node", "perl", "php", "python", "python2", "python3", "ruby", "tclsh"});
    const std::string_view name = std::string_view(row.exe).substr(row.exe.rfind('/') + 1);
    const bool shell = std::ranges::find(kShells, name) != kShells.end();
    const bool interpreter = std::ranges::find(kInterpreters, name) != kInterpreters.end();
    if (is_client_program(name)) {
      mistakes_.add(
          Severity::warning, place, code::kDangerousPath,
          in_quotes(row.exe) + " is a database client: with this row it is not refused when the app starts it",
          "for a look into the database, use cofferdam shell");
    } else if ((shell || interpreter) && row.argv.empty()) {
      mistakes_.add(Severity::warning, place, code::kDangerousPath,
                    "this row admits everything that " + in_quotes(row.exe) + " runs for the app",
                    "narrow it: {exe: " + row.exe + ", argv: [\"*/worker\"]}");
    }
  }

  const PathBase& base_;
  bool shipped_;
  Mistakes& mistakes_;
};

}  // namespace

Layer read_layer(const Node& root, const PathBase& base, bool shipped, Mistakes& mistakes) {
  Reader reader(base, shipped, mistakes);
  Layer layer;
  layer.mode = Reader::choice<Mode>(
      child(root, "mode"), {{"auto", Mode::automatic}, {"local", Mode::local}, {"container", Mode::container}});
  layer.enforcement = Reader::choice<EnforcementMode>(
      child(root, "enforcement"), {{"strict", EnforcementMode::strict}, {"degraded", EnforcementMode::degraded}});
  reader.read_app(child(root, "app"), layer);
  reader.read_storage(child(root, "storage"), layer);
  reader.read_database(root, layer);
  reader.read_network(child(root, "network"), layer);
  reader.read_access(root, layer);
  reader.read_devices(child(root, "devices"), layer);
  layer.sockets = reader.socket_paths(child(root, "sockets"));
  layer.limits = read_limits(child(root, "limits"), mistakes);
  reader.read_environment(child(root, "environment"), layer);
  layer.logs = read_logs(child(root, "logs"), base, shipped, mistakes);
  reader.read_run(child(root, "run"), layer);
  return layer;
}

}  // namespace cofferdam::policy
