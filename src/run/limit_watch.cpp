#include "run/limit_watch.hpp"

#include <algorithm>
#include <iterator>
#include <utility>

#include "base/text.hpp"
#include "run/limit_findings.hpp"

namespace cofferdam::run {

namespace {
constexpr std::chrono::milliseconds kBetweenLooks{250};
}  // namespace

LimitWatch::LimitWatch(kernel::CgroupView view, const plan::Plan& plan, const supervise::Supervisor& supervisor,
                       supervise::EventLog& events)
    : view_(std::move(view)),
      plan_(plan),
      supervisor_(supervisor),
      events_(events),
      next_(Clock::now() + kBetweenLooks) {
  // A container may have a past, and has no name that the kernel's log would know it by.
  if (plan.mode == Mode::container) {
    before_ = kernel::read_figures(view_);
  } else if (view_.of(kernel::Controller::memory)) {
    log_.emplace();
  }
}

void LimitWatch::look(Clock::time_point now) {
  if (now < next_) return;
  next_ = now + kBetweenLooks;
  compare(std::nullopt);
}

void LimitWatch::finish(int status) {
  compare(status);
  if (auto finding = cpu_finding(plan_, last_)) events_.emit(std::move(*finding));
}

std::optional<std::uint64_t> LimitWatch::memory_peak() const {
  const bool known = plan_.mode == Mode::local && last_.memory_peak != 0;
  return known ? std::optional(last_.memory_peak) : std::nullopt;
}

void LimitWatch::compare(std::optional<int> status) {
  last_ = since_start();
  // Once at the first, once at the end: an app that goes on and on at its limit is told of twice.
  const auto due = [&](std::uint64_t count, std::uint64_t told) { return count > told && (told == 0 || status); };
  if (due(last_.oom_kills, told_kills_)) {
    if (log_) {
      const std::string name = "/" + base::base_name(view_.of(kernel::Controller::memory)->directory);
      std::ranges::move(log_->read(name), std::back_inserter(killed_));
    }
    // Without the log it may be the app itself, whose end is told within a moment.
    if (killed_.empty() && !status && !std::exchange(suspected_, true)) return;
    told_kills_ = last_.oom_kills;
    events_.emit(memory_finding(plan_, {last_, std::move(killed_), status, supervisor_.storage_use()}));
    killed_.clear();
  }
  if (due(last_.refused_forks, told_forks_)) {
    told_forks_ = last_.refused_forks;
    events_.emit(processes_finding(plan_, last_.refused_forks));
  }
}

kernel::CgroupFigures LimitWatch::since_start() const {
  kernel::CgroupFigures figures = kernel::read_figures(view_);
  figures.oom_kills -= std::min(figures.oom_kills, before_.oom_kills);
  figures.refused_forks -= std::min(figures.refused_forks, before_.refused_forks);
  figures.periods -= std::min(figures.periods, before_.periods);
  figures.throttled -= std::min(figures.throttled, before_.throttled);
  figures.throttled_usec -= std::min(figures.throttled_usec, before_.throttled_usec);
  return figures;
}

}  // namespace cofferdam::run
