#include "report/text.hpp"

#include <algorithm>
#include <cstring>
#include <span>
#include <string_view>
#include <vector>

#include "base/text.hpp"

namespace cofferdam::report {

namespace {

constexpr std::string_view kIndent = "         ";  // the width of "refused  "
constexpr std::size_t kLongestText = 160;
constexpr std::size_t kLongestCommand = 60;
constexpr std::size_t kRefusalLines = 3;
constexpr std::size_t kMostRefusals = 3;
constexpr std::size_t kMostItems = 3;

using Lines = std::vector<std::string>;
using Files = std::vector<const LostFile*>;

// At most `longest` bytes of `text` as a terminal may see it.
std::string shown(std::string_view text, std::size_t longest = kLongestText) {
  std::string visible = base::printable(text);
  if (visible.size() <= longest) return visible;
  std::size_t cut = longest - 3;
  while (cut > 0 && (static_cast<unsigned char>(visible[cut]) & 0xc0U) == 0x80) --cut;
  return visible.substr(0, cut) + "...";
}

std::string plural(std::uint64_t count, const std::string& noun) {
  return std::to_string(count) + " " + noun + (count == 1 ? "" : "s");
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

// Lost files of one kind: those that are named, and how many there are with those that are folded.
struct Kind {
  Files named;
  std::uint64_t count = 0;
  std::uint64_t bytes = 0;
};

// Everything the summary tells, sorted by what it says about it.
struct Losses {
  Kind source;
  Kind logs;
  Kind caches;
  Kind others;
  std::uint64_t deletions = 0;
  std::uint64_t files = 0;
  std::uint64_t bytes = 0;

  // The kind that a loss of `count` files belongs to, counted; null for what the summary does not tell as a file.
  Kind* count(const ScannedChange& what, const std::string& file_class, std::uint64_t count) {
    if (what.type != "file" && what.type != "symlink") return nullptr;
    if (what.change == Change::deleted) deletions += count;
    if (what.change == Change::deleted || what.change == Change::metadata) return nullptr;
    Kind& kind = file_class == "source" || file_class == "vcs" ? source
                 : file_class == "log"                         ? logs
                 : file_class == "cache"                       ? caches
                                                               : others;
    for (std::uint64_t* total : {&files, &kind.count}) *total += count;
    for (std::uint64_t* total : {&bytes, &kind.bytes}) *total += what.bytes;
    return &kind;
  }
};

Losses sort_losses(const Report& report) {
  Losses losses;
  for (const LostFile& file : report.lost) {
    if (Kind* kind = losses.count(file.what, file.file_class, 1)) kind->named.push_back(&file);
  }
  for (const FoldedLoss& loss : report.folded) (void)losses.count(loss.what, loss.file_class, loss.count);
  return losses;
}

std::string sized(const Kind& kind, const std::string& noun) {
  return plural(kind.count, noun) + " (" + base::human_bytes(kind.bytes) + ")";
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
      if (entry.finding.severity == Severity::error) refusals_.push_back(&entry);
    }
  }

  std::string text() {
    if (refusals_.empty() && losses_.files == 0 && losses_.deletions == 0 && report_.logs.dropped == 0) return "";
    std::size_t room = kSummaryLines - heads();
    const std::size_t items = std::min<std::size_t>(2, losses_.source.named.size() + losses_.others.named.size());
    room -= add_refusals(room - items);
    room -= add_files(losses_.source, sized(losses_.source, "source or version-control file"),
                      "change them outside of the run; --keep-writes DIR saves what was written", room);
    add_files(losses_.others, sized(losses_.others, "file"), "keep what must last in a database or an object store",
              room);
    if (losses_.logs.count != 0) {
      add("lost", sized(losses_.logs, "log file") + ": " + log_example() + "; log to stdout or stderr instead");
    }
    if (losses_.caches.count != 0) add("lost", sized(losses_.caches, "cache file") + ", made again when needed");
    if (report_.logs.dropped != 0) add("lost", plural(report_.logs.dropped, "log record") + " no sink could take");
    lines_.push_back(last_line());
    std::string text;
    for (const std::string& line : lines_) text += line + "\n";
    return text;
  }

 private:
  // Lines that are there whatever the room: the head of each section and the last line.
  [[nodiscard]] std::size_t heads() const {
    const auto one = [](bool present) { return present ? std::size_t{1} : std::size_t{0}; };
    return 1 + one(losses_.source.count != 0) + one(losses_.others.count != 0) + one(losses_.logs.count != 0) +
           one(losses_.caches.count != 0) + one(report_.logs.dropped != 0);
  }

