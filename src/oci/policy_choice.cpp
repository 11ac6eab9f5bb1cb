#include "oci/policy_choice.hpp"

#include <sys/wait.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <cstring>
#include <nlohmann/json.hpp>

#include "base/text.hpp"
#include "kernel/fd.hpp"
#include "kernel/process.hpp"
#include "policy/builtin.hpp"
#include "policy/effective.hpp"

namespace cofferdam::oci {

namespace {

constexpr const char* kKey = "cofferdam.policy";
constexpr const char* kVariable = "COFFERDAM_POLICY";
// Set by containerd's CRI plugin and by CRI-O, whatever the pod says.
constexpr const char* kContainerType = "io.kubernetes.cri.container-type";
constexpr std::size_t kMostDockerRecord = 4 << 20;
constexpr std::size_t kMostPolicy = 1 << 20;
constexpr unsigned kReadingTakes = 10;  // seconds; a pipe in the image may never end

bool is_there(const std::string& path) {
  return access(path.c_str(), F_OK) == 0;
}

bool is_shipped(const std::string& name) {
  return std::ranges::find(policy::builtin_policies(), name, &policy::BuiltinPolicy::name) !=
         policy::builtin_policies().end();
}

Result<Choice> read_wish(const std::string& value, std::string said_by, const HostPolicies& host) {
  if (value == "off") return Choice{Choice::Kind::off, {}, std::move(said_by)};
  if (value.starts_with('/')) return Choice{Choice::Kind::in_image, base::normalise_path(value), std::move(said_by)};
  const bool is_name = !value.empty() && value.find('/') == std::string::npos && !value.starts_with('.');
  if (is_name && is_there(host.named(value))) return Choice{Choice::Kind::on_host, host.named(value), said_by};
  if (is_name && is_shipped(value)) return Choice{Choice::Kind::on_host, value, said_by};
  return fail(said_by + " asks for the policy '" + base::printable(value) +
              "': there is no shipped policy of that name, and no file " + host.named("NAME") +
              "; a policy in the image is named by its absolute path");
}

std::string told(const std::vector<Diagnostic>& diagnostics) {
  std::string text;
  for (const Diagnostic& each : diagnostics) {
    if (each.severity != Severity::error) continue;
    text += (text.empty() ? "" : "; ") + each.where.file + ":" + std::to_string(each.where.line) + ": " + each.message;
  }
  return text;
}

Result<std::string> flatten(const Choice& choice, const PolicyContext& context) {
  auto loaded = load_policy(choice.policy, context);
  if (!loaded) return fail("the policy that " + choice.said_by + " asks for has mistakes: " + told(loaded.error()));
  loaded->policy.mode = Mode::container;
  for (MountRule& mount : loaded->policy.storage.mounts) mount.watch = false;  // nobody edits an image that runs
  return policy::effective_yaml(loaded->policy);
}

// What an image holds is read by nobody in particular, without any right.
bool give_up_rights() {
  constexpr uid_t kNobody = 65534;
  constexpr std::array<gid_t, 1> kGroups = {kNobody};
  const bool root = geteuid() == 0;  // a runtime without root has no other user's rights
  return (!root || kernel::take_identity(kNobody, kNobody, kGroups) == 0) && kernel::set_no_new_privs() == 0;
}

// A child that has the image for its root: 'y' and the policy, or 'n' and why there is none.
[[noreturn]] void flatten_inside(const Choice& choice, const PolicyContext& context, const std::string& root, int out) {
  alarm(kReadingTakes);
  std::string answer;
  if (chroot(root.c_str()) != 0 || chdir("/") != 0) {
    answer = "nthe image's root " + root + " can't be entered: " + std::strerror(errno);
  } else if (!give_up_rights()) {
    answer = "nthe rights of the runtime can't be given up to read the image's policy";
  } else {
    const auto text = flatten(choice, context);
    answer = text ? "y" + *text : "n" + text.error().message;
  }
  _exit(kernel::write_all(out, answer) ? 0 : 1);
}

Result<std::string> flatten_in_image(const Choice& choice, const PolicyContext& context, const std::string& root) {
  auto pipe = kernel::make_pipe();
  if (!pipe) return std::unexpected(pipe.error());
  const pid_t child = fork();
  if (child < 0) return fail("no process can be made to read the image's policy", errno);
  if (child == 0) flatten_inside(choice, context, root, pipe->write.get());
  pipe->write.reset();
  std::string answer;
  std::array<char, 65536> buffer{};
  while (answer.size() <= kMostPolicy) {
    const ssize_t got = read(pipe->read.get(), buffer.data(), buffer.size());
    if (got < 0 && errno == EINTR) continue;
    if (got <= 0) break;
    answer.append(buffer.data(), static_cast<std::size_t>(got));
  }
  pipe->read.reset();
  int status = 0;
  while (waitpid(child, &status, 0) < 0 && errno == EINTR) {
  }
  if (answer.starts_with('n')) return fail(answer.substr(1));
  if (!answer.starts_with('y') || !WIFEXITED(status) || WEXITSTATUS(status) != 0) {
    return fail("the policy " + choice.policy + " in the image, which " + choice.said_by +
                " asks for, could not be read within " + std::to_string(kReadingTakes) + " s");
  }
  return answer.substr(1);
}

}  // namespace

Result<Choice> choose_policy(const SpecFacts& facts, const std::map<std::string, std::string>& labels,
                             const HostPolicies& host) {
  const auto type = facts.annotations.find(kContainerType);
  if (type != facts.annotations.end() && type->second == "sandbox") return Choice{Choice::Kind::off, {}, "the pod"};
  if (is_there(host.binding())) return Choice{Choice::Kind::on_host, host.binding(), "the host"};
  if (const auto wish = facts.annotations.find(kKey); wish != facts.annotations.end()) {
    return read_wish(wish->second, std::string("the annotation ") + kKey, host);
  }
  if (const auto wish = labels.find(kKey); wish != labels.end()) {
    return read_wish(wish->second, std::string("the label ") + kKey, host);
  }
  if (const auto wish = facts.environment.find(kVariable); wish != facts.environment.end()) {
    return read_wish(wish->second, std::string("the variable ") + kVariable, host);
  }
  if (is_there(host.fallback())) return Choice{Choice::Kind::on_host, host.fallback(), "the host"};
  return Choice{Choice::Kind::on_host, "twelve-factor", "nobody"};
}

Result<bool> is_one_off(const SpecFacts& facts, const std::map<std::string, std::string>& labels) {
  constexpr const char* kOneOff = "cofferdam.one-off";
  const auto read = [](const std::string& by, const std::string& value) -> Result<bool> {
    if (value == "true" || value == "1") return true;
    if (value == "false" || value == "0") return false;
    return fail(by + " is '" + base::printable(value) + "': it must be true or false");
  };
  if (const auto said = facts.annotations.find(kOneOff); said != facts.annotations.end()) {
    return read(std::string("the annotation ") + kOneOff, said->second);
  }
  if (const auto said = labels.find(kOneOff); said != labels.end()) {
    return read(std::string("the label ") + kOneOff, said->second);
  }
  const auto said = facts.environment.find("COFFERDAM_ONE_OFF");
  return said == facts.environment.end() ? false : read("the variable COFFERDAM_ONE_OFF", said->second);
}

Result<std::string> flatten_policy(const Choice& choice, const SpecFacts& facts, const std::string& root) {
  const PolicyContext context{
      .working_directory = facts.working_directory.starts_with('/') ? facts.working_directory : "/",
      .home = facts.home,
      .environment = {}};
  return choice.kind == Choice::Kind::in_image ? flatten_in_image(choice, context, root) : flatten(choice, context);
}

std::map<std::string, std::string> read_docker_labels(const SpecFacts& facts) {
  std::map<std::string, std::string> labels;
  constexpr std::string_view kBeside = "/hostname";
  const auto source = std::ranges::find_if(facts.bind_sources, [&](const std::string& path) {
    return path.ends_with(kBeside) && path.find("/containers/") != std::string::npos;
  });
  if (source == facts.bind_sources.end()) return labels;
  const std::string record = source->substr(0, source->size() - kBeside.size()) + "/config.v2.json";
  const auto text = kernel::read_file(record, kMostDockerRecord);
  if (!text) return labels;
  const auto document = nlohmann::json::parse(*text, nullptr, false);
  if (!document.is_object()) return labels;
  const auto found = document.value(nlohmann::json::json_pointer("/Config/Labels"), nlohmann::json());
  if (!found.is_object()) return labels;
  for (const auto& [key, value] : found.items()) {
    if (value.is_string()) labels[key] = value.get<std::string>();
  }
  return labels;
}

}  // namespace cofferdam::oci
