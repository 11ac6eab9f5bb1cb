#include "report/text.hpp"

#include <algorithm>
#include <array>
#include <span>
#include <string_view>
#include <utility>
#include <vector>

#include "base/text.hpp"
#include "report/losses.hpp"
#include "report/page.hpp"

namespace cofferdam::report {

namespace {

constexpr std::string_view kIndent = "         ";  // the width of "refused  "
constexpr std::size_t kLongestText = 160;
constexpr std::size_t kLongestCommand = 60;
constexpr std::size_t kRefusalLines = 3;
constexpr std::size_t kMostRefusals = 3;
constexpr std::size_t kMostItems = 3;
constexpr std::size_t kClassLines = 2;
constexpr std::size_t kMostExpected = 3;
constexpr std::size_t kLongestMessage = 400;  // two paths and how they met
constexpr std::size_t kLongestFix = 1000;     // may hold a row of the policy, of use only when it is whole

using Lines = std::vector<std::string>;

// At most `longest` bytes of `text` as a terminal may see it.
std::string shown(std::string_view text, std::size_t longest = kLongestText) {
  std::string visible = base::printable(text);
  if (visible.size() <= longest) return visible;
  std::size_t cut = longest - 3;
  while (cut > 0 && (static_cast<unsigned char>(visible[cut]) & 0xc0U) == 0x80) --cut;
  return visible.substr(0, cut) + "...";
}

std::string program_of(const ProcessRef& process) {
  if (process == nullptr) return "";
  // A script is known by its own name, not by its interpreter's.
  const std::string& name = process->lineage.empty() ? process->exe : process->lineage.front();
  return shown(name.substr(name.rfind('/') + 1), kLongestCommand);
}

std::string place_of(std::string_view path, const TextOptions& options) {
  const std::string& home = options.working_directory;
  if (home.size() > 1 && path.size() > home.size() && base::is_beneath(path, home)) path.remove_prefix(home.size() + 1);
  return shown(path);
}

std::string sized(const LossGroup& group, const std::string& noun) {
  return base::plural(group.count, noun) + " (" + base::human_bytes(group.bytes) + ")";
}

std::string item(const LostFile& file, const TextOptions& options) {
  std::string text = place_of(file.what.path, options) + " (" + base::human_bytes(file.what.bytes);
  if (file.what.change == Change::modified) text += ", changed";
  if (!file.writers.empty()) text += ", by " + program_of(file.writers.front().process);
  return text + ")";
}

class Summary {
 public:
  Summary(const Report& report, const TextOptions& options)
      : report_(report), options_(options), losses_(sort_losses(report)) {
    for (const CountedFinding& entry : report.findings) {
      if (entry.finding.code.starts_with("CD13")) {
        if (entry.finding.severity != Severity::note) expected_.push_back(&entry);
      } else if (entry.finding.code == "CD103" || entry.finding.code == "CD107") {
        if (full_ == nullptr || full_->code > entry.finding.code) full_ = &entry.finding;
      } else if (entry.finding.code == "CD520" || entry.finding.code == "CD521") {
        // The last of a code has the figures of the whole run.
        std::erase_if(limits_, [&](const Finding* known) { return known->code == entry.finding.code; });
        limits_.push_back(&entry.finding);
      } else if (entry.finding.severity == Severity::error) {
        refusals_.push_back(&entry);
      }
    }
  }

