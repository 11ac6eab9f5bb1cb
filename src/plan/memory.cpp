#include "plan/memory.hpp"

#include <sys/sysinfo.h>

#include <algorithm>

#include "kernel/cgroup_seat.hpp"
#include "kernel/fd.hpp"
#include "plan/plan.hpp"

namespace cofferdam::plan {

MemoryFacts read_memory_facts(const std::vector<kernel::MountEntry>& mounts) {
  MemoryFacts facts;
  struct sysinfo info{};
  if (sysinfo(&info) == 0) facts.machine = static_cast<std::uint64_t>(info.totalram) * info.mem_unit;
  const auto text = kernel::read_file("/proc/self/cgroup", 16384);
  const auto cgroup = text ? kernel::find_seat(kernel::Controller::memory, *text, mounts) : std::nullopt;
  if (!cgroup) return facts;
  // The root of a v1 hierarchy speaks of the whole machine (v2 has no such file there).
  const bool is_root = !cgroup->unified && cgroup->directory == cgroup->mount_point &&
                       std::ranges::any_of(mounts, [&](const auto& mount) {
                         return mount.mount_point == cgroup->mount_point && mount.root == "/";
                       });
  if (!is_root) {
    facts.cgroup_peak_file = cgroup->directory + (cgroup->unified ? "/memory.peak" : "/memory.max_usage_in_bytes");
  }
  const char* name = cgroup->unified ? "/memory.max" : "/memory.limit_in_bytes";
  for (std::string directory = cgroup->directory;; directory.resize(directory.rfind('/'))) {
    const auto limit = kernel::read_file(directory + name, 64);
    const auto bytes = limit ? kernel::limit_number(*limit) : std::nullopt;
    if (bytes && (facts.limit == 0 || *bytes < facts.limit)) facts.limit = *bytes;
    if (directory.size() <= cgroup->mount_point.size()) break;
  }
  return facts;
}

std::optional<std::uint64_t> container_memory_peak(const Plan& plan) {
  if (plan.mode != Mode::container || plan.host.memory.cgroup_peak_file.empty()) return std::nullopt;
  const auto text = kernel::read_file(plan.host.memory.cgroup_peak_file, 64);
  return text ? kernel::limit_number(*text) : std::nullopt;
}

}  // namespace cofferdam::plan
