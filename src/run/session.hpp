// What the instances of one command share: its signals, its files on the host, the numbering of its events, its report.
#pragma once

#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "kernel/fd.hpp"
#include "launch/prepared.hpp"
#include "plan/plan.hpp"
#include "report/collector.hpp"
#include "report/event_stream.hpp"
#include "run/run.hpp"

namespace cofferdam::run {

// The first process of a container gets no signal that it neither handles nor blocks: a stop that comes while the
// policy is read or names are asked for would be lost. Held from here on, it is passed on when the app is there.
void hold_signals_as_pid_1();

class Session {
 public:
  // Opens the files of the request, takes over the signals of this process and makes it fit to hold instances: nothing
  // of this is given back. `inherited` is what the process was started with. Errors name the option at fault.
  [[nodiscard]] static Result<std::unique_ptr<Session>> open(const RunRequest& request,
                                                             const launch::Inherited& inherited, const Policy& policy,
                                                             const plan::Plan& plan);

  [[nodiscard]] const launch::Inherited& inherited() const { return inherited_; }
  [[nodiscard]] int signals() const { return signals_.get(); }
  [[nodiscard]] report::Collector& collector() { return collector_; }
  // Where the events of an instance go, and their common numbering.
  [[nodiscard]] const std::vector<EventSink*>& sinks() const { return sinks_; }
  [[nodiscard]] std::uint64_t& event_counter() { return events_; }
  // Of --events; null without it.
  [[nodiscard]] report::EventStream* stream() { return stream_ ? &*stream_ : nullptr; }

  // Nothing has run, so there is nothing to report: no empty file is left that looks like a report.
  void discard();
  // Writes events and report out. What could not be written is in the problems of the result.
  void close(RunResult& result, const std::optional<Rehearsal>& rehearsal = std::nullopt);

 private:
  Session(const RunRequest& request, const launch::Inherited& inherited, report::CollectorOptions options)
      : request_(request), inherited_(inherited), collector_(std::move(options)) {}
  [[nodiscard]] Result<void> open_outputs();

  const RunRequest& request_;
  launch::Inherited inherited_;
  kernel::Fd signals_;
  kernel::Fd report_;
  kernel::Fd event_file_;
  report::Collector collector_;
  std::optional<report::EventStream> stream_;
  std::vector<EventSink*> sinks_;
  std::uint64_t events_ = 0;
  std::vector<std::string> hidden_;  // see RunResult
};

}  // namespace cofferdam::run
