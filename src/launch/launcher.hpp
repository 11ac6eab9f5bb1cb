// Starts the app under a plan: prepares everything, clones, and hands the supervisor what it needs.
#pragma once

#include <sys/types.h>

#include <functional>
#include <memory>
#include <vector>

#include "kernel/cgroup.hpp"
#include "kernel/fd.hpp"
#include "launch/prepared.hpp"

namespace cofferdam::launch {

struct SharedPageDeleter {
  void operator()(SharedPage* page) const noexcept;
};

// What runs after a successful launch. Local mode: `init` is the pid-namespace init, `status` tells of the end.
// Container mode: the app is a child of this process, and `init` is empty.
struct Launched {
  kernel::Fd listener;
  kernel::Fd app;     // pidfd of the app
  kernel::Fd init;    // pidfd of the init
  kernel::Fd status;  // read end of the status pipe
  pid_t app_pid = 0;  // as this process sees it
  pid_t init_pid = 0;
  kernel::Fd root;      // O_PATH, the root of the instance
  kernel::Fd terminal;  // the master of the instance's pty
  struct Mount {
    kernel::Fd root;
    kernel::Fd layer;
    kernel::Fd filesystem;  // of a watched overlay, for kernel::forget_names
    kernel::Fd stage;       // of a watched overlay: a directory in it that no listing shows
    std::uint64_t mount_id = 0;
  };
  std::vector<Mount> mounts;  // as plan.mounts
  std::unique_ptr<SharedPage, SharedPageDeleter> page;
};

// `cgroup`, which may be null, gets the first process before its first step, and so all of the instance (local mode).
// `meanwhile` is called while the child builds its mounts, for what can be done at the same time; it must not close
// descriptors, because the child shares the table. The launcher must be single-threaded. On failure everything that was
// started is dead and reaped; the error says which step failed and, where it is known, the way out.
[[nodiscard]] Result<Launched> launch(const plan::Plan& plan, const Stdio& stdio, const Inherited& inherited,
                                      const kernel::Cgroup* cgroup, int grace_milliseconds,
                                      const std::function<Result<void>()>& meanwhile);

// An error for a failed step, also used when exec fails after the listener was handed over.
[[nodiscard]] Error step_error(const plan::Plan& plan, const SharedPage& page);

}  // namespace cofferdam::launch
