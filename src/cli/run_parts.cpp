#include "cli/run_parts.hpp"

#include <spdlog/spdlog.h>
#include <unistd.h>

#include <algorithm>
#include <climits>
#include <cstdio>

#include "cli/baseline_file.hpp"
#include "cli/console.hpp"
#include "report/text.hpp"

namespace cofferdam::cli {

namespace {

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

}  // namespace

std::string working_directory() {
  char buffer[PATH_MAX];
  return getcwd(buffer, sizeof buffer) != nullptr ? buffer : "";
}

Error lost_directory() {
  return {"the working directory is gone or can't be read; change to one that is there", 0, 125};
}

run::RunRequest request_of(const RunOptions& options, EventSink* live) {
  spdlog::debug("policy {}", discover_policy(options.policy, current_policy_context()));
  run::RunRequest request;
  request.argv = options.command;
  request.policy = options.policy;
  request.policy_base = options.policy_base;
  request.policy_text = options.policy_text;
  request.user = options.user;
  request.environment = environment_map();
  request.working_directory = working_directory();
  request.format = format_of(options.format);
  request.colour = want_colour(STDOUT_FILENO);
  request.report_file = options.report;
  request.events_file = options.events;
  request.keep_writes = options.keep_writes;
  request.replicas = options.replicas;
  request.parent_pipe = options.parent_pipe;
  if (live != nullptr) request.sinks = {live};
  return request;
}

int finish(const RunOptions& options, Result<run::RunResult> result, report::Baseline known) {
  if (!result) return report_error(result.error());
  if (result->failure) return report_error(*result->failure);
  report::TextOptions text;
  const auto environment = environment_map();
  if (const auto home = environment.find("HOME"); home != environment.end()) text.home = home->second;
  if (options.update_baseline) {
    known = report::baseline_of(result->report, text.home);
    if (auto written = write_whole(options.baseline, report::to_text(known)); !written) {
      result->problems.push_back("--update-baseline: " + written.error().message);
    }
  }
  if (!options.baseline.empty()) compare_with_baseline(result->report, known, options.baseline);
  text.working_directory = working_directory();
  text.report_file = options.report;
  text.colour = want_colour(STDERR_FILENO);
  text.kept_directory = options.keep_writes;
  text.hidden = result->hidden;
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

}  // namespace cofferdam::cli
