#include "supervise/shell_call.hpp"

#include <algorithm>
#include <array>

namespace cofferdam::supervise {

namespace {

constexpr std::array<std::string_view, 20> kShells = {"ash",  "bash",  "csh",   "dash", "elvish", "es",   "fish",
                                                      "hush", "ksh",   "ksh93", "lksh", "loksh",  "mksh", "oksh",
                                                      "posh", "rbash", "sh",    "tcsh", "yash",   "zsh"};

// Options of a word of their own whose value is the next argument.
constexpr std::array<std::string_view, 4> kValued = {"--rcfile", "--init-file", "--init-command", "--profile"};

bool is_standard_input(std::string_view path) {
  constexpr std::array<std::string_view, 5> kNames = {"-", "/dev/stdin", "/dev/fd/0", "/proc/self/fd/0",
                                                      "/proc/thread-self/fd/0"};
  return std::ranges::find(kNames, path) != kNames.end();
}

}  // namespace

bool is_shell(std::string_view program) {
  if (program.starts_with('-')) program.remove_prefix(1);
  return std::ranges::find(kShells, program) != kShells.end();
}

ShellCall read_shell_call(std::span<const std::string> argv) {
  ShellCall call;
  bool reads_input = false;  // -s: what follows are arguments, not a script
  for (std::size_t i = 1; i < argv.size(); ++i) {
    const std::string_view argument = argv[i];
    const bool option = argument.size() > 1 && (argument.front() == '-' || argument.front() == '+');
    if (!option || argument == "--") {
      const std::size_t script = i + (option || argument == "-" ? 1 : 0);
      if (!call.has_script && !reads_input && script < argv.size()) call.has_script = !is_standard_input(argv[script]);
      break;
    }
    if (argument.starts_with("--")) {
      if (argument == "--interactive") call.interactive = true;
      if (argument == "--command" || argument.starts_with("--command=")) call.has_script = true;
      if (std::ranges::find(kValued, argument) != kValued.end()) ++i;
      continue;
    }
    // Letters in one word: -ic, -euo pipefail.
    const bool on = argument.front() == '-';
    for (const char letter : argument.substr(1)) {
      if (letter == 'i' && on) call.interactive = true;
      if (letter == 'c' && on) call.has_script = true;
      if (letter == 's' && on) reads_input = true;
      if ((letter == 'o' || letter == 'O') && i + 1 < argv.size()) {
        ++i;
        if (on && argv[i] == "interactive") call.interactive = true;
      }
    }
  }
  return call;
}

bool is_login(const ShellCall& call, Input input) {
  switch (input) {
    case Input::nothing: return false;
    case Input::pipe: return call.interactive && !call.has_script;
    case Input::network:
    case Input::terminal: return call.interactive || !call.has_script;
  }
  return true;
}

}  // namespace cofferdam::supervise
