#include "report/json_parts.hpp"

namespace cofferdam::report {

void write_optional(base::JsonWriter& json, const std::string& text) {
  if (text.empty()) {
    json.null();
  } else {
    json.string(text);
  }
}

void write_strings(base::JsonWriter& json, std::span<const std::string> strings) {
  json.begin_array();
  for (const std::string& text : strings) json.string(text);
  json.end_array();
}

void write_process_keys(base::JsonWriter& json, const ProcessInfo& process) {
  json.key("pid").number(process.pid).field("exe", process.exe);
  write_strings(json.key("argv"), process.argv);
  write_strings(json.key("lineage"), process.lineage);
}

void write_process(base::JsonWriter& json, const ProcessRef& process) {
  if (process == nullptr) {
    json.null();
    return;
  }
  json.begin_object();
  write_process_keys(json, *process);
  json.end_object();
}

void write_enforcement(base::JsonWriter& json, std::span<const EnforcementRow> rows) {
  json.begin_array();
  for (const EnforcementRow& row : rows) {
    json.begin_object().field("rule", row.rule).field("level", to_string(row.level)).field("mechanism", row.mechanism);
    if (!row.advice.empty()) json.field("advice", row.advice);
    json.end_object();
  }
  json.end_array();
}

void write_finding_keys(base::JsonWriter& json, const Finding& finding) {
  json.field("code", finding.code).field("severity", to_string(finding.severity));
  json.field("message", finding.message).field("fix", finding.fix);
  json.key("policy").begin_object().field("key", finding.policy.key);
  write_optional(json.key("file"), finding.policy.file);
  json.key("line").number(finding.policy.line).end_object();
  write_process(json.key("process"), finding.process);
  write_optional(json.key("path"), finding.path);
  write_optional(json.key("destination"), finding.destination);
}

}  // namespace cofferdam::report
