#include "policy/effective.hpp"

#include <array>
#include <cstdint>
#include <span>
#include <string_view>
#include <utility>
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

class Page {
 public:
  explicit Page(const Policy& policy) : policy_(policy) {}

  std::string text() {
    line("version: 1");
    line("extends: none");
    line(std::string("mode: ") + name_of(policy_.mode));
    line(std::string("enforcement: ") + (policy_.enforcement == EnforcementMode::strict ? "strict" : "degraded"));
    app();
    storage();
    database();
    network();
    access();
    if (!policy_.sockets.empty()) line("sockets: " + quoted_list(policy_.sockets));
    text_ += effective_limits(policy_.limits);
    environment();
    logs();
    run();
    return std::move(text_);
  }

 private:
  void run() {
    const Run& run = policy_.run;
    std::string text = "run: {replicas: " + std::to_string(run.replicas);
    if (run.restart == Restart::never) text += ", restart: never";
    if (run.restart == Restart::on_failure) text += ", restart: on-failure";
    if (run.restart == Restart::always) text += ", restart: always";
    if (run.readiness) {
      text += ", readiness: {timeout: " + duration_text(run.readiness->timeout);
      if (!run.readiness->http.empty()) text += ", http: " + quoted(run.readiness->http);
      if (run.readiness->port != 0) text += ", port: " + std::to_string(run.readiness->port);
      text += "}";
    }
    line(text + ", stop_signal: " + run.stop_signal + ", stop_grace: " + duration_text(run.stop_grace) + "}");
  }

  void line(const std::string& text) { text_ += text + "\n"; }

  void row(const std::string& text, const Origin& origin) { text_ += "    - " + text + origin_comment(origin) + "\n"; }

  void list(const std::string& key, std::span<const std::string> texts) {
    if (!texts.empty()) line("  " + key + ": " + quoted_list(texts));
  }

  void app() {
    if (policy_.also.empty()) return;
    line("app:\n  also:");
    for (const AppAlso& also : policy_.also) {
      row("{exe: " + quoted(also.exe) + (also.argv.empty() ? "" : ", argv: " + quoted_list(also.argv)) + "}",
          also.origin);
    }
  }

  void storage() {
    const Storage& storage = policy_.storage;
    if (storage.mounts.empty() && storage.audit_ignore.empty()) return;
    line("storage:");
    if (!storage.mounts.empty()) line("  mounts:");
    for (const MountRule& mount : storage.mounts) {
      std::string text = "{path: " + quoted(mount.path) + ", type: " + to_string(mount.type);
      if (mount.size != 0) text += ", size: " + size_text(mount.size);
      if (mount.inodes != 0) text += ", inodes: " + std::to_string(mount.inodes);
      if (mount.watch) text += ", watch: true";
      if (!mount.exec) text += ", exec: false";
      if (mount.optional) text += ", optional: true";
      row(text + "}", mount.origin);
    }
    if (!storage.audit_ignore.empty()) line("  audit: {ignore: " + quoted_list(storage.audit_ignore) + "}");
  }

  void database() {
    const Database& database = policy_.database;
    line("database:");
    line("  engines: " + (database.all_engines ? "all" : "[" + base::join(database.engines, ", ") + "]"));
    if (!database.ports.empty()) {
      std::vector<std::string> ports;
      for (const std::uint16_t port : database.ports) ports.push_back(std::to_string(port));
      line("  ports: [" + base::join(ports, ", ") + "]");
    }
    list("sockets", database.sockets);
    if (!database.allow.empty()) line("  allow:");
    for (const DatabaseAllow& allow : database.allow) {
      row(std::string("{from: ") + name_of(allow.from) + ", to: " + quoted(destination_text(allow.to)) + "}",
          allow.origin);
    }
  }

  void network() {
    line("network:");
    line(std::string("  egress: ") + (policy_.network.deny ? "deny" : "allow"));
    if (!policy_.network.allow.empty()) line("  allow:");
    for (const NetworkAllow& allow : policy_.network.allow) row(quoted(allow.to.written), allow.origin);
  }

  void access() {
    const auto word = [](bool allowed) { return std::string(allowed ? "allow" : "deny"); };
    line("access: {remote_login: " + word(policy_.access.remote_login) + ", debug: " + word(policy_.access.debug) +
         "}" + origin_comment(policy_.access.origin));
    if (policy_.devices.empty()) return;
    line("devices:");
    for (const DeviceRule& device : policy_.devices) row(quoted(device.path), device.origin);
  }

  void environment() {
    const Environment& environment = policy_.environment;
    if (environment.files.empty() && environment.require.empty() && environment.set.empty() &&
        environment.drop.empty() && !environment.export_files) {
      return;
    }
    line("environment:");
    list("files", environment.files);
    if (environment.export_files) line("  export: true");
    list("require", environment.require);
    if (!environment.set.empty()) line("  set:");
    for (const auto& [name, value] : environment.set) line("    " + quoted(name) + ": " + quoted(value));
    list("drop", environment.drop);
  }

  void logs() { text_ += effective_logs(policy_.logs); }

  const Policy& policy_;
  std::string text_;
};

}  // namespace

std::string effective_yaml(const Policy& policy) {
  return Page(policy).text();
}

}  // namespace cofferdam::policy
