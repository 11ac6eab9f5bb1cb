#include <cstdio>

#include "cli/commands.hpp"
#include "cli/console.hpp"
#include "cli/options.hpp"
#include "cli/run_parts.hpp"
#include "cofferdam/policy.hpp"
#include "plan/log_sinks.hpp"

namespace cofferdam::cli {

int check_command(const Invocation& invocation) {
  const auto options = parse_check(invocation.arguments);
  if (!options) return report_error({"check: " + options.error().message + " (see cofferdam check --help)", 0, 2});
  if (options->help) {
    std::fputs(check_help().c_str(), stdout);
    return 0;
  }
  const PolicyContext context = current_policy_context();
  std::vector<std::string> files = options->files;
  if (files.empty()) files.push_back(discover_policy(std::nullopt, context));
  int result = 0;
  for (const std::string& file : files) {
    const auto loaded = load_policy(file, context);
    std::vector<Diagnostic> diagnostics = loaded ? loaded->warnings : loaded.error();
    bool valid = loaded.has_value();
    if (loaded) {
      const std::vector<Diagnostic> sinks = plan::check_log_sinks(loaded->policy);
      valid = sinks.empty();
      diagnostics.insert(diagnostics.end(), sinks.begin(), sinks.end());
    }
    for (const Diagnostic& diagnostic : diagnostics) std::printf("%s\n", format_diagnostic(diagnostic).c_str());
    if (!valid) result = 2;
    std::printf("%s: %s\n", file.c_str(), valid ? "ok" : "not valid");
  }
  return result;
}

}  // namespace cofferdam::cli
