// Where a path of the app lies: resolved once, from the app's own root and directory, to pinned handles.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "kernel/fd.hpp"
#include "kernel/procfs.hpp"
#include "plan/plan.hpp"

namespace cofferdam::supervise {

[[nodiscard]] bool is_writable(MountType type);

// The mounts of the instance, by mount id.
struct InstanceMount {
  const plan::PlannedMount* plan = nullptr;
  std::uint64_t mount_id = 0;
  int root = -1;        // O_PATH, borrowed
  int layer = -1;       // readable, borrowed; -1 where nothing is to be scanned
  int filesystem = -1;  // of a watched overlay, borrowed: for kernel::forget_names
  int stage = -1;       // of a watched overlay, borrowed: a directory in it that no listing shows
};

struct InstanceView {
  int root = -1;  // O_PATH of the instance's root, borrowed; -1 in container mode, where it is ours
  std::vector<InstanceMount> mounts;
  std::vector<std::string> binds;              // paths that we let in below a tmpfs
  std::optional<kernel::FileIdentity> syslog;  // /dev/log of the instance, which is ours
  bool container = false;
  std::vector<std::uint64_t> foreign;    // container mode: ids of the mounts that are not the instance's
  std::vector<std::uint64_t> read_only;  // container mode: ids of those that are read-only themselves
  bool landlock = false;

  // Null when the mount is not one of the instance's.
  [[nodiscard]] const InstanceMount* find(std::uint64_t mount_id) const;
  // May be changed: one of ours that is writable, or a file system of the kernel's own (pipes, memory files).
  [[nodiscard]] bool may_change(std::uint64_t mount_id) const;
  // The file is a socket on which cofferdam itself listens.
  [[nodiscard]] bool is_ours(const kernel::FileIdentity& file) const { return syslog && syslog->same_file(file); }
  // The errno of a write to a mount where the instance may not write.
  [[nodiscard]] int refusal(std::uint64_t mount_id) const;
  [[nodiscard]] const char* decider() const { return container && landlock ? "landlock" : "mount"; }
};

// A path taken apart: the directory is pinned, the last component is not followed yet.
struct Place {
  kernel::Fd parent;  // O_PATH; empty when the directory does not exist
  std::string name;   // last component; "." for a path that ends in one
  std::string path;   // absolute, as the kernel prints the pinned directory, plus the name
  int error = 0;      // why parent is empty
  kernel::FileIdentity parent_identity;
};

// Resolves `path` of the caller relative to descriptor `dirfd` (AT_FDCWD for the working directory). /proc/self and
// its like are the caller's own, never ours.
[[nodiscard]] Place find_place(const InstanceView& instance, const kernel::ThreadView& thread, int dirfd,
                               const std::string& path);

// The descriptor number when `path` is one of the names by which a process reopens its own descriptors
// (/proc/self/fd/3, /dev/stdout, ...).
[[nodiscard]] std::optional<int> own_descriptor(const std::string& path, const kernel::ThreadStatus& status);

// True for what lies in a process file system: never storage.
[[nodiscard]] bool is_process_path(const std::string& path);

// True for a path that begins in the /proc directory of another process than the caller's own.
[[nodiscard]] bool passes_another_process(const std::string& path, const kernel::ThreadStatus& status);

// The object itself, pinned (O_PATH): the last component followed or not. Empty with errno set when it isn't there.
[[nodiscard]] kernel::Fd pin_object(const InstanceView& instance, const kernel::ThreadView& thread,
                                    const kernel::ThreadStatus& status, int dirfd, const std::string& path,
                                    bool follow);

// The path of a pinned handle as the app would write it.
[[nodiscard]] std::string path_of(int fd);

}  // namespace cofferdam::supervise
