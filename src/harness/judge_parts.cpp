#include "harness/judge_parts.hpp"

#include <algorithm>

#include "base/text.hpp"
#include "harness/text_match.hpp"

namespace cofferdam::harness {
namespace {

bool is_by(const std::string& pattern, const ProcessRef& process) {
  return pattern.empty() || (process && is_program(pattern, process->exe, process->argv));
}

// As it was called: sh rather than dash, python3 rather than python3.11.
std::string program_of(const ProcessRef& process) {
  if (!process) return "";
  return std::string(base::base_name(process->argv.empty() ? process->exe : process->argv.front()));
}

bool matches(const FindingRow& row, const Finding& finding, const Paths& paths) {
  return row.code == finding.code && (row.severity.empty() || row.severity == to_string(finding.severity)) &&
         is_by(row.process, finding.process) && (row.path.empty() || paths.match(row.path, finding.path)) &&
         (row.destination.empty() || is_destination(row.destination, finding.destination));
}

// "CD201 by psql at 127.0.0.1:5432"
std::string describe(const FindingRow& row) {
  std::string text = row.code;
  if (!row.severity.empty()) text += " (" + row.severity + ")";
  if (!row.process.empty()) text += " by " + row.process;
  if (!row.path.empty()) text += " on " + row.path;
  if (!row.destination.empty()) text += " at " + row.destination;
  return text;
}
std::string describe(const CountedFinding& entry, const Paths& paths) {
  const Finding& finding = entry.finding;
  std::string text = finding.code + " (" + to_string(finding.severity) + ")";
  if (finding.process) text += " by " + program_of(finding.process);
  if (!finding.path.empty()) text += " on " + paths.shown(finding.path);
  if (!finding.destination.empty()) text += " at " + finding.destination;
  if (entry.count > 1) text += ", " + std::to_string(entry.count) + " times";
  return text;
}

// As YAML, to be pasted below `findings`.
std::string as_row(const CountedFinding& entry, const Paths& paths) {
  const Finding& finding = entry.finding;
  std::string row = "- {code: " + finding.code;
  if (finding.process) row += ", process: \"" + program_of(finding.process) + "\"";
  if (!finding.path.empty()) row += ", path: \"" + paths.shown(finding.path) + "\"";
  if (!finding.destination.empty()) row += ", destination: \"" + finding.destination + "\"";
  return row + "}";
}

Problem missing(const FindingRow& row, std::uint64_t seen, const Report& report, const Paths& paths) {
  Problem problem{row.where, "", "", row.code};
  if (seen > 0) {
    problem.message =
        describe(row) + " came " + base::plural(seen, "time") + ", expected " + std::to_string(row.count.value_or(1));
    return problem;
  }
  problem.message = "expected " + describe(row) + ", which did not come";
  std::string same;
  std::string others;
  for (const CountedFinding& entry : report.findings) {
    std::string& list = entry.finding.code == row.code ? same : others;
    list += "\n  " + describe(entry, paths);
  }
  problem.hint = !same.empty()     ? "with this code came:" + same
                 : !others.empty() ? "what came:" + others
                                   : "no finding came at all";
  return problem;
}

Problem unexpected(const CountedFinding& entry, const Expectations& expect, const Paths& paths) {
  const Finding& finding = entry.finding;
  std::string hint = "fix: " + finding.fix;
  if (!finding.policy.key.empty()) {
    hint += "\npolicy: " + finding.policy.key;
    if (!finding.policy.file.empty()) hint += " in " + finding.policy.file;
    if (finding.policy.line > 0) hint += ":" + std::to_string(finding.policy.line);
  }
  hint += "\nif it is right, expect it:\n  findings:\n    " + as_row(entry, paths);
  return {expect.where, "not expected: " + describe(entry, paths) + ": " + finding.message, hint, finding.code};
}

struct Path {
  const std::string* path;
  bool folded;     // stands for files below it
  bool directory;  // files alone are expected to be named
};

bool covers(const PathRow& row, const Path& path, const Paths& paths) {
  return paths.match(row.glob, *path.path) || (path.folded && paths.match(row.glob, *path.path + "/x"));
}

std::vector<Problem> missing_paths(const std::vector<PathRow>& rows, const std::vector<Path>& all, const Paths& paths,
                                   const std::string& what) {
  constexpr std::size_t kShown = 8;
  std::vector<Problem> out;
  for (const PathRow& row : rows) {
    if (std::ranges::any_of(all, [&](const Path& path) { return covers(row, path, paths); })) continue;
    std::string hint;
    for (std::size_t i = 0; i < std::min(all.size(), kShown); ++i) hint += "\n  " + paths.shown(*all[i].path);
    if (all.size() > kShown) hint += "\n  and " + std::to_string(all.size() - kShown) + " more";
    out.push_back({row.where, "expected " + row.glob + " to be " + what + ", and no such file was",
                   all.empty() ? "nothing was " + what : "what was " + what + ":" + hint});
  }
  return out;
}

std::string describe(const ConnectionRow& row) {
  return "a connection to " + row.destination + (row.process.empty() ? "" : " by " + row.process) +
         (row.allowed ? " to be allowed" : " to be refused");
}

}  // namespace

bool Paths::match(const std::string& glob, const std::string& path) const {
  const bool anywhere = glob.starts_with('/') || glob.starts_with("**");
  return base::glob_match(anywhere ? glob : directory + "/" + (glob.starts_with("./") ? glob.substr(2) : glob), path);
}

std::string Paths::shown(const std::string& path) const {
  return path.starts_with(directory + "/") ? path.substr(directory.size() + 1) : path;
}

std::vector<Problem> judge_findings(const Expectations& expect, const Report& report, const Paths& paths) {
  std::vector<Problem> out;
  for (const FindingRow& row : expect.findings) {
    std::uint64_t seen = 0;
    for (const CountedFinding& entry : report.findings) {
      if (matches(row, entry.finding, paths)) seen += entry.count;
    }
    if (seen == 0 || (row.count && *row.count != seen)) out.push_back(missing(row, seen, report, paths));
  }
  if (expect.other_findings) return out;
  for (const CountedFinding& entry : report.findings) {
    const bool named =
        std::ranges::any_of(expect.findings, [&](const FindingRow& row) { return matches(row, entry.finding, paths); });
    if (!named && entry.finding.severity != Severity::note) out.push_back(unexpected(entry, expect, paths));
  }
  return out;
}

std::vector<Problem> judge_losses(const Expectations& expect, const Report& report, const Paths& paths) {
  std::vector<Path> lost;
  for (const LostFile& each : report.lost) lost.push_back({&each.what.path, false, each.what.type == "directory"});
  for (const FoldedLoss& each : report.folded) lost.push_back({&each.what.path, true, false});
  std::vector<Path> kept;
  for (const ScannedChange& each : report.kept) kept.push_back({&each.path, false, each.type == "directory"});
  std::vector<Problem> out = missing_paths(expect.lost, lost, paths, "lost");
  std::vector<Problem> more = missing_paths(expect.kept, kept, paths, "kept");
  out.insert(out.end(), more.begin(), more.end());
  if (expect.other_losses) return out;
  for (const Path& path : lost) {
    if (path.directory) continue;
    if (std::ranges::any_of(expect.lost, [&](const PathRow& row) { return covers(row, path, paths); })) continue;
    out.push_back(
        {expect.where, "lost, and not expected to be: " + paths.shown(*path.path), "if it is right, add it to 'lost'"});
  }
  return out;
}

std::vector<Problem> judge_connections(const Expectations& expect, const Report& report) {
  std::vector<Problem> out;
  for (const ConnectionRow& row : expect.connections) {
    std::uint64_t seen = 0;
    std::string came;
    for (const CountedConnection& entry : report.connections) {
      const ConnectEvent& connection = entry.connection;
      came += "\n  " + connection.destination + " by " + program_of(connection.process) +
              (connection.allowed ? ", allowed" : ", refused");
      if (connection.allowed == row.allowed && is_destination(row.destination, connection.destination) &&
          is_by(row.process, connection.process)) {
        seen += entry.count;
      }
    }
    if (seen > 0 && (!row.count || *row.count == seen)) continue;
    const std::string wanted = row.count
                                   ? std::to_string(*row.count) + " times, it came " + std::to_string(seen) + " times"
                                   : "which did not come";
    out.push_back({row.where, "expected " + describe(row) + ", " + wanted,
                   came.empty() ? "there was no connection" : "what came:" + came});
  }
  return out;
}

std::optional<Problem> missing_record(const RecordRow& row, const std::vector<Record>& records) {
  const auto fits = [&](const Record& record) {
    return (row.stream.empty() || row.stream == record.stream) && (row.level.empty() || row.level == record.level) &&
           (!row.message || mismatches(*row.message, record.message, "").empty()) &&
           std::ranges::all_of(row.fields, [&](const auto& field) {
             const auto found = record.fields.find(field.first);
             return found != record.fields.end() && found->second == field.second;
           });
  };
  if (std::ranges::any_of(records, fits)) return std::nullopt;
  constexpr std::size_t kShown = 8;
  std::string came;
  for (std::size_t i = 0; i < std::min(records.size(), kShown); ++i)
    came += "\n  " + records[i].stream + " " + records[i].level + " " + shown(records[i].message);
  return Problem{
      row.where, "expected a log record that did not come",
      records.empty() ? "there was no record; they are read from the policy's console sink" : "what came:" + came};
}

}  // namespace cofferdam::harness
