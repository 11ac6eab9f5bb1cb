#include "report/page.hpp"

#include <algorithm>
#include <cstring>
#include <ctime>
#include <span>

#include "base/text.hpp"

namespace cofferdam::report {

namespace {

std::string clock(const std::timespec& time) {
  std::tm parts{};
  char text[32] = "";
  if (gmtime_r(&time.tv_sec, &parts) == nullptr) return "";
  (void)std::strftime(text, sizeof text, "%Y-%m-%d %H:%M:%S", &parts);
  return text;
}

std::string padded(const std::string& text, std::size_t width) {
  return text.size() >= width ? text : text + std::string(width - text.size(), ' ');
}

class Page {
 public:
  Page(const Report& report, const TreeOptions& options) : report_(report), options_(options) {}

  std::string text() {
    head();
    findings();
    losses();
    kept();
    connections();
    storage();
    logs();
    enforcement();
    add("");
    add("Audit: " + base::plural(report_.audit_events, "write event") + ", " +
        base::plural(report_.audit_disagreements, "disagreement") + " with the scan at the end");
    return std::move(text_);
  }

 private:
  void add(const std::string& line) { text_ += line + "\n"; }

  void section(const std::string& title) {
    add("");
    add(options_.colour ? "\x1b[1m" + title + "\x1b[0m" : title);
  }

  void head() {
    add(base::printable(base::shell_quote(report_.command)));
    add("  policy " + base::printable(report_.policy) + ", mode " + base::printable(report_.mode) + ", " +
        clock(report_.started) + " to " + clock(report_.ended) + " UTC");
    for (const InstanceResult& instance : report_.instances) {
      add("  " + ended_text(instance) +
          (instance.restarts == 0 ? "" : ", started again " + base::plural(instance.restarts, "time")) +
          (instance.memory_peak == 0 ? "" : ", memory peak " + base::human_bytes(instance.memory_peak)));
    }
    if (report_.rehearsal) {
      const Rehearsal& rehearsal = *report_.rehearsal;
      add("  rehearsal: " +
          (rehearsal.stopped.empty()
               ? std::to_string(rehearsal.looked_for) + " of " + base::plural(rehearsal.written, "file") +
                     " that run 1 wrote " + (rehearsal.looked_for == 1 ? "was" : "were") + " looked for later"
               : "not carried out: " + base::printable(rehearsal.stopped)));
    }
  }

  void findings() {
    if (report_.findings.empty()) return;
    section(base::plural(report_.findings.size(), "finding"));
    for (const Severity severity : {Severity::error, Severity::warning, Severity::note}) {
      for (const CountedFinding& entry : report_.findings) {
        if (entry.finding.severity == severity) finding(entry);
      }
    }
  }

  void finding(const CountedFinding& entry) {
    const Finding& finding = entry.finding;
    const std::string times = entry.count > 1 ? " (" + std::to_string(entry.count) + " times)" : "";
    const char* colour = !options_.colour                        ? ""
                         : finding.severity == Severity::error   ? "\x1b[1;31m"
                         : finding.severity == Severity::warning ? "\x1b[33m"
                                                                 : "";
    add("  " + base::printable(finding.code) + "  " + colour + padded(to_string(finding.severity), 7) +
        (*colour == '\0' ? "" : "\x1b[0m") + "  " + base::printable(finding.message) +
        (find_count(finding, entry.count) ? "" : times));
    const auto detail = [&](const char* label, const std::string& text) {
      if (!text.empty()) add("                  " + padded(label, 9) + text);
    };
    detail("by", process_text(finding.process));
    std::string rule = finding.policy.key;
    if (!finding.policy.file.empty()) rule += " in " + finding.policy.file;
    if (finding.policy.line != 0) rule += ":" + std::to_string(finding.policy.line);
    detail("policy", base::printable(rule));
    detail("instead", base::printable(finding.fix));
  }

  // The messages of losses begin with the number of files; it is not said twice.
  static bool find_count(const Finding& finding, std::uint64_t count) {
    return finding.message.starts_with(std::to_string(count) + " ");
  }

  void losses() {
    const bool several = report_.instances.size() > 1;
    bool any = false;
    for (const InstanceResult& instance : report_.instances) {
      any |= add_losses(several ? "Lost with " + base::printable(instance.name) : "Lost with the instance",
                        [&](const std::string& of) { return !several || of == instance.name; });
    }
    if (any) return;
    add("");
    add("Nothing was lost.");
  }

