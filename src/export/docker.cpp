#include <cstdio>

#include "base/text.hpp"
#include "export/exporters.hpp"
#include "export/words.hpp"

namespace cofferdam::exporting {

namespace {

const char* restart_word(Restart restart) {
  switch (restart) {
    case Restart::never: return "";
    case Restart::on_failure: return "on-failure";
    case Restart::always: return "always";
  }
  return "";
}

void add_missing_of_engine(const Container& container, const Wishes& wishes, std::vector<Missing>& missing) {
  if (container.egress_denied && wishes.runtime.empty()) {
    missing.push_back({"network.egress", "an engine's network has no list of destinations: it is open, or internal",
                       "an internal network with a proxy, or cofferdam as the runtime"});
  }
  if (container.readiness) {
    missing.push_back({"run.readiness", "a container gets connections before it is ready",
                       "a HEALTHCHECK with a program that the image has, and a proxy that looks at it"});
  }
}

std::string tmpfs_options(const Scratch& scratch) {
  return "rw,nosuid,nodev," + std::string(scratch.exec ? "exec" : "noexec") +
         ",mode=1777,size=" + bytes_text(scratch.size);
}

}  // namespace

Exported to_docker(const Container& container, const Wishes& wishes) {
  std::vector<std::string> lines = {"docker run --name " + shell_word(wishes.name)};
  const auto add = [&](const std::string& option, const std::string& value) {
    lines.push_back(option + (value.empty() ? "" : " " + shell_word(value)));
  };
  add("--read-only", "");
  add("--cap-drop", "ALL");
  add("--security-opt", "no-new-privileges");
  add("--init", "");
  if (!wishes.runtime.empty()) add("--runtime", wishes.runtime);
  for (const Scratch& scratch : container.scratch) add("--tmpfs", scratch.path + ":" + tmpfs_options(scratch));
  for (const std::string& path : container.kept) add("--volume", volume_name(wishes.name, path) + ":" + path);
  for (const std::string& device : container.devices) add("--device", device);
  if (container.memory != 0) {
    add("--memory", std::to_string(container.memory));
    add("--memory-swap", std::to_string(container.memory));
  }
  if (container.cpu != 0) add("--cpus", thousandths(container.cpu));
  if (container.processes != 0) add("--pids-limit", std::to_string(container.processes));
  if (container.open_files != 0) add("--ulimit", "nofile=" + std::to_string(container.open_files));
  for (const auto& [name, value] : container.set) add("--env", name + "=" + value);
  for (const std::string& name : container.passed) add("--env", name);
  for (const std::uint16_t port : wishes.ports) add("--publish", std::to_string(port) + ":" + std::to_string(port));
  add("--stop-signal", container.stop_signal);
  add("--stop-timeout", std::to_string(container.stop_grace.count()));
  if (const std::string restart = restart_word(container.restart); !restart.empty()) add("--restart", restart);
  std::string image = shell_word(wishes.image);
  for (const std::string& word : wishes.command) image += " " + shell_word(word);
  lines.push_back(std::move(image));

  Exported exported{base::join(lines, " \\\n  ") + "\n", container.missing};
  add_missing_of_engine(container, wishes, exported.missing);
  if (container.replicas > 1) {
    exported.missing.push_back(
        {"run.replicas", "docker run starts one instance", "export --to compose, or a Swarm service"});
  }
  return exported;
}

Exported to_compose(const Container& container, const Wishes& wishes) {
  std::string text = "services:\n  " + quoted(wishes.name) + ":\n";
  const auto line = [&](const std::string& content) { text += "    " + content + "\n"; };
  const auto list = [&](const std::string& key, const std::vector<std::string>& values) {
    if (values.empty()) return;
    line(key + ":");
    for (const std::string& value : values) line("  - " + quoted(dollars_doubled(value)));
  };
  line("image: " + quoted(wishes.image));
  if (!wishes.command.empty()) list("command", wishes.command);
  line("init: true");
  line("read_only: true");
  if (!wishes.runtime.empty()) line("runtime: " + quoted(wishes.runtime));
  list("cap_drop", {"ALL"});
  list("security_opt", {"no-new-privileges:true"});
  std::vector<std::string> scratch;
  for (const Scratch& each : container.scratch) scratch.push_back(each.path + ":" + tmpfs_options(each));
  list("tmpfs", scratch);
  std::vector<std::string> volumes;
  for (const std::string& path : container.kept) volumes.push_back(volume_name(wishes.name, path) + ":" + path);
  list("volumes", volumes);
  list("devices", container.devices);
  if (container.memory != 0) {
    line("mem_limit: " + std::to_string(container.memory));
    line("memswap_limit: " + std::to_string(container.memory));
  }
  if (container.cpu != 0) line("cpus: " + quoted(thousandths(container.cpu)));
  if (container.processes != 0) line("pids_limit: " + std::to_string(container.processes));
  if (container.open_files != 0) line("ulimits: {nofile: " + std::to_string(container.open_files) + "}");
  std::vector<std::string> environment;
  for (const auto& [name, value] : container.set) environment.push_back(name + "=" + value);
  for (const std::string& name : container.passed) environment.push_back(name);
  list("environment", environment);
  // Several instances can't share a port of the host: a proxy publishes it.
  std::vector<std::string> ports;
  for (const std::uint16_t port : wishes.ports) {
    ports.push_back(container.replicas > 1 ? std::to_string(port) : std::to_string(port) + ":" + std::to_string(port));
  }
  list(container.replicas > 1 ? "expose" : "ports", ports);
  line("stop_signal: " + container.stop_signal);
  line("stop_grace_period: " + std::to_string(container.stop_grace.count()) + "s");
  if (const std::string restart = restart_word(container.restart); !restart.empty())
    line("restart: " + quoted(restart));
  if (container.replicas > 1) line("deploy: {replicas: " + std::to_string(container.replicas) + "}");
  if (!container.kept.empty()) {
    text += "volumes:\n";
    for (const std::string& path : container.kept) text += "  " + quoted(volume_name(wishes.name, path)) + ": {}\n";
  }
  Exported exported{std::move(text), container.missing};
  add_missing_of_engine(container, wishes, exported.missing);
  return exported;
}

}  // namespace cofferdam::exporting
