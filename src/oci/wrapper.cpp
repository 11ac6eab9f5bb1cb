#include "oci/wrapper.hpp"

#include <fcntl.h>
#include <sys/stat.h>
#include <sys/vfs.h>
#include <sys/wait.h>
#include <unistd.h>

#include <array>
#include <cerrno>
#include <climits>
#include <cstdlib>
#include <cstring>
#include <optional>

#include "base/text.hpp"
#include "kernel/fd.hpp"
#include "oci/bundle.hpp"
#include "oci/call.hpp"
#include "oci/policy_choice.hpp"
#include "oci/runtime_log.hpp"
#include "oci/spec.hpp"
#include "policy/effective.hpp"

namespace cofferdam::oci {

namespace {

constexpr long kTmpfsMagic = 0x01021994;  // statfs(2)

bool on_tmpfs(const std::string& path) {
  struct statfs status{};
  return statfs(path.c_str(), &status) == 0 && status.f_type == kTmpfsMagic;
}

std::optional<Owner> owner_in(const std::string& root, const std::string& path) {
  const kernel::Fd image(open(root.c_str(), O_PATH | O_DIRECTORY | O_CLOEXEC));
  if (!image) return std::nullopt;
  const kernel::Fd directory =
      kernel::open_resolved(image.get(), path.c_str(), O_PATH | O_DIRECTORY, kernel::kInRoot | kernel::kNoMagicLinks);
  const auto found = directory ? kernel::identify(directory.get(), "") : fail("not there", errno);
  if (!found) return std::nullopt;
  return Owner{found->uid, found->gid, found->mode & 07777};
}

struct Settings {
  std::string runtime;   // the real one
  std::string launcher;  // this binary
  HostPolicies host;
};

std::string told(const std::vector<Diagnostic>& diagnostics) {
  return diagnostics.empty() ? "" : diagnostics.front().message;
}

Result<void> govern_bundle(const Bundle& bundle, const Settings& settings) {
  const auto config = bundle.read_config();
  if (!config) return std::unexpected(config.error());
  const auto facts = read_spec(*config);
  if (!facts) return std::unexpected(facts.error());
  const auto labels = read_docker_labels(*facts);
  const auto choice = choose_policy(*facts, labels, settings.host);
  if (!choice) return std::unexpected(choice.error());
  if (choice->kind == Choice::Kind::off) return {};
  const auto one_off = is_one_off(*facts, labels);
  if (!one_off) return std::unexpected(one_off.error());
  const auto text = flatten_policy(*choice, *facts, bundle.path_of(facts->root));
  if (!text) return std::unexpected(text.error());
  if (auto written = bundle.write_policy(*text); !written) return written;
  auto policy = load_policy(bundle.policy_file(), {});
  if (!policy) return fail("the policy can't be read again: " + told(policy.error()));
  add_volumes(policy->policy, *facts);
  if (auto written = bundle.write_policy(policy::effective_yaml(policy->policy)); !written) return written;
  const auto governed = govern_spec(
      *config, {.launcher = settings.launcher,
                .policy_file = bundle.policy_file(),
                .policy = policy->policy,
                .facts = *facts,
                .one_off = *one_off,
                .on_tmpfs = on_tmpfs,
                .in_image = [&](const std::string& path) { return owner_in(bundle.path_of(facts->root), path); }});
  if (!governed) return std::unexpected(governed.error());
  return bundle.write_config(*governed);
}

// The bundle of a container that runs: the directory that containerd's shim starts a runtime in, else what the runtime
// says. Empty when it knows of no such container.
std::string bundle_of(const Call& call, const Settings& settings) {
  std::array<char, PATH_MAX> here{};
  if (getcwd(here.data(), here.size()) != nullptr && base::base_name(here.data()) == call.id) return here.data();
  return ask_for_bundle(settings.runtime, call.root, call.id);
}

Result<void> govern_exec(const Call& call, const Settings& settings) {
  const std::string at = bundle_of(call, settings);
  if (at.empty()) return {};  // the runtime says what is wrong
  const Bundle bundle(at);
  if (!bundle.has_policy()) return {};
  const auto policy = load_policy(bundle.policy_file(), {});
  if (!policy) return fail("the policy of the container can't be read: " + told(policy.error()));
  bool terminal = call.terminal;
  if (!call.process.empty()) {
    const auto document = read_document(call.process);
    if (!document) return std::unexpected(document.error());
    const auto facts = read_process(*document);
    if (!facts) return std::unexpected(facts.error());
    terminal = facts->terminal;
    const auto governed = govern_process(*document);
    if (!governed) return std::unexpected(governed.error());
    if (auto written = replace_document(call.process, *governed); !written) return written;
  }
  if (terminal && !policy->policy.access.remote_login) {
    return fail(
        "an instance that runs is not entered with a terminal (access.remote_login): start a one-off of its own "
        "from the same image (docker run --rm -it --label cofferdam.one-off=true IMAGE COMMAND; Kubernetes: the "
        "annotation "
        "of that name), and look into the logs of this one");
  }
  return {};
}

std::vector<std::string> words_for_runtime(const std::vector<std::string>& arguments, const Call& call) {
  std::vector<std::string> words = arguments;
  // A process that is no document can't be edited; the runtime has an option for it.
  if (call.kind == Call::Kind::executes && call.process.empty()) {
    words.insert(words.begin() + static_cast<std::ptrdiff_t>(call.command_at) + 1, "--no-new-privs");
  }
  return words;
}

int become(const std::string& runtime, const std::vector<std::string>& arguments, const Call& call) {
  std::vector<char*> argv;
  argv.push_back(const_cast<char*>(runtime.c_str()));
  for (const std::string& word : arguments) argv.push_back(const_cast<char*>(word.c_str()));
  argv.push_back(nullptr);
  execv(runtime.c_str(), argv.data());
  log_error(call, "can't start the runtime " + runtime + ": " + std::strerror(errno));
  return 1;
}

}  // namespace

Result<std::string> find_runtime(const std::string& wish, const std::string& launcher) {
  const auto self = kernel::identify(AT_FDCWD, launcher.c_str());
  const auto usable = [&](const std::string& path) {
    const auto found = kernel::identify(AT_FDCWD, path.c_str());
    return found && access(path.c_str(), X_OK) == 0 && !(self && found->same_file(*self));
  };
  if (wish.starts_with('/')) {
    if (usable(wish)) return wish;
    return fail("the runtime " + wish + " can't be used: it is not there, not executable, or cofferdam itself");
  }
  const char* const given = getenv("PATH");
  const std::string path =
      std::string(given == nullptr ? "" : given) + ":/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin";
  std::vector<std::string> names = {"runc", "crun"};
  if (!wish.empty()) names = {wish};
  for (const std::string& name : names) {
    for (const std::string_view directory : base::split(path, ':')) {
      const std::string candidate = std::string(directory) + "/" + name;
      if (candidate.starts_with('/') && usable(candidate)) return candidate;
    }
  }
  return fail("no OCI runtime is on PATH (" + base::join(names, ", ") +
              "): name one with --runtime or COFFERDAM_OCI_RUNTIME");
}

int run_oci(const std::vector<std::string>& arguments, const std::string& wish) {
  const Call call = parse_call(arguments);
  const auto refuse = [&](const Error& error) {
    log_error(call, error.message);
    return 1;
  };
  const auto launcher = kernel::read_link_at(AT_FDCWD, "/proc/self/exe");
  if (!launcher) return refuse(launcher.error());
  const auto runtime = find_runtime(wish, *launcher);
  if (!runtime) return refuse(runtime.error());
  const Settings settings{.runtime = *runtime, .launcher = *launcher, .host = {}};
  Result<void> governed;
  if (call.kind == Call::Kind::prepares) governed = govern_bundle(Bundle(call.bundle), settings);
  if (call.kind == Call::Kind::executes) governed = govern_exec(call, settings);
  if (!governed) return refuse(governed.error());
  return become(settings.runtime, words_for_runtime(arguments, call), call);
}

}  // namespace cofferdam::oci
