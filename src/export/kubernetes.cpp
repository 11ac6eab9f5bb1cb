#include <algorithm>
#include <cctype>

#include "base/text.hpp"
#include "export/exporters.hpp"
#include "export/words.hpp"

namespace cofferdam::exporting {

namespace {

// Lines of YAML with their depth.
class Lines {
 public:
  void add(int depth, const std::string& text) {
    text_ += std::string(static_cast<std::size_t>(depth) * 2, ' ') + text + "\n";
  }
  [[nodiscard]] std::string take() { return std::move(text_); }

 private:
  std::string text_;
};

// Letters, digits and dashes (RFC 1123, at most 63), with room for a prefix.
std::string label_of(std::string_view text) {
  constexpr std::size_t kMost = 50;
  std::string label;
  for (const char each : text) {
    const auto letter = static_cast<char>(std::tolower(static_cast<unsigned char>(each)));
    const bool plain = (letter >= 'a' && letter <= 'z') || (letter >= '0' && letter <= '9');
    if (plain) label += letter;
    if (!plain && !label.empty() && label.back() != '-') label += '-';
  }
  label.resize(std::min(label.size(), kMost));
  while (label.ends_with('-')) label.pop_back();
  return label.empty() ? "root" : label;
}

std::string list_of(const std::vector<std::string>& words) {
  std::vector<std::string> all;
  for (const std::string& word : words) all.push_back(quoted(word));
  return "[" + base::join(all, ", ") + "]";
}

void write_container(Lines& out, const Container& container, const Wishes& wishes, const std::string& name) {
  out.add(4, "- name: " + name);
  out.add(5, "image: " + quoted(wishes.image));
  if (!wishes.command.empty()) out.add(5, "args: " + list_of(wishes.command));
  out.add(
      5,
      "securityContext: {readOnlyRootFilesystem: true, allowPrivilegeEscalation: false, capabilities: {drop: [ALL]}}");
  if (container.memory != 0 || container.cpu != 0) {
    std::vector<std::string> limits;
    if (container.memory != 0) limits.push_back("memory: \"" + std::to_string(container.memory) + "\"");
    if (container.cpu != 0) limits.push_back("cpu: " + std::to_string(container.cpu) + "m");
    out.add(5, "resources: {limits: {" + base::join(limits, ", ") + "}}");
  }
  if (!container.set.empty() || !container.passed.empty()) out.add(5, "env:");
  for (const auto& [variable, value] : container.set) {
    out.add(6, "- {name: " + quoted(variable) + ", value: " + quoted(value) + "}");
  }
  for (const std::string& variable : container.passed) {
    out.add(6, "- {name: " + quoted(variable) + ", valueFrom: {secretKeyRef: {name: " + name +
                   ", key: " + quoted(variable) + "}}}");
  }
  if (!wishes.ports.empty()) out.add(5, "ports:");
  for (const std::uint16_t port : wishes.ports) out.add(6, "- {containerPort: " + std::to_string(port) + "}");
  const std::uint16_t probed = container.readiness && container.readiness->port != 0 ? container.readiness->port
                               : wishes.ports.empty()                                ? 0
                                                                                     : wishes.ports.front();
  if (container.readiness && probed != 0) {
    const std::string port = "port: " + std::to_string(probed);
    const std::string how = container.readiness->http.empty()
                                ? "tcpSocket: {" + port + "}"
                                : "httpGet: {path: " + quoted(container.readiness->http) + ", " + port + "}";
    out.add(5, "readinessProbe: {" + how + ", periodSeconds: 1}");
  }
  if (!container.scratch.empty() || !container.kept.empty()) out.add(5, "volumeMounts:");
  for (const Scratch& each : container.scratch) {
    out.add(6, "- {name: scratch-" + label_of(each.path) + ", mountPath: " + quoted(each.path) + "}");
  }
  for (const std::string& path : container.kept) {
    out.add(6, "- {name: kept-" + label_of(path) + ", mountPath: " + quoted(path) + "}");
  }
}

void write_deployment(Lines& out, const Container& container, const Wishes& wishes, const std::string& name) {
  out.add(0, "apiVersion: apps/v1");
  out.add(0, "kind: Deployment");
  out.add(0, "metadata: {name: " + name + ", labels: {app: " + name + "}}");
  out.add(0, "spec:");
  out.add(1, "replicas: " + std::to_string(container.replicas));
  out.add(1, "selector: {matchLabels: {app: " + name + "}}");
  out.add(1, "template:");
  out.add(2, "metadata: {labels: {app: " + name + "}}");
  out.add(2, "spec:");
  if (!wishes.runtime.empty()) out.add(3, "runtimeClassName: " + quoted(wishes.runtime));
  out.add(3, "automountServiceAccountToken: false");
  out.add(3, "enableServiceLinks: false");
  out.add(3, "terminationGracePeriodSeconds: " + std::to_string(container.stop_grace.count()));
  out.add(3, "securityContext: {runAsNonRoot: true, seccompProfile: {type: RuntimeDefault}}");
  out.add(3, "containers:");
  write_container(out, container, wishes, name);
  if (!container.scratch.empty() || !container.kept.empty()) out.add(3, "volumes:");
  for (const Scratch& each : container.scratch) {
    out.add(4, "- {name: scratch-" + label_of(each.path) + ", emptyDir: {medium: Memory, sizeLimit: \"" +
                   std::to_string(each.size) + "\"}}");
  }
  for (const std::string& path : container.kept) {
    out.add(4, "- {name: kept-" + label_of(path) + ", persistentVolumeClaim: {claimName: " + name + "-" +
                   label_of(path) + "}}");
  }
}

// The destinations as a NetworkPolicy can name them: by address. DNS stays open, or no name would be found.
void write_network_policy(Lines& out, const Container& container, const std::string& name,
                          std::vector<Missing>& missing) {
  out.add(0, "---");
  out.add(0, "apiVersion: networking.k8s.io/v1");
  out.add(0, "kind: NetworkPolicy");
  out.add(0, "metadata: {name: " + name + "-egress}");
  out.add(0, "spec:");
  out.add(1, "podSelector: {matchLabels: {app: " + name + "}}");
  out.add(1, "policyTypes: [Egress]");
  out.add(1, "egress:");
  out.add(2, "- {ports: [{protocol: UDP, port: 53}, {protocol: TCP, port: 53}]}");
  for (const Destination& to : container.egress) {
    if (to.kind == Destination::Kind::unix_path) continue;
    if (to.kind != Destination::Kind::cidr_port) {
      missing.push_back({"network.egress",
                         to.written + " is no address, and a NetworkPolicy knows nothing else: it is closed",
                         "add its addresses as an ipBlock, or its pods as a podSelector"});
      continue;
    }
    const std::string block = "{ipBlock: {cidr: \"" + to.host + "/" + std::to_string(to.prefix) + "\"}}";
    const std::string ports = to.port == 0 ? "" : ", ports: [{protocol: TCP, port: " + std::to_string(to.port) + "}]";
    out.add(2, "- {to: [" + block + "]" + ports + "}");
  }
}

void add_missing_of_engine(const Container& container, const Wishes& wishes, std::vector<Missing>& missing) {
  const auto add = [&](const char* key, std::string why, std::string instead) {
    missing.push_back({key, std::move(why), std::move(instead)});
  };
  add("access", "kubectl exec, attach and debug enter the running pod",
      "a Role without create on pods/exec, pods/attach and pods/ephemeralcontainers");
  add("storage",
      "a memory emptyDir lives as long as its pod: a container that starts again finds what the one before has left",
      "do not rely on it being empty");
  if (std::ranges::any_of(container.scratch, [](const Scratch& each) { return !each.exec; })) {
    add("storage.mounts", "an emptyDir can't be noexec", "");
  }
  if (container.processes != 0)
    add("limits.processes", "a pod can't limit its processes", "podPidsLimit of the kubelet");
  if (container.open_files != 0)
    add("limits.open_files", "a pod can't limit open files", "ulimit in the image's entrypoint");
  if (!container.devices.empty())
    add("devices", "devices come by a device plugin", "resources.limits of the plugin's name");
  if (container.stop_signal != "SIGTERM")
    add("run.stop_signal", "Kubernetes takes the signal from the image",
        "STOPSIGNAL " + container.stop_signal + " in the Dockerfile");
  if (container.restart != Restart::always)
    add("run.restart", "a Deployment always starts a container again", "a Job for what is to end");
  if (container.readiness && container.readiness->port == 0 && wishes.ports.empty()) {
    add("run.readiness", "the probe needs a port", "--port");
  }
  if (container.egress_denied)
    add("network.egress", "a NetworkPolicy does nothing without a network plugin that enforces it", "check yours");
}

}  // namespace

Exported to_kubernetes(const Container& container, const Wishes& wishes) {
  Exported exported{{}, container.missing};
  const std::string name = label_of(wishes.name);
  Lines out;
  write_deployment(out, container, wishes, name);
  for (const std::string& path : container.kept) {
    out.add(0, "---");
    out.add(0, "apiVersion: v1");
    out.add(0, "kind: PersistentVolumeClaim");
    out.add(0, "metadata: {name: " + name + "-" + label_of(path) + "}");
    out.add(0, "spec: {accessModes: [ReadWriteOnce], resources: {requests: {storage: 1Gi}}}");
  }
  if (!wishes.ports.empty()) {
    out.add(0, "---");
    out.add(0, "apiVersion: v1");
    out.add(0, "kind: Service");
    out.add(0, "metadata: {name: " + name + "}");
    out.add(0, "spec:");
    out.add(1, "selector: {app: " + name + "}");
    out.add(1, "ports:");
    for (const std::uint16_t port : wishes.ports) {
      out.add(2, "- {name: port-" + std::to_string(port) + ", port: " + std::to_string(port) + "}");
    }
  }
  if (container.egress_denied) write_network_policy(out, container, name, exported.missing);
  add_missing_of_engine(container, wishes, exported.missing);
  exported.text = out.take();
  return exported;
}

}  // namespace cofferdam::exporting
