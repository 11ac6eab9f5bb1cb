// What /proc tells of one thread, and its memory. A handle to /proc/<tid> stays bound to that thread: when the
// number is used again, reads through it fail with ESRCH instead of speaking of a stranger.
#pragma once

#include <sys/types.h>

#include <array>
#include <cstdint>
#include <optional>
#include <span>
#include <string>
#include <vector>

#include "kernel/fd.hpp"

namespace cofferdam::kernel {

// What the kernel gave an image at its exec and fork keeps (kernel-facts: identity). Pointers, not contents: they can't
// be changed without prctl(PR_SET_MM), which the filter refuses. 0 where the image has none (static: no base).
struct AuxiliaryVector {
  std::uint64_t random = 0;        // AT_RANDOM
  std::uint64_t base = 0;          // AT_BASE, the loader
  std::uint64_t entry = 0;         // AT_ENTRY
  std::uint64_t sysinfo_ehdr = 0;  // AT_SYSINFO_EHDR, the vdso
  bool operator==(const AuxiliaryVector&) const = default;
};

struct ThreadStatus {
  pid_t tgid = 0;
  pid_t ppid = 0;
  uid_t euid = 0;
  gid_t egid = 0;
  uid_t fsuid = 0;
  gid_t fsgid = 0;
  std::vector<gid_t> groups;  // supplementary, as the kernel sorts them
  pid_t inner_pid = 0;        // the process id in the innermost pid namespace, as the app itself sees it
};

class ThreadView {
 public:
  // More than execve(2) takes with any stack limit that is usual (a quarter of it, 6 MiB at most). What is larger is
  // an error (E2BIG), so that nothing is judged by a part of it.
  static constexpr std::size_t kMostArguments = 8 << 20;

  // Opens /proc/<tid>; empty when the thread is gone.
  [[nodiscard]] static std::optional<ThreadView> open(pid_t tid);

  [[nodiscard]] pid_t tid() const { return tid_; }
  [[nodiscard]] int directory() const { return directory_.get(); }

  // Copies memory of the thread; the number of bytes read (short at an unmapped page), or -errno. Tries
  // process_vm_readv(2) and, where that is refused (Docker before 23), /proc/<tid>/mem, opened afresh each time
  // because an old descriptor would keep showing the memory of before an exec.
  [[nodiscard]] ssize_t read_memory(std::uint64_t address, std::span<std::byte> into) const;
  // The other way: the number of bytes written, or -errno. Only where the thread itself could write.
  [[nodiscard]] ssize_t write_memory(std::uint64_t address, std::span<const std::byte> from) const;
  // A NUL-terminated string of at most PATH_MAX bytes. ENAMETOOLONG, EFAULT as the kernel would.
  [[nodiscard]] Result<std::string> read_path(std::uint64_t address) const;

  [[nodiscard]] Result<AuxiliaryVector> auxiliary_vector() const;
  [[nodiscard]] Result<FileIdentity> executable_identity() const;  // follows exe
  [[nodiscard]] Result<std::string> executable_path() const;
  [[nodiscard]] Result<std::vector<std::string>> arguments(std::size_t limit = kMostArguments) const;
  [[nodiscard]] Result<std::vector<std::string>> environment(std::size_t limit = kMostArguments) const;
  [[nodiscard]] Result<ThreadStatus> status() const;
  // Whether a signal waits that this thread is certain to see when it leaves the call it sleeps in: one of its own or,
  // for a process's first thread, one of the process; blocked ones don't count. False when the thread is gone.
  [[nodiscard]] bool has_signal() const;
  // The link of descriptor `number`: "socket:[123]", "pipe:[4]", "/path".
  [[nodiscard]] Result<std::string> descriptor_link(int number) const;
  // The kernel's name for the protocol of the socket `number`: "TCP", "UDPv6", "UNIX"; empty when it is none or hidden.
  [[nodiscard]] std::string socket_protocol(int number) const;
  // O_PATH handle to what descriptor `number` refers to, to the working directory, or to the root.
  [[nodiscard]] Fd pin_descriptor(int number) const;
  [[nodiscard]] Fd pin_working_directory() const;
  [[nodiscard]] Fd pin_root() const;

 private:
  ThreadView(pid_t tid, Fd directory) : tid_(tid), directory_(std::move(directory)) {}
  pid_t tid_ = 0;
  Fd directory_;
};

// The inode number in "socket:[123]".
[[nodiscard]] std::optional<std::uint64_t> socket_inode(const std::string& link);

// Bytes of memory that only a process has, and its share of what it still shares with its forks: Pss_Anon of
// /proc/PID/smaps_rollup, or where that can't be read (another user's process, before Linux 5.8) resident less shared
// pages, which counts shared pages in full. 0 when the process is gone.
[[nodiscard]] std::uint64_t private_memory(pid_t pid);

// Children of any generation of this process, found through /proc, for killing what is left of a tree.
[[nodiscard]] std::vector<pid_t> descendants_of(pid_t ancestor);
// The same by /proc/PID/task/TID/children, without a look at the other processes of the machine. A process that starts
// or loses its parent meanwhile may be missing, so it is for measuring only. Nothing where the kernel has no such file.
[[nodiscard]] std::optional<std::vector<pid_t>> quick_descendants_of(pid_t ancestor);

}  // namespace cofferdam::kernel
