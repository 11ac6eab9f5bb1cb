#include "export/container.hpp"

#include <algorithm>

#include "base/text.hpp"

namespace cofferdam::exporting {

namespace {

// The path in the image; nothing for what lies on this machine alone.
std::optional<std::string> in_image(const std::string& path, const Wishes& wishes) {
  if (!wishes.project.empty() && base::is_beneath(path, wishes.project)) {
    return base::normalise_path(wishes.working_directory + path.substr(wishes.project.size()));
  }
  const bool at_home = !wishes.home.empty() && wishes.home != "/" && base::is_beneath(path, wishes.home);
  return at_home ? std::nullopt : std::optional(path);
}

void add_storage(Container& container, const Policy& policy, const Wishes& wishes) {
  for (const MountRule& rule : policy.storage.mounts) {
    const auto path = in_image(rule.path, wishes);
    const bool whole = path && *path == wishes.working_directory && rule.type == MountType::overlay;
    if (!path || whole || *path == "/dev/shm") continue;  // an engine's /dev/shm is a tmpfs of its own
    switch (rule.type) {
      case MountType::overlay:
      case MountType::tmpfs:
        container.scratch.push_back({*path, rule.size != 0 ? rule.size : kDefaultMountSize, rule.exec});
        if (rule.type == MountType::overlay && !rule.optional) {
          container.missing.push_back({"storage.mounts",
                                       *path + " is an empty tmpfs: what the image has there is hidden",
                                       "copy it in when the app starts, or use cofferdam as the runtime"});
        }
        break;
      case MountType::persistent: container.kept.push_back(*path); break;
      case MountType::hidden:
        container.missing.push_back({"storage.mounts", *path + " is not hidden", "leave it out of the image"});
        break;
      case MountType::read_only: break;  // as all of the image
    }
  }
}

void add_environment(Container& container, const Policy& policy) {
  container.set = policy.environment.set;
  container.passed = policy.environment.require;
  for (const DatabaseAllow& allow : policy.database.allow) {
    if (allow.to.kind == Destination::Kind::environment) container.passed.push_back(allow.to.variable);
  }
  std::ranges::sort(container.passed);
  container.passed.erase(std::ranges::unique(container.passed).begin(), container.passed.end());
  std::erase_if(container.passed, [&](const std::string& name) { return container.set.contains(name); });
}

// What the runtime of docs/oci.md does is not missing.
constexpr const char* kCofferdam = "cofferdam";

void add_missing(Container& container, const Policy& policy, const Wishes& wishes) {
  const auto missing = [&](std::string key, std::string why, std::string instead) {
    container.missing.push_back({std::move(key), std::move(why), std::move(instead)});
  };
  const LogParse& parse = policy.logs.parse;
  const bool parsed = parse.json != LogStructured::keep || parse.logfmt != LogStructured::keep ||
                      !parse.multiline.empty() || !parse.redact.empty() || parse.rate != 0 || parse.sample > 1;
  const bool beyond_console =
      std::ranges::any_of(policy.logs.sinks, [](const LogSink& sink) { return sink.type != LogSink::Type::console; });
  if (!policy.sockets.empty()) {
    missing("sockets", "host sockets are not bound in", "bind them by hand, knowing what that weakens");
  }
  if (wishes.runtime == kCofferdam) return;
  constexpr const char* kInside = "cofferdam as the runtime or the ENTRYPOINT";
  missing("storage", "nobody tells which process wrote what, and what was lost", kInside);
  missing("database", "every program of the container reaches the database, not the app alone", kInside);
  if (parsed) missing("logs.parse", "records are not parsed, joined or redacted", "do it in the collector");
  if (beyond_console) {
    missing("logs.sinks", "stdout and stderr go where the engine sends them", "its logging driver, or a collector");
  }
  if (!policy.access.remote_login || !policy.access.debug) {
    missing("access", "shells, listeners on 22 and 23 and debuggers inside are not refused", kInside);
  }
}

}  // namespace

Container container_of(const Policy& policy, const Wishes& wishes) {
  Container container;
  add_storage(container, policy, wishes);
  add_environment(container, policy);
  container.memory = policy.limits.memory.value;
  container.cpu = policy.limits.cpu.value;
  container.processes = policy.limits.processes.value;
  container.open_files = policy.limits.open_files.value;
  for (const DeviceRule& device : policy.devices) container.devices.push_back(device.path);
  container.stop_signal = policy.run.stop_signal;
  container.stop_grace = std::chrono::ceil<std::chrono::seconds>(policy.run.stop_grace);
  container.replicas = policy.run.replicas;
  container.restart = policy.run.restart.value_or(policy.run.replicas > 1 ? Restart::on_failure : Restart::never);
  container.readiness = policy.run.readiness;
  for (const NetworkAllow& allow : policy.network.allow) container.egress.push_back(allow.to);
  for (const DatabaseAllow& allow : policy.database.allow) container.egress.push_back(allow.to);
  container.egress_denied = policy.network.deny;
  add_missing(container, policy, wishes);
  return container;
}

}  // namespace cofferdam::exporting
