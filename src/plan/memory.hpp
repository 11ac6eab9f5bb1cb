// How much memory there is for an instance: the machine's, and the limit of the cgroup that we were started in.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "kernel/mountinfo.hpp"

namespace cofferdam::plan {

struct MemoryFacts {
  std::uint64_t machine = 0;     // bytes (sysinfo(2)); 0 when unknown
  std::uint64_t limit = 0;       // bytes, the lowest of our cgroup and those above it that can be seen; 0: none
  std::string cgroup_peak_file;  // of our own cgroup: memory.peak (v2, Linux 5.19) or memory.max_usage_in_bytes (v1)

  // What is really there: the lower of both.
  [[nodiscard]] std::uint64_t available() const { return limit != 0 && limit < machine ? limit : machine; }
};

[[nodiscard]] MemoryFacts read_memory_facts(const std::vector<kernel::MountEntry>& mounts);

struct Plan;
// The high-water mark of the container's cgroup, in container mode and where it can be read.
[[nodiscard]] std::optional<std::uint64_t> container_memory_peak(const Plan& plan);

}  // namespace cofferdam::plan
