// A mistake in a policy or test file, with the place of it.
#pragma once

#include <string>
#include <vector>

namespace cofferdam {

enum class Severity { error, warning, note };

[[nodiscard]] constexpr const char* to_string(Severity severity) {
  switch (severity) {
    case Severity::error: return "error";
    case Severity::warning: return "warning";
    case Severity::note: return "note";
  }
  return "error";
}

// Where a value was written. `line` and `column` count from 1; 0 means unknown. `file` is a path as the user
// gave it, or "<name> (built in)" for a shipped policy.
struct Origin {
  std::string file;
  int line = 0;
  int column = 0;
};

// One mistake. `code` is a CD9xx code of the rule catalogue; `hint` says how to mend it (may be empty).
// Printed as `file:line:column: severity: message [code]` and, on the next line, `  hint`.
struct Diagnostic {
  Severity severity = Severity::error;
  Origin where;
  std::string code;
  std::string message;
  std::string hint;
};

[[nodiscard]] std::string format_diagnostic(const Diagnostic& diagnostic);

}  // namespace cofferdam
