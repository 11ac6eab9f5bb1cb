// Takes from a process of our own what it does not need, before it reads what strangers wrote.
#pragma once

#include <cstdint>
#include <span>

namespace cofferdam::kernel {

struct Confinement {
  std::span<const int> directories;  // beneath which files may be made, written, renamed and removed
  bool network = false;              // sockets may be made and connected
  std::uint64_t capabilities = 0;    // that stay (bit n = capability n)
};

// What stays possible: reading and writing open descriptors, opening files as the file system allows it, threads,
// memory, time. What does not: running a program, another process, signals to others, tracing, mounts, namespaces,
// io_uring, keys, BPF, listening; writing to files elsewhere where there is Landlock; what isn't on the list fails with
// EPERM. Sets no_new_privs and makes the process undumpable. For a process of one thread; can't be undone. 0 or an
// errno; then the process must not go on. Landlock is left out where the kernel has none.
[[nodiscard]] int confine(const Confinement& confinement) noexcept;

}  // namespace cofferdam::kernel
