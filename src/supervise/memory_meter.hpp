// What an instance takes of the machine's memory, as its container's limit would count it.
#pragma once

#include <sys/types.h>

#include <chrono>
#include <cstdint>

#include "cofferdam/report.hpp"

namespace cofferdam::supervise {

// Adds the private memory of all processes (Pss_Anon of /proc/PID/smaps_rollup: a page that a fork still shares counts
// once in all) to the bytes in the instance's tmpfs mounts: a container's memory limit counts both. Files of the image
// in the page cache and anonymous shared memory are not counted, and a peak between two looks is missed: the figure is
// a lower bound. A look takes some 30 us a process, more for large ones, and never more than 1 % of the time.
class MemoryMeter {
 public:
  using Clock = std::chrono::steady_clock;

  // The processes of the instance are what the parent of `entry` has started (the init of the instance, the launcher
  // in container mode).
  explicit MemoryMeter(pid_t entry) : entry_(entry) {}

  // Reads the processes when it is time to; call it as often as there is something to do anyway.
  void look(Clock::time_point now);
  // The bytes in the tmpfs mounts have been measured.
  void on_tmpfs(std::uint64_t bytes);

  [[nodiscard]] MemoryUse peak() const { return peak_; }

 private:
  void raise_peak();

  pid_t entry_;
  pid_t parent_ = 0;
  std::uint64_t processes_ = 0;
  std::uint64_t tmpfs_ = 0;
  MemoryUse peak_;
  Clock::time_point next_{};
};

}  // namespace cofferdam::supervise
