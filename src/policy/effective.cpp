#include "policy/effective.hpp"

#include <cstdint>
#include <string_view>
#include <vector>

#include "base/text.hpp"
#include "policy/effective_text.hpp"
#include "policy/limits.hpp"
#include "policy/log_effective.hpp"

namespace cofferdam::policy {

namespace {

std::string destination_text(const Destination& destination) {
  return destination.kind == Destination::Kind::unix_path ? "unix:" + destination.path : destination.written;
}

const char* name_of(Mode mode) {
  return mode == Mode::automatic ? "auto" : mode == Mode::local ? "local" : "container";
}
const char* name_of(DatabaseAllow::From from) {
  return from == DatabaseAllow::From::app ? "app" : from == DatabaseAllow::From::one_off ? "one-off" : "any";
}

const char* name_of(Restart restart) {
  return restart == Restart::never ? "never" : restart == Restart::on_failure ? "on-failure" : "always";
}

class Page {
 public:
  Page(const Policy& policy, const PolicyOrigins* origins) : policy_(policy), lines_(origins) {}

  std::string text() {
    lines_.value("mode", name_of(policy_.mode));
    lines_.value("enforcement", policy_.enforcement == EnforcementMode::strict ? "strict" : "degraded");
    app();
    storage();
    database();
    network();
    access();
    lines_.list("sockets", policy_.sockets);
    limits();
    environment();
    effective_logs(policy_.logs, lines_);
    run();
    return "version: 1\nextends: none\n" + lines_.take();
  }

 private:
  void app() {
    for (const AppAlso& also : policy_.also) {
      lines_.row("app.also",
                 "{exe: " + quoted(also.exe) + (also.argv.empty() ? "" : ", argv: " + quoted_list(also.argv)) + "}",
                 also.origin);
    }
  }

  void storage() {
    for (const MountRule& mount : policy_.storage.mounts) {
      std::string text = "{path: " + quoted(mount.path) + ", type: " + to_string(mount.type);
      if (mount.size != 0) text += ", size: " + size_text(mount.size);
      if (mount.inodes != 0) text += ", inodes: " + std::to_string(mount.inodes);
      if (mount.watch) text += ", watch: true";
      if (!mount.exec) text += ", exec: false";
      if (mount.optional) text += ", optional: true";
      lines_.row("storage.mounts", text + "}", mount.origin, inherited(mount));
    }
    lines_.list("storage.audit.ignore", policy_.storage.audit_ignore);
  }

  // "; size from base.yaml:4": the keys of a merged row that stand elsewhere, and a size that no file says.
  [[nodiscard]] std::string inherited(const MountRule& mount) const {
    if (lines_.origins() == nullptr) return {};
    std::string text;
    const auto say = [&](const std::string& key, bool is_there) {
      const auto found = lines_.origins()->find("storage.mounts[] " + mount.path + " " + key);
      if (!is_there || found == lines_.origins()->end()) return;
      const Origin& origin = found->second;
      if (origin.file == mount.origin.file) return;
      text += "; " + key + " from " + base::printable(origin.file) + ":" + std::to_string(origin.line);
    };
    say("type", true);
    say("size", mount.size != 0);
    say("inodes", mount.inodes != 0);
    say("watch", mount.watch);
    say("exec", !mount.exec);
    if (mount.size == 0 && (mount.type == MountType::overlay || mount.type == MountType::tmpfs)) {
      text += "; size by default: " + size_text(kDefaultMountSize);
    }
    return text;
  }

  void database() {
    const Database& database = policy_.database;
    if (database.all_engines || database.engines.empty()) {
      lines_.value("database.engines", database.all_engines ? "all" : "[]");
    } else {
      lines_.list("database.engines", database.engines, false);
    }
    std::vector<std::string> ports;
    for (const std::uint16_t port : database.ports) ports.push_back(std::to_string(port));
    lines_.list("database.ports", ports, false);
    lines_.list("database.sockets", database.sockets);
    for (const DatabaseAllow& allow : database.allow) {
      lines_.row("database.allow",
                 std::string("{from: ") + name_of(allow.from) + ", to: " + quoted(destination_text(allow.to)) + "}",
                 allow.origin);
    }
  }

  void network() {
    lines_.value("network.egress", policy_.network.deny ? "deny" : "allow");
    for (const NetworkAllow& allow : policy_.network.allow) {
      lines_.row("network.allow", quoted(allow.to.written), allow.origin);
    }
  }

  void access() {
    lines_.value("access.remote_login", policy_.access.remote_login ? "allow" : "deny");
    lines_.value("access.debug", policy_.access.debug ? "allow" : "deny");
    for (const DeviceRule& device : policy_.devices) lines_.row("devices", quoted(device.path), device.origin);
  }

  void limits() {
    const Limits& limits = policy_.limits;
    const auto limit = [&](const char* key, const Limit& value, auto&& text) {
      const std::string path = std::string("limits.") + key;
      if (value.value != 0) {
        lines_.value(path, text(value.value));
      } else {
        lines_.remark(path, "no limit, the default");
      }
    };
    const auto number = [](std::uint64_t count) { return std::to_string(count); };
    limit("memory", limits.memory, &size_text);
    limit("processes", limits.processes, number);
    limit("cpu", limits.cpu, &cores_text);
    limit("open_files", limits.open_files, number);
  }

  void environment() {
    const Environment& environment = policy_.environment;
    lines_.list("environment.files", environment.files);
    lines_.value("environment.export", environment.export_files ? "true" : "false");
    lines_.list("environment.require", environment.require);
    for (const auto& [name, value] : environment.set) lines_.entry("environment.set", name, quoted(value));
    lines_.list("environment.drop", environment.drop);
  }

  void run() {
    const Run& run = policy_.run;
    lines_.value("run.replicas", std::to_string(run.replicas));
    if (run.restart) {
      lines_.value("run.restart", name_of(*run.restart));
    } else {
      lines_.remark("run.restart", "on-failure for several instances, never for one, the default");
    }
    if (run.readiness) {
      lines_.value("run.readiness.timeout", duration_text(run.readiness->timeout));
      if (!run.readiness->http.empty()) lines_.value("run.readiness.http", quoted(run.readiness->http));
      if (run.readiness->port != 0) lines_.value("run.readiness.port", std::to_string(run.readiness->port));
    } else {
      lines_.remark("run.readiness", "once it listens, the default");
    }
    lines_.value("run.stop_signal", run.stop_signal);
    lines_.value("run.stop_grace", duration_text(run.stop_grace));
  }

  const Policy& policy_;
  EffectiveLines lines_;
};

}  // namespace

std::string effective_yaml(const Policy& policy, const PolicyOrigins* origins) {
  return Page(policy, origins).text();
}

}  // namespace cofferdam::policy
