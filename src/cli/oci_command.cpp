#include <cstdio>
#include <cstdlib>

#include "cli/commands.hpp"
#include "cli/console.hpp"
#include "kernel/fd.hpp"
#include "oci/wrapper.hpp"

namespace cofferdam::cli {

namespace {

constexpr const char* kHelp =
    "Usage: cofferdam oci [--runtime PATH] ARGUMENT...\n"
    "       cofferdam-oci ARGUMENT...               (the same binary under that name, for containerd's BinaryName)\n\n"
    "Stands before runc or crun as an engine's OCI runtime: each container runs under a policy, without a change of "
    "its\n"
    "image. All arguments are the runtime's own.\n\n"
    "  --runtime PATH   the runtime behind it; else COFFERDAM_OCI_RUNTIME, else runc or crun on PATH\n\n"
    "The policy, first match: /etc/cofferdam/binding-policy.yaml, the annotation or the label cofferdam.policy, the\n"
    "variable COFFERDAM_POLICY of the container, /etc/cofferdam/policy.yaml, twelve-factor. The value is the name of "
    "a\n"
    "shipped policy or of /etc/cofferdam/policies/NAME.yaml, an absolute path in the image, or off.\n";

}  // namespace

int oci_command(const Invocation& invocation) {
  std::vector<std::string> arguments = invocation.arguments;
  const char* const variable = getenv("COFFERDAM_OCI_RUNTIME");
  std::string wish = variable == nullptr ? "" : variable;
  if (!arguments.empty() && (arguments.front() == "--runtime" || arguments.front().starts_with("--runtime="))) {
    const bool joined = arguments.front() != "--runtime";
    if (!joined && arguments.size() < 2) return report_error({"--runtime needs a path", 0, 2});
    wish = joined ? arguments.front().substr(sizeof "--runtime=" - 1) : arguments[1];
    arguments.erase(arguments.begin(), arguments.begin() + (joined ? 1 : 2));
  }
  if (arguments.empty()) {
    std::fputs(kHelp, stderr);
    return 2;
  }
  if (arguments.size() == 1 && (arguments.front() == "--help" || arguments.front() == "-h")) {
    std::fputs(kHelp, stdout);
    return 0;
  }
  return oci::run_oci(arguments, wish);
}

}  // namespace cofferdam::cli
