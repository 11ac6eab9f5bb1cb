// What would happen if a program connected there: the verdicts of a run without a run.
#pragma once

#include <string>
#include <vector>

#include "run/run.hpp"

namespace cofferdam::run {

struct PredictedVerdict {
  std::string when;  // "started by the app"
  bool allowed = false;
  std::string code;  // of the finding that a refusal would be
  std::string why;   // one sentence
  PolicyRef policy;  // what decided; the key may be empty
};

struct Prediction {
  std::string program;      // as found on PATH
  std::string destination;  // "10.0.0.5:5432", "unix:/run/x.sock"
  std::string engine;       // empty: no database
  std::vector<PredictedVerdict> verdicts;
  std::string doubt;  // the destination is not the one that the environment names (CD205), else empty
};

// One prediction an address of `destination` (host:port, [IPv6]:port, unix:/path). `request` gives policy, environment
// and directory, its argv is the program alone. Asks for names as a run does. Errors have exit code 2: the policy, the
// destination, a name that can't be resolved, 126 and 127 as a run would for the program.
[[nodiscard]] Result<std::vector<Prediction>> predict(const RunRequest& request, const std::string& destination,
                                                      Say say);

}  // namespace cofferdam::run
