#include "report/json_reader.hpp"

#include <cstdio>
#include <memory>
#include <nlohmann/json.hpp>
#include <string>

namespace cofferdam::report {

namespace {

// Ordered: what is written again keeps the order of its keys.
using json = nlohmann::ordered_json;

constexpr std::uint64_t kVersion = 1;

// What is asked for, or an empty value: none of these throws.
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
std::vector<std::string> texts_at(const json& object, const char* key) {
  std::vector<std::string> texts;
  for (const json& value : list_at(object, key)) {
    if (value.is_string()) texts.push_back(value.get<std::string>());
  }
  return texts;
}

// 2026-01-31T12:00:00.123456789Z, as base::rfc3339 writes it.
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

ScannedChange change_of(const json& value) {
  ScannedChange change;
  change.path = text_at(value, "path");
  change.type = text_at(value, "type");
  const std::string word = text_at(value, "change");
  for (const Change known : {Change::created, Change::modified, Change::deleted, Change::metadata}) {
    if (word == to_string(known)) change.change = known;
  }
  change.bytes = number_at(value, "bytes");
  change.content = text_at(value, "content");
  return change;
}

std::vector<Writer> writers_of(const json& value) {
  std::vector<Writer> writers;
  for (const json& writer : list_at(value, "writers")) {
    if (ProcessRef process = process_of(writer)) {
      writers.push_back({process, number_at(writer, "count"), time_at(writer, "first"), time_at(writer, "last")});
    }
  }
  return writers;
}

LostFile lost_of(const json& value) {
  return {change_of(value), text_at(value, "class"), writers_of(value), text_at(value, "instance")};
}
FoldedLoss folded_of(const json& value) {
  return {change_of(value), text_at(value, "class"), number_at(value, "count"), writers_of(value),
          text_at(value, "instance")};
}

CountedFinding finding_of(const json& value) {
  CountedFinding entry;
  Finding& finding = entry.finding;
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
  entry.count = number_at(value, "count");
  entry.first = time_at(value, "first");
  entry.instance = text_at(value, "instance");
  return entry;
}

CountedConnection connection_of(const json& value) {
  CountedConnection entry;
  entry.connection.destination = text_at(value, "destination");
  entry.connection.engine = text_at(value, "engine");
  entry.connection.allowed = text_at(value, "verdict") == "allowed";
  entry.connection.connected = text_at(value, "outcome") == "connected";
  entry.connection.process = process_of(at(value, "process"));
  entry.count = number_at(value, "count");
  entry.instance = text_at(value, "instance");
  return entry;
}

StreamCount stream_of(const json& value) {
  return {number_at(value, "records"), number_at(value, "bytes")};
}

LogCount logs_of(const json& value) {
  LogCount logs;
  logs.out = stream_of(at(value, "stdout"));
  logs.err = stream_of(at(value, "stderr"));
  logs.syslog = stream_of(at(value, "syslog"));
  logs.own = stream_of(at(value, "cofferdam"));
  logs.dropped = number_at(value, "dropped");
  for (const json& sink : list_at(value, "sinks")) {
    logs.sinks.push_back({.type = text_at(sink, "type"),
                          .name = text_at(sink, "name"),
                          .records = number_at(sink, "records"),
                          .adopted = number_at(sink, "adopted"),
                          .delivered = number_at(sink, "delivered"),
                          .pending = number_at(sink, "pending"),
                          .spilled = number_at(sink, "spilled"),
                          .dropped = number_at(sink, "dropped"),
                          .rejected = number_at(sink, "rejected"),
                          .saved = number_at(sink, "saved")});
  }
  return logs;
}

Level level_of(const std::string& word) {
  return word == "full" ? Level::full : word == "partial" ? Level::partial : Level::none;
}

Rehearsal rehearsal_of(const json& value) {
  Rehearsal rehearsal;
  rehearsal.written = number_at(value, "written");
  rehearsal.looked_for = number_at(value, "looked_for");
  for (const json& drive : list_at(value, "drives")) {
    rehearsal.drives.push_back({text_at(drive, "instance"), integer_at(drive, "code").value_or(0)});
  }
  rehearsal.stopped = text_at(value, "stopped");
  return rehearsal;
}

Report report_of(const json& document) {
  Report report;
  report.command = texts_at(document, "command");
  report.policy = text_at(document, "policy");
  report.mode = text_at(document, "mode");
  report.started = time_at(document, "started");
  report.ended = time_at(document, "ended");
  for (const json& value : list_at(document, "instances")) {
    const json& exit = at(value, "exit");
    report.instances.push_back({text_at(value, "name"), integer_at(exit, "code"), integer_at(exit, "signal"),
                                number_at(value, "restarts"), number_at(value, "memory_peak"),
                                number_at(value, "memory_tmpfs_peak")});
  }
  for (const json& value : list_at(document, "enforcement")) {
    report.enforcement.push_back({text_at(value, "rule"), level_of(text_at(value, "level")),
                                  text_at(value, "mechanism"), text_at(value, "advice")});
  }
  for (const json& value : list_at(document, "lost")) report.lost.push_back(lost_of(value));
  for (const json& value : list_at(document, "folded")) report.folded.push_back(folded_of(value));
  for (const json& value : list_at(document, "kept")) report.kept.push_back(change_of(value));
  for (const json& value : list_at(document, "findings")) report.findings.push_back(finding_of(value));
  for (const json& value : list_at(document, "connections")) report.connections.push_back(connection_of(value));
  report.logs = logs_of(at(document, "logs"));
  for (const json& value : list_at(document, "storage")) {
    report.storage.push_back({text_at(value, "path"), number_at(value, "size"), number_at(value, "peak"),
                              number_at(value, "inodes"), number_at(value, "inodes_peak")});
  }
  const json& audit = at(document, "audit");
  report.audit_events = number_at(audit, "events");
  report.audit_disagreements = number_at(audit, "disagreements");
  if (const json& rehearsal = at(document, "rehearsal"); rehearsal.is_object()) {
    report.rehearsal = rehearsal_of(rehearsal);
  }
  return report;
}

// What `use` makes of the document, once it is known to be a report.
template <class Use>
auto with_document(std::string_view text, Use use) -> Result<decltype(use(std::declval<const json&>()))> {
  try {
    const json document = json::parse(text.begin(), text.end());
    if (!at(document, "v").is_number_unsigned() || !at(document, "lost").is_array() ||
        !at(document, "instances").is_array()) {
      return fail("this is JSON, but no report of cofferdam (cofferdam run --report FILE writes one)", 0, 2);
    }
    if (number_at(document, "v") != kVersion) {
      return fail("this report is of version " + std::to_string(number_at(document, "v")) +
                      "; this cofferdam reads version 1: use the cofferdam that wrote it, or a newer one",
                  0, 2);
    }
    return use(document);
  } catch (const json::parse_error& error) {
    if (text.empty()) return fail("this is empty, no report", 0, 2);
    if (error.byte >= text.size()) return fail("this ends in the middle: the report is not complete", 0, 2);
    return fail("this is no JSON (at byte " + std::to_string(error.byte) + ")", 0, 2);
  } catch (const json::exception&) {
    return fail("this is no report of cofferdam", 0, 2);
  }
}

}  // namespace

Result<Report> from_json(std::string_view text) {
  return with_document(text, report_of);
}

Result<std::string> indented_json(std::string_view text) {
  return with_document(text, [](const json& document) { return document.dump(2, ' ', true) + "\n"; });
}

}  // namespace cofferdam::report
