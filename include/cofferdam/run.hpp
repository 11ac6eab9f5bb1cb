// Running a command under a policy, from a program: a test, a harness, a tool.
//
//   cofferdam::RunRequest request;
//   request.command = {"python3", "manage.py", "test"};
//   request.policy = "django";
//   const auto run = cofferdam::run(request);                       // blocks until it has ended
//   if (run) std::printf("%zu files lost\n", run->report.lost.size());
//
// How: each run is a process of its own, the `cofferdam` binary that was installed with this library, because what it
// does (namespaces, signals, being the parent of the app) would be in the way of any other program. Three things
// follow:
//   - Several runs at once are fine, from any threads, and none disturbs the signals, the working directory or the
//     children of the calling process.
//   - A run dies with its RunningApp, and with the calling process however that ends (SIGKILL included): the binary
//     holds the other end of a pipe (its --parent-pipe). Only a copy of the calling process that was forked without an
//     exec, and lives on, keeps a run alive.
//   - Every descriptor is close-on-exec from birth; none is left when a RunningApp is gone.
// The calling process must not reap children that aren't its own (waitpid(-1), SIGCHLD ignored): the end of a run could
// not be seen then, which is an error that says so.
//
// The binary: RunRequest::binary, else the variable COFFERDAM_BINARY, else the one of the same installation (found from
// where this library lies). One of another version is refused.
#pragma once

#include <chrono>
#include <cstddef>
#include <cstdint>
#include <functional>
#include <map>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "cofferdam/event.hpp"
#include "cofferdam/record.hpp"
#include "cofferdam/report.hpp"
#include "cofferdam/result.hpp"

namespace cofferdam {

// The version of the library, "0.1.0". The binary must have the same.
[[nodiscard]] const char* version();

struct RunRequest {
  std::vector<std::string> command = {};   // argv; the program is looked up on the app's PATH
  std::optional<std::string> policy = {};  // file, or name of a shipped one; unset: found as `cofferdam run` finds it
  // A policy as text, on top of `policy`: "network: {egress: deny}". Its paths are relative to the working directory;
  // `version` may be left out; with `extends` of its own it stands alone.
  std::string policy_text = {};
  std::string working_directory = {};                   // empty: that of the calling process
  std::map<std::string, std::string> environment = {};  // added to that of the calling process
  std::vector<std::string> unset = {};                  // variables that the app does not get
  std::string input = {};                               // its standard input; empty: there is none
  std::optional<std::string> user = {};                 // as root: run the app as this user
  std::uint32_t replicas = 0;                           // 0: as the policy says
  // After so long the app gets the policy's stop signal, then its grace, then it is killed; the report is there all the
  // same, with `timed_out`. 0: no limit.
  std::chrono::milliseconds timeout{0};
  std::string binary = {};  // empty: see above

  // Called for each event and each record, in order, on a thread of the library, one call at a time for each run. A
  // callback may block for a moment only: while it does nobody reads the run's output, and the app waits once its pipe
  // is full. It may call signal(), stop() and kill() of its RunningApp, must neither wait for it nor destroy it, and
  // must not throw.
  std::function<void(const Event&)> on_event = {};
  std::function<void(const LogRecord&)> on_record = {};

  std::size_t keep_events = 100'000;      // in FinishedRun::events; what is beyond is counted
  std::size_t keep_output = 64UL << 20U;  // bytes of messages in FinishedRun::records; what is beyond is counted
};

// What a run left behind.
struct FinishedRun {
  int exit_code = 0;  // the app's own; 128 + N when signal N ended it; 125 a failure of cofferdam
  bool timed_out = false;
  std::chrono::milliseconds duration{0};  // from start() to the end, by a monotonic clock
  Report report;
  std::vector<Event> events;
  std::uint64_t events_missed = 0;  // not kept
  // What the console sink of the policy printed; a policy without one leaves nothing here. A console with a `format` of
  // its own, or lines that are no records, come as messages of `out` without time and number.
  std::vector<LogRecord> records;
  std::uint64_t records_missed = 0;  // not kept
  std::string messages;              // what cofferdam itself said on stderr, the summary at the end included

  // The messages of one stream, in order, with line feeds: the app's own bytes, unless `logs.parse` of the policy
  // changes them.
  [[nodiscard]] std::string output(LogStream stream = LogStream::out) const;
};

class RunningApp {
 public:
  RunningApp(RunningApp&& other) noexcept;
  RunningApp& operator=(RunningApp&& other) noexcept;  // kills the run that it had
  // kill(), and waits until nothing of it is left: some milliseconds, three seconds at most.
  ~RunningApp();

  // The process id of cofferdam itself, not of the app.
  [[nodiscard]] int pid() const;
  [[nodiscard]] bool ended() const;

  // Sends a signal as a person would send it to `cofferdam run`: SIGTERM stops the app, SIGINT goes to its group,
  // others are passed on. False when it has ended. Never blocks.
  bool signal(int number);
  // signal(SIGTERM): the policy's stop signal, its grace (10 s unless it says otherwise), then the end. Never blocks.
  bool stop() { return signal(15); }
  // Kills every process of the run. The report is there all the same. Never blocks.
  void kill();

  // Blocks until it has ended; may be called again, and by several threads. Errors are those of run().
  [[nodiscard]] Result<FinishedRun> wait();

  // Block until there is such an event or record (those of before count, as far as they are kept), the run has ended
  // or the time is over. True when there is one. `matches` must not call this object.
  [[nodiscard]] bool wait_for_event(const std::function<bool(const Event&)>& matches,
                                    std::chrono::milliseconds timeout);
  [[nodiscard]] bool wait_for_record(const std::function<bool(const LogRecord&)>& matches,
                                     std::chrono::milliseconds timeout);
  // A record whose message contains `text`.
  [[nodiscard]] bool wait_for_output(const std::string& text, std::chrono::milliseconds timeout);

 private:
  friend Result<RunningApp> start(const RunRequest& request);
  struct State;
  explicit RunningApp(std::unique_ptr<State> state);
  std::unique_ptr<State> state_;
};

// Starts it and returns; takes some 2 ms. Errors: no binary (the places that were looked at), a binary of another
// version, a working directory that is not there, no descriptors. What only the run itself finds out (an invalid
// policy, a command that is not there) is told by wait().
[[nodiscard]] Result<RunningApp> start(const RunRequest& request);

// start() and wait(). Errors beside those of start(): whatever kept the app from starting, in cofferdam's own words,
// with the exit_code that it ended with: 125 (an invalid policy, a rule that can't be enforced), 126 the command can't
// be executed, 127 it is not found.
[[nodiscard]] Result<FinishedRun> run(const RunRequest& request);

}  // namespace cofferdam
