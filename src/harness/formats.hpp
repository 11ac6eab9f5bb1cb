// The results of policy tests as text.
#pragma once

#include <span>
#include <string>
#include <vector>

#include "harness/suite.hpp"

namespace cofferdam::harness {

struct HumanOptions {
  bool colour = false;
  bool output = false;  // of every case, not only of failed ones
};
// One case; `previous_file` is that of the one before, "" at the beginning.
[[nodiscard]] std::string human_text(const CaseResult& result, const std::string& previous_file,
                                     const HumanOptions& options);
// The last line.
[[nodiscard]] std::string human_summary(const std::vector<CaseResult>& results, std::chrono::milliseconds took,
                                        bool interrupted);

// TAP version 14 (testanything.org), with a YAML block of what failed; its readers of version 13 take it, too.
[[nodiscard]] std::string tap_text(const std::vector<CaseResult>& results);
// A testsuite a file, as Jenkins' junit-10.xsd has it.
[[nodiscard]] std::string junit_text(const std::vector<CaseResult>& results);
// {"v":1,"cofferdam":"...","passed":1,"failed":0,"skipped":0,"not_run":0,"cases":[{"file","line","name","result",
// "milliseconds","reason"?,"exit"?,"problems":[{"file","line","column","message","hint","code"?}],"stdout"?,"stderr"?,
// "messages"?}]}: output of failed cases only.
[[nodiscard]] std::string json_text(const std::vector<CaseResult>& results);

// "passed", "failed", "skipped", "not run"
[[nodiscard]] const char* to_string(CaseResult::Verdict verdict);
// What a failed case printed, for people: stdout, stderr, driver, services.
[[nodiscard]] std::string output_text(const CaseResult& result);
// "file:line:column: message" and the hint, indented by two spaces.
[[nodiscard]] std::string problem_text(const Problem& problem);

}  // namespace cofferdam::harness
