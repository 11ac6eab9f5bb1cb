#include <cmath>
#include <cstdio>

#include "cli/baseline_file.hpp"
#include "cli/commands.hpp"
#include "cli/console.hpp"
#include "cli/live.hpp"
#include "cli/run_parts.hpp"
#include "run/rehearse.hpp"

namespace cofferdam::cli {

namespace {

std::chrono::milliseconds milliseconds(double seconds) {
  return std::chrono::milliseconds(std::llround(seconds * 1000));
}

}  // namespace

int rehearse_command(const Invocation& invocation) {
  const auto options = parse_rehearse(invocation.arguments);
  if (!options) {
    return report_error({"rehearse: " + options.error().message + " (see cofferdam rehearse --help)", 0, 125});
  }
  if (options->run.help) {
    std::fputs(rehearse_help().c_str(), stdout);
    return 0;
  }
  if (options->run.command.empty()) {
    return report_error({"rehearse: no command. Usage: cofferdam rehearse --drive SCRIPT -- COMMAND [ARG...]", 0, 125});
  }
  if (working_directory().empty()) return report_error(lost_directory());
  if (options->run.verbose) set_up_console(1);
  auto known = read_baseline(options->run.baseline, options->run.update_baseline);
  if (!known) return report_error(known.error());
  LiveEvents live;
  run::RehearseRequest request;
  request.run = request_of(options->run, &live);
  request.drive = options->drive;
  request.readers = options->readers;
  if (options->ready_after) request.ready_after = milliseconds(*options->ready_after);
  if (options->reader_for) request.reader_for = milliseconds(*options->reader_for);
  return finish(options->run, run::rehearse(request, say), std::move(*known));
}

}  // namespace cofferdam::cli