  std::string text() {
    if (refusals_.empty() && losses_.files == 0 && losses_.deletions == 0 && report_.logs.dropped == 0 &&
        full_ == nullptr && limits_.empty() && !tells_hidden() && !report_.rehearsal) {
      return "";
    }
    std::size_t room = kSummaryLines - heads();
    if (report_.rehearsal) room -= std::min(room, add_rehearsal(*report_.rehearsal));
    const std::size_t classes = losses_.findings.empty() ? 0 : std::min(room, kClassLines);
    const std::size_t refusal = refusals_.empty() ? 0 : kRefusalLines + 1;
    const std::size_t items = std::min<std::size_t>(2, losses_.source.named.size() + losses_.others.named.size());
    const std::size_t spare = room > classes + refusal ? room - classes - refusal : 0;
    room -= add_refusals(room - classes - std::min(items, spare));
    room -= add_files(losses_.source, sized(losses_.source, "source file"),
                      "change source outside of the run; " + copies("--keep-writes DIR saves it"),
                      room - std::min(room, 2 * classes));
    add_repository();
    room -= add_classes(room);
    add_files(losses_.others, sized(losses_.others, "file"),
              losses_.one_off == nullptr
                  ? "keep what must last in a database or an object store"
                  : "no running instance sees what a one-off writes; " + copies("--keep-writes DIR saves it"),
              room);
    if (losses_.logs.count != 0) {
      add("lost", sized(losses_.logs, "log file") + ": " + log_example() + "; log to stdout or stderr instead");
    }
    if (losses_.made_again.count != 0)
      add("lost", sized(losses_.made_again, made_again()) + ", made again when needed");
    if (report_.logs.dropped != 0)
      add("lost", base::plural(report_.logs.dropped, "log record") + " no sink could take");
    if (full_ != nullptr) add_full(*full_);
    for (const Finding* limit : limits_) add_limit(*limit);
    if (tells_hidden()) add_hidden();
    lines_.push_back(last_line());
    std::string text;
    for (const std::string& line : lines_) text += line + "\n";
    return text;
  }

 private:
  // Lines that are there whatever the room: the head of each section and the last line.
  [[nodiscard]] std::size_t heads() const {
    const auto one = [](bool present) { return present ? std::size_t{1} : std::size_t{0}; };
    return 1 + one(losses_.source.count != 0) + one(losses_.vcs.count != 0) + one(losses_.others.count != 0) +
           one(losses_.logs.count != 0) + one(losses_.made_again.count != 0) + one(report_.logs.dropped != 0) +
           one(full_ != nullptr) + limits_.size() + one(tells_hidden());
  }

  // Where the bytes are, or how to get them.
  [[nodiscard]] std::string copies(const std::string& otherwise) const {
    return options_.kept_directory.empty() ? otherwise : "copies are in " + place_of(options_.kept_directory, options_);
  }

  [[nodiscard]] std::string made_again() const {
    constexpr std::array<std::pair<std::string_view, const char*>, 3> kNouns = {
        {{"cache", "cache file"}, {"pid", "PID file"}, {"lock", "lock file"}}};
    for (const auto& [file_class, noun] : kNouns) {
      const bool all = std::ranges::all_of(losses_.made_again.named,
                                           [&](const LostFile* file) { return file->file_class == file_class; });
      if (all) return noun;
    }
    return "cache, PID or lock file";
  }

  // A program that wanted a key fails without saying that the key is hidden.
  [[nodiscard]] bool tells_hidden() const {
    const bool failed = std::ranges::any_of(report_.instances, [](const InstanceResult& instance) {
      return instance.code.value_or(0) != 0 && instance.code.value_or(0) < 128;
    });
    return failed && !options_.hidden.empty();
  }

  void add_hidden() {
    std::vector<std::string> paths;
    for (std::string path : options_.hidden) {
      if (options_.home.size() > 1 && base::is_beneath(path, options_.home)) path.replace(0, options_.home.size(), "~");
      paths.push_back(shown(path));
    }
    add("hidden", shown(base::join(paths, ", ")) + "; to show one: {path: " + paths.front() +
                      ", type: read-only} in storage.mounts");
  }

  void add_repository() {
    if (losses_.vcs.count == 0) return;
    const std::string head = place_of(repository_of(losses_.vcs), options_) + " (" +
                             base::plural(losses_.vcs.count, "file") + ", " + base::human_bytes(losses_.vcs.bytes) +
                             "): ";
    if (losses_.committed) {
      add("lost", head + "commits made in the run are lost: commit outside of the run or push from it; " +
                      copies("--keep-writes DIR saves them"));
    } else {
      add("lost", head + "the state of the repository, no commit");
    }
  }

  // Lines used. Each class takes two; one that finds no room is named by its code.
  std::size_t add_classes(std::size_t room) {
    const auto& findings = losses_.findings;
    const std::size_t count = std::min(findings.size(), room / kClassLines);
    for (const CountedFinding* entry : std::span(findings).first(count)) add_class(entry->finding);
    if (count == 0 || count == findings.size()) return count * kClassLines;
    std::vector<std::string> codes;
    for (const CountedFinding* entry : std::span(findings).subspan(count)) {
      if (std::ranges::find(codes, entry->finding.code) == codes.end()) codes.push_back(entry->finding.code);
    }
    lines_.back() += "; also " + base::join(codes, ", ");
    return count * kClassLines;
  }

