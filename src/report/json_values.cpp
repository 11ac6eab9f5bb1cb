#include "report/json_values.hpp"

#include <cstdio>
#include <memory>

namespace cofferdam::report {

const json& at(const json& object, const char* key) {
  static const json nothing;
  if (!object.is_object()) return nothing;
  const auto found = object.find(key);
  return found == object.end() ? nothing : *found;
}
const json& list_at(const json& object, const char* key) {
  static const json none = json::array();
  const json& value = at(object, key);
  return value.is_array() ? value : none;
}
std::string text_at(const json& object, const char* key) {
  const json& value = at(object, key);
  return value.is_string() ? value.get<std::string>() : std::string();
}
std::uint64_t number_at(const json& object, const char* key) {
  const json& value = at(object, key);
  return value.is_number_unsigned() ? value.get<std::uint64_t>() : 0;
}
std::optional<int> integer_at(const json& object, const char* key) {
  const json& value = at(object, key);
  return value.is_number_integer() ? std::optional(static_cast<int>(value.get<std::int64_t>())) : std::nullopt;
}
bool flag_at(const json& object, const char* key, bool otherwise) {
  const json& value = at(object, key);
  return value.is_boolean() ? value.get<bool>() : otherwise;
}
std::vector<std::string> texts_at(const json& object, const char* key) {
  std::vector<std::string> texts;
  for (const json& value : list_at(object, key)) {
    if (value.is_string()) texts.push_back(value.get<std::string>());
  }
  return texts;
}

std::timespec time_at(const json& object, const char* key) {
  std::tm time{};
  long fraction = 0;
  const std::string text = text_at(object, key);
  if (std::sscanf(text.c_str(), "%4d-%2d-%2dT%2d:%2d:%2d.%9ldZ", &time.tm_year, &time.tm_mon, &time.tm_mday,
                  &time.tm_hour, &time.tm_min, &time.tm_sec, &fraction) < 6) {
    return {};
  }
  time.tm_year -= 1900;
  time.tm_mon -= 1;
  return {timegm(&time), fraction};
}

ProcessRef process_of(const json& value) {
  if (!value.is_object()) return nullptr;
  ProcessInfo process;
  process.pid = integer_at(value, "pid").value_or(0);
  process.exe = text_at(value, "exe");
  process.argv = texts_at(value, "argv");
  process.lineage = texts_at(value, "lineage");
  return std::make_shared<const ProcessInfo>(std::move(process));
}

Finding finding_of(const json& value) {
  Finding finding;
  finding.code = text_at(value, "code");
  const std::string severity = text_at(value, "severity");
  finding.severity = severity == "note" ? Severity::note : severity == "warning" ? Severity::warning : Severity::error;
  finding.message = text_at(value, "message");
  finding.fix = text_at(value, "fix");
  const json& policy = at(value, "policy");
  finding.policy = {text_at(policy, "key"), text_at(policy, "file"), integer_at(policy, "line").value_or(0)};
  finding.process = process_of(at(value, "process"));
  finding.path = text_at(value, "path");
  finding.destination = text_at(value, "destination");
  return finding;
}

ConnectEvent connect_of(const json& value) {
  ConnectEvent connect;
  connect.destination = text_at(value, "destination");
  connect.engine = text_at(value, "engine");
  connect.allowed = text_at(value, "verdict") == "allowed";
  connect.connected = text_at(value, "outcome") == "connected";
  connect.errnum = integer_at(value, "errno").value_or(0);
  connect.process = process_of(at(value, "process"));
  return connect;
}

std::vector<EnforcementRow> enforcement_of(const json& document) {
  std::vector<EnforcementRow> rows;
  for (const json& value : list_at(document, "enforcement")) {
    const std::string level = text_at(value, "level");
    rows.push_back({text_at(value, "rule"),
                    level == "full"      ? Level::full
                    : level == "partial" ? Level::partial
                                         : Level::none,
                    text_at(value, "mechanism"), text_at(value, "advice")});
  }
  return rows;
}

}  // namespace cofferdam::report
