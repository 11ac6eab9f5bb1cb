#include "harness/formats.hpp"

#include <array>
#include <cstdio>

#include "base/json.hpp"
#include "base/text.hpp"
#include "base/xml.hpp"

namespace cofferdam::harness {
namespace {

using Verdict = CaseResult::Verdict;

std::string problems_text(const CaseResult& result) {
  std::string text;
  for (const Problem& problem : result.problems) text += problem_text(problem);
  return text;
}

// --- TAP ---

// A description: `#` begins a directive and `\` escapes.
std::string tap_escaped(std::string_view text) {
  std::string out;
  for (const char letter : base::printable(text)) {
    if (letter == '#' || letter == '\\') out += '\\';
    out += letter;
  }
  return out;
}

std::string tap_diagnosis(const CaseResult& result) {
  std::string out = "  ---\n";
  const auto block = [&](const char* key, std::string_view text) {
    if (text.empty()) return;
    out += std::string("  ") + key + ": |2\n";
    for (const std::string_view line : base::split(text, '\n')) {
      if (!line.empty()) out += "      " + base::printable(line) + "\n";
    }
  };
  block("message", problems_text(result));
  block("output", output_text(result));
  return out + "  ...\n";
}

// --- XML ---

std::string seconds(std::chrono::milliseconds took) {
  std::array<char, 32> text{};
  std::snprintf(text.data(), text.size(), "%.3f", static_cast<double>(took.count()) / 1000);
  return text.data();
}

std::string junit_case(const CaseResult& result) {
  std::string out = "    <testcase" + base::xml_attribute("classname", result.file) +
                    base::xml_attribute("name", result.test.name) + base::xml_attribute("time", seconds(result.took)) +
                    ">\n";
  if (result.verdict == Verdict::skipped || result.verdict == Verdict::not_run) {
    out += "      <skipped" +
           base::xml_attribute("message", result.verdict == Verdict::skipped ? result.reason : "not run") + "/>\n";
  } else if (result.verdict == Verdict::failed) {
    out += "      <failure" + base::xml_attribute("message", result.problems.front().message) +
           base::xml_attribute("type", "expectation") + ">" + base::xml_text(problems_text(result)) + "</failure>\n";
    if (const std::string text = output_text(result); !text.empty())
      out += "      <system-out>" + base::xml_text(text) + "</system-out>\n";
  }
  return out + "    </testcase>\n";
}

std::string counts(const std::vector<CaseResult>& results) {
  const Count all = count(results);
  std::chrono::milliseconds took{0};
  for (const CaseResult& result : results) took += result.took;
  return base::xml_attribute("tests", std::to_string(results.size())) +
         base::xml_attribute("failures", std::to_string(all.failed)) + base::xml_attribute("errors", "0") +
         base::xml_attribute("time", seconds(took));
}

// --- JSON ---

void write_case(base::JsonWriter& json, const CaseResult& result) {
  json.begin_object().field("file", result.file).key("line").number(result.test.where.line);
  json.field("name", result.test.name).field("result", to_string(result.verdict));
  json.key("milliseconds").number(result.took.count());
  if (!result.reason.empty()) json.field("reason", result.reason);
  const bool ran = result.reason.empty() && result.verdict != Verdict::not_run;
  if (ran && !result.outcome.trouble) json.key("exit").number(result.outcome.exit);
  json.key("problems").begin_array();
  for (const Problem& problem : result.problems) {
    json.begin_object().field("file", problem.where.file).key("line").number(problem.where.line);
    json.key("column").number(problem.where.column).field("message", problem.message).field("hint", problem.hint);
    if (!problem.code.empty()) json.field("code", problem.code);
    json.end_object();
  }
  json.end_array();
  if (ran && result.verdict == Verdict::failed) {
    json.field("stdout", stream_text(result.outcome.records, "stdout"));
    json.field("stderr", stream_text(result.outcome.records, "stderr"));
    json.field("messages", result.outcome.messages);
  }
  json.end_object();
}

}  // namespace

std::string tap_text(const std::vector<CaseResult>& results) {
  std::string out = "TAP version 14\n1.." + std::to_string(results.size()) + "\n";
  std::size_t number = 0;
  for (const CaseResult& result : results) {
    out += result.verdict == Verdict::failed ? "not ok " : "ok ";
    out += std::to_string(++number) + " - " + tap_escaped(result.file + ": " + result.test.name);
    if (result.verdict == Verdict::skipped) out += " # SKIP " + tap_escaped(result.reason);
    if (result.verdict == Verdict::not_run) out += " # SKIP not run";
    out += '\n';
    if (result.verdict == Verdict::failed) out += tap_diagnosis(result);
  }
  return out;
}

std::string junit_text(const std::vector<CaseResult>& results) {
  std::string out = "<?xml version=\"1.0\" encoding=\"UTF-8\"?>\n<testsuites" +
                    base::xml_attribute("name", "cofferdam test") + counts(results) + ">\n";
  for (std::size_t begin = 0; begin < results.size();) {
    std::size_t end = begin;
    while (end < results.size() && results[end].file == results[begin].file) ++end;
    const std::vector<CaseResult> suite(results.begin() + static_cast<std::ptrdiff_t>(begin),
                                        results.begin() + static_cast<std::ptrdiff_t>(end));
    const Count all = count(suite);
    out += "  <testsuite" + base::xml_attribute("name", suite.front().file) + counts(suite) +
           base::xml_attribute("skipped", std::to_string(all.skipped + all.not_run)) + ">\n";
    for (const CaseResult& result : suite) out += junit_case(result);
    out += "  </testsuite>\n";
    begin = end;
  }
  return out + "</testsuites>\n";
}

std::string json_text(const std::vector<CaseResult>& results) {
  const Count all = count(results);
  base::JsonWriter json;
  json.begin_object().key("v").number(1).field("cofferdam", COFFERDAM_VERSION);
  json.key("passed").unsigned_number(all.passed).key("failed").unsigned_number(all.failed);
  json.key("skipped").unsigned_number(all.skipped).key("not_run").unsigned_number(all.not_run);
  json.key("cases").begin_array();
  for (const CaseResult& result : results) write_case(json, result);
  json.end_array().end_object();
  return json.take() + "\n";
}

}  // namespace cofferdam::harness
