#include "report/html.hpp"

#include <algorithm>
#include <array>
#include <ctime>

#include "base/json.hpp"
#include "base/text.hpp"
#include "policy/rule_catalog.hpp"
#include "report/html_parts.hpp"
#include "report/page.hpp"

namespace cofferdam::report {

namespace {

using Rows = std::vector<std::vector<std::string>>;

std::string code(std::string_view text) {
  return "<code>" + html_text(text) + "</code>";
}

std::string styled(const char* style, const std::string& text) {
  return std::string("<span class=\"") + style + "\">" + text + "</span>";
}

// "2026-11-23 18:44:36"
std::string moment(const std::timespec& time) {
  std::string text = base::rfc3339(time).substr(0, 19);
  std::ranges::replace(text, 'T', ' ');
  return text;
}

std::uint64_t count_of(const Report& report, Severity severity) {
  return static_cast<std::uint64_t>(std::ranges::count_if(
      report.findings, [&](const CountedFinding& entry) { return entry.finding.severity == severity; }));
}

class Html {
 public:
  Html(const Report& report, bool all) : report_(report), all_(all) {}

  std::string text() {
    head();
    findings();
    losses();
    timeline();
    connections();
    storage();
    logs();
    instances();
    enforcement();
    out_ += "</main><footer><p>Written by cofferdam " COFFERDAM_VERSION ". Audit: " +
            base::plural(report_.audit_events, "write event") + ", " +
            base::plural(report_.audit_disagreements, "disagreement") +
            " with the scan at the end.</p></footer></body></html>\n";
    return std::move(out_);
  }

 private:
  void head() {
    const std::string command = html_text(base::shell_quote(report_.command));
    out_ +=
        "<!DOCTYPE html>\n<html lang=\"en\"><head><meta charset=\"utf-8\">"
        "<meta http-equiv=\"Content-Security-Policy\" content=\"default-src 'none'; style-src 'unsafe-inline'; "
        "form-action 'none'; base-uri 'none'\">"
        "<meta name=\"viewport\" content=\"width=device-width, initial-scale=1\">"
        "<meta name=\"referrer\" content=\"no-referrer\"><title>cofferdam: " +
        command + "</title>\n";
    out_ += html_style();
    out_ += "</head><body><header><p class=\"soft\">cofferdam report</p><h1 class=\"mono\">" + command + "</h1>";
    out_ += "<p>Policy " + code(report_.policy) + ", mode " + html_text(report_.mode) + ", <time>" +
            moment(report_.started) + "</time> to <time>" + moment(report_.ended) + "</time> UTC</p>";
    out_ += "<nav aria-label=\"Sections\"><ul>";
    for (const auto& [id, title] : {std::pair{"findings", "Findings"},
                                    {"lost", "Lost"},
                                    {"timeline", "Timeline"},
                                    {"connections", "Connections"},
                                    {"storage", "Storage"},
                                    {"logs", "Logs"},
                                    {"instances", "Instances"},
                                    {"enforcement", "Enforcement"}}) {
      if (is_there(id)) out_ += std::string("<li><a href=\"#") + id + "\">" + title + "</a></li>";
    }
    out_ += "</ul></nav></header><main>\n";
    cards();
  }

  [[nodiscard]] bool is_there(std::string_view id) const {
    if (id == "timeline") return !report_.timeline.points.empty();
    if (id == "connections") return !report_.connections.empty();
    if (id == "storage") return has_storage();
    if (id == "enforcement") return !report_.enforcement.empty();
    return true;
  }

  void card(const std::string& figure, const std::string& what) {
    out_ += "<li><strong>" + figure + "</strong>" + what + "</li>";
  }

  void cards() {
    out_ += "<ul class=\"cards\">";
    const std::uint64_t errors = count_of(report_, Severity::error);
    const std::uint64_t warnings = count_of(report_, Severity::warning);
    card(errors == 0 ? styled("good", "0") : styled("bad", std::to_string(errors)),
         errors == 1 ? "refusal or error" : "refusals and errors");
    card(warnings == 0 ? styled("good", "0") : styled("mid", std::to_string(warnings)),
         warnings == 1 ? "warning" : "warnings");
    const auto [files, bytes] = lost_sum();
    card(base::grouped(files), (files == 1 ? "file lost, " : "files lost, ") + base::human_bytes(bytes));
    std::uint64_t attempts = 0;
    for (const CountedConnection& entry : report_.connections) attempts += entry.count;
    card(base::grouped(attempts), attempts == 1 ? "connection" : "connections");
    const std::uint64_t records = report_.logs.out.records + report_.logs.err.records;
    card(base::grouped(records), records == 1 ? "log record" : "log records");
    out_ += "</ul>\n";
  }

