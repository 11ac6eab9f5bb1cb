// Rule 1 on this machine: which mounts the instance gets, per mode.
#pragma once

#include "plan/plan.hpp"

namespace cofferdam::plan {

// Local mode: fills mounts, binds and scratch of the plan.
[[nodiscard]] Result<void> plan_local_storage(const Policy& policy, const PlanRequest& request, Plan& plan);

// Container mode: verifies by mount id that the named mounts are tmpfs mounts of this container (why_not_own) and fills
// mounts, foreign_mounts and findings (CD108: a disk that the app could write). The refusal names the docker flag, the
// compose key and the Kubernetes field.
[[nodiscard]] Result<void> plan_container_storage(const Policy& policy, Plan& plan);

// Adds a notice for each mount whose size or inodes are less than the policy wishes (container mode), or more than the
// memory that there is; and what else the app should know of a container's tmpfs (no size, noexec, a pod's).
void compare_sizes(Plan& plan);

// Three lines: how docker, compose and Kubernetes give a container a tmpfs at `path`. `size` in bytes, 0: unsaid.
[[nodiscard]] std::string how_to_give(const std::string& path, std::uint64_t size);
// The line to change so that a mount has `size` bytes or (size 0) `inodes`, without a full stop.
[[nodiscard]] std::string how_to_enlarge(const PlannedMount& mount, bool container, std::uint64_t size,
                                         std::uint64_t inodes);
// The first host mount below a directory.
[[nodiscard]] std::optional<std::string> host_mount_beneath(const HostFacts& host, const std::string& directory);

// A kernel without privileges refuses an overlay over a directory that has mounts below it (they are locked). Such a
// directory is mirrored: its own files are copied into the lower layer of its overlay, up to a quarter of its size;
// each directory in it gets an overlay of its own, mirrored again where mounts lie deeper; each host mount, and each
// file that is too large or not readable, a read-only bind. Fills `mirrored` of the overlay and returns the mounts
// below it, but for those that have a row of the policy (`rows`: canonical paths).
[[nodiscard]] std::vector<PlannedMount> overlay_siblings(const HostFacts& host, const std::vector<std::string>& rows,
                                                         PlannedMount& overlay);

[[nodiscard]] PolicyRef policy_ref(const MountRule& rule);

// realpath(3) without its limits; the path itself when it does not exist.
[[nodiscard]] std::string canonical(const std::string& path);

}  // namespace cofferdam::plan
