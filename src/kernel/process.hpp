// Processes: clone, pidfds, signals, credentials, capabilities. The functions marked "between clone and exec" do
// not allocate, throw or log; they return 0 or a positive errno.
#pragma once

#include <sys/types.h>

#include <chrono>
#include <csignal>
#include <cstdint>
#include <span>
#include <vector>

#include "kernel/fd.hpp"

namespace cofferdam::kernel {

// clone(2) without a new stack, like fork(2): returns the child's pid, 0 in the child, or -errno. CLONE_PIDFD
// stores a descriptor in `pidfd`. The legacy call is used on purpose: clone3 is ENOSYS in Docker.
[[nodiscard]] pid_t clone_process(unsigned long flags, int* pidfd) noexcept;

// The same with clone3(2), into the cgroup of v2 whose directory `cgroup` is; there before its first instruction, and
// without the lock that moving a process takes. -ENOSYS in containers, -E2BIG before Linux 5.7.
[[nodiscard]] pid_t clone_process_into(unsigned long flags, int* pidfd, int cgroup) noexcept;

[[nodiscard]] Fd open_pidfd(pid_t pid, bool thread) noexcept;
// pidfd_getfd(2): a copy of descriptor `number` of the process. Needs ptrace rights; EPERM in Docker.
[[nodiscard]] Fd steal_fd(int pidfd, int number) noexcept;
// Whether the call is there at all: old kernels lack it, and container profiles refuse it whoever calls.
[[nodiscard]] bool can_steal_descriptors() noexcept;
// pidfd_send_signal(2), or kill(2) where a filter hides that (our own in a container, ENOSYS): `pidfd` should be a
// child's, whose number nobody else can get before it is waited for. False with errno set on failure.
bool send_signal(int pidfd, int signal) noexcept;
// The pid behind a pidfd as this process's pid namespace names it, from /proc/self/fdinfo; 0 when it is gone.
[[nodiscard]] pid_t pid_of(int pidfd);

// --- between clone and exec ---

// Makes the descriptor table private to this process and leaves it as it is (CLOSE_RANGE_UNSHARE).
[[nodiscard]] int unshare_descriptors() noexcept;
// Closes every descriptor from `first` on.
[[nodiscard]] int close_from(unsigned first) noexcept;

// Closes every descriptor that is not in `kept` (sorted, each once).
[[nodiscard]] int close_all_but(std::span<const int> kept) noexcept;

[[nodiscard]] int set_no_new_privs() noexcept;
[[nodiscard]] int die_with_parent() noexcept;            // PR_SET_PDEATHSIG SIGKILL
[[nodiscard]] int set_dumpable(bool dumpable) noexcept;  // PR_SET_DUMPABLE
[[nodiscard]] int become_subreaper() noexcept;

// Drops every capability that is not in `kept` (bit n = capability n) from the bounding, ambient, inheritable,
// permitted and effective sets. What can't be dropped because it isn't held is no error.
[[nodiscard]] int limit_capabilities(std::uint64_t kept) noexcept;

// setgroups, setresgid, setresuid, in this order. Groups are left alone when `groups` has no data pointer.
[[nodiscard]] int take_identity(uid_t uid, gid_t gid, std::span<const gid_t> groups) noexcept;

// Effective capabilities of this process, bit n = capability n; 0 when unreadable.
[[nodiscard]] std::uint64_t effective_capabilities() noexcept;

// While it lives, a signal without effect interrupts this thread's system calls after `after`, and again every `after`.
class Alarm {
 public:
  explicit Alarm(std::chrono::milliseconds after) noexcept;
  ~Alarm();
  Alarm(const Alarm&) = delete;
  Alarm& operator=(const Alarm&) = delete;
};

// Takes the effective ids and the supplementary groups of another user for one call, for sockets whose peer looks at
// them (SO_PEERCRED, SO_PEERGROUPS) and whose path asks for rights, and gives them back when it goes out of scope. Does
// nothing when they are ours already. Root only.
class BorrowedIdentity {
 public:
  BorrowedIdentity(uid_t uid, gid_t gid, std::span<const gid_t> groups);
  ~BorrowedIdentity();
  BorrowedIdentity(const BorrowedIdentity&) = delete;
  BorrowedIdentity& operator=(const BorrowedIdentity&) = delete;
  [[nodiscard]] bool ok() const { return ok_; }

 private:
  bool borrowed_ = false;
  bool other_groups_ = false;
  bool ok_ = true;
  std::vector<gid_t> old_groups_;
};

// File accesses of this thread count as the caller's while it lives: setfsuid(2), setfsgid(2) and the caller's
// supplementary groups. Root's capabilities over files go with the user. ok() is false where the kernel did not take
// the identity (groups that differ, without CAP_SETGID): then nothing may be done in the caller's name. One at a time.
class BorrowedFileIdentity {
 public:
  BorrowedFileIdentity(uid_t uid, gid_t gid, std::span<const gid_t> groups);
  ~BorrowedFileIdentity();
  BorrowedFileIdentity(const BorrowedFileIdentity&) = delete;
  BorrowedFileIdentity& operator=(const BorrowedFileIdentity&) = delete;
  [[nodiscard]] bool ok() const { return ok_; }

 private:
  bool ok_ = true;
  bool borrowed_ = false;
  bool other_groups_ = false;
  std::vector<gid_t> old_groups_;
  gid_t old_gid_ = 0;
  uid_t old_uid_ = 0;
};

// faccessat2(2): whether this thread, with its file-system identity, may write to what `fd` (O_PATH will do) refers to;
// ACLs, groups and capabilities included. 0 or a positive errno: EACCES, EROFS, ENOSYS before Linux 5.8.
[[nodiscard]] int write_access(int fd) noexcept;

}  // namespace cofferdam::kernel
