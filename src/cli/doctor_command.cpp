#include <unistd.h>

#include <climits>
#include <cstdio>

#include "base/json.hpp"
#include "cli/commands.hpp"
#include "cli/console.hpp"
#include "cli/options.hpp"
#include "plan/doctor.hpp"

namespace cofferdam::cli {

namespace {

void print_table(const plan::Diagnosis& diagnosis) {
  std::printf("mode: %s (%s)\n\n", diagnosis.mode.c_str(), diagnosis.why_mode.c_str());
  std::printf("%-10s %-8s %s\n", "RULE", "LEVEL", "MECHANISM");
  for (const EnforcementRow& row : diagnosis.rows) {
    std::printf("%-10s %-8s %s\n", row.rule.c_str(), to_string(row.level), row.mechanism.c_str());
    if (!row.advice.empty()) std::printf("%-10s %-8s -> %s\n", "", "", row.advice.c_str());
  }
  std::printf("\n");
  for (const plan::Probe& probe : diagnosis.probes) {
    std::printf("  %-3s %-34s %s\n", probe.ok ? "yes" : "no", probe.what.c_str(), probe.detail.c_str());
  }
  for (const std::string& notice : diagnosis.notices) std::printf("note: %s\n", notice.c_str());
}

void print_json(const plan::Diagnosis& diagnosis) {
  base::JsonWriter json;
  json.begin_object().key("v").number(1).field("cofferdam", COFFERDAM_VERSION).field("mode", diagnosis.mode);
  json.key("enforcement").begin_array();
  for (const EnforcementRow& row : diagnosis.rows) {
    json.begin_object().field("rule", row.rule).field("level", to_string(row.level)).field("mechanism", row.mechanism);
    json.field("advice", row.advice).end_object();
  }
  json.end_array().key("probes").begin_array();
  for (const plan::Probe& probe : diagnosis.probes) {
    json.begin_object()
        .field("probe", probe.what)
        .key("ok")
        .boolean(probe.ok)
        .field("detail", probe.detail)
        .end_object();
  }
  json.end_array().key("notices").begin_array();
  for (const std::string& notice : diagnosis.notices) json.string(notice);
  json.end_array().end_object();
  std::printf("%s\n", json.text().c_str());
}

}  // namespace

int doctor_command(const Invocation& invocation) {
  const auto options = parse_doctor(invocation.arguments);
  if (!options) return report_error({options.error().message, 0, 2});
  if (options->help) {
    std::fputs(doctor_help().c_str(), stdout);
    return 0;
  }
  PolicyContext context;
  char buffer[PATH_MAX];
  context.working_directory = getcwd(buffer, sizeof buffer) != nullptr ? buffer : "/";
  context.environment = environment_map();
  if (const auto home = context.environment.find("HOME"); home != context.environment.end())
    context.home = home->second;
  const auto loaded = load_policy(discover_policy(options->policy, context), context);
  if (!loaded) {
    for (const Diagnostic& diagnostic : loaded.error())
      std::fprintf(stderr, "%s\n", format_diagnostic(diagnostic).c_str());
    return 2;
  }
  const auto diagnosis = plan::diagnose(loaded->policy, context.environment);
  if (!diagnosis) return report_error({diagnosis.error().message, 0, 2});
  options->json ? print_json(*diagnosis) : print_table(*diagnosis);
  return diagnosis->all_full ? 0 : 1;
}

}  // namespace cofferdam::cli
