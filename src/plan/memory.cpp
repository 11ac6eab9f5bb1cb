#include "plan/memory.hpp"

#include <sys/sysinfo.h>

#include <algorithm>
#include <charconv>

#include "base/text.hpp"
#include "kernel/fd.hpp"
#include "plan/plan.hpp"

namespace cofferdam::plan {

namespace {

// v1 says "no limit" by the largest multiple of a page.
constexpr std::uint64_t kNoLimit = 1ULL << 60;

std::optional<std::uint64_t> parse_number(std::string_view text) {
  std::uint64_t number = 0;
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), number);
  return error == std::errc{} ? std::optional(number) : std::nullopt;
}

// The path of our cgroup in the hierarchy that `wanted` accepts, by its controllers ("" for v2).
template <class Wanted>
std::optional<std::string> path_in(std::string_view proc_cgroup, Wanted wanted) {
  for (const std::string_view line : base::split(proc_cgroup, '\n')) {
    const std::size_t first = line.find(':');
    const std::size_t second = first == std::string_view::npos ? first : line.find(':', first + 1);
    if (second == std::string_view::npos) continue;
    if (wanted(line.substr(first + 1, second - first - 1))) return std::string(line.substr(second + 1));
  }
  return std::nullopt;
}

std::string directory_of(const kernel::MountEntry& mount, const std::string& path) {
  // What is mounted may be our own cgroup already (Docker with cgroup v1, a cgroup namespace).
  const std::string root = mount.root == "/" ? "" : mount.root;
  if (path == "/" || !base::is_beneath(path, mount.root)) return mount.mount_point;
  const std::string rest = path.substr(root.size());
  return rest == "/" ? mount.mount_point : mount.mount_point + rest;
}

}  // namespace

std::optional<std::uint64_t> parse_memory_limit(std::string_view text) {
  const auto number = parse_number(text);
  return number && *number < kNoLimit ? number : std::nullopt;
}

std::optional<MemoryCgroup> find_memory_cgroup(std::string_view proc_cgroup,
                                               const std::vector<kernel::MountEntry>& mounts) {
  const auto has_memory = [](std::string_view controllers) {
    const auto names = base::split(controllers, ',');
    return std::ranges::find(names, std::string_view("memory")) != names.end();
  };
  if (const auto path = path_in(proc_cgroup, has_memory)) {
    for (const auto& mount : mounts) {
      const std::string name = mount.mount_point.substr(mount.mount_point.rfind('/') + 1);
      if (mount.type == "cgroup" && has_memory(name))
        return MemoryCgroup{directory_of(mount, *path), mount.mount_point, false};
    }
    return std::nullopt;
  }
  const auto path = path_in(proc_cgroup, [](std::string_view controllers) { return controllers.empty(); });
  const auto mount = std::ranges::find(mounts, "cgroup2", &kernel::MountEntry::type);
  if (!path || mount == mounts.end()) return std::nullopt;
  return MemoryCgroup{directory_of(*mount, *path), mount->mount_point, true};
}

MemoryFacts read_memory_facts(const std::vector<kernel::MountEntry>& mounts) {
  MemoryFacts facts;
  struct sysinfo info{};
  if (sysinfo(&info) == 0) facts.machine = static_cast<std::uint64_t>(info.totalram) * info.mem_unit;
  const auto text = kernel::read_file("/proc/self/cgroup", 16384);
  const auto cgroup = text ? find_memory_cgroup(*text, mounts) : std::nullopt;
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
    const auto bytes = limit ? parse_memory_limit(*limit) : std::nullopt;
    if (bytes && (facts.limit == 0 || *bytes < facts.limit)) facts.limit = *bytes;
    if (directory.size() <= cgroup->mount_point.size()) break;
  }
  return facts;
}

std::optional<std::uint64_t> container_memory_peak(const Plan& plan) {
  if (plan.mode != Mode::container || plan.host.memory.cgroup_peak_file.empty()) return std::nullopt;
  const auto text = kernel::read_file(plan.host.memory.cgroup_peak_file, 64);
  return text ? parse_number(*text) : std::nullopt;
}

}  // namespace cofferdam::plan
