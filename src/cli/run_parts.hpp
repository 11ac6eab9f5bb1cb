// What commands share: from options to a request, from a result to an exit status, and what a policy is read with.
#pragma once

#include <string>

#include "cli/options.hpp"
#include "report/baseline.hpp"
#include "run/run.hpp"

namespace cofferdam::cli {

// Empty when it is gone or can't be read; then lost_directory() says so.
[[nodiscard]] std::string working_directory();
[[nodiscard]] Error lost_directory();

[[nodiscard]] run::RunRequest request_of(const RunOptions& options, EventSink* live);

// Prints the summary and what went wrong; the exit status of the command. `known` is what --baseline held before the
// run.
int finish(const RunOptions& options, Result<run::RunResult> result, report::Baseline known = {});

}  // namespace cofferdam::cli
