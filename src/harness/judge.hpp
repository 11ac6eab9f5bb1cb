// What was expected against what came: pure.
#pragma once

#include <string>
#include <vector>

#include "harness/outcome.hpp"
#include "harness/test_case.hpp"

namespace cofferdam::harness {

// One way in which a case is not as expected.
struct Problem {
  Origin where;  // of the expectation
  std::string message;
  std::string hint = {};  // what to do; several lines possible
  std::string code = {};  // of the finding that it is about
};

// Empty: the case passes. A rule that is not enforced in full, and that the case does not name, is a problem whatever
// else holds.
[[nodiscard]] std::vector<Problem> judge(const TestCase& test, const Outcome& outcome);

}  // namespace cofferdam::harness