  void add_class(const Finding& finding) {
    // The reason is in the report and in `explain`; here it would push the names off the line.
    std::string message = finding.message.substr(0, finding.message.rfind("; "));
    const std::string home = options_.working_directory + "/";
    for (std::size_t at = message.find(home); home.size() > 1 && at != std::string::npos; at = message.find(home, at)) {
      message.erase(at, home.size());
    }
    for (const std::string_view end : {" are lost with the instance", " is lost with the instance"}) {
      if (message.ends_with(end)) message.resize(message.size() - end.size());
    }
    const std::string writer = program_of(finding.process);
    add("lost", shown(message) + (writer.empty() ? "" : ", by " + writer));
    add_more("instead: " + shown(finding.fix, kLongestFix) + " [" + finding.code + "]");
  }

  void add(std::string_view word, const std::string& text) {
    std::string line;
    if (options_.colour) line += word == "refused" || word == "missed" ? "\x1b[1;31m" : "\x1b[33m";
    line += word;
    if (options_.colour) line += "\x1b[0m";
    line += word.size() < kIndent.size() ? kIndent.substr(word.size()) : " ";
    lines_.push_back(line + text);
  }

  void add_more(const std::string& text) { lines_.push_back(std::string(kIndent) + text); }

  // The result, and each thing that was looked for; lines used.
  std::size_t add_rehearsal(const Rehearsal& rehearsal) {
    const std::size_t before = lines_.size();
    if (!rehearsal.stopped.empty()) {
      add("rehearsal", "not carried out: " + shown(rehearsal.stopped, kLongestMessage));
    } else if (expected_.empty()) {
      add("rehearsal",
          "passed: " + base::plural(rehearsal.written, "file") + " written by run 1, none was looked for later");
    } else {
      add("rehearsal", "failed: " + std::to_string(rehearsal.looked_for) + " of " +
                           base::plural(rehearsal.written, "file") + " that run 1 wrote " +
                           (rehearsal.looked_for == 1 ? "was" : "were") + " looked for later");
    }
    const std::size_t count = std::min(expected_.size(), kMostExpected);
    for (const CountedFinding* entry : std::span(expected_).first(count)) {
      add("missed", shown(entry->finding.message, kLongestMessage) + " [" + entry->finding.code + "]");
      add_more("instead: " + shown(entry->finding.fix, kLongestFix));
    }
    if (count < expected_.size()) lines_.back() += "; and " + std::to_string(expected_.size() - count) + " more";
    return lines_.size() - before;
  }

  // Lines used.
  std::size_t add_refusals(std::size_t room) {
    const std::size_t before = lines_.size();
    std::size_t count = std::min(refusals_.size(), kMostRefusals);
    while (count > 0 && count * kRefusalLines + (count < refusals_.size() ? 1 : 0) > room) --count;
    for (const CountedFinding* entry : std::span(refusals_).first(count)) add_refusal(*entry);
    if (count < refusals_.size()) {
      const std::string more = "and " + base::plural(refusals_.size() - count, "other refusal");
      add_more(more);
    }
    return lines_.size() - before;
  }

  void add_full(const Finding& finding) {
    const std::string_view message = finding.message;
    const std::string_view known = message.starts_with("storage is ") ? message.substr(11) : message;
    add("storage", shown(known, kLongestMessage) + "; " + shown(finding.fix, kLongestFix) + " [" + finding.code + "]");
  }

  void add_limit(const Finding& finding) {
    add("limit",
        shown(finding.message, kLongestMessage) + "; " + shown(finding.fix, kLongestFix) + " [" + finding.code + "]");
  }