  [[nodiscard]] std::pair<std::uint64_t, std::uint64_t> lost_sum() const {
    std::uint64_t files = 0;
    std::uint64_t bytes = 0;
    const auto add = [&](const ScannedChange& what, std::uint64_t count) {
      if (what.type == "directory") return;
      files += count;
      if (what.change != Change::deleted) bytes += what.bytes;
    };
    for (const LostFile& file : report_.lost) add(file.what, 1);
    for (const FoldedLoss& many : report_.folded) add(many.what, many.count);
    return {files, bytes};
  }

  void open(const char* id, const std::string& title) {
    out_ += std::string("<section id=\"") + id + "\" aria-labelledby=\"" + id + "-title\"><h2 id=\"" + id +
            "-title\">" + title + "</h2>\n";
  }
  void close() { out_ += "</section>\n"; }

  void findings() {
    open("findings", report_.findings.empty() ? "No findings" : base::plural(report_.findings.size(), "finding"));
    if (report_.findings.empty()) out_ += "<p>The app did nothing that its production would not allow.</p>";
    for (const Severity severity : {Severity::error, Severity::warning, Severity::note}) {
      for (const CountedFinding& entry : report_.findings) {
        if (entry.finding.severity == severity) finding(entry);
      }
    }
    close();
  }

  void finding(const CountedFinding& entry) {
    const Finding& finding = entry.finding;
    const char* severity = to_string(finding.severity);
    out_ += std::string("<article class=\"finding ") + severity + "\"><h3><span class=\"tag\">" +
            html_text(finding.code) + " " + severity + "</span> " + html_text(finding.message) + "</h3><dl>";
    const auto row = [&](const char* name, const std::string& html) {
      if (!html.empty()) out_ += std::string("<dt>") + name + "</dt><dd>" + html + "</dd>";
    };
    row("Instead", html_text(finding.fix));
    if (const policy::RuleRow* rule = policy::find_rule(finding.code))
      row("In production", html_text(rule->production));
    if (finding.process) row("Process", code(process_text(finding.process)));
    std::string place = finding.policy.key;
    if (!finding.policy.file.empty()) place += " in " + finding.policy.file;
    if (finding.policy.line != 0) place += ":" + std::to_string(finding.policy.line);
    if (!place.empty()) row("Policy", code(place));
    if (report_.instances.size() > 1) row("Instance", html_text(entry.instance));
    if (entry.count > 1) row("Count", base::grouped(entry.count));
    out_ += "</dl></article>\n";
  }

  void losses() {
    const auto [files, bytes] = lost_sum();
    open("lost",
         files == 0 ? "Nothing was lost" : "Lost: " + base::plural(files, "file") + ", " + base::human_bytes(bytes));
    if (files == 0) {
      out_ += "<p>The app left no file that ends with its instance.</p>";
    } else {
      out_ += html_tree(report_.lost, report_.folded, all_);
    }
    if (!report_.kept.empty()) {
      std::vector<LostFile> kept;
      for (const ScannedChange& change : report_.kept) kept.push_back({change, "kept", {}, ""});
      out_ +=
          "<h3>Kept in persistent mounts: " + base::plural(kept.size(), "file") + "</h3>" + html_tree(kept, {}, all_);
    }
    close();
  }

  void timeline() {
    if (!is_there("timeline")) return;
    open("timeline", "Timeline");
    out_ += html_timeline(report_.timeline);
    close();
  }

