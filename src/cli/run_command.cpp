#include <cstdio>

#include "cli/baseline_file.hpp"
#include "cli/commands.hpp"
#include "cli/console.hpp"
#include "cli/live.hpp"
#include "cli/run_parts.hpp"

namespace cofferdam::cli {

int run_command(const Invocation& invocation) {
  const auto options = parse_run(invocation.arguments);
  if (!options) return report_error({"run: " + options.error().message + " (see cofferdam run --help)", 0, 125});
  if (options->help) {
    std::fputs(run_help().c_str(), stdout);
    return 0;
  }
  if (options->command.empty()) {
    return report_error(
        {"run: no command. Usage: cofferdam run [OPTION...] -- COMMAND [ARG...]. As a container's ENTRYPOINT: "
         "the image has no CMD, or compose's `entrypoint:` has cleared it; give `command:` too",
         0, 125});
  }
  if (working_directory().empty()) return report_error(lost_directory());
  if (options->verbose) set_up_console(1);
  auto known = read_baseline(options->baseline, options->update_baseline);
  if (!known) return report_error(known.error());
  LiveEvents live;
  return finish(*options, run::run(request_of(*options, &live), say), std::move(*known));
}

int shell_command(const Invocation& invocation) {
  auto options = parse_shell(invocation.arguments);
  if (!options) return report_error({"shell: " + options.error().message + " (see cofferdam shell --help)", 0, 125});
  if (options->help) {
    std::fputs(shell_help().c_str(), stdout);
    return 0;
  }
  const auto environment = environment_map();
  if (options->command.empty()) {
    const auto shell = environment.find("SHELL");
    options->command = {shell != environment.end() && !shell->second.empty() ? shell->second : "/bin/sh"};
  }
  if (working_directory().empty()) return report_error(lost_directory());
  say(Severity::note, "one-off instance: files saved here are lost, and this is not the running instance");
  run::RunRequest request = request_of(*options, nullptr);  // the terminal is the session's: findings wait for its end
  request.instance = "shell.1";
  request.shell = true;
  return finish(*options, run::run(request, say));
}

}  // namespace cofferdam::cli
