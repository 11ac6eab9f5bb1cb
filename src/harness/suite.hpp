// All cases of all files: found, picked, run side by side, told of in their order.
#pragma once

#include <chrono>
#include <functional>
#include <string>
#include <vector>

#include "cofferdam/result.hpp"
#include "harness/judge.hpp"
#include "harness/run_case.hpp"

namespace cofferdam::harness {

// Files named *.test.yaml below the directories, sorted; a file that is named itself is taken whatever it is called.
// Hidden directories, node_modules and links to directories are not entered. Errors name the place that is not there.
[[nodiscard]] Result<std::vector<std::string>> find_tests(const std::vector<std::string>& places);

struct CaseResult {
  enum class Verdict { passed, failed, skipped, not_run };
  Verdict verdict = Verdict::not_run;
  std::string file;
  TestCase test;
  Outcome outcome;
  std::vector<Problem> problems;  // of a failed one
  std::string reason;             // of a skipped one
  std::chrono::milliseconds took{0};
};

struct SuiteOptions {
  unsigned jobs = 1;
  bool fail_fast = false;
  bool skips_fail = false;
};

// `tell` gets each result in the order of the cases, as soon as those before it are there; from one thread at a time.
// After an interrupt the cases that had not begun are `not_run`.
[[nodiscard]] std::vector<CaseResult> run_suite(const std::vector<WrittenCase>& cases, const SuiteOptions& options,
                                                const RunContext& context,
                                                const std::function<void(const CaseResult&)>& tell);

struct Count {
  std::size_t passed = 0;
  std::size_t failed = 0;
  std::size_t skipped = 0;
  std::size_t not_run = 0;
};
[[nodiscard]] Count count(const std::vector<CaseResult>& results);

}  // namespace cofferdam::harness
