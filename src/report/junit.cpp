#include "report/junit.hpp"

#include <array>
#include <map>
#include <string_view>
#include <vector>

#include "base/text.hpp"
#include "base/xml.hpp"
#include "policy/rule_catalog.hpp"

namespace cofferdam::report {

namespace {

using base::xml_attribute;
using base::xml_text;

struct Test {
  std::string name;
  std::vector<const CountedFinding*> failures;
  std::vector<const CountedFinding*> notes;
};

std::string line_of(const CountedFinding& counted) {
  const Finding& finding = counted.finding;
  std::string text = finding.code + ": " + finding.message;
  if (counted.count > 1) text += " (" + std::to_string(counted.count) + " times)";
  if (finding.process) text += "\n  by " + base::join(finding.process->argv, " ");
  if (!finding.fix.empty()) text += "\n  instead: " + finding.fix;
  return text + "\n";
}

std::string lines_of(const std::vector<const CountedFinding*>& findings) {
  std::string text;
  for (const CountedFinding* each : findings) text += line_of(*each);
  return text;
}

std::string text_of(const Test& test) {
  std::string out =
      "    <testcase" + xml_attribute("classname", "cofferdam") + xml_attribute("name", test.name) + ">\n";
  if (!test.failures.empty()) {
    const Finding& first = test.failures.front()->finding;
    out += "      <failure" + xml_attribute("message", first.message) + xml_attribute("type", first.code) + ">" +
           xml_text(lines_of(test.failures)) + "</failure>\n";
  }
  if (!test.notes.empty()) out += "      <system-out>" + xml_text(lines_of(test.notes)) + "</system-out>\n";
  return out + "    </testcase>\n";
}

}  // namespace

std::string to_junit(const Report& report) {
  constexpr int kPromises = 7;
  std::map<int, Test> tests;
  for (int promise = 1; promise <= kPromises; ++promise) {
    if (!policy::promise_text(promise).empty()) tests[promise].name = policy::promise_text(promise);
  }
  for (const CountedFinding& counted : report.findings) {
    const policy::RuleRow* row = policy::find_rule(counted.finding.code);
    const int promise = row == nullptr ? 0 : row->promise;
    if (!tests.contains(promise)) tests[promise].name = "the policy and the launcher";
    Test& test = tests[promise];
    (counted.finding.severity == Severity::note ? test.notes : test.failures).push_back(&counted);
  }
  std::size_t failed = 0;
  std::string cases;
  for (const auto& [promise, test] : tests) {
    failed += test.failures.empty() ? 0 : 1;
    cases += text_of(test);
  }
  const std::string counts = xml_attribute("tests", std::to_string(tests.size())) +
                             xml_attribute("failures", std::to_string(failed)) + xml_attribute("errors", "0");
  return "<?xml version=\"1.0\" encoding=\"UTF-8\"?>\n<testsuites" + xml_attribute("name", "cofferdam") + counts +
         ">\n" + "  <testsuite" + xml_attribute("name", base::join(report.command, " ")) + counts + ">\n" + cases +
         "  </testsuite>\n</testsuites>\n";
}

}  // namespace cofferdam::report
