#include <csignal>
#include <cstdio>

#include "base/text.hpp"
#include "cli/commands.hpp"
#include "cli/console.hpp"
#include "cli/run_parts.hpp"
#include "learn/learn.hpp"

namespace cofferdam::cli {

namespace {

std::string how_it_ended(const run::RunResult& result) {
  if (result.exit_code > 128) return "was ended by signal " + std::to_string(result.exit_code - 128);
  return "exited " + std::to_string(result.exit_code);
}

// A server is learned from until somebody stops it.
bool was_stopped(int exit_code) {
  return exit_code == 128 + SIGINT || exit_code == 128 + SIGTERM || exit_code == 128 + SIGQUIT ||
         exit_code == 128 + SIGHUP;
}

}  // namespace

int learn_command(const Invocation& invocation) {
  const auto options = parse_learn(invocation.arguments);
  if (!options) return report_error({"learn: " + options.error().message + " (see cofferdam learn --help)", 0, 125});
  if (options->run.help) {
    std::fputs(learn_help().c_str(), stdout);
    return 0;
  }
  if (options->run.command.empty()) {
    return report_error({"learn: no command. Usage: cofferdam learn [OPTION...] -- COMMAND [ARG...]", 0, 125});
  }
  if (working_directory().empty()) return report_error(lost_directory());
  if (options->run.verbose) set_up_console(1);
  learn::LearnRequest request;
  request.run = request_of(options->run, nullptr);  // what is told of a run as refused is let through here
  request.output = options->output;
  request.merge = options->merge;
  request.overwrite = options->overwrite;
  request.deny_egress = options->deny_egress;
  say(Severity::note, "learning: nothing is refused, files saved here are lost. Use the app, then end it (Ctrl-C)");
  const auto learned = learn::learn(std::move(request), say);
  if (!learned) return report_error(learned.error());
  for (const std::string& problem : learned->result.problems) say(Severity::error, problem);
  const std::string file = base::printable(learned->file);
  const std::string what = learned->extends.empty() ? base::plural(learned->additions, "addition") + " to " + file
                                                    : "wrote " + file + ": " + base::plural(learned->additions, "row") +
                                                          " more than " + base::printable(learned->extends);
  say(Severity::note, "the app " + how_it_ended(learned->result) + "; " + what +
                          (learned->findings == 0
                               ? ""
                               : "; " + base::plural(learned->findings, "finding") + " remain, as its last lines say"));
  const int code = learned->result.exit_code;
  if (code != 0 && !was_stopped(code)) {
    say(Severity::warning, "the app failed: what it would have done after that is not in the policy");
  }
  const bool found_by_itself = learned->file == "cofferdam.yaml";
  say(Severity::note, "next: cofferdam check " + file + "; cofferdam run " +
                          (found_by_itself ? "" : "--policy " + file + " ") + "-- " +
                          base::printable(base::shell_quote(options->run.command)));
  return was_stopped(code) ? 0 : code;
}

}  // namespace cofferdam::cli
