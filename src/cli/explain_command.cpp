#include <algorithm>
#include <cctype>
#include <cstdio>
#include <string>

#include "base/text.hpp"
#include "cli/commands.hpp"
#include "cli/console.hpp"
#include "policy/rule_catalog.hpp"

namespace cofferdam::cli {

namespace {

void print_line(const char* label, std::string_view text) {
  if (!text.empty()) std::printf("  %-13s %.*s\n", label, static_cast<int>(text.size()), text.data());
}

void print_row(const policy::RuleRow& row) {
  std::printf("%.*s (%s): %.*s\n", static_cast<int>(row.code.size()), row.code.data(), to_string(row.severity),
              static_cast<int>(row.title.size()), row.title.data());
  print_line("policy key", row.key);
  if (row.promise != 0) print_line("promise", std::to_string(row.promise));
  print_line("mechanism", row.mechanism);
  print_line("enforced in", std::string(row.file) + ": " + std::string(row.function));
  print_line("proved by", row.test);
  print_line("in production", row.production);
  print_line("what to do", row.fix);
}

}  // namespace

int explain_command(const Invocation& invocation) {
  if (invocation.arguments.empty()) {
    for (const policy::RuleRow& row : policy::rule_catalog()) {
      std::printf("%.*s  %-7s  %.*s\n", static_cast<int>(row.code.size()), row.code.data(), to_string(row.severity),
                  static_cast<int>(row.title.size()), row.title.data());
    }
    return 0;
  }
  if (invocation.arguments.front() == "--help" || invocation.arguments.front() == "-h") {
    std::puts(
        "Usage: cofferdam explain [CODE...]\n\nWhat a finding's code means, what enforces it and how to mend it. "
        "Without a code: all of them.");
    return 0;
  }
  int result = 0;
  for (std::string code : invocation.arguments) {
    std::ranges::transform(code, code.begin(), [](unsigned char c) { return static_cast<char>(std::toupper(c)); });
    if (const policy::RuleRow* row = policy::find_rule(code)) {
      print_row(*row);
    } else {
      result = report_error(
          {"explain: no such code: " + base::printable(code) + "; cofferdam explain lists them all", 0, 2});
    }
  }
  return result;
}

}  // namespace cofferdam::cli
