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
  int promise = 0;       // number of promise_text, 0: of the policy's text
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

// The rule of production behind a code, as the developer of an application feels it; 1 to 7, empty for others.
[[nodiscard]] std::string_view promise_text(int promise);

}  // namespace cofferdam::policy
