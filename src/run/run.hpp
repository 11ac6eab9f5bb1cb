// One run of an application under a policy, from the policy's text to the report: the table of contents of the book.
#pragma once

#include <map>
#include <optional>
#include <string>
#include <vector>

#include "cofferdam/event.hpp"
#include "cofferdam/report.hpp"
#include "cofferdam/result.hpp"
#include "logs/pump.hpp"

namespace cofferdam::run {

struct RunRequest {
  std::vector<std::string> argv;
  std::optional<std::string> policy;               // --policy
  std::string policy_base;                         // --policy-base; empty: the directory of the policy's file
  std::string policy_text;                         // --policy-text; empty: none
  std::optional<std::string> user;                 // --user
  std::optional<std::uint32_t> replicas;           // --replicas; unset: as the policy says
  std::map<std::string, std::string> environment;  // of this process
  std::string working_directory;
  std::string instance = "web.1";  // its name in logs, events and COFFERDAM_INSTANCE
  bool shell = false;              // a one-off with a terminal instead of the app
  logs::Format format = logs::Format::json;
  bool colour = false;
  std::string report_file;        // empty: none
  std::string events_file;        // empty: none
  std::string keep_writes;        // empty: none
  std::vector<EventSink*> sinks;  // beside the report and the events file
  int parent_pipe = -1;           // --parent-pipe: everything is killed once its other end is closed; -1: none
  bool permissive = false;        // connections that the policy refuses are told and let through; local mode only
};

struct RunResult {
  int exit_code = 0;  // the app's own, or 128 + signal
  Report report;
  std::optional<Error> failure;       // the command could not be executed inside the instance, or a rehearsal not go on
  std::vector<std::string> problems;  // what could not be written or kept, one line each
  std::vector<std::string> hidden;    // paths of the host that the app could not see, absolute
};

// What must be said before the app starts: warnings of the policy, notices of the plan.
using Say = void (*)(Severity severity, const std::string& text);

// Blocks until the app has ended and everything is flushed. Must be called from the main thread of a single-threaded
// process: it forks, takes over signals and gives nothing back. Errors are those of before the start, and of an exec
// that failed.
[[nodiscard]] Result<RunResult> run(const RunRequest& request, Say say);

}  // namespace cofferdam::run
