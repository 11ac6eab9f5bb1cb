#include "harness/judge.hpp"

#include <csignal>
#include <cstring>
#include <iterator>

#include "base/text.hpp"
#include "harness/judge_parts.hpp"
#include "harness/text_match.hpp"

namespace cofferdam::harness {
namespace {

constexpr int kRefusedStart = 125;
constexpr std::size_t kMostQuoted = 2000;  // bytes of output in a problem

std::string signal_name(int number) {
  const char* name = sigabbrev_np(number);
  return name != nullptr ? "SIG" + std::string(name) : "signal " + std::to_string(number);
}

std::string exit_text(int status) {
  std::string text = std::to_string(status);
  if (status > 128 && status < 128 + SIGRTMIN) text += " (" + signal_name(status - 128) + ")";
  return text;
}

// A command that we stopped after its driver, and that the stop signal ended, has done what it should.
bool ended_by_our_stop(const Outcome& outcome) {
  return outcome.stopped && outcome.exit == 128 + SIGTERM;
}

// Without a report nothing was started. That passes only where the case says so, and says why.
std::vector<Problem> judge_refused_start(const Expectations& expect, const Outcome& outcome) {
  const bool expected = expect.exit == kRefusedStart;
  if (expected && outcome.exit == kRefusedStart && expect.messages) return {};
  const std::string hint =
      expected ? "a start that is to be refused must say why: add 'messages: {contains: ...}'\n" : "";
  return {{expect.where, "cofferdam did not start the command (exit " + std::to_string(outcome.exit) + ")",
           hint + "it said:\n" + outcome.messages}};
}

std::vector<Problem> judge_end(const Expectations& expect, const Outcome& outcome) {
  if (!outcome.report) return judge_refused_start(expect, outcome);
  const int wanted = expect.signal ? 128 + *expect.signal : expect.exit.value_or(0);
  const bool unspecified = !expect.signal && !expect.exit;
  if (outcome.exit == wanted || (unspecified && ended_by_our_stop(outcome))) return {};
  const std::string err = stream_text(outcome.records, "stderr");
  return {{expect.where, "expected exit " + exit_text(wanted) + ", got " + exit_text(outcome.exit),
           err.empty() ? "" : "it wrote to stderr:\n" + err.substr(0, kMostQuoted)}};
}

std::vector<Problem> judge_driver(const TestCase& test, const Outcome& outcome) {
  if (outcome.drive_exit.value_or(0) == 0) return {};
  const std::string& output = outcome.drive_output;
  return {{test.where, "the driver ended with " + exit_text(*outcome.drive_exit),
           output.empty() ? "it printed nothing" : "it printed:\n" + output.substr(0, kMostQuoted)}};
}

std::string in_words(const std::string& level) {
  return level == "full" ? "in full" : level == "partial" ? "in part" : "not at all";
}

std::vector<Problem> judge_enforcement(const TestCase& test, const Report& report) {
  std::vector<Problem> out;
  std::map<std::string, std::string> levels = test.expect.enforcement;
  for (const EnforcementRow& row : report.enforcement) {
    const std::string level = to_string(row.level);
    const auto named = levels.find(row.rule);
    const std::string wanted = named != levels.end() ? named->second : "full";
    if (level != wanted) {
      std::string hint = row.advice.empty() ? "" : row.advice + "\n";
      hint += "cofferdam doctor tells more; where it is meant: 'enforcement: {" + row.rule + ": " + level + "}'";
      out.push_back({test.expect.where,
                     "the rule " + row.rule + " is enforced " + in_words(level) + " here, expected " +
                         in_words(wanted) + " (" + row.mechanism + ")",
                     hint});
    }
    if (named != levels.end()) levels.erase(named);
  }
  for (const auto& [rule, level] : levels) {
    std::string rules;
    for (const EnforcementRow& row : report.enforcement) rules += (rules.empty() ? "" : ", ") + row.rule;
    out.push_back({test.expect.where, "the report has no rule " + rule, "its rules are " + rules});
  }
  return out;
}

std::vector<Problem> judge_texts(const TestCase& test, const Outcome& outcome) {
  std::vector<Problem> out;
  const auto compare = [&](const std::optional<TextMatcher>& matcher, const std::string& text, const char* what) {
    if (!matcher) return;
    for (std::string& message : mismatches(*matcher, text, what)) out.push_back({matcher->where, std::move(message)});
  };
  compare(test.expect.out, stream_text(outcome.records, "stdout"), "stdout");
  compare(test.expect.err, stream_text(outcome.records, "stderr"), "stderr");
  compare(test.expect.messages, outcome.messages, "what cofferdam said");
  for (const RecordRow& row : test.expect.logs) {
    if (auto problem = missing_record(row, outcome.records)) out.push_back(std::move(*problem));
  }
  return out;
}

std::vector<Problem> judge_rest(const TestCase& test, const Outcome& outcome) {
  const Expectations& expect = test.expect;
  std::vector<Problem> out;
  if (expect.host_unchanged && !outcome.host_changes.empty()) {
    const std::size_t more = outcome.host_changes.size() - 1;
    out.push_back({expect.where,
                   "the case's directory changed on the host: " + base::printable(outcome.host_changes.front()) +
                       (more > 0 ? " and " + std::to_string(more) + " more" : ""),
                   "services and drivers have ${SCRATCH} to write to; if this is meant: 'host_unchanged: false'"});
  }
  const auto took = [&] { return "it took " + std::to_string(outcome.duration.count()) + " ms, "; };
  if (expect.at_most && outcome.duration > *expect.at_most)
    out.push_back({expect.where, took() + "expected at most " + std::to_string(expect.at_most->count()) + " ms"});
  if (expect.at_least && outcome.duration < *expect.at_least)
    out.push_back({expect.where, took() + "expected at least " + std::to_string(expect.at_least->count()) + " ms"});
  return out;
}

}  // namespace

std::vector<Problem> judge(const TestCase& test, const Outcome& outcome) {
  if (outcome.trouble) return {{test.where, *outcome.trouble}};
  if (outcome.interrupted) return {{test.where, "interrupted"}};
  std::vector<Problem> problems;
  const auto add = [&](std::vector<Problem> more) {
    problems.insert(problems.end(), std::make_move_iterator(more.begin()), std::make_move_iterator(more.end()));
  };
  if (outcome.timed_out) {
    problems.push_back({test.where, "still running after " + std::to_string(test.timeout.count()) + " ms, killed",
                        "a longer time: 'timeout: 2m'; a server needs 'drive', whose end stops it"});
    return problems;
  }
  add(judge_end(test.expect, outcome));
  add(judge_driver(test, outcome));
  if (outcome.report) {
    const Paths paths{outcome.directory};
    add(judge_enforcement(test, *outcome.report));
    add(judge_findings(test.expect, *outcome.report, paths));
    add(judge_losses(test.expect, *outcome.report, paths));
    add(judge_connections(test.expect, *outcome.report));
  }
  if (outcome.report || problems.empty()) add(judge_texts(test, outcome));
  add(judge_rest(test, outcome));
  return problems;
}

}  // namespace cofferdam::harness
