// Carries one case out, by cofferdam's own binary, and says what came of it.
#pragma once

#include <map>
#include <string>

#include "harness/outcome.hpp"
#include "harness/test_file.hpp"

namespace cofferdam::harness {

struct RunContext {
  std::map<std::string, std::string> environment;  // of whoever runs the tests
  std::string program = "/proc/self/exe";
  int interrupt = -1;  // a descriptor that becomes readable when everything is to end
};

struct CaseRun {
  TestCase test;  // with the values of its variables
  Outcome outcome;
  std::string skipped;  // why it was not run; empty: it was
};

// Blocks until the case has ended and nothing of it runs any more. Several may run at the same time, each on a thread
// of its own. The environment of the instance is PATH, HOME, USER, LOGNAME, LANG, TZ and what the case says.
[[nodiscard]] CaseRun run_case(const WrittenCase& written, const RunContext& context);

}  // namespace cofferdam::harness
