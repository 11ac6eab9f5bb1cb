// The page that the launcher shares with the processes it starts, from clone to exec.
#pragma once

#include <atomic>
#include <cstddef>
#include <cstdint>

#include "kernel/filter.hpp"

namespace cofferdam::launch {

// Each step from clone to exec. A failing step is reported by its number.
enum class Step : int {
  none,
  make_namespaces,
  enter_cgroup,
  map_ids,
  die_with_parent,
  take_handles,
  make_read_only,
  make_scratch,
  mount_overlay,
  mount_tmpfs,
  mount_bind,
  mount_hidden,
  mount_persistent,
  mount_device,
  take_device,
  mount_proc,
  build_landlock,
  open_handles,
  start_app,
  new_session,
  take_stdio,
  take_terminal,
  drop_capabilities,
  take_identity,
  change_directory,
  no_new_privileges,
  enter_landlock,
  load_filter,
  close_descriptors,
  limit_open_files,
  execute,
};
[[nodiscard]] const char* describe(Step step);

// Descriptors of one mount in the table that launcher and init share; -1 where there is none.
struct MountHandles {
  int root = -1;        // the merged directory as the app sees it (O_PATH)
  int layer = -1;       // readable directory of what was written: the overlay's upper layer, or the tmpfs itself
  int filesystem = -1;  // of a watched overlay: kernel::pick_filesystem
  int stage = -1;       // of a watched overlay: a directory in it that no listing shows (O_PATH)
};
inline constexpr std::size_t kMaxMounts = 64;

inline constexpr std::size_t kMaxFilter = 2048;  // instructions; the filter has about 600

// Lives in MAP_SHARED memory. Plain data: written by the child, read by the launcher after it was told to.
struct SharedPage {
  std::atomic<int> failed_step{0};
  std::atomic<int> failed_errno{0};
  std::atomic<int> failed_index{-1};  // which mount
  std::atomic<int> listener{-1};
  int app_pidfd = -1;           // written by clone(2) itself, before the app runs
  int ruleset = -1;             // of Landlock, for closing
  std::atomic<int> app_pid{0};  // as the init sees it
  int root = -1;                // the root of the instance (O_PATH)
  MountHandles mounts[kMaxMounts];
  int terminal_master = -1;  // Stdio::terminal
  int terminal_slave = -1;
  sock_filter filter[kMaxFilter];  // compiled while the init builds the mounts; there once the app is told to go
  unsigned short filter_length = 0;
  std::atomic<int> exit_status{-1};  // of wait(2), once the app has ended
  std::atomic<int> stragglers{0};    // processes that had to be killed after the app had ended
};

}  // namespace cofferdam::launch
