// Looks whether the instance has reached a limit: while it runs, and for good at its end.
#pragma once

#include <chrono>
#include <optional>
#include <vector>

#include "kernel/cgroup_seat.hpp"
#include "kernel/oom_log.hpp"
#include "plan/plan.hpp"
#include "supervise/event_log.hpp"
#include "supervise/supervisor.hpp"

namespace cofferdam::run {

// At most two findings of a kind: when it happens first, and at the end how often in all if there was more. Reads some
// files of the cgroup every 250 ms at most, when there is something to do anyway.
class LimitWatch {
 public:
  using Clock = std::chrono::steady_clock;

  // `view`: the instance's own cgroup, or the container's, of which only what happens from now on counts. All
  // references outlive the watch.
  LimitWatch(kernel::CgroupView view, const plan::Plan& plan, const supervise::Supervisor& supervisor,
             supervise::EventLog& events);

  void look(Clock::time_point now);
  // When a look is due for its own sake; any time will do for the others.
  [[nodiscard]] std::optional<Clock::time_point> looks_at() const {
    return suspected_ && told_kills_ == 0 ? std::optional(next_) : std::nullopt;
  }
  // The app has ended; `status` is of wait(2).
  void finish(int status);

  // After finish(): high-water mark of the instance's own cgroup; nothing where that is not known.
  [[nodiscard]] std::optional<std::uint64_t> memory_peak() const;

 private:
  void compare(std::optional<int> status);
  [[nodiscard]] kernel::CgroupFigures since_start() const;

  kernel::CgroupView view_;
  const plan::Plan& plan_;
  const supervise::Supervisor& supervisor_;
  supervise::EventLog& events_;
  kernel::CgroupFigures before_;  // of a container, at our start
  kernel::CgroupFigures last_;    // since then, at the last look
  std::optional<kernel::OomLog> log_;
  std::vector<kernel::OomKill> killed_;  // read, and not yet told
  bool suspected_ = false;               // a kill was seen, and who it was is not known
  Clock::time_point next_;
  std::uint64_t told_kills_ = 0;
  std::uint64_t told_forks_ = 0;
};

}  // namespace cofferdam::run
