// A rehearsal of what happens at each deployment: the instance is replaced, and whoever looked for a file of the old
// one is found.
//
//   run 1      the app, driven by the user's script or until it ends by itself
//   readers    other roles of the application, each on storage of its own: beside run 1, as in production (in a
//              container, which has one storage only, after it)
//   run 2      the app again, on empty storage, driven again
#pragma once

#include <chrono>
#include <optional>
#include <string>
#include <vector>

#include "run/run.hpp"

namespace cofferdam::run {

struct RehearseRequest {
  RunRequest run;
  std::string drive;                                     // a command line for /bin/sh; empty: each run ends by itself
  std::optional<std::chrono::milliseconds> ready_after;  // drive after this time, instead of when the app listens
  std::vector<std::string> readers;                      // a command with its arguments each, as a shell reads them
  std::chrono::milliseconds reader_for = kReaderFor;     // then it gets the stop signal
  static constexpr std::chrono::milliseconds kReaderFor{30'000};
};

// As run(). The report holds all instances (rehearsal.1, reader.N, rehearsal.2), what was found (CD130 to CD134) and
// `rehearsal`. Exit code: the app's own, where an app that our stop signal ended counts as 0; else the driver's of run
// 2; 125 when the rehearsal could not be carried out, which `rehearsal.stopped` explains.
[[nodiscard]] Result<RunResult> rehearse(const RehearseRequest& request, Say say);

}  // namespace cofferdam::run
