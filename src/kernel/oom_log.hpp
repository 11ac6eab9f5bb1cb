// Whom the kernel killed for want of memory, from its log (/dev/kmsg): no file of a cgroup tells.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "kernel/fd.hpp"

namespace cofferdam::kernel {

struct OomKill {
  std::string name;         // of the program, at most 15 bytes
  int pid = 0;              // in the first pid namespace
  std::uint64_t bytes = 0;  // that it held: anonymous and shared memory; files can be read again
};

class OomLog {
 public:
  // From now on. Where the log can't be read (kernel.dmesg_restrict, a container) nothing is ever told.
  OomLog();

  [[nodiscard]] bool readable() const { return static_cast<bool>(log_); }
  // What was killed since the last call in the cgroup whose path ends in `name`.
  [[nodiscard]] std::vector<OomKill> read(std::string_view name);

 private:
  Fd log_;
};

// A record of the log and what came before it: "oom-kill:..." names the task and its cgroup, "...Killed process 7 (x)
// ... anon-rss:4kB, file-rss:0kB, shmem-rss:8kB" right behind it what it held. For tests.
class OomRecords {
 public:
  explicit OomRecords(std::string_view cgroup) : cgroup_(cgroup) {}
  void add(std::string_view record);
  [[nodiscard]] std::vector<OomKill> take() { return std::move(kills_); }

 private:
  std::string_view cgroup_;
  std::vector<OomKill> kills_;
};

}  // namespace cofferdam::kernel
