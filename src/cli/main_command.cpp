#include <algorithm>
#include <array>
#include <cstdio>
#include <string_view>

#include "base/text.hpp"
#include "cli/commands.hpp"
#include "cli/console.hpp"

namespace cofferdam::cli {

namespace {

struct Command {
  std::string_view name;
  int (*run)(const Invocation&);
  const char* summary;
};
constexpr std::array<Command, 12> kCommands = {{
    {"run", run_command, "run a command under the policy"},
    {"shell", shell_command, "a one-off instance with a terminal and storage of its own"},
    {"rehearse", rehearse_command, "run, replace the instance, run again: what did it expect of the first?"},
    {"learn", learn_command, "run the command unhindered and write the policy that it needs"},
    {"check", check_command, "validate policies"},
    {"explain", explain_command, "what a finding's code means, what enforces it and how to mend it"},
    {"test", test_command, "run policy tests: what a policy refuses, loses and allows"},
    {"report", report_command, "show what a run lost and found, from its --report file"},
    {"logs", logs_command, "logs test < SAMPLE: what each log sink would receive"},
    {"doctor", doctor_command, "what this machine can enforce, rule by rule"},
    {"export", export_command, "the policy in the words of docker, compose or kubernetes"},
    {"oci", oci_command, "stand before runc or crun as an engine's OCI runtime"},
}};

void print_usage(std::FILE* stream) {
  std::fputs("cofferdam " COFFERDAM_VERSION
             ": run an application as production would\n\n"
             "Usage: cofferdam [-v] COMMAND [OPTION...]\n\nCommands:\n",
             stream);
  for (const Command& command : kCommands) {
    std::fprintf(stream, "  %-9.*s %s\n", static_cast<int>(command.name.size()), command.name.data(), command.summary);
  }
  std::fputs(
      "\nEach command has --help. -v tells what happens in a run, --version the version. COFFERDAM_POLICY names the\n"
      "policy, COFFERDAM_LOG the level of cofferdam's own messages (trace, debug, info, warn, error), NO_COLOR takes\n"
      "colour away.\n"
      "Try: cofferdam run -- python3 manage.py runserver\n",
      stream);
}

}  // namespace

int main_command(const std::vector<std::string>& arguments) {
  std::size_t first = 0;
  int verbosity = 0;
  while (first < arguments.size() && (arguments[first] == "-v" || arguments[first] == "--verbose")) {
    ++verbosity;
    ++first;
  }
  set_up_console(verbosity);
  if (first == arguments.size()) {
    print_usage(stderr);
    return 2;
  }
  const std::string& word = arguments[first];
  if (word == "--help" || word == "-h" || word == "help") {
    print_usage(stdout);
    return 0;
  }
  if (word == "--version" || word == "-V") {
    std::puts("cofferdam " COFFERDAM_VERSION);
    return 0;
  }
  const auto* command = std::ranges::find(kCommands, std::string_view(word), &Command::name);
  if (command != kCommands.end()) {
    return command->run(
        {std::vector<std::string>(arguments.begin() + static_cast<std::ptrdiff_t>(first) + 1, arguments.end())});
  }
  std::array<std::string_view, kCommands.size()> names;
  std::ranges::transform(kCommands, names.begin(), &Command::name);
  const auto near = base::nearest(word, names);
  return report_error({"unknown command " + base::printable(word) +
                           (near ? "; did you mean " + std::string(*near) : "") +
                           ". To run a program: cofferdam run -- " + base::printable(word),
                       0, 2});
}

}  // namespace cofferdam::cli
