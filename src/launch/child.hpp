// The processes between clone and exec. Nothing here allocates, throws or logs; a failing step leaves its number
// and errno in the shared page and ends the process.
#pragma once

#include "launch/prepared.hpp"

namespace cofferdam::launch {

// The init of a local instance: builds the mounts, starts the app, reaps, reports, ends.
[[noreturn]] void run_init(const Prepared& prepared) noexcept;

// The app: from a fresh process to execve(2). In local mode a child of the init, else of the launcher.
[[noreturn]] void run_app(const Prepared& prepared, int landlock_ruleset) noexcept;

// Builds the mounts of a local instance and opens the handles that the supervisor keeps; returns the Landlock
// ruleset or -1 where Landlock is missing. Ends the process when a step fails.
[[nodiscard]] int build_storage(const Prepared& prepared) noexcept;

// Container mode: the ruleset over the verified mounts, before the app is cloned. -1 without Landlock, else the
// descriptor; -errno below -1.
[[nodiscard]] int build_container_ruleset(const Prepared& prepared) noexcept;

// Asks for SIGKILL when the launcher dies, and ends the process when it is dead already.
void follow_launcher(const Prepared& prepared) noexcept;

// Leaves the step in the page and ends the process.
[[noreturn]] void give_up(const Prepared& prepared, Step step, int error, int index = -1) noexcept;

}  // namespace cofferdam::launch
