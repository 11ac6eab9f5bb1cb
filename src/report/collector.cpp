#include "report/collector.hpp"

#include <algorithm>
#include <iterator>
#include <utility>

#include "base/text.hpp"
#include "report/classify.hpp"

namespace cofferdam::report {

namespace {

constexpr std::string_view kTheRest = "(others)";

std::string key_of(std::initializer_list<std::string_view> parts) {
  std::string key;
  for (const std::string_view part : parts) {
    key += part;
    key += '\0';
  }
  return key;
}

std::string_view exe_of(const ProcessRef& process) {
  return process == nullptr ? std::string_view{} : std::string_view(process->exe);
}

std::string examples(const std::vector<std::string>& paths, std::uint64_t count) {
  std::string text = base::join(paths, ", ");
  if (count > paths.size()) text += ", ...";
  return text;
}

std::string files(std::uint64_t count) {
  return std::to_string(count) + (count == 1 ? " file" : " files");
}

// `dir/**` means all of the directory: itself as well.
bool ignores(const std::vector<std::string>& globs, const ScannedChange& change) {
  return std::any_of(globs.begin(), globs.end(), [&](const std::string& glob) {
    return base::glob_match(glob, change.path) ||
           (change.type == "directory" && base::glob_match(glob, change.path + "/"));
  });
}

}  // namespace

void Collector::on_event(const Event& event) {
  if (report_.started.tv_sec == 0) report_.started = event.ts;
  report_.ended = event.ts;
  std::visit([&](const auto& body) { on(event, body); }, event.body);
}

void Collector::on(const Event& event, const StartedEvent& started) {
  InstanceResult& instance = instance_of(event.instance);
  if (instance.code || instance.signal) ++instance.restarts;
  report_.mode = started.mode;
  report_.command = started.command;
  report_.enforcement = started.enforcement;
}

void Collector::on(const Event& /*event*/, const ExecEvent& /*exec*/) {}

void Collector::on(const Event& event, const WriteEvent& write) {
  ++report_.audit_events;
  timeline_.add(event.ts, &TimelinePoint::writes, 1);
  if (write.outcome == WriteOutcome::refused) timeline_.add(event.ts, &TimelinePoint::refused, 1);
  WriteAudit& audit = state_of(event.instance).audit;
  remember({Folded::Kind::write, event.seq, 0, &audit, audit.record(write, event.ts)});
}

void Collector::on(const Event& event, const ConnectEvent& connect) {
  timeline_.add(event.ts, &TimelinePoint::connections, 1);
  if (!connect.allowed) timeline_.add(event.ts, &TimelinePoint::refused, 1);
  auto& connections = report_.connections;
  ConnectEvent entry = connect;
  if (connections.size() >= options_.max_entries) {
    entry.destination = kTheRest;
    entry.engine.clear();
  }
  const auto key = [&](const ConnectEvent& of) {
    return key_of(
        {event.instance, of.destination, of.allowed ? "+" : "-", of.connected ? "+" : "-", exe_of(of.process)});
  };
  auto known = connection_index_.find(key(connect));
  if (known == connection_index_.end()) {
    if (connections.size() >= 2 * options_.max_entries) entry.process = nullptr;
    const auto [place, fresh] = connection_index_.try_emplace(key(entry), connections.size());
    if (fresh) connections.push_back({entry, 0, event.instance});
    known = place;
  }
  ++connections[known->second].count;
  remember({Folded::Kind::connection, event.seq, known->second, nullptr, {}});
}

void Collector::on(const Event& event, const GapEvent& gap) {
  // A gap of a sink concerns log records, which are counted elsewhere.
  if (gap.sink.empty()) state_of(event.instance).gaps += gap.count;
}

void Collector::on(const Event& event, const Finding& finding) {
  const std::size_t index = add_finding(finding, event.instance, event.ts, 1);
  remember({Folded::Kind::finding, event.seq, index, nullptr, {}});
}

void Collector::on(const Event& /*event*/, const RepeatedEvent& repeated) {
  const Folded& folded = recent_[repeated.of % recent_.size()];
  if (folded.seq != repeated.of) return;
  switch (folded.kind) {
    case Folded::Kind::none: break;
    case Folded::Kind::finding: report_.findings[folded.index].count += repeated.count; break;
    case Folded::Kind::connection:
      report_.connections[folded.index].count += repeated.count;
      timeline_.add(repeated.last, &TimelinePoint::connections, repeated.count);
      break;
    case Folded::Kind::write:
      timeline_.add(repeated.last, &TimelinePoint::writes, repeated.count);
      report_.audit_events += repeated.count;
      folded.audit->repeat(folded.place, repeated.last, repeated.count);
      break;
  }
}

void Collector::on(const Event& event, const ExitedEvent& exited) {
  InstanceResult& instance = instance_of(event.instance);
  instance.code = exited.code;
  instance.signal = exited.signal;
}

std::size_t Collector::add_finding(const Finding& finding, const std::string& instance, const std::timespec& when,
                                   std::uint64_t count) {
  auto& findings = report_.findings;
  const auto key = [&](const Finding& of) {
    return key_of({instance, of.code, of.message, exe_of(of.process), of.path, of.destination});
  };
  auto known = finding_index_.find(key(finding));
  if (known == finding_index_.end()) {
    Finding entry = finding;
    if (findings.size() >= options_.max_entries) {
      entry.message = "further findings of this kind";
      entry.process = nullptr;
      entry.path.clear();
      entry.destination.clear();
    }
    const auto [place, fresh] = finding_index_.try_emplace(key(entry), findings.size());
    if (fresh) findings.push_back({std::move(entry), 0, when, instance});
    known = place;
  }
  findings[known->second].count += count;
  return known->second;
}

void Collector::remember(const Folded& folded) {
  recent_[folded.seq % recent_.size()] = folded;
}

InstanceResult& Collector::instance_of(const std::string& name) {
  auto& instances = report_.instances;
  const auto found = std::find_if(instances.begin(), instances.end(),
                                  [&](const InstanceResult& instance) { return instance.name == name; });
  if (found != instances.end()) return *found;
  instances.push_back({.name = name});
  return instances.back();
}

Collector::Instance& Collector::state_of(const std::string& instance) {
  const auto known = instances_.find(instance);
  if (known != instances_.end()) return known->second;
  return instances_.emplace(instance, Instance{WriteAudit(options_.max_paths), {}, 0}).first->second;
}

void Collector::add_logs(const LogCount& logs) {
  LogCount& all = report_.logs;
  const auto add = [](StreamCount& to, const StreamCount& count) {
    to.records += count.records;
    to.bytes += count.bytes;
  };
  add(all.out, logs.out);
  add(all.err, logs.err);
  add(all.syslog, logs.syslog);
  add(all.own, logs.own);
  all.dropped += logs.dropped;
  for (std::size_t i = 0; i < logs.sinks.size(); ++i) {
    const SinkCount& sink = logs.sinks[i];
    if (i == all.sinks.size()) all.sinks.push_back({.type = sink.type, .name = sink.name});
    SinkCount& sum = all.sinks[i];
    for (const auto member : {&SinkCount::records, &SinkCount::adopted, &SinkCount::delivered, &SinkCount::pending,
                              &SinkCount::spilled, &SinkCount::dropped, &SinkCount::rejected, &SinkCount::saved}) {
      sum.*member += sink.*member;
    }
  }
}

void Collector::visit(const std::string& instance, const ScannedChange& change) {
  Instance& state = state_of(instance);
  state.audit.visit(change);
  if (ignores(options_.audit_ignore, change)) return;
  std::vector<Writer> writers = state.audit.writers_of(change.path);
  const ProcessInfo* first = writers.empty() ? nullptr : writers.front().process.get();
  const std::string_view file_class = classify(change, first, options_.losses.project.directory);
  state.losses.add({change, std::string(file_class), std::move(writers)});
}

std::vector<Finding> Collector::finish(const std::string& instance, const ScanResult& scan, std::uint64_t memory_peak) {
  const std::size_t before = report_.findings.size();
  InstanceResult& result = instance_of(instance);
  result.memory_peak = std::max(result.memory_peak, memory_peak);
  result.memory_tmpfs_peak = std::max(result.memory_tmpfs_peak, scan.memory.tmpfs);
  LossFold::Taken losses = state_of(instance).losses.take();
  for (LostFile& file : losses.lost) file.instance = instance;
  for (FoldedLoss& loss : losses.folded) loss.instance = instance;
  report_.kept.insert(report_.kept.end(), scan.kept.begin(), scan.kept.end());
  report_.storage.insert(report_.storage.end(), scan.storage.begin(), scan.storage.end());
  for (auto& [finding, count] : storage_findings(losses.lost, losses.folded, options_.losses)) {
    add_finding(finding, instance, report_.ended, count);
  }
  for (auto& [finding, count] : kept_findings(scan.kept)) add_finding(finding, instance, report_.ended, count);
  std::move(losses.lost.begin(), losses.lost.end(), std::back_inserter(report_.lost));
  std::move(losses.folded.begin(), losses.folded.end(), std::back_inserter(report_.folded));
  compare(instance, scan);
  forget(instance);
  std::vector<Finding> found;
  for (std::size_t i = before; i < report_.findings.size(); ++i) found.push_back(report_.findings[i].finding);
  return found;
}

// What has ended has no repeated events any more, and one that is started again under the same name begins anew.
void Collector::forget(const std::string& instance) {
  const auto state = instances_.find(instance);
  for (Folded& folded : recent_) {
    if (folded.audit == &state->second.audit) folded = {};
  }
  instances_.erase(state);
}

void Collector::compare(const std::string& instance, const ScanResult& scan) {
  Finding finding;
  finding.code = "CD104";
  finding.severity = Severity::warning;
  finding.fix = "this is a defect of cofferdam, not of the application; please report it with the --events file";
  finding.policy.key = "storage";
  const auto add = [&](std::string message, const std::string& path, std::uint64_t count) {
    finding.message = std::move(message);
    finding.path = path;
    add_finding(finding, instance, report_.ended, count);
  };
  if (!scan.unreadable.empty()) {
    const Unreadable& first = scan.unreadable.front();
    add("the scan could not read " + first.path + " (" + first.why + "); the list of what is lost is incomplete there",
        first.path, scan.unreadable.size());
  }
  Instance& state = state_of(instance);
  if (state.gaps != 0) {
    // Without all events there is one witness less, and nothing to compare.
    add(std::to_string(state.gaps) + " events were lost, so writers may be missing and the audit was not checked", "",
        state.gaps);
    return;
  }
  Disagreement found = state.audit.conclude(scan);
  if (!options_.creations_are_certain) found.absent = 0;
  report_.audit_disagreements += found.unseen + found.absent;
  if (found.unseen != 0) {
    // A container's tmpfs is open to whoever enters the container beside us.
    const std::string defect = finding.fix;
    if (report_.mode == "container") {
      finding.fix =
          "docker exec, a health check or another container wrote it past cofferdam; if nobody did, " + defect;
    }
    add(files(found.unseen) +
            " changed without an event that says who did it: " + examples(found.unseen_paths, found.unseen),
        found.unseen_paths.front(), found.unseen);
    finding.fix = defect;
  }
  if (found.absent != 0) {
    add(files(found.absent) +
            " reported as created but not found at the end: " + examples(found.absent_paths, found.absent),
        found.absent_paths.front(), found.absent);
  }
}

Report Collector::take() {
  report_.policy = options_.policy;
  report_.directory = options_.directory;
  report_.timeline = timeline_.take();
  Report report = std::move(report_);
  report_ = Report{};
  finding_index_.clear();
  connection_index_.clear();
  instances_.clear();
  std::ranges::fill(recent_, Folded{});
  return report;
}

}  // namespace cofferdam::report