  void add_refusal(const CountedFinding& entry) {
    const Finding& finding = entry.finding;
    const std::string times = entry.count > 1 ? " (" + std::to_string(entry.count) + " times)" : "";
    // "openat refused: /etc/x is not ..." says it once more.
    const std::size_t call = finding.message.find(" refused: ");
    const bool repeats = call != std::string::npos && finding.message.find(' ') == call;
    add("refused", shown(repeats ? finding.message.substr(call + 10) : finding.message) + times);
    std::vector<std::string> parts;
    if (finding.process != nullptr) {
      const bool lineage_told = finding.message.find(" <- ") != std::string::npos;
      parts.push_back(described(*finding.process, finding.process, !lineage_told));
    }
    const auto add_part = [&](const std::string& text, const std::string& display) {
      if (!text.empty() && finding.message.find(text) == std::string::npos) parts.push_back(display);
    };
    add_part(finding.destination, "to " + shown(finding.destination));
    add_part(finding.path, place_of(finding.path, options_));
    std::string rule = finding.policy.key;
    if (!finding.policy.file.empty()) {
      rule += " in " + place_of(finding.policy.file, options_);
      if (finding.policy.line != 0) rule += ":" + std::to_string(finding.policy.line);
    }
    parts.push_back((rule.empty() ? "" : rule + " ") + "[" + finding.code + "]");
    add_more(base::join(parts, "; "));
    if (!finding.fix.empty()) add_more("instead: " + shown(finding.fix, kLongestFix));
  }

  static std::string described(const ProcessInfo& process, const ProcessRef& ref, bool with_lineage) {
    const std::string text =
        process.argv.empty() ? program_of(ref) : shown(base::shell_quote(process.argv), kLongestCommand);
    if (process.lineage.size() < 2) return text;
    const std::string parents = base::join(std::span(process.lineage).subspan(1), ", by ");
    return text + " (pid " + std::to_string(process.pid) +
           (with_lineage ? ", started by " + shown(parents, kLongestCommand) + ")" : ")");
  }

  [[nodiscard]] std::string log_example() const {
    const LossGroup& logs = losses_.logs;
    if (logs.named.empty()) return "...";
    return place_of(logs.named.front()->what.path, options_) + (logs.count > 1 ? ", ..." : "");
  }

  // Lines used beyond the head.
  std::size_t add_files(const LossGroup& group, const std::string& head, const std::string& instead, std::size_t room) {
    if (group.count == 0) return 0;
    const Files& files = group.named;
    add("lost", head + "; " + instead);
    std::size_t count = std::min({files.size(), kMostItems, room});
    if (count == 0) return 0;
    // The last line is needed to say how many are not named.
    const bool more = count < group.count;
    for (const LostFile* file : std::span(files).first(count)) add_more(item(*file, options_));
    if (more) lines_.back() += ", and " + std::to_string(group.count - count) + " more";
    return count;
  }

  [[nodiscard]] std::string last_line() const {
    std::vector<std::string> parts;
    if (report_.instances.size() <= 3) {
      for (const InstanceResult& instance : report_.instances) parts.push_back(ended_text(instance));
    } else {
      parts.push_back(base::plural(report_.instances.size(), "instance"));
    }
    std::vector<std::string> counts;
    if (losses_.files != 0) {
      counts.push_back(base::plural(losses_.files, "file") + " lost (" + base::human_bytes(losses_.bytes) + ")" +
                       (options_.kept_directory.empty() ? "" : ", " + copies("")));
    }
    if (losses_.deletions != 0) counts.push_back(base::plural(losses_.deletions, "deletion") + " undone");
    std::uint64_t refused = 0;
    for (const CountedFinding* entry : refusals_) refused += entry->count;
    if (refused != 0) counts.push_back(base::plural(refused, "refusal"));
    if (!counts.empty()) parts.push_back(base::join(counts, ", "));
    parts.push_back("full list: " +
                    (options_.report_file.empty() ? "--report FILE" : place_of(options_.report_file, options_)));
    return base::join(parts, "; ");
  }

  const Report& report_;
  const TextOptions& options_;
  Losses losses_;
  std::vector<const CountedFinding*> refusals_;
  const Finding* full_ = nullptr;                // the first mount that was full, else nearly
  std::vector<const Finding*> limits_;           // memory and processes: one of each code
  std::vector<const CountedFinding*> expected_;  // of a rehearsal: missed by a later instance
  Lines lines_;
};

}  // namespace

std::string summary(const Report& report, const TextOptions& options) {
  return Summary(report, options).text();
}

}  // namespace cofferdam::report
