// The seccomp filter: compiled from the syscall table before clone, loaded between clone and exec.
#pragma once

#include <linux/filter.h>

#include <vector>

#include "cofferdam/result.hpp"
#include "kernel/syscall_table.hpp"

namespace cofferdam::kernel {

struct FilterOptions {
  bool container = false;  // container mode: adds Scope::container
  bool broker = false;     // socket() is notified: adds Scope::broker
  bool egress = false;     // datagrams are judged: adds Scope::egress
  // The process that signals, limits and scheduling may not be aimed at, as the app numbers it: 1 in local mode (the
  // instance's init), the launcher's pid in container mode. 0: nothing is protected.
  int protected_pid = 0;
  bool shared_pid_namespace = false;  // the app sees the launcher's pid: adds Scope::shared_pids
  bool rehearsal = false;             // calls that only read a path are notified, too: adds Scope::rehearsal
  bool terminals = false;             // terminals may be opened: leaves Scope::terminals out
  bool debugging = false;             // processes may trace each other: leaves Scope::debugging out
};

[[nodiscard]] bool in_scope(const SyscallRow& row, const FilterOptions& options) noexcept;

// The program for these options. Default: allow. Foreign ABI (int 0x80, x32): the process is killed.
// Needs no privilege and asks the running kernel nothing. Not thread-safe (libseccomp keeps global state).
// Fails when libseccomp refuses a row or no memory file can be made.
[[nodiscard]] Result<std::vector<sock_filter>> compile_filter(const FilterOptions& options);

// Loads `program` for the calling thread with a notification listener, and with WAIT_KILLABLE_RECV where the kernel
// has it (5.19), so that a signal doesn't cancel a call that the supervisor is working on. `flags`: further
// SECCOMP_FILTER_FLAG_* bits. Returns the listener (O_CLOEXEC, set by the kernel), or -errno: EACCES without
// no_new_privs, EBUSY when an outer filter has a listener already. Async-signal-safe; doesn't allocate.
[[nodiscard]] int load_filter(const sock_fprog* program, unsigned flags) noexcept;

}  // namespace cofferdam::kernel
