#include "supervise/storage_meter.hpp"

#include <sys/stat.h>
#include <sys/vfs.h>

#include <algorithm>
#include <set>

#include "supervise/storage_alarm.hpp"

namespace cofferdam::supervise {

namespace {

using std::chrono::duration_cast;
using std::chrono::microseconds;
using std::chrono::milliseconds;

constexpr microseconds kBeforeFreeing{50};
constexpr milliseconds kBeforeOpening{5};
constexpr milliseconds kSoonest{10};
constexpr milliseconds kUsual{250};
constexpr milliseconds kIdle{1000};
constexpr std::uint64_t kWarnPercent = 80;

bool is_nearly(std::uint64_t used, std::uint64_t all) {
  return all != 0 && used * 100 >= all * kWarnPercent;
}

}  // namespace

StorageMeter::StorageMeter(const InstanceView& instance, EventLog& events, pid_t entry)
    : events_(events), memory_(entry), container_(instance.container), last_(Clock::now()), wait_(kUsual) {
  std::set<dev_t> seen;
  for (const InstanceMount& mount : instance.mounts) {
    struct stat status{};
    // A persistent mount is the host's disk: how full that is, is not the instance's doing.
    if (mount.layer < 0 || mount.plan->type == MountType::persistent || fstat(mount.layer, &status) != 0) continue;
    Meter& meter = meters_.emplace_back();
    meter.mount = &mount;
    meter.use.path = mount.plan->path;
    meter.use.size = mount.plan->size;
    meter.use.inodes = mount.plan->inodes;
    meter.first = seen.insert(status.st_dev).second;
  }
}

void StorageMeter::before_call(bool frees) {
  const Clock::duration recently = frees ? Clock::duration(kBeforeFreeing) : Clock::duration(kBeforeOpening);
  if (Clock::now() - last_ >= recently) measure();
  // What is opened is about to be written.
  wait_ = std::min<Clock::duration>(wait_, kUsual);
}

milliseconds StorageMeter::next_look() const {
  const auto left = duration_cast<milliseconds>(last_ + wait_ - Clock::now()) + milliseconds(1);
  return std::max(left, milliseconds(0));
}

void StorageMeter::on_tick() {
  const auto now = Clock::now();
  // On a clock of its own: an app that opens files all the time keeps the storage measured without any tick.
  memory_.look(now);
  if (now - last_ >= wait_) measure();
}

void StorageMeter::measure() {
  const auto now = Clock::now();
  std::uint64_t tmpfs = 0;
  auto soonest_full = Clock::duration::max();
  for (Meter& meter : meters_) {
    struct statfs usage{};
    // Without blocks it is a tmpfs of no limit (size=0), which does not say what it holds.
    if (fstatfs(meter.mount->layer, &usage) != 0 || usage.f_blocks == 0) continue;
    const auto unit = static_cast<std::uint64_t>(usage.f_bsize);
    const std::uint64_t free_bytes = usage.f_bfree * unit;
    const std::uint64_t used = usage.f_blocks * unit - free_bytes;
    meter.use.size = usage.f_blocks * unit;
    meter.use.peak = std::max(meter.use.peak, used);
    meter.use.inodes = usage.f_files;
    meter.use.inodes_peak = std::max<std::uint64_t>(meter.use.inodes_peak, usage.f_files - usage.f_ffree);
    if (meter.first) {
      tmpfs += used;
      if (used > meter.used) {
        const double rate = static_cast<double>(used - meter.used) / static_cast<double>((now - last_).count() + 1);
        const double left = static_cast<double>(free_bytes) / rate;
        if (left < static_cast<double>(duration_cast<Clock::duration>(kIdle).count()))
          soonest_full = std::min(soonest_full, Clock::duration(static_cast<Clock::rep>(left)));
      }
      judge(meter, free_bytes, usage.f_ffree);
    }
    meter.used = used;
  }
  memory_.on_tmpfs(tmpfs);
  plan_next_look(now, soonest_full);
}

// Ever more rarely while nothing happens, and twice before a mount would be full.
void StorageMeter::plan_next_look(Clock::time_point now, Clock::duration soonest_full) {
  last_ = now;
  if (soonest_full != Clock::duration::max()) {
    wait_ = std::clamp<Clock::duration>(soonest_full / 2, kSoonest, kUsual);
  } else {
    wait_ = std::clamp<Clock::duration>(wait_ * 2, kSoonest, kIdle);
  }
}

void StorageMeter::judge(Meter& meter, std::uint64_t free_bytes, std::uint64_t free_inodes) {
  if (meter.full) return;
  const StorageUse& use = meter.use;
  const std::uint64_t used_inodes = use.inodes - free_inodes;
  // Used pages count until the last: a page is the smallest thing that a write still needs.
  const bool no_inodes = use.inodes != 0 && free_inodes == 0;
  const bool full = free_bytes == 0 || no_inodes;
  const bool by_bytes = is_nearly(use.size - free_bytes, use.size);
  if (!full && (meter.warned || !(by_bytes || is_nearly(used_inodes, use.inodes)))) return;
  (full ? meter.full : meter.warned) = true;
  StorageAlarm alarm;
  alarm.full = full;
  alarm.of_inodes = full ? no_inodes && free_bytes != 0 : !by_bytes;
  alarm.used = use.size - free_bytes;
  alarm.size = use.size;
  alarm.used_inodes = used_inodes;
  alarm.inodes = use.inodes;
  alarm.heaviest = find_heaviest(meter.mount->layer, alarm.of_inodes);
  events_.emit(storage_finding(*meter.mount->plan, container_, alarm));
}

std::vector<StorageUse> StorageMeter::use() const {
  std::vector<StorageUse> rows;
  rows.reserve(meters_.size());
  for (const Meter& meter : meters_) rows.push_back(meter.use);
  return rows;
}

}  // namespace cofferdam::supervise
