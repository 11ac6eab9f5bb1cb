#include "logs/queue/fallback.hpp"

#include <ctime>
#include <string>

#include "base/json.hpp"
#include "logs/escape.hpp"
#include "logs/sinks/write.hpp"

namespace cofferdam::logs {

namespace {

constexpr std::int64_t kSecond = 1'000'000'000;

void add_text(std::string& out, std::string_view key, std::string_view value) {
  out += ",\"";
  out += key;
  out += "\":";
  base::append_json_string(out, value);
}

void add_number(std::string& out, std::string_view key, std::uint64_t value) {
  out += ",\"";
  out += key;
  out += "\":";
  out += std::to_string(value);
}

void add_message(std::string& out, const Record& record) {
  if (record.text) return add_text(out, "message", record.message);
  std::string encoded(base64_size(record.message.size()), '\0');
  (void)encode_base64(record.message, encoded.data());
  add_text(out, "message_b64", encoded);
  add_text(out, "encoding", "base64");
}

void add_fields(std::string& out, std::span<const Field> fields) {
  out += ",\"fields\":";
  char separator = '{';
  for (const Field& field : fields) {
    out += separator;
    base::append_json_string(out, field.key);
    out += ':';
    out += field.json;
    separator = ',';
  }
  out += '}';
}

}  // namespace

bool append_fallback(int fd, const Record& record, const FallbackLine& line) {
  std::string out = R"({"ts":")" + base::rfc3339({record.time / kSecond, record.time % kSecond}) + '"';
  add_number(out, "seq", record.seq);
  add_text(out, "instance", line.instance);
  add_text(out, "stream", to_string(record.stream));
  add_text(out, "level", to_string(record.level));
  add_message(out, record);
  if (!record.trace_id.empty()) add_text(out, "trace_id", record.trace_id);
  if (!record.span_id.empty()) add_text(out, "span_id", record.span_id);
  if (!record.fields.empty()) add_fields(out, record.fields);
  if (record.partial_id != 0) {
    out += R"(,"partial":{"id":)" + std::to_string(record.partial_id);
    add_number(out, "n", record.partial_n);
    out += record.partial_last ? R"(,"last":true})" : R"(,"last":false})";
  }
  if (!record.eol) out += R"(,"eol":false)";
  if (record.gap_count != 0) {
    out += R"(,"gap":{"first":)" + std::to_string(record.gap_first);
    add_number(out, "last", record.seq);
    add_number(out, "count", record.gap_count);
    out += '}';
  }
  add_text(out, "sink", line.sink);
  add_text(out, "reason", line.reason);
  out += "}\n";
  return write_all(fd, out).errnum == 0;
}

}  // namespace cofferdam::logs
