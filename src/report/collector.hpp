// Folds the events of a run into its report.
#pragma once

#include <cstddef>
#include <cstdint>
#include <deque>
#include <map>
#include <string>
#include <unordered_map>
#include <vector>

#include "cofferdam/event.hpp"
#include "cofferdam/report.hpp"
#include "report/loss_fold.hpp"
#include "report/storage_findings.hpp"
#include "report/timeline.hpp"
#include "report/write_audit.hpp"

namespace cofferdam::report {

struct CollectorOptions {
  std::string policy;                     // name of the policy, for the report
  std::string directory;                  // where the command runs, for the report
  std::vector<std::string> audit_ignore;  // storage.audit.ignore: globs of absolute paths kept out of `lost` only
  std::size_t max_paths = 65'536;         // paths remembered for each instance; see WriteAudit
  std::size_t max_entries = 2'000;        // different findings, and different connections; the rest is folded into one
  // A landed mkdir, mknod, symlink or link means that the name was free before. Say false where the supervisor does
  // not look, else each `mkdir -p` is taken for a defect.
  bool creations_are_certain = true;
  LossContext losses = {};  // what the findings about lost files need to know of the project
};

// Memory is bounded by the options, whatever the app does. Identical findings (code, message, program, path,
// destination) and connections (destination, verdict, outcome, program) of an instance become one with a count.
//   Collector collector(options); ... events ...; for each change of the scan: collector.visit("web.1", change);
//   for (const Finding& finding : collector.finish("web.1", scan, peak)) ...; collector.add_logs(logs);
//   report = collector.take();
class Collector : public EventSink {
 public:
  explicit Collector(CollectorOptions options) : options_(std::move(options)) {}

  void on_event(const Event& event) override;

  // One change that the scan found, joined with who wrote it. After the last event of the instance.
  void visit(const std::string& instance, const ScannedChange& change);

  // The end of one instance, after its last visit: compares events and scan (CD104), and adds the findings that follow
  // from what is lost (storage_findings). Returns these, of which no event tells. `memory_peak` in bytes, 0 when
  // unknown.
  std::vector<Finding> finish(const std::string& instance, const ScanResult& scan, std::uint64_t memory_peak);

  // What became of an instance's records; those of several instances are added up, sink by sink.
  void add_logs(const LogCount& logs);

  // So many bytes of output since the last call, seen at `when`.
  void add_output(std::uint64_t bytes, const std::timespec& when) {
    if (bytes != 0) timeline_.add(when, &TimelinePoint::log_bytes, bytes);
  }

  // The report; the collector is empty afterwards. `ended` is the time of the last event.
  [[nodiscard]] Report take();

 private:
  // What an event was folded into, for `repeated` events that refer to it.
  struct Folded {
    enum class Kind { none, finding, connection, write } kind = Kind::none;
    std::uint64_t seq = 0;
    std::size_t index = 0;
    WriteAudit* audit = nullptr;
    WriteAudit::Place place;
  };
  struct Instance {
    WriteAudit audit;
    LossFold losses;
    std::uint64_t gaps = 0;  // events lost
  };

  void on(const Event& event, const StartedEvent& started);
  void on(const Event& event, const ExecEvent& exec);
  void on(const Event& event, const WriteEvent& write);
  void on(const Event& event, const ConnectEvent& connect);
  void on(const Event& event, const GapEvent& gap);
  void on(const Event& event, const Finding& finding);
  void on(const Event& event, const RepeatedEvent& repeated);
  void on(const Event& event, const ExitedEvent& exited);

  std::size_t add_finding(const Finding& finding, const std::string& instance, const std::timespec& when,
                          std::uint64_t count);
  void compare(const std::string& instance, const ScanResult& scan);
  void forget(const std::string& instance);
  void remember(const Folded& folded);
  InstanceResult& instance_of(const std::string& name);
  Instance& state_of(const std::string& instance);

  CollectorOptions options_;
  Report report_;
  std::unordered_map<std::string, std::size_t> finding_index_;
  std::unordered_map<std::string, std::size_t> connection_index_;
  std::map<std::string, Instance> instances_;
  TimelineFold timeline_;
  std::vector<Folded> recent_ = std::vector<Folded>(kRepeatWindow + 1);  // by seq
};

}  // namespace cofferdam::report
