#include <algorithm>
#include <cstdio>
#include <string>
#include <vector>

#include "base/json.hpp"
#include "cli/commands.hpp"
#include "cli/console.hpp"
#include "cli/options.hpp"
#include "cli/run_parts.hpp"
#include "cofferdam/policy.hpp"
#include "plan/log_sinks.hpp"
#include "policy/lint.hpp"
#include "report/sarif.hpp"

namespace cofferdam::cli {

namespace {

struct Checked {
  std::string file;
  bool valid = false;
  std::vector<Diagnostic> diagnostics;
};

Checked check(const std::string& file, const PolicyContext& context) {
  const auto loaded = load_policy(file, context);
  if (!loaded) return {file, false, loaded.error()};
  Checked checked{file, true, loaded->warnings};
  const auto add = [&](const std::vector<Diagnostic>& more) {
    checked.diagnostics.insert(checked.diagnostics.end(), more.begin(), more.end());
  };
  const std::vector<Diagnostic> sinks = plan::check_log_sinks(loaded->policy);
  checked.valid = sinks.empty();
  add(sinks);
  add(policy::lint_policy(loaded->policy));
  return checked;
}

int status_of(const Checked& checked) {
  if (!checked.valid) return 2;
  const auto fails = [](const Diagnostic& each) { return each.severity != Severity::note; };
  return std::ranges::any_of(checked.diagnostics, fails) ? 1 : 0;
}

void print_text(const std::vector<Checked>& all) {
  for (const Checked& checked : all) {
    for (const Diagnostic& each : checked.diagnostics) std::printf("%s\n", format_diagnostic(each).c_str());
    std::printf("%s: %s\n", checked.file.c_str(), checked.valid ? "ok" : "not valid");
  }
}

void print_json(const std::vector<Checked>& all) {
  base::JsonWriter json;
  json.begin_object().key("v").number(1).key("files").begin_array();
  for (const Checked& checked : all) {
    json.begin_object().field("file", checked.file).key("valid").boolean(checked.valid);
    json.key("diagnostics").begin_array();
    for (const Diagnostic& each : checked.diagnostics) {
      json.begin_object().field("severity", to_string(each.severity)).field("code", each.code);
      json.field("file", each.where.file).key("line").number(each.where.line).key("column").number(each.where.column);
      json.field("message", each.message).field("hint", each.hint).end_object();
    }
    json.end_array().end_object();
  }
  json.end_array().end_object();
  std::puts(json.text().c_str());
}

void print_sarif(const std::vector<Checked>& all) {
  std::vector<Diagnostic> diagnostics;
  for (const Checked& checked : all) {
    diagnostics.insert(diagnostics.end(), checked.diagnostics.begin(), checked.diagnostics.end());
  }
  std::fputs(report::to_sarif(report::sarif_results(diagnostics), working_directory()).c_str(), stdout);
}

}  // namespace

int check_command(const Invocation& invocation) {
  const auto options = parse_check(invocation.arguments);
  if (!options) return report_error({"check: " + options.error().message + " (see cofferdam check --help)", 0, 2});
  if (options->help) {
    std::fputs(check_help().c_str(), stdout);
    return 0;
  }
  PolicyContext context = current_policy_context();
  context.inline_text = options->policy_text;
  std::vector<std::string> files = options->files;
  if (files.empty()) files.push_back(discover_policy(std::nullopt, context));
  std::vector<Checked> all;
  int status = 0;
  for (const std::string& file : files) {
    all.push_back(check(file, context));
    status = std::max(status, status_of(all.back()));
  }
  if (options->format == "json") {
    print_json(all);
  } else if (options->format == "sarif") {
    print_sarif(all);
  } else {
    print_text(all);
  }
  return status;
}

}  // namespace cofferdam::cli
