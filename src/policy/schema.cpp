#include "policy/schema.hpp"

#include <algorithm>
#include <array>

namespace cofferdam::policy {
namespace {

using enum ValueType;

constexpr std::array kKeys = std::to_array<Key>({
    {.path = "version", .type = version, .required = true, .doc = "Version of the policy format."},
    {.path = "extends",
     .type = parent,
     .fallback = "twelve-factor",
     .doc = "What this policy builds on: a shipped policy by name, a path relative to this file, or none."},
    {.path = "mode",
     .type = choice,
     .legal = "auto|local|container",
     .fallback = "auto",
     .doc = "Where the run takes place; auto picks container only inside a container."},
    {.path = "enforcement",
     .type = choice,
     .legal = "strict|degraded",
     .fallback = "strict",
     .doc = "strict refuses to start when a rule can't be enforced; degraded starts and says what was lost."},

    {.path = "app", .type = map, .doc = "What counts as the application."},
    {.path = "app.also",
     .type = list,
     .doc = "Programs that count as the app beside the entry process and what it forks."},
    {.path = "app.also[]", .type = program, .doc = "A program as it would be typed, or a map with its arguments."},
    {.path = "app.also[].exe",
     .type = text,
     .required = true,
     .doc = "The program as it would be typed, looked up on PATH, or a path. An interpreter's name also means the one "
            "that the app runs on. A path with * or ? is compared with each program's own: for what is built later."},
    {.path = "app.also[].argv",
     .type = list,
     .doc = "Shell-style patterns of its arguments, argv[0] first; what follows the last is free, and none means any "
            "arguments."},
    {.path = "app.also[].argv[]", .type = text},

    {.path = "storage", .type = map, .doc = "What the app can write, and where the writes go."},
    {.path = "storage.mounts", .type = list, .doc = "Directories with a storage of their own; merged by path."},
    {.path = "storage.mounts[]", .type = map},
    {.path = "storage.mounts[].path",
     .type = path,
     .required = true,
     .doc = "Absolute, or relative to this file, or beginning with ~/."},
    {.path = "storage.mounts[].type",
     .type = choice,
     .legal = "overlay|tmpfs|read-only|hidden|persistent",
     .doc = "overlay: reads see the files, writes are lost; tmpfs: empty and writable; read-only: live; hidden: not "
            "there; persistent: kept, and storage is then enforced in part only."},
    {.path = "storage.mounts[].size",
     .type = size,
     .fallback = "512MiB",
     .doc = "How much can be written; of an overlay or a tmpfs."},
    {.path = "storage.mounts[].inodes",
     .type = inodes,
     .doc = "How many files, directories and links it can hold; of an overlay or a tmpfs. Without it, one for each "
            "4 KiB of its size and at least 1024."},
    {.path = "storage.mounts[].watch",
     .type = boolean,
     .fallback = "false",
     .doc = "Replay host edits into the instance, for live reload; of an overlay."},
    {.path = "storage.mounts[].exec",
     .type = boolean,
     .fallback = "true",
     .doc = "false mounts it noexec; of a tmpfs."},
    {.path = "storage.elsewhere", .type = choice, .available = false},
    {.path = "storage.audit", .type = map, .doc = "What the report says about writes."},
    {.path = "storage.audit.ignore", .type = list, .doc = "Lost files that the report leaves out; events keep them."},
    {.path = "storage.audit.ignore[]", .type = path_glob, .doc = "A path glob; ** crosses directories."},

    {.path = "database", .type = map, .doc = "Which databases the app reaches; nothing else in the tree does."},
    {.path = "database.engines",
     .type = engines,
     .fallback = "all",
     .doc = "Engines whose ports and sockets count as databases: all, or a list of names."},
    {.path = "database.engines[]", .type = engine},
    {.path = "database.ports", .type = list, .doc = "Ports that count as databases beside the engines' own."},
    {.path = "database.ports[]", .type = port},
    {.path = "database.sockets", .type = list, .doc = "Sockets that count as databases beside the engines' own."},
    {.path = "database.sockets[]", .type = socket_path, .doc = "A path glob, or @name for an abstract socket."},
    {.path = "database.allow",
     .type = list,
     .doc = "The only destinations allowed; without it, the app and a one-off may reach any database."},
    {.path = "database.allow[]", .type = allow_row},
    {.path = "database.allow[].from",
     .type = choice,
     .legal = "app|one-off|any",
     .fallback = "app",
     .doc = "Who may connect."},
    {.path = "database.allow[].to",
     .type = destination,
     .required = true,
     .doc = "host:port, CIDR:port, [IPv6]:port, unix:/path, unix:@name or env:NAME."},

    {.path = "network", .type = map, .doc = "Where the instance may connect to; databases have their own rule."},
    {.path = "network.egress",
     .type = choice,
     .legal = "allow|deny",
     .fallback = "allow",
     .doc = "deny: nothing but network.allow, the databases, this machine and the name servers."},
    {.path = "network.allow", .type = list, .doc = "Destinations that egress: deny leaves open."},
    {.path = "network.allow[]",
     .type = egress,
     .doc = "host, host:port, CIDR, CIDR:port or [IPv6]:port; without a port, all of them."},

    {.path = "access", .type = map, .available = false},
    {.path = "devices", .type = list, .available = false},
    {.path = "limits", .type = map, .available = false},

    {.path = "sockets", .type = list, .doc = "Host sockets let in; each weakens a rule and is named at the start."},
    {.path = "sockets[]", .type = socket_file},

    {.path = "environment", .type = map, .doc = "The environment variables of the app."},
    {.path = "environment.files", .type = list, .doc = "Files of KEY=value lines, read for env:NAME."},
    {.path = "environment.files[]", .type = path},
    {.path = "environment.export",
     .type = boolean,
     .fallback = "false",
     .doc = "Give the variables of the files to the app too."},
    {.path = "environment.require", .type = list, .doc = "Variables without which the run does not start."},
    {.path = "environment.require[]", .type = variable},
    {.path = "environment.set", .type = map, .doc = "Variables that the app gets."},
    {.path = "environment.set.*", .type = text},
    {.path = "environment.drop", .type = list, .doc = "Variables that the app does not get."},
    {.path = "environment.drop[]", .type = variable},

    {.path = "logs", .type = map, .doc = "Where the app's output goes."},
    {.path = "logs.capture", .type = choice, .available = false},
    {.path = "logs.parse", .type = map, .available = false},
    {.path = "logs.sinks", .type = list, .doc = "Where records go; console alone when there is none."},
    {.path = "logs.sinks[]", .type = map},
    {.path = "logs.sinks[].type",
     .type = choice,
     .required = true,
     .legal = "console|file",
     .later = "fluentd|gelf|http|journald|loki|otlp|sentry|splunk|syslog",
     .doc = "console: standard output; file: JSON Lines in a file of the host."},
    {.path = "logs.sinks[].path", .type = path, .doc = "Of a file sink: the file, on the host."},
    {.path = "logs.sinks[].address", .type = text, .available = false},
    {.path = "logs.sinks[].endpoint", .type = text, .available = false},
    {.path = "logs.sinks[].when_full", .type = choice, .available = false},
    {.path = "logs.sinks[].match", .type = map, .available = false},

    {.path = "run", .type = map, .doc = "How an instance runs and stops."},
    {.path = "run.replicas", .type = text, .available = false},
    {.path = "run.stop_signal", .type = signal, .fallback = "SIGTERM", .doc = "What asks the app to stop."},
    {.path = "run.stop_grace",
     .type = duration,
     .fallback = "10s",
     .doc = "How long the app may take to stop before it is killed."},
});

std::string_view parent_of(std::string_view path) {
  if (path.ends_with("[]")) return path.substr(0, path.size() - 2);
  const std::size_t dot = path.rfind('.');
  return dot == std::string_view::npos ? std::string_view{} : path.substr(0, dot);
}

}  // namespace

std::span<const Key> keys() {
  return kKeys;
}

const Key* find_key(std::string_view path) {
  const auto found = std::ranges::find(kKeys, path, &Key::path);
  return found == kKeys.end() ? nullptr : &*found;
}

std::vector<const Key*> children_of(std::string_view parent) {
  std::vector<const Key*> children;
  for (const Key& key : kKeys) {
    if (parent_of(key.path) == parent) children.push_back(&key);
  }
  return children;
}

std::string_view last_step(std::string_view path) {
  if (path.ends_with("[]")) return "[]";
  return path.substr(path.rfind('.') + 1);
}

}  // namespace cofferdam::policy
