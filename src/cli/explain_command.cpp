#include <unistd.h>

#include <algorithm>
#include <cctype>
#include <climits>
#include <cstdio>
#include <optional>
#include <string>
#include <vector>

#include "base/text.hpp"
#include "cli/commands.hpp"
#include "cli/console.hpp"
#include "policy/rule_catalog.hpp"
#include "run/prediction.hpp"

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

constexpr const char* kHelp =
    "Usage: cofferdam explain [CODE...]\n"
    "       cofferdam explain [--policy P] --as PROGRAM DESTINATION\n\n"
    "What a finding's code means, what enforces it and how to mend it; without a code: all of them.\n\n"
    "With --as: what would happen if PROGRAM connected to DESTINATION (host:port, [IPv6]:port or unix:/path) under "
    "this\n"
    "policy and environment, and by which line. Exit status 1 when a program of that name, started by the app, would "
    "be\n"
    "refused.";

struct AsOptions {
  std::optional<std::string> policy;
  std::string program;
  std::string destination;
};

Result<AsOptions> parse_as(const std::vector<std::string>& arguments) {
  AsOptions options;
  std::vector<std::string> rest;
  for (std::size_t i = 0; i < arguments.size(); ++i) {
    const std::string word = arguments[i];
    if (word == "--as" || word == "--policy") {
      if (++i == arguments.size()) return fail("explain: " + word + " needs a value", 0, 2);
      if (word == "--as") {
        options.program = arguments[i];
      } else {
        options.policy = arguments[i];
      }
    } else if (word.starts_with("--policy=")) {
      options.policy = word.substr(9);
    } else if (word.starts_with("--as=")) {
      options.program = word.substr(5);
    } else if (word.starts_with('-')) {
      return fail("explain: unknown option " + base::printable(word), 0, 2);
    } else {
      rest.push_back(word);
    }
  }
  if (options.program.empty() || rest.size() != 1) {
    return fail("explain: write --as PROGRAM DESTINATION, such as --as psql db:5432", 0, 2);
  }
  options.destination = rest.front();
  return options;
}

std::string place_of(const PolicyRef& policy) {
  if (policy.key.empty()) return "";
  if (policy.file.empty()) return "  (" + policy.key + ")";
  return "  (" + policy.key + ", " + policy.file + ":" + std::to_string(policy.line) + ")";
}

int explain_connection(const std::vector<std::string>& arguments) {
  const auto options = parse_as(arguments);
  if (!options) return report_error(options.error());
  run::RunRequest request;
  char buffer[PATH_MAX];
  request.argv = {options->program};
  request.policy = options->policy;
  request.environment = environment_map();
  request.working_directory = getcwd(buffer, sizeof buffer) != nullptr ? buffer : "/";
  const auto predictions = run::predict(request, options->destination, say);
  if (!predictions) return report_error(predictions.error());
  int result = 0;
  for (const run::Prediction& prediction : *predictions) {
    std::printf("%s -> %s (%s)\n", base::printable(prediction.program).c_str(), prediction.destination.c_str(),
                prediction.engine.empty() ? "no database" : prediction.engine.c_str());
    for (const run::PredictedVerdict& verdict : prediction.verdicts) {
      const std::string code = verdict.code.empty() ? "" : " [" + verdict.code + "]";
      std::printf("  %-19s %-16s %s%s\n", verdict.when.c_str(),
                  ((verdict.allowed ? "allowed" : "refused") + code).c_str(), base::printable(verdict.why).c_str(),
                  base::printable(place_of(verdict.policy)).c_str());
    }
    if (!prediction.doubt.empty()) std::printf("  but: %s\n", prediction.doubt.c_str());
    if (!prediction.verdicts.front().allowed) result = 1;
  }
  return result;
}

}  // namespace

int explain_command(const Invocation& invocation) {
  const bool about_connection = std::ranges::any_of(invocation.arguments, [](const std::string& word) {
    return word == "--as" || word.starts_with("--as=") || word.starts_with("--policy");
  });
  if (invocation.arguments.empty()) {
    for (const policy::RuleRow& row : policy::rule_catalog()) {
      std::printf("%.*s  %-7s  %.*s\n", static_cast<int>(row.code.size()), row.code.data(), to_string(row.severity),
                  static_cast<int>(row.title.size()), row.title.data());
    }
    return 0;
  }
  if (invocation.arguments.front() == "--help" || invocation.arguments.front() == "-h") {
    std::puts(kHelp);
    return 0;
  }
  if (about_connection) return explain_connection(invocation.arguments);
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
