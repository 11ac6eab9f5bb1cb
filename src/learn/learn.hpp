// Runs an application permissively and writes the smallest policy under which it runs the same.
#pragma once

#include <map>
#include <string>
#include <vector>

#include "run/run.hpp"

namespace cofferdam::learn {

struct LearnRequest {
  run::RunRequest run;  // `policy` unset: the shipped one that fits the project
  std::string output;   // the file to write
  bool merge = false;   // `output` is there: it is the policy of the run, and what it lacks is added
  bool overwrite = false;
  bool deny_egress = false;
};

struct Learned {
  run::RunResult result;
  std::string file;           // that was written
  std::string extends;        // empty when merged
  std::size_t additions = 0;  // rows that are new or have a greater size
  std::size_t findings = 0;   // that remain, as comments
};

// Blocks until the app has ended; see run::run for what it asks of the process. Errors: the output can't be written or
// is there already, the run could not start, the policy that came out is not valid (then it stands in FILE.rejected).
[[nodiscard]] Result<Learned> learn(LearnRequest request, run::Say say);

// The shipped policy for a command in a directory: "django", "node", "go", else "twelve-factor".
[[nodiscard]] std::string shipped_policy_for(const std::vector<std::string>& argv, const std::string& directory,
                                             const std::map<std::string, std::string>& environment);

}  // namespace cofferdam::learn
