#include <algorithm>
#include <cctype>
#include <cstdio>
#include <string>
#include <vector>

#include "base/text.hpp"
#include "cli/commands.hpp"
#include "cli/console.hpp"
#include "cli/options.hpp"
#include "cli/run_parts.hpp"
#include "policy/effective.hpp"
#include "policy/rule_catalog.hpp"
#include "run/prediction.hpp"
#include "run/write_prediction.hpp"

namespace cofferdam::cli {

namespace {

void print_line(const char* label, std::string_view text) {
  if (!text.empty()) std::printf("  %-13s %.*s\n", label, static_cast<int>(text.size()), text.data());
}

void print_row(const policy::RuleRow& row) {
  std::printf("%.*s (%s): %.*s\n", static_cast<int>(row.code.size()), row.code.data(), to_string(row.severity),
              static_cast<int>(row.title.size()), row.title.data());
  print_line("policy key", row.key);
  print_line("rule", policy::promise_text(row.promise));
  print_line("mechanism", row.mechanism);
  print_line("enforced in", std::string(row.file) + ": " + std::string(row.function));
  print_line("proved by", row.test);
  print_line("in production", row.production);
  print_line("what to do", row.fix);
}

run::RunRequest request_of(const ExplainOptions& options) {
  const PolicyContext context = current_policy_context();
  run::RunRequest request;
  request.policy = options.policy;
  request.policy_text = options.policy_text;
  request.environment = context.environment;
  request.working_directory = context.working_directory;
  return request;
}

std::string place_of(const PolicyRef& policy) {
  if (policy.key.empty()) return "";
  if (policy.file.empty()) return "  (" + policy.key + ")";
  return "  (" + policy.key + ", " + policy.file + ":" + std::to_string(policy.line) + ")";
}

int explain_connection(const ExplainOptions& options) {
  run::RunRequest request = request_of(options);
  request.argv = {options.program};
  const auto predictions = run::predict(request, options.words.front(), say);
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

const char* in_words(run::WriteFate fate) {
  switch (fate) {
    case run::WriteFate::lost: return "written, and lost with the instance";
    case run::WriteFate::kept: return "written, and kept on the host";
    case run::WriteFate::unhindered: return "written, past the policy";
    case run::WriteFate::refused: return "refused";
  }
  return "";
}

int explain_write(const ExplainOptions& options) {
  const auto prediction = run::predict_write(request_of(options), options.write_path, say);
  if (!prediction) return report_error(prediction.error());
  const std::string error = prediction->error.empty() ? "" : " (" + prediction->error + ")";
  std::printf("%s: %s%s\n", base::printable(prediction->path).c_str(), in_words(prediction->fate), error.c_str());
  print_line("because", base::printable(prediction->why + place_of(prediction->policy)));
  if (!prediction->code.empty()) {
    print_line("told as", prediction->code + ", " + prediction->title);
    print_line("in production", prediction->production);
    print_line("what to do", prediction->fix);
  }
  return prediction->fate == run::WriteFate::refused ? 1 : 0;
}

int explain_effective(const ExplainOptions& options) {
  PolicyContext context = current_policy_context();
  context.inline_text = options.policy_text;
  const auto loaded = load_policy(discover_policy(options.policy, context), context);
  for (const Diagnostic& diagnostic : loaded ? loaded->warnings : loaded.error()) {
    std::fprintf(stderr, "%s\n", format_diagnostic(diagnostic).c_str());
  }
  if (!loaded) return 2;
  std::printf("# %s\n%s", base::printable(loaded->policy.name).c_str(),
              policy::effective_yaml(loaded->policy, &loaded->origins).c_str());
  return 0;
}

int explain_codes(const std::vector<std::string>& codes) {
  if (codes.empty()) {
    for (const policy::RuleRow& row : policy::rule_catalog()) {
      std::printf("%.*s  %-7s  %.*s\n", static_cast<int>(row.code.size()), row.code.data(), to_string(row.severity),
                  static_cast<int>(row.title.size()), row.title.data());
    }
  }
  int result = 0;
  for (std::string code : codes) {
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

}  // namespace

int explain_command(const Invocation& invocation) {
  const auto options = parse_explain(invocation.arguments);
  if (!options) return report_error({"explain: " + options.error().message + " (see cofferdam explain --help)", 0, 2});
  if (options->help) {
    std::fputs(explain_help().c_str(), stdout);
    return 0;
  }
  if (!options->program.empty()) return explain_connection(*options);
  if (!options->write_path.empty()) return explain_write(*options);
  if (options->effective) return explain_effective(*options);
  return explain_codes(options->words);
}

}  // namespace cofferdam::cli
