#include "supervise/memory_meter.hpp"

#include <unistd.h>

#include <algorithm>
#include <cstdlib>

#include "kernel/procfs.hpp"

namespace cofferdam::supervise {

namespace {

constexpr std::chrono::milliseconds kSoonest{250};
constexpr int kShareOfTime = 100;  // one part in so many goes into looking

}  // namespace

void MemoryMeter::look(Clock::time_point now) {
  if (now < next_) return;
  if (parent_ == 0) {
    const auto view = kernel::ThreadView::open(entry_);
    const auto status = view ? view->status() : fail("", ESRCH);
    if (!status) return;
    parent_ = status->ppid;
  }
  std::uint64_t bytes = 0;
  const auto processes = kernel::quick_descendants_of(parent_);
  for (const pid_t pid : processes ? *processes : kernel::descendants_of(parent_)) bytes += kernel::private_memory(pid);
  const auto cost = Clock::now() - now;
  next_ = now + std::max<Clock::duration>(kSoonest, cost * kShareOfTime);
  processes_ = bytes;
  raise_peak();
}

void MemoryMeter::on_tmpfs(std::uint64_t bytes) {
  tmpfs_ = bytes;
  raise_peak();
}

void MemoryMeter::raise_peak() {
  peak_.bytes = std::max(peak_.bytes, processes_ + tmpfs_);
  peak_.tmpfs = std::max(peak_.tmpfs, tmpfs_);
}

}  // namespace cofferdam::supervise
