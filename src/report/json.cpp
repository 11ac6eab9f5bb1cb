#include "report/json.hpp"

#include "report/json_parts.hpp"

namespace cofferdam::report {

namespace {

constexpr std::size_t kHandOnAt = 64 << 10;

using Output = std::function<void(std::string_view)>;

void hand_on(base::JsonWriter& json, const Output& output) {
  if (json.text().size() >= kHandOnAt) output(json.take());
}

void write_optional(base::JsonWriter& json, const std::optional<int>& value) {
  if (value) {
    json.number(*value);
  } else {
    json.null();
  }
}

void write_instances(base::JsonWriter& json, const Report& report) {
  json.begin_array();
  for (const InstanceResult& instance : report.instances) {
    json.begin_object().field("name", instance.name).key("exit").begin_object();
    write_optional(json.key("code"), instance.code);
    write_optional(json.key("signal"), instance.signal);
    json.end_object()
        .key("restarts")
        .unsigned_number(instance.restarts)
        .key("memory_peak")
        .unsigned_number(instance.memory_peak);
    json.key("memory_tmpfs_peak").unsigned_number(instance.memory_tmpfs_peak).end_object();
  }
  json.end_array();
}

void write_change(base::JsonWriter& json, const ScannedChange& change) {
  json.field("path", change.path).field("type", change.type).field("change", to_string(change.change));
  json.key("bytes").unsigned_number(change.bytes);
  if (!change.content.empty()) json.field("content", change.content);
}

bool earlier(const std::timespec& a, const std::timespec& b) {
  return a.tv_sec != b.tv_sec ? a.tv_sec < b.tv_sec : a.tv_nsec < b.tv_nsec;
}

void write_times(base::JsonWriter& json, const std::timespec& first, const std::timespec& last) {
  json.field("first", base::rfc3339(first)).field("last", base::rfc3339(last));
}

// "writers", and "first" and "last" over all of them; null where nobody is known.
void write_writers(base::JsonWriter& json, const std::vector<Writer>& writers) {
  json.key("writers").begin_array();
  for (const Writer& writer : writers) {
    json.begin_object();
    write_process_keys(json, *writer.process);
    json.key("count").unsigned_number(writer.count);
    write_times(json, writer.first, writer.last);
    json.end_object();
  }
  json.end_array();
  if (writers.empty()) {
    json.key("first").null().key("last").null();
    return;
  }
  std::timespec first = writers.front().first;
  std::timespec last = writers.front().last;
  for (const Writer& writer : writers) {
    if (earlier(writer.first, first)) first = writer.first;
    if (earlier(last, writer.last)) last = writer.last;
  }
  write_times(json, first, last);
}

void write_lost(base::JsonWriter& json, const Report& report, const Output& output) {
  json.begin_array();
  for (const LostFile& file : report.lost) {
    json.begin_object().field("instance", file.instance);
    write_change(json, file.what);
    write_writers(json.field("class", file.file_class), file.writers);
    json.end_object();
    hand_on(json, output);
  }
  json.end_array();
}

void write_folded(base::JsonWriter& json, const Report& report, const Output& output) {
  json.begin_array();
  for (const FoldedLoss& loss : report.folded) {
    json.begin_object().field("instance", loss.instance);
    write_change(json, loss.what);
    json.field("class", loss.file_class).key("count").unsigned_number(loss.count);
    write_writers(json, loss.writers);
    json.end_object();
    hand_on(json, output);
  }
  json.end_array();
}

void write_kept(base::JsonWriter& json, const Report& report) {
  json.begin_array();
  for (const ScannedChange& change : report.kept) {
    json.begin_object();
    write_change(json, change);
    json.end_object();
  }
  json.end_array();
}

void write_findings(base::JsonWriter& json, const Report& report, const Output& output) {
  json.begin_array();
  for (const CountedFinding& entry : report.findings) {
    json.begin_object();
    write_finding_keys(json, entry.finding);
    json.key("count").unsigned_number(entry.count).field("first", base::rfc3339(entry.first));
    json.field("instance", entry.instance).end_object();
    hand_on(json, output);
  }
  json.end_array();
}

void write_connections(base::JsonWriter& json, const Report& report) {
  json.begin_array();
  for (const CountedConnection& entry : report.connections) {
    json.begin_object().field("instance", entry.instance).field("destination", entry.connection.destination);
    report::write_optional(json.key("engine"), entry.connection.engine);
    json.field("verdict", entry.connection.allowed ? "allowed" : "refused");
    json.field("outcome", entry.connection.connected ? "connected" : "failed");
    json.key("count").unsigned_number(entry.count);
    write_process(json.key("process"), entry.connection.process);
    json.end_object();
  }
  json.end_array();
}

void write_stream(base::JsonWriter& json, const StreamCount& stream) {
  json.begin_object().key("records").unsigned_number(stream.records);
  json.key("bytes").unsigned_number(stream.bytes).end_object();
}

void write_logs(base::JsonWriter& json, const LogCount& logs) {
  json.begin_object();
  write_stream(json.key("stdout"), logs.out);
  write_stream(json.key("stderr"), logs.err);
  if (logs.syslog.records != 0) write_stream(json.key("syslog"), logs.syslog);
  if (logs.own.records != 0) write_stream(json.key("cofferdam"), logs.own);
  json.key("dropped").unsigned_number(logs.dropped).key("sinks").begin_array();
  for (const SinkCount& sink : logs.sinks) {
    json.begin_object().field("type", sink.type).field("name", sink.name);
    json.key("records").unsigned_number(sink.records).key("delivered").unsigned_number(sink.delivered);
    json.key("pending").unsigned_number(sink.pending).key("dropped").unsigned_number(sink.dropped);
    // Only of sinks that wait for somebody.
    for (const auto& [key, count] : {std::pair{"adopted", sink.adopted},
                                     {"spilled", sink.spilled},
                                     {"rejected", sink.rejected},
                                     {"saved", sink.saved}}) {
      if (count != 0) json.key(key).unsigned_number(count);
    }
    json.end_object();
  }
  json.end_array().end_object();
}

void write_storage(base::JsonWriter& json, const Report& report) {
  json.begin_array();
  for (const StorageUse& use : report.storage) {
    json.begin_object().field("path", use.path).key("size").unsigned_number(use.size);
    json.key("peak").unsigned_number(use.peak).key("inodes").unsigned_number(use.inodes);
    json.key("inodes_peak").unsigned_number(use.inodes_peak).end_object();
  }
  json.end_array();
}

void write_timeline(base::JsonWriter& json, const Timeline& timeline) {
  json.begin_object().field("start", base::rfc3339(timeline.start)).key("width_ms").unsigned_number(timeline.width);
  json.key("points").begin_array();
  for (const TimelinePoint& point : timeline.points) {
    json.begin_object().key("writes").unsigned_number(point.writes);
    json.key("connections").unsigned_number(point.connections).key("refused").unsigned_number(point.refused);
    json.key("log_bytes").unsigned_number(point.log_bytes).end_object();
  }
  json.end_array().end_object();
}

void write_rehearsal(base::JsonWriter& json, const Rehearsal& rehearsal) {
  json.begin_object().key("written").unsigned_number(rehearsal.written);
  json.key("looked_for").unsigned_number(rehearsal.looked_for).key("drives").begin_array();
  for (const Drive& drive : rehearsal.drives) {
    json.begin_object().field("instance", drive.instance).key("code").number(drive.code).end_object();
  }
  report::write_optional(json.end_array().key("stopped"), rehearsal.stopped);
  json.end_object();
}

}  // namespace

void write_json(const Report& report, const Output& output) {
  base::JsonWriter json;
  json.begin_object().key("v").number(1).field("cofferdam", COFFERDAM_VERSION);
  write_strings(json.key("command"), report.command);
  json.field("policy", report.policy).field("directory", report.directory).field("mode", report.mode);
  json.field("started", base::rfc3339(report.started)).field("ended", base::rfc3339(report.ended));
  write_instances(json.key("instances"), report);
  write_enforcement(json.key("enforcement"), report.enforcement);
  write_lost(json.key("lost"), report, output);
  write_folded(json.key("folded"), report, output);
  write_kept(json.key("kept"), report);
  write_findings(json.key("findings"), report, output);
  write_connections(json.key("connections"), report);
  write_logs(json.key("logs"), report.logs);
  write_storage(json.key("storage"), report);
  if (report.timeline.width != 0) write_timeline(json.key("timeline"), report.timeline);
  json.key("audit").begin_object().key("events").unsigned_number(report.audit_events);
  json.key("disagreements").unsigned_number(report.audit_disagreements).end_object();
  if (report.rehearsal) write_rehearsal(json.key("rehearsal"), *report.rehearsal);
  json.end_object();
  output(json.take() + "\n");
}

std::string to_json(const Report& report) {
  std::string text;
  write_json(report, [&](std::string_view part) { text += part; });
  return text;
}

}  // namespace cofferdam::report