  // The files of the instances that `is_told` admits; false when there are none.
  template <class Filter>
  bool add_losses(const std::string& title, const Filter& is_told) {
    std::vector<LostFile> lost;
    std::vector<FoldedLoss> folded;
    std::uint64_t files = 0;
    std::uint64_t bytes = 0;
    const auto count = [&](const ScannedChange& what, std::uint64_t times) {
      if (what.type == "directory") return;
      files += times;
      if (what.change != Change::deleted) bytes += what.bytes;
    };
    for (const LostFile& file : report_.lost) {
      if (!is_told(file.instance)) continue;
      count(file.what, 1);
      lost.push_back(file);
    }
    for (const FoldedLoss& many : report_.folded) {
      if (!is_told(many.instance)) continue;
      count(many.what, many.count);
      folded.push_back(many);
    }
    if (files == 0) return false;
    section(title + ": " + base::plural(files, "file") + ", " + base::human_bytes(bytes));
    text_ += loss_tree(lost, folded, options_);
    return true;
  }

  void kept() {
    if (report_.kept.empty()) return;
    section("Kept in persistent mounts: " + base::plural(report_.kept.size(), "file"));
    std::vector<LostFile> files;
    for (const ScannedChange& change : report_.kept) {
      LostFile file;
      file.what = change;
      file.file_class = "kept";
      files.push_back(std::move(file));
    }
    text_ += loss_tree(files, {}, options_);
  }

  void connections() {
    if (report_.connections.empty()) return;
    section("Connections");
    for (const CountedConnection& entry : report_.connections) {
      const ConnectEvent& connection = entry.connection;
      std::string line = "  " + padded(base::printable(connection.destination), 24) + " ";
      line += padded(connection.allowed ? connection.connected ? "connected" : "allowed, failed" : "refused", 15);
      if (!connection.engine.empty()) line += "  " + base::printable(connection.engine);
      if (entry.count > 1) line += "  " + base::plural(entry.count, "time");
      if (connection.process != nullptr) line += "  by " + process_text(connection.process);
      add(line);
    }
  }

  void storage() {
    const auto used = [](const StorageUse& use) { return use.peak != 0; };
    if (std::ranges::none_of(report_.storage, used)) return;
    section("Storage at its fullest");
    for (const StorageUse& use : report_.storage) {
      if (!used(use)) continue;
      const std::uint64_t percent = use.size == 0 ? 0 : std::min<std::uint64_t>(use.peak, use.size) * 100 / use.size;
      add("  " + padded(base::printable(use.path), 24) + " " + base::human_bytes(use.peak) + " of " +
          base::human_bytes(use.size) + " (" + std::to_string(percent) + " %)");
    }
  }

  void logs() {
    const LogCount& logs = report_.logs;
    section("Logs");
    const auto stream = [](const StreamCount& count) {
      return base::plural(count.records, "record") + " (" + base::human_bytes(count.bytes) + ")";
    };
    add("  stdout " + stream(logs.out) + ", stderr " + stream(logs.err) +
        (logs.dropped == 0 ? "" : ", " + std::to_string(logs.dropped) + " dropped"));
    for (const SinkCount& sink : logs.sinks) {
      std::string line = "  " + base::printable(sink.name.empty() ? sink.type : sink.name) + ": " +
                         std::to_string(sink.delivered) + " delivered";
      const auto also = [&](std::uint64_t count, const char* what) {
        if (count != 0) line += ", " + std::to_string(count) + " " + what;
      };
      also(sink.adopted, "of them from an earlier run's spill");
      also(sink.pending, sink.spilled == sink.pending ? "wait in the spill for the next run" : "pending");
      also(sink.dropped, "dropped");
      also(sink.rejected, "of these refused by the server");
      also(sink.saved, "of these in the fallback file");
      add(line);
    }
  }

  void enforcement() {
    if (report_.enforcement.empty()) return;
    section("Enforcement");
    for (const EnforcementRow& row : report_.enforcement) {
      add("  " + padded(base::printable(row.rule), 11) + padded(to_string(row.level), 9) +
          base::printable(row.mechanism));
      if (!row.advice.empty()) add("                      " + base::printable(row.advice));
    }
  }

  const Report& report_;
  const TreeOptions& options_;
  std::string text_;
};

}  // namespace

std::string process_text(const ProcessRef& process) {
  if (process == nullptr) return "";
  std::string text = process->argv.empty() ? process->exe : base::shell_quote(process->argv);
  text += " (pid " + std::to_string(process->pid);
  if (process->lineage.size() > 1) {
    text += ", started by " + base::join(std::span(process->lineage).subspan(1), ", by ");
  }
  return base::printable(text + ")");
}

std::string ended_text(const InstanceResult& instance) {
  const std::string name = base::printable(instance.name);
  if (instance.signal) {
    const char* signal = sigabbrev_np(*instance.signal);
    return name + " was ended by " +
           (signal == nullptr ? "signal " + std::to_string(*instance.signal) : std::string("SIG") + signal);
  }
  return name + (instance.code ? " exited " + std::to_string(*instance.code) : " ended");
}

std::string report_page(const Report& report, const TreeOptions& options) {
  return Page(report, options).text();
}

}  // namespace cofferdam::report
