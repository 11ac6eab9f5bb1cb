// Several instances of one command, side by side on one port; also one instance that is started again when it fails.
//
// An instance gets connections from the time when it is ready, and none any more before it is asked to stop. One that
// fails is started again under its name, after a while; SIGHUP replaces them one by one, each by a new one with the
// next number, which has to be ready first. An instance that fails before any has been ready ends the run: that is a
// mistake, and no crash.
#pragma once

#include "run/prepare.hpp"
#include "run/run.hpp"
#include "run/session.hpp"

namespace cofferdam::run {

// Whether more is asked for than one plain instance. Never in a container, where starting anew is the engine's.
[[nodiscard]] bool wants_replicas(const RunRequest& request, const Preparation& prepared);

// Blocks until all have ended. `nowhere` is their stdin. The exit code is that of the first, by number, that has
// failed; 0 when none has.
[[nodiscard]] Result<RunResult> run_replicas(const RunRequest& request, const Preparation& prepared, Session& session,
                                             int nowhere, Say say);

}  // namespace cofferdam::run
