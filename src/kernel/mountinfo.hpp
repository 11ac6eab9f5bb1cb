// The mount table, /proc/self/mountinfo (proc(5)).
#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "cofferdam/result.hpp"

namespace cofferdam::kernel {

struct MountEntry {
  std::uint64_t id = 0;
  std::uint64_t parent = 0;
  std::string root;  // the directory of the file system that is mounted here
  std::string mount_point;
  std::string type;  // "ext4", "tmpfs"
  std::string source;
  bool read_only = false;  // of the mount or of its file system
  bool no_exec = false;
  bool from_outside = false;  // "master:": it follows a mount in another mount namespace (mount_namespaces(7))
  bool sized = false;         // of a tmpfs: somebody gave it a size=
};

// In the kernel's order: a later entry at the same mount point covers an earlier one.
[[nodiscard]] Result<std::vector<MountEntry>> read_mountinfo();
// The same from text, for tests. Lines that can't be read are left out.
[[nodiscard]] std::vector<MountEntry> parse_mountinfo(std::string_view text);

}  // namespace cofferdam::kernel