  void add(std::string_view word, const std::string& text) {
    std::string line;
    if (options_.colour) line += word == "refused" ? "\x1b[1;31m" : "\x1b[33m";
    line += word;
    if (options_.colour) line += "\x1b[0m";
    line += kIndent.substr(word.size());
    lines_.push_back(line + text);
  }

  void add_more(const std::string& text) { lines_.push_back(std::string(kIndent) + text); }

  // Lines used.
  std::size_t add_refusals(std::size_t room) {
    const std::size_t before = lines_.size();
    std::size_t count = std::min(refusals_.size(), kMostRefusals);
    while (count > 0 && count * kRefusalLines + (count < refusals_.size() ? 1 : 0) > room) --count;
    for (const CountedFinding* entry : std::span(refusals_).first(count)) add_refusal(*entry);
    if (count < refusals_.size()) {
      const std::string more = "and " + plural(refusals_.size() - count, "other refusal");
      add_more(more);
    }
    return lines_.size() - before;
  }

  void add_refusal(const CountedFinding& entry) {
    const Finding& finding = entry.finding;
    const std::string times = entry.count > 1 ? " (" + std::to_string(entry.count) + " times)" : "";
    add("refused", shown(finding.message) + times);
    std::vector<std::string> parts;
    if (finding.process != nullptr) parts.push_back(described(*finding.process, finding.process));
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
    if (!finding.fix.empty()) add_more("instead: " + shown(finding.fix));
  }

  static std::string described(const ProcessInfo& process, const ProcessRef& ref) {
    std::string text = process.argv.empty() ? program_of(ref) : shown(base::shell_quote(process.argv), kLongestCommand);
    if (process.lineage.size() > 1) {
      const std::string parents = base::join(std::span(process.lineage).subspan(1), ", by ");
      text += " (pid " + std::to_string(process.pid) + ", started by " + shown(parents, kLongestCommand) + ")";
    }
    return text;
  }

  [[nodiscard]] std::string log_example() const {
    const Kind& logs = losses_.logs;
    if (logs.named.empty()) return "...";
    return place_of(logs.named.front()->what.path, options_) + (logs.count > 1 ? ", ..." : "");
  }

  // Lines used beyond the head.
  std::size_t add_files(const Kind& kind, const std::string& head, const std::string& instead, std::size_t room) {
    if (kind.count == 0) return 0;
    const Files& files = kind.named;
    add("lost", head + "; " + instead);
    std::size_t count = std::min({files.size(), kMostItems, room});
    if (count == 0) return 0;
    // The last line is needed to say how many are not named.
    const bool more = count < kind.count;
    for (const LostFile* file : std::span(files).first(count)) add_more(item(*file, options_));
    if (more) lines_.back() += ", and " + std::to_string(kind.count - count) + " more";
    return count;
  }

  [[nodiscard]] std::string ended(const InstanceResult& instance) const {
    if (instance.signal) {
      const char* name = sigabbrev_np(*instance.signal);
      return instance.name + " was ended by " +
             (name == nullptr ? "signal " + std::to_string(*instance.signal) : std::string("SIG") + name);
    }
    return instance.name + (instance.code ? " exited " + std::to_string(*instance.code) : " ended");
  }

  [[nodiscard]] std::string last_line() const {
    std::vector<std::string> parts;
    if (report_.instances.size() <= 3) {
      for (const InstanceResult& instance : report_.instances) parts.push_back(ended(instance));
    } else {
      parts.push_back(plural(report_.instances.size(), "instance"));
    }
    std::vector<std::string> counts;
    if (losses_.files != 0) {
      counts.push_back(plural(losses_.files, "file") + " lost (" + base::human_bytes(losses_.bytes) + ")");
    }
    if (losses_.deletions != 0) counts.push_back(plural(losses_.deletions, "deletion") + " undone");
    std::uint64_t refused = 0;
    for (const CountedFinding* entry : refusals_) refused += entry->count;
    if (refused != 0) counts.push_back(plural(refused, "refusal"));
    if (!counts.empty()) parts.push_back(base::join(counts, ", "));
    parts.push_back("full list: " +
                    (options_.report_file.empty() ? "--report FILE" : place_of(options_.report_file, options_)));
    return base::join(parts, "; ");
  }

  const Report& report_;
  const TextOptions& options_;
  Losses losses_;
  std::vector<const CountedFinding*> refusals_;
  Lines lines_;
};

}  // namespace

std::string summary(const Report& report, const TextOptions& options) {
  return Summary(report, options).text();
}

}  // namespace cofferdam::report
