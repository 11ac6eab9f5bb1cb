// Landlock: the floor under the mounts, and in container mode the wall itself (landlock(7)).
#pragma once

#include <cstdint>

namespace cofferdam::kernel {

// The ABI version of this kernel, 0 where Landlock is missing, switched off or refused by a seccomp profile.
[[nodiscard]] int landlock_abi() noexcept;

// Makes a ruleset that handles every right by which a file tree is changed (write, truncate, make, remove, refer)
// and, from ABI 6, keeps signals and abstract unix sockets inside the domain. From ABI 4 nobody inside connects a TCP
// socket, unless `connects`: the supervisor, which is outside, does it for them. What it does not cover: chmod, chown,
// utimes, xattr, and descriptors that are open already. Between clone and exec: no allocation. Returns a descriptor or
// -errno.
[[nodiscard]] int make_landlock_ruleset(int abi, bool connects = false) noexcept;
// Allows all handled rights beneath `fd` (O_PATH), except making device nodes.
[[nodiscard]] int allow_writes_beneath(int ruleset, int fd, int abi) noexcept;
// Allows writing to the existing file `fd` (a device node, a terminal) and, for a directory, to those in it.
[[nodiscard]] int allow_writing_file(int ruleset, int fd, int abi) noexcept;
[[nodiscard]] int enter_landlock(int ruleset) noexcept;

}  // namespace cofferdam::kernel
