// Findings as SARIF 2.1.0 (OASIS), the form that code scanning services read.
#pragma once

#include <span>
#include <string>
#include <vector>

#include "cofferdam/diagnostic.hpp"
#include "cofferdam/report.hpp"

namespace cofferdam::report {

struct SarifResult {
  std::string code;  // of the rule catalogue
  Severity severity = Severity::error;
  std::string message;
  std::string fix;
  std::string file;      // absolute, or relative to `project`; empty: none
  int line = 0;          // 0: unknown
  int column = 0;        // in bytes
  std::string identity;  // beside the code, what makes it the same finding in the next run
};

// One document with one run; its rules are the rows of the catalogue that the results name. `project` is the absolute
// directory that files are relative to. Levels are error, warning and note.
[[nodiscard]] std::string to_sarif(std::span<const SarifResult> results, const std::string& project);

// The findings of a report, those of several instances once. A finding about a file names that file, another one the
// line of the policy, or the project where the policy is built in.
[[nodiscard]] std::vector<SarifResult> sarif_results(const Report& report);
[[nodiscard]] std::vector<SarifResult> sarif_results(std::span<const Diagnostic> diagnostics);

}  // namespace cofferdam::report
