// Every finding's code in one table: what it means, what enforces it, what proves it, why production refuses it and
// what to do. `cofferdam explain CODE` prints a row; a test opens the named files and looks for the code.
#pragma once

#include <span>
#include <string_view>

#include "cofferdam/diagnostic.hpp"

namespace cofferdam::policy {

struct RuleRow {
  std::string_view code;
  Severity severity = Severity::error;
  std::string_view title;
  std::string_view key;  // of the policy, empty when it has none
  int promise = 0;       // of design section 1, 0: of the policy's text or the launcher
  std::string_view mechanism;
  std::string_view file;        // that holds the code, below the repository
  std::string_view function;    // in it
  std::string_view test;        // file that proves it
  std::string_view production;  // why it would fail there
  std::string_view fix;
};

[[nodiscard]] std::span<const RuleRow> rule_catalog();
// Null when there is no such code.
[[nodiscard]] const RuleRow* find_rule(std::string_view code);

}  // namespace cofferdam::policy
