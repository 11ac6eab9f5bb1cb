// Where this process is in the cgroup hierarchies (cgroups(7)), and what the files of a cgroup say. Reads only.
#pragma once

#include <array>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "kernel/mountinfo.hpp"

namespace cofferdam::kernel {

enum class Controller { memory, pids, cpu };
inline constexpr std::array kControllers = {Controller::memory, Controller::pids, Controller::cpu};
// As the kernel names it.
[[nodiscard]] const char* to_string(Controller controller);

// A cgroup of one controller.
struct CgroupSeat {
  std::string directory;
  std::string mount_point;  // at which the hierarchy ends, as far as it can be seen
  bool unified = true;      // cgroup v2
};

// The cgroup that the text of /proc/self/cgroup names for the controller, found in the mounts of the cgroup file
// systems; v1 where the controller lives there.
[[nodiscard]] std::optional<CgroupSeat> find_seat(Controller controller, std::string_view proc_cgroup,
                                                  const std::vector<MountEntry>& mounts);

// The seats of one process or instance; a controller without one is not there.
struct CgroupView {
  std::array<std::optional<CgroupSeat>, kControllers.size()> seats;

  [[nodiscard]] const std::optional<CgroupSeat>& of(Controller controller) const {
    return seats.at(static_cast<std::size_t>(controller));
  }
  [[nodiscard]] std::optional<CgroupSeat>& of(Controller controller) {
    return seats.at(static_cast<std::size_t>(controller));
  }
};
// Of this process, from /proc/self/cgroup.
[[nodiscard]] CgroupView own_view(const std::vector<MountEntry>& mounts);

// 0: no limit.
struct CgroupLimits {
  std::uint64_t memory = 0;     // bytes
  std::uint64_t processes = 0;  // and threads
  std::uint64_t cpu = 0;        // thousandths of a processor

  [[nodiscard]] std::uint64_t of(Controller controller) const {
    return controller == Controller::memory ? memory : controller == Controller::pids ? processes : cpu;
  }
  [[nodiscard]] bool any() const { return memory != 0 || processes != 0 || cpu != 0; }
};
// What the cgroups of the view themselves are limited to; those above them may be lower.
[[nodiscard]] CgroupLimits read_limits(const CgroupView& view);

// What happened in a cgroup since it was made. What can't be read is 0.
struct CgroupFigures {
  std::uint64_t memory_peak = 0;     // bytes, page cache included; memory.peak needs Linux 5.19 under v2
  std::uint64_t shared_memory = 0;   // bytes of tmpfs and shared memory that are charged to it now
  std::uint64_t oom_kills = 0;       // processes of it that the kernel killed for want of memory
  std::uint64_t refused_forks = 0;   // at its limit of processes
  std::uint64_t periods = 0;         // of cpu time in which it ran
  std::uint64_t throttled = 0;       // of these: in which it had to wait
  std::uint64_t throttled_usec = 0;  // for how long, over all processors
};
[[nodiscard]] CgroupFigures read_figures(const CgroupView& view);

// The number after `key` in a file of "key number" lines: memory.events, cpu.stat.
[[nodiscard]] std::optional<std::uint64_t> keyed_number(std::string_view text, std::string_view key);
// A limit file's text; nothing for "max", "-1", and for v1's "no limit" of bytes (the largest number of pages).
[[nodiscard]] std::optional<std::uint64_t> limit_number(std::string_view text);
// The text of cpu.max, "150000 100000", in thousandths of a processor; nothing for "max 100000".
[[nodiscard]] std::optional<std::uint64_t> cpu_quota(std::string_view text);

}  // namespace cofferdam::kernel
