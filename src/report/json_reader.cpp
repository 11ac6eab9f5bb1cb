#include "report/json_reader.hpp"

#include <string>

#include "report/json_values.hpp"
#include "report/timeline.hpp"

namespace cofferdam::report {

namespace {

constexpr std::uint64_t kVersion = 1;

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

CountedFinding counted_finding_of(const json& value) {
  return {finding_of(value), number_at(value, "count"), time_at(value, "first"), text_at(value, "instance")};
}

CountedConnection connection_of(const json& value) {
  return {connect_of(value), number_at(value, "count"), text_at(value, "instance")};
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

Timeline timeline_of(const json& value) {
  Timeline timeline;
  timeline.start = time_at(value, "start");
  timeline.width = number_at(value, "width_ms");
  for (const json& point : list_at(value, "points")) {
    if (timeline.points.size() == TimelineFold::kMostPoints) break;
    timeline.points.push_back({number_at(point, "writes"), number_at(point, "connections"), number_at(point, "refused"),
                               number_at(point, "log_bytes")});
  }
  return timeline;
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
  report.directory = text_at(document, "directory");
  report.mode = text_at(document, "mode");
  report.started = time_at(document, "started");
  report.ended = time_at(document, "ended");
  for (const json& value : list_at(document, "instances")) {
    const json& exit = at(value, "exit");
    report.instances.push_back({text_at(value, "name"), integer_at(exit, "code"), integer_at(exit, "signal"),
                                number_at(value, "restarts"), number_at(value, "memory_peak"),
                                number_at(value, "memory_tmpfs_peak")});
  }
  report.enforcement = enforcement_of(document);
  for (const json& value : list_at(document, "lost")) report.lost.push_back(lost_of(value));
  for (const json& value : list_at(document, "folded")) report.folded.push_back(folded_of(value));
  for (const json& value : list_at(document, "kept")) report.kept.push_back(change_of(value));
  for (const json& value : list_at(document, "findings")) report.findings.push_back(counted_finding_of(value));
  for (const json& value : list_at(document, "connections")) report.connections.push_back(connection_of(value));
  report.logs = logs_of(at(document, "logs"));
  for (const json& value : list_at(document, "storage")) {
    report.storage.push_back({text_at(value, "path"), number_at(value, "size"), number_at(value, "peak"),
                              number_at(value, "inodes"), number_at(value, "inodes_peak")});
  }
  report.timeline = timeline_of(at(document, "timeline"));
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

namespace cofferdam {

Result<Report> parse_report(std::string_view json) {
  return report::from_json(json);
}

}  // namespace cofferdam
