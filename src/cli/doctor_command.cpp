#include <cstdio>

#include "base/json.hpp"
#include "base/text.hpp"
#include "cli/commands.hpp"
#include "cli/console.hpp"
#include "cli/options.hpp"
#include "cli/run_parts.hpp"
#include "plan/doctor.hpp"

namespace cofferdam::cli {

namespace {

void print_storage(const plan::Diagnosis& diagnosis) {
  std::printf("\n%-10s %-9s %-11s %s\n", "STORAGE", "SIZE", "INODES", "PATH");
  for (const plan::StoragePlace& place : diagnosis.storage) {
    const std::string size = place.size == 0 ? "-" : base::human_bytes(place.size);
    const std::string inodes = place.inodes == 0 ? "-" : base::grouped(place.inodes);
    std::printf("%-10s %-9s %-11s %s\n", place.kind.c_str(), size.c_str(), inodes.c_str(),
                base::printable(place.path).c_str());
    if (!place.advice.empty()) std::printf("%-32s -> %s\n", "", place.advice.c_str());
  }
  const std::string machine = base::human_bytes(diagnosis.memory.machine);
  std::printf("it is taken from memory: %s%s\n", machine.c_str(),
              diagnosis.memory.limit == 0
                  ? ""
                  : (", limited to " + base::human_bytes(diagnosis.memory.limit) + " here").c_str());
}

void print_logs(const plan::Diagnosis& diagnosis) {
  std::printf("\n%-10s %-11s %s\n", "LOGS", "WHEN FULL", "WHERE");
  for (const plan::LogPlace& place : diagnosis.logs) {
    std::printf("%-10s %-11s %s; %s\n", base::printable(place.name).c_str(), place.when_full.c_str(),
                base::printable(place.to).c_str(), place.promise.c_str());
  }
  std::printf("\n");
}

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
  print_storage(diagnosis);
  print_logs(diagnosis);
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
  json.end_array().key("storage").begin_array();
  for (const plan::StoragePlace& place : diagnosis.storage) {
    json.begin_object().field("path", place.path).field("kind", place.kind);
    json.key("size").unsigned_number(place.size).key("inodes").unsigned_number(place.inodes);
    json.field("advice", place.advice).end_object();
  }
  json.end_array().key("logs").begin_array();
  for (const plan::LogPlace& place : diagnosis.logs) {
    json.begin_object().field("sink", place.name).field("to", place.to).field("when_full", place.when_full);
    json.field("promise", place.promise).end_object();
  }
  json.end_array().key("memory").begin_object().key("machine").unsigned_number(diagnosis.memory.machine);
  json.key("limit").unsigned_number(diagnosis.memory.limit).end_object();
  json.key("notices").begin_array();
  for (const std::string& notice : diagnosis.notices) json.string(notice);
  json.end_array().end_object();
  std::printf("%s\n", json.text().c_str());
}

}  // namespace

int doctor_command(const Invocation& invocation) {
  const auto options = parse_doctor(invocation.arguments);
  if (!options) return report_error({"doctor: " + options.error().message + " (see cofferdam doctor --help)", 0, 2});
  if (options->help) {
    std::fputs(doctor_help().c_str(), stdout);
    return 0;
  }
  PolicyContext context = current_policy_context();
  context.inline_text = options->policy_text;
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
