#include "report/json.hpp"

#include "report/json_parts.hpp"

namespace cofferdam::report {

namespace {

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
    json.end_object().key("restarts").number(0).key("memory_peak").unsigned_number(instance.memory_peak).end_object();
  }
  json.end_array();
}

void write_change(base::JsonWriter& json, const ScannedChange& change) {
  json.field("path", change.path).field("type", change.type).field("change", to_string(change.change));
  json.key("bytes").unsigned_number(change.bytes);
}

// A lost file does not say whose it was; with one instance there is no doubt.
void write_lost(base::JsonWriter& json, const Report& report) {
  json.begin_array();
  for (const LostFile& file : report.lost) {
    json.begin_object();
    json.field("instance", report.instances.size() == 1 ? report.instances.front().name : std::string());
    write_change(json, file.what);
    json.field("class", file.file_class).key("writers").begin_array();
    for (const auto& [process, count] : file.writers) {
      json.begin_object();
      write_process_keys(json, *process);
      json.key("count").unsigned_number(count).end_object();
    }
    json.end_array().end_object();
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

void write_findings(base::JsonWriter& json, const Report& report) {
  json.begin_array();
  for (const CountedFinding& entry : report.findings) {
    json.begin_object();
    write_finding_keys(json, entry.finding);
    json.key("count").unsigned_number(entry.count).field("first", base::rfc3339(entry.first));
    json.field("instance", entry.instance).end_object();
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
  json.key("dropped").unsigned_number(logs.dropped).key("sinks").begin_array();
  for (const SinkCount& sink : logs.sinks) {
    json.begin_object().field("type", sink.type).key("delivered").unsigned_number(sink.delivered);
    json.key("pending").unsigned_number(sink.pending).end_object();
  }
  json.end_array().end_object();
}

void write_storage(base::JsonWriter& json, const Report& report) {
  json.begin_array();
  for (const StorageUse& use : report.storage) {
    json.begin_object().field("path", use.path).key("size").unsigned_number(use.size);
    json.key("peak").unsigned_number(use.peak).end_object();
  }
  json.end_array();
}

}  // namespace

std::string to_json(const Report& report) {
  base::JsonWriter json;
  json.begin_object().key("v").number(1).field("cofferdam", COFFERDAM_VERSION);
  write_strings(json.key("command"), report.command);
  json.field("policy", report.policy).field("mode", report.mode);
  json.field("started", base::rfc3339(report.started)).field("ended", base::rfc3339(report.ended));
  write_instances(json.key("instances"), report);
  write_enforcement(json.key("enforcement"), report.enforcement);
  write_lost(json.key("lost"), report);
  write_kept(json.key("kept"), report);
  write_findings(json.key("findings"), report);
  write_connections(json.key("connections"), report);
  write_logs(json.key("logs"), report.logs);
  write_storage(json.key("storage"), report);
  json.key("audit").begin_object().key("events").unsigned_number(report.audit_events);
  json.key("disagreements").unsigned_number(report.audit_disagreements).end_object();
  json.end_object();
  return json.take() + "\n";
}

}  // namespace cofferdam::report
