// What the launcher does while the app runs: answers calls, passes signals on, notices ends.
#pragma once

#include <string>
#include <vector>

#include "cofferdam/policy.hpp"
#include "launch/launcher.hpp"
#include "run/pump_process.hpp"
#include "run/terminal.hpp"
#include "supervise/supervisor.hpp"

namespace cofferdam::run {

struct LoopParts {
  const Policy& policy;
  launch::Launched& launched;
  supervise::Supervisor& supervisor;
  supervise::EventLog& events;
  PumpProcess* pump = nullptr;   // run
  Terminal* terminal = nullptr;  // shell
  int signals = -1;              // signalfd
};

struct Ending {
  int status = 0;       // of wait(2)
  bool forced = false;  // killed by us: a second Ctrl-C, or the grace was over
};

// Until the app and everything it started have ended and its output is carried.
[[nodiscard]] Ending run_loop(LoopParts parts);

// The signals that the launcher passes on; blocked before the launch.
[[nodiscard]] sigset_t forwarded_signals();
// "SIGTERM", "TERM" -> 15; 0 when unknown.
[[nodiscard]] int signal_number(const std::string& name);

}  // namespace cofferdam::run
