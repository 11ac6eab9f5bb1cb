// Folds the events of a run into its report.
#pragma once

#include <cstddef>
#include <cstdint>
#include <deque>
#include <map>
#include <string>
#include <unordered_map>
#include <utility>
#include <vector>

#include "cofferdam/event.hpp"
#include "cofferdam/report.hpp"
#include "report/write_audit.hpp"

namespace cofferdam::report {

struct CollectorOptions {
  std::string policy;                     // name of the policy, for the report
  std::vector<std::string> audit_ignore;  // storage.audit.ignore: globs of absolute paths kept out of `lost` only
  std::size_t max_paths = 100'000;        // paths remembered for each instance; see WriteAudit
  std::size_t max_entries = 10'000;       // different findings, and different connections; the rest is folded into one
  // A landed mkdir, mknod, symlink or link means that the name was free before. Say false where the supervisor does
  // not look, else each `mkdir -p` is taken for a defect.
  bool creations_are_certain = true;
};

// Memory is bounded by the options, whatever the app does. Identical findings (code, message, program, path,
// destination) and connections (destination, verdict, outcome, program) of an instance become one with a count.
//   Collector collector(options); ... events ...; collector.finish("web.1", scan, logs, peak); report =
//   collector.take();
class Collector : public EventSink {
 public:
  explicit Collector(CollectorOptions options) : options_(std::move(options)) {}

  void on_event(const Event& event) override;

  // The end of one instance: joins what the scan found with who wrote it, compares both (CD104), and adds the findings
  // that follow from what is lost (CD301 for each log file, CD102 for the rest). Call it once an instance, after its
  // last event. `memory_peak` in bytes, 0 when unknown.
  void finish(const std::string& instance, const ScanResult& scan, const LogCount& logs, std::uint64_t memory_peak);

  // The report; the collector is empty afterwards. `ended` is the time of the last event.
  [[nodiscard]] Report take();

 private:
  // What an event was folded into, for `repeated` events that refer to it.
  struct Folded {
    enum class Kind { finding, connection, write } kind = Kind::finding;
    std::size_t index = 0;
    std::string instance;
    WriteEvent write;
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
  void remember(std::uint64_t seq, Folded folded);
  void add_logs(const LogCount& logs);
  InstanceResult& instance_of(const std::string& name);
  WriteAudit& audit_of(const std::string& instance);

  CollectorOptions options_;
  Report report_;
  std::unordered_map<std::string, std::size_t> finding_index_;
  std::unordered_map<std::string, std::size_t> connection_index_;
  std::map<std::string, WriteAudit> audits_;
  std::map<std::string, std::uint64_t> gaps_;  // events lost, by instance
  std::unordered_map<std::uint64_t, Folded> recent_;
  std::deque<std::uint64_t> recent_order_;
};

}  // namespace cofferdam::report
