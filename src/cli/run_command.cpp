#include <unistd.h>

#include <algorithm>
#include <climits>
#include <cstdio>

#include "base/text.hpp"
#include "cli/commands.hpp"
#include "cli/console.hpp"
#include "cli/options.hpp"
#include "report/text.hpp"
#include "run/run.hpp"

namespace cofferdam::cli {

namespace {

std::string working_directory() {
  char buffer[PATH_MAX];
  return getcwd(buffer, sizeof buffer) != nullptr ? buffer : "";
}

Error lost_directory() {
  return {"the working directory is gone or can't be read; change to one that is there", 0, 125};
}

logs::Format format_of(const std::string& name) {
  if (name == "raw") return logs::Format::raw;
  if (name == "pretty" || (name.empty() && isatty(STDOUT_FILENO) != 0)) return logs::Format::pretty;
  return logs::Format::json;
}

bool matches(const CountedFinding& finding, const std::string& what) {
  if (what == "error") return finding.finding.severity == Severity::error;
  if (what == "warning") return finding.finding.severity != Severity::note;
  return finding.finding.code == what;
}

run::RunRequest request_of(const RunOptions& options, EventSink* live) {
  run::RunRequest request;
  request.argv = options.command;
  request.policy = options.policy;
  request.user = options.user;
  request.environment = environment_map();
  request.working_directory = working_directory();
  request.format = format_of(options.format);
  request.colour = want_colour(STDOUT_FILENO);
  request.report_file = options.report;
  request.events_file = options.events;
  request.keep_writes = options.keep_writes;
  if (live != nullptr) request.sinks = {live};
  return request;
}

int finish(const RunOptions& options, const Result<run::RunResult>& result) {
  if (!result) return report_error(result.error());
  if (result->failure) return report_error(*result->failure);
  report::TextOptions text;
  text.working_directory = working_directory();
  text.report_file = options.report;
  text.colour = want_colour(STDERR_FILENO);
  text.kept_directory = options.keep_writes;
  text.hidden = result->hidden;
  const auto environment = environment_map();
  if (const auto home = environment.find("HOME"); home != environment.end()) text.home = home->second;
  const std::string summary = report::summary(result->report, text);
  std::fputs(summary.c_str(), stderr);
  for (const std::string& problem : result->problems) say(Severity::error, problem);
  const auto matched = std::ranges::find_if(options.fail_on, [&](const std::string& what) {
    return std::ranges::any_of(result->report.findings,
                               [&](const CountedFinding& finding) { return matches(finding, what); });
  });
  if (result->exit_code == 0 && matched != options.fail_on.end()) {
    say(Severity::error, "exit 3 although the app exited 0: a finding matches --fail-on " + *matched);
    return 3;
  }
  if (result->exit_code == 0 && !result->problems.empty()) return 125;
  return result->exit_code;
}

}  // namespace

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
  LiveFindings live;
  return finish(*options, run::run(request_of(*options, &live), say));
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
  request.shell = true;
  return finish(*options, run::run(request, say));
}

}  // namespace cofferdam::cli
