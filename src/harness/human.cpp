#include "base/text.hpp"
#include "harness/formats.hpp"

namespace cofferdam::harness {
namespace {

constexpr std::size_t kMostShown = 4000;  // bytes of one stream

std::string indented(std::string_view text, std::string_view by) {
  std::string out;
  if (text.ends_with('\n')) text.remove_suffix(1);
  if (text.empty()) return out;
  for (const std::string_view line : base::split(text, '\n')) {
    out += std::string(by) + base::printable(line);
    while (out.ends_with(' ')) out.pop_back();
    out += '\n';
  }
  return out;
}

void add_stream(std::string& out, const std::string& title, std::string_view text) {
  if (text.empty()) return;
  const bool cut = text.size() > kMostShown;
  out += title + ":\n" + indented(text.substr(0, kMostShown), "  ");
  if (cut) out += "  ... (" + base::human_bytes(text.size()) + " in all)\n";
}

std::string seconds(std::chrono::milliseconds took) {
  if (took.count() < 1000) return std::to_string(took.count()) + " ms";
  return std::to_string(took.count() / 1000) + "." + std::to_string(took.count() % 1000 / 100) + " s";
}

}  // namespace

const char* to_string(CaseResult::Verdict verdict) {
  switch (verdict) {
    case CaseResult::Verdict::passed: return "passed";
    case CaseResult::Verdict::failed: return "failed";
    case CaseResult::Verdict::skipped: return "skipped";
    case CaseResult::Verdict::not_run: break;
  }
  return "not run";
}

std::string problem_text(const Problem& problem) {
  std::string text = problem.where.file + ":" + std::to_string(problem.where.line) + ":" +
                     std::to_string(problem.where.column) + ": " + base::printable(problem.message) + "\n";
  if (!problem.hint.empty()) text += indented(problem.hint, "  ");
  return text;
}

std::string output_text(const CaseResult& result) {
  std::string out;
  add_stream(out, "stdout", stream_text(result.outcome.records, "stdout"));
  add_stream(out, "stderr", stream_text(result.outcome.records, "stderr"));
  add_stream(out, "driver", result.outcome.drive_output);
  for (std::size_t i = 0; i < result.outcome.service_output.size(); ++i)
    add_stream(out, "service " + std::to_string(i + 1), result.outcome.service_output[i]);
  return out;
}

std::string human_text(const CaseResult& result, const std::string& previous_file, const HumanOptions& options) {
  using Verdict = CaseResult::Verdict;
  std::string out;
  if (result.file != previous_file) out += base::printable(result.file) + "\n";
  const char* word = result.verdict == Verdict::passed ? "ok  " : result.verdict == Verdict::failed ? "FAIL" : "skip";
  const char* colour = result.verdict == Verdict::passed   ? "\x1b[32m"
                       : result.verdict == Verdict::failed ? "\x1b[31m"
                                                           : "\x1b[33m";
  out += "  " + (options.colour ? colour + std::string(word) + "\x1b[0m" : std::string(word)) + "  " +
         base::printable(result.test.name);
  if (result.verdict == Verdict::skipped) {
    out += ": " + base::printable(result.reason) + "\n";
    return out;
  }
  out += " (" + seconds(result.took) + ")\n";
  for (const Problem& problem : result.problems) out += indented(problem_text(problem), "        ");
  const bool failed = result.verdict == Verdict::failed;
  if ((options.output || failed) && result.reason.empty()) out += indented(output_text(result), "        | ");
  // What it says of findings the problems tell as well.
  if (options.output) {
    std::string own;
    add_stream(own, "cofferdam", result.outcome.messages);
    out += indented(own, "        | ");
  }
  return out;
}

std::string human_summary(const std::vector<CaseResult>& results, std::chrono::milliseconds took, bool interrupted) {
  const Count all = count(results);
  std::string out = "\n" + std::to_string(all.passed) + " passed, " + std::to_string(all.failed) + " failed";
  if (all.skipped > 0) out += ", " + std::to_string(all.skipped) + " skipped";
  if (all.not_run > 0) out += ", " + std::to_string(all.not_run) + " not run";
  return out + " in " + seconds(took) + (interrupted ? "; interrupted" : "") + "\n";
}

}  // namespace cofferdam::harness
