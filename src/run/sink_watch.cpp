#include "run/sink_watch.hpp"

#include <unistd.h>

#include <algorithm>
#include <string>
#include <utility>

#include "base/text.hpp"

namespace cofferdam::run {

namespace {

std::string waiting(std::uint64_t records) {
  return records == 0 ? std::string() : "; " + base::plural(records, "record") + (records == 1 ? " waits" : " wait");
}

std::string name_of(const LogSink& sink) {
  const std::string type = logs::to_string(sink.type);
  return sink.name.empty() || sink.name == type ? type : sink.name + " (" + type + ")";
}

}  // namespace

SinkWatch::SinkWatch(const logs::PumpConfig& config, supervise::EventLog& events)
    : config_(config),
      events_(events),
      seen_(config.sinks.size()),
      needed_(std::ranges::any_of(config.sinks, &logs::OpenSink::is_queued)) {}

void SinkWatch::hear() {
  std::uint64_t count = 0;
  (void)!::read(news_fd(), &count, sizeof count);
}

void SinkWatch::look() {
  // Before what is looked at: what changes meanwhile is announced again.
  for (std::size_t i = 0; i < seen_.size(); ++i) config_.memory->counters.sinks.at(i).announced = false;
  for (std::size_t i = 0; i < seen_.size(); ++i) look_at(i);
}

void SinkWatch::look_at(std::size_t index) {
  const LogSink& sink = config_.sinks[index].sink;
  const logs::SinkCounters& counters = config_.memory->counters.sinks.at(index);
  Seen& seen = seen_[index];
  const logs::SinkStatus status = logs::read_status(counters);
  const std::uint64_t dropped = counters.dropped;
  if (dropped > seen.dropped) {
    GapEvent gap;
    gap.count = dropped - std::exchange(seen.dropped, dropped);
    gap.reason = status.text.empty() ? "its memory was full" : status.text;
    gap.sink = sink.name.empty() ? logs::to_string(sink.type) : sink.name;
    events_.emit(std::move(gap));
  }
  if (status.version == std::exchange(seen.version, status.version)) return;
  if (status.condition == logs::SinkCondition::retrying && !std::exchange(seen.unreachable, true)) {
    emit(sink, "CD303", Severity::warning,
         "the log sink " + name_of(sink) + " can't be reached: " + status.text + waiting(counters.pending),
         "start the server, or mend the sink's address; the app goes on, and what waits is sent when it can be");
  }
  if (status.condition == logs::SinkCondition::failed && !std::exchange(seen.refused, true)) {
    emit(sink, "CD305", Severity::error, "the log sink " + name_of(sink) + " takes nothing: " + status.text,
         "mend its credentials or address in the policy");
  }
}

void SinkWatch::finish() {
  look();
  for (std::size_t i = 0; i < seen_.size(); ++i) {
    const LogSink& sink = config_.sinks[i].sink;
    const logs::SinkCounters& counters = config_.memory->counters.sinks.at(i);
    const std::uint64_t dropped = counters.dropped;
    if (dropped == 0 || !config_.sinks[i].is_queued()) continue;
    const std::uint64_t saved = counters.saved;
    std::string message = base::plural(dropped, "record") + " of " + std::to_string(counters.pushed.load()) +
                          " did not reach the log sink " + name_of(sink);
    if (counters.rejected != 0) message += "; it refused " + std::to_string(counters.rejected.load());
    if (saved != 0) message += "; " + std::to_string(saved) + " are in " + sink.fallback;
    emit(sink, "CD304", Severity::warning, std::move(message),
         sink.type == LogSink::Type::console ? "raise its buffer, or write when_full: block"
                                             : "give it a spill (logs.spill), a larger buffer, or a fallback file");
  }
}

void SinkWatch::emit(const LogSink& sink, const char* code, Severity severity, std::string message, std::string fix) {
  Finding finding;
  finding.code = code;
  finding.severity = severity;
  finding.message = std::move(message);
  finding.fix = std::move(fix);
  finding.policy = {"logs.sinks", sink.origin.file, sink.origin.line};
  events_.emit(std::move(finding));
}

}  // namespace cofferdam::run