  void connections() {
    if (!is_there("connections")) return;
    open("connections", "Connections");
    Rows rows;
    for (const CountedConnection& entry : report_.connections) {
      const ConnectEvent& to = entry.connection;
      rows.push_back({code(to.destination),
                      !to.allowed    ? styled("bad", "refused")
                      : to.connected ? styled("good", "connected")
                                     : styled("mid", "allowed, failed"),
                      html_text(to.engine), base::grouped(entry.count), code(process_text(to.process))});
    }
    constexpr std::array<std::string_view, 5> kHeads = {"Destination", "Outcome", "Database", "Times", "Process"};
    out_ += html_table("Destinations by process", kHeads, rows);
    close();
  }

  [[nodiscard]] bool has_storage() const {
    return std::ranges::any_of(report_.storage, [](const StorageUse& use) { return use.peak != 0; });
  }

  void storage() {
    if (!has_storage()) return;
    open("storage", "Storage");
    Rows rows;
    for (const StorageUse& use : report_.storage) {
      if (use.peak == 0) continue;
      const std::uint64_t percent = use.size == 0 ? 0 : std::min(use.peak, use.size) * 100 / use.size;
      rows.push_back(
          {code(use.path), base::human_bytes(use.peak) + " of " + base::human_bytes(use.size),
           "<div class=\"meter\" aria-hidden=\"true\"><svg viewBox=\"0 0 100 1\" preserveAspectRatio=\"none\">"
           "<rect class=\"bar\" width=\"" +
               std::to_string(percent) + "\" height=\"1\"/></svg></div>" + std::to_string(percent) + " %"});
    }
    constexpr std::array<std::string_view, 3> kHeads = {"Mount", "At its fullest", "Share"};
    out_ += html_table("Bytes of each mount", kHeads, rows);
    close();
  }

  void logs() {
    open("logs", "Logs");
    Rows rows;
    const auto stream = [&](const char* name, const StreamCount& count) {
      if (count.records != 0) rows.push_back({name, base::grouped(count.records), base::human_bytes(count.bytes)});
    };
    stream("stdout", report_.logs.out);
    stream("stderr", report_.logs.err);
    stream("syslog", report_.logs.syslog);
    stream("cofferdam", report_.logs.own);
    constexpr std::array<std::string_view, 3> kHeads = {"Stream", "Records", "Volume"};
    if (rows.empty()) {
      out_ += "<p>The app wrote no log records.</p>";
    } else {
      out_ += html_table("What was written", kHeads, rows);
    }
    rows.clear();
    for (const SinkCount& sink : report_.logs.sinks) {
      const std::string dropped = base::grouped(sink.dropped);
      rows.push_back({html_text(sink.name.empty() ? sink.type : sink.name), base::grouped(sink.delivered),
                      base::grouped(sink.pending), sink.dropped == 0 ? dropped : styled("bad", dropped)});
    }
    constexpr std::array<std::string_view, 4> kSinkHeads = {"Sink", "Delivered", "Pending", "Dropped"};
    if (!rows.empty()) out_ += html_table("Where it went", kSinkHeads, rows);
    close();
  }

  void instances() {
    open("instances", "Instances");
    Rows rows;
    for (const InstanceResult& instance : report_.instances) {
      rows.push_back({html_text(ended_text(instance)), base::grouped(instance.restarts),
                      instance.memory_peak == 0 ? "unknown" : base::human_bytes(instance.memory_peak),
                      base::human_bytes(instance.memory_tmpfs_peak)});
    }
    constexpr std::array<std::string_view, 4> kHeads = {"Instance", "Restarts", "Memory peak", "of it in files"};
    out_ += html_table("How each ended", kHeads, rows);
    close();
  }

  void enforcement() {
    if (!is_there("enforcement")) return;
    open("enforcement", "Enforcement");
    Rows rows;
    for (const EnforcementRow& row : report_.enforcement) {
      const char* style = row.level == Level::full ? "good" : row.level == Level::partial ? "mid" : "bad";
      rows.push_back(
          {html_text(row.rule), styled(style, to_string(row.level)), html_text(row.mechanism), html_text(row.advice)});
    }
    constexpr std::array<std::string_view, 4> kHeads = {"Rule", "Level", "By", "To change"};
    out_ += html_table("How well each rule was enforced", kHeads, rows);
    close();
  }

  const Report& report_;
  bool all_;
  std::string out_;
};

}  // namespace

std::string report_html(const Report& report, bool all) {
  return Html(report, all).text();
}

}  // namespace cofferdam::report
