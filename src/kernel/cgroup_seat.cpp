#include "kernel/cgroup_seat.hpp"

#include <algorithm>
#include <charconv>

#include "base/text.hpp"
#include "kernel/fd.hpp"

namespace cofferdam::kernel {

namespace {

constexpr std::uint64_t kNoLimit = 1ULL << 60;
constexpr std::size_t kFileSize = 16384;

std::optional<std::uint64_t> parse_number(std::string_view text) {
  std::uint64_t number = 0;
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), number);
  return error == std::errc{} ? std::optional(number) : std::nullopt;
}

bool names(std::string_view controllers, std::string_view controller) {
  const auto all = base::split(controllers, ',');
  return std::ranges::find(all, controller) != all.end();
}

// The path in the hierarchy that `wanted` accepts, by its controllers ("" for v2).
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

std::string directory_of(const MountEntry& mount, const std::string& path) {
  // What is mounted may be our own cgroup already (Docker with cgroup v1, a cgroup namespace).
  const std::string root = mount.root == "/" ? "" : mount.root;
  if (path == "/" || !base::is_beneath(path, mount.root)) return mount.mount_point;
  const std::string rest = path.substr(root.size());
  return rest == "/" ? mount.mount_point : mount.mount_point + rest;
}

std::string text_of(const CgroupSeat& seat, const char* file) {
  return read_file(seat.directory + "/" + file, kFileSize).value_or("");
}

std::uint64_t number_of(const CgroupSeat& seat, const char* file, std::string_view key) {
  return keyed_number(text_of(seat, file), key).value_or(0);
}

}  // namespace

const char* to_string(Controller controller) {
  switch (controller) {
    case Controller::memory: return "memory";
    case Controller::pids: return "pids";
    case Controller::cpu: return "cpu";
  }
  return "";
}

std::optional<CgroupSeat> find_seat(Controller controller, std::string_view proc_cgroup,
                                    const std::vector<MountEntry>& mounts) {
  const std::string_view name = to_string(controller);
  if (const auto path = path_in(proc_cgroup, [&](std::string_view all) { return names(all, name); })) {
    for (const MountEntry& mount : mounts) {
      if (mount.type == "cgroup" && names(base::base_name(mount.mount_point), name))
        return CgroupSeat{directory_of(mount, *path), mount.mount_point, false};
    }
    return std::nullopt;
  }
  const auto path = path_in(proc_cgroup, [](std::string_view all) { return all.empty(); });
  const auto mount = std::ranges::find(mounts, "cgroup2", &MountEntry::type);
  if (!path || mount == mounts.end()) return std::nullopt;
  return CgroupSeat{directory_of(*mount, *path), mount->mount_point, true};
}

CgroupView own_view(const std::vector<MountEntry>& mounts) {
  CgroupView view;
  const auto text = read_file("/proc/self/cgroup", kFileSize);
  if (!text) return view;
  for (const Controller each : kControllers) view.of(each) = find_seat(each, *text, mounts);
  return view;
}

CgroupLimits read_limits(const CgroupView& view) {
  CgroupLimits limits;
  if (const auto& seat = view.of(Controller::memory)) {
    limits.memory = limit_number(text_of(*seat, seat->unified ? "memory.max" : "memory.limit_in_bytes")).value_or(0);
  }
  if (const auto& seat = view.of(Controller::pids)) {
    limits.processes = limit_number(text_of(*seat, "pids.max")).value_or(0);
  }
  if (const auto& seat = view.of(Controller::cpu)) {
    const std::string text = seat->unified ? text_of(*seat, "cpu.max")
                                           : text_of(*seat, "cpu.cfs_quota_us") + text_of(*seat, "cpu.cfs_period_us");
    limits.cpu = cpu_quota(text).value_or(0);
  }
  return limits;
}

CgroupFigures read_figures(const CgroupView& view) {
  CgroupFigures figures;
  if (const auto& seat = view.of(Controller::memory)) {
    const char* peak = seat->unified ? "memory.peak" : "memory.max_usage_in_bytes";
    figures.memory_peak = parse_number(text_of(*seat, peak)).value_or(0);
    figures.shared_memory = number_of(*seat, "memory.stat", "shmem");
    figures.oom_kills = number_of(*seat, seat->unified ? "memory.events" : "memory.oom_control", "oom_kill");
  }
  if (const auto& seat = view.of(Controller::pids)) figures.refused_forks = number_of(*seat, "pids.events", "max");
  if (const auto& seat = view.of(Controller::cpu)) {
    const std::string text = text_of(*seat, "cpu.stat");
    figures.periods = keyed_number(text, "nr_periods").value_or(0);
    figures.throttled = keyed_number(text, "nr_throttled").value_or(0);
    figures.throttled_usec = seat->unified ? keyed_number(text, "throttled_usec").value_or(0)
                                           : keyed_number(text, "throttled_time").value_or(0) / 1000;
  }
  return figures;
}

std::optional<std::uint64_t> keyed_number(std::string_view text, std::string_view key) {
  for (const std::string_view line : base::split(text, '\n')) {
    if (line.size() > key.size() && line.starts_with(key) && line[key.size()] == ' ')
      return parse_number(line.substr(key.size() + 1));
  }
  return std::nullopt;
}

std::optional<std::uint64_t> limit_number(std::string_view text) {
  const auto number = parse_number(text);
  return number && *number < kNoLimit ? number : std::nullopt;
}

std::optional<std::uint64_t> cpu_quota(std::string_view text) {
  const std::size_t space = text.find_first_of(" \n");
  if (space == std::string_view::npos) return std::nullopt;
  const auto quota = parse_number(text.substr(0, space));
  const auto period = parse_number(text.substr(space + 1));
  if (!quota || !period || *period == 0) return std::nullopt;
  return (*quota * 1000 + *period - 1) / *period;
}

}  // namespace cofferdam::kernel
