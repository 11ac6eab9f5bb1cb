#include "logs/sinks/otlp_encoder.hpp"

#include <array>
#include <bit>
#include <charconv>
#include <cmath>

#include "logs/escape.hpp"
#include "logs/sinks/json_cursor.hpp"
#include "logs/sinks/protobuf.hpp"

namespace cofferdam::logs {

namespace {

constexpr int kMostDepth = 30;

struct Severity {
  std::uint8_t number;
  const char* text;
};
constexpr std::array<Severity, kLogLevels> kSeverities = {
    {{5, "debug"}, {9, "info"}, {13, "warning"}, {17, "error"}, {21, "critical"}}};

const Severity& severity_of(const Record& record) {
  return kSeverities.at(static_cast<std::size_t>(record.level));
}

// --- an AnyValue in both forms: each call writes the inside of one
// ----------------------------------------------------

class ProtobufValue {
 public:
  explicit ProtobufValue(std::string& out) : out_(out) {}

  void null() {}
  void text(std::string_view value) { protobuf::append_bytes(out_, 1, value); }
  void boolean(bool value) { protobuf::append_number(out_, 2, value ? 1 : 0); }
  void integer(std::int64_t value) { protobuf::append_number(out_, 3, static_cast<std::uint64_t>(value)); }
  void real(double value, std::string_view) { protobuf::append_fixed64(out_, 4, std::bit_cast<std::uint64_t>(value)); }
  void bytes(std::string_view value) { protobuf::append_bytes(out_, 7, value); }
  template <class Elements>
  void array(Elements&& elements) {
    protobuf::append_message(out_, 5, [&](std::string&) { elements(); });
  }
  template <class Value>
  void element(Value&& value) {
    protobuf::append_message(out_, 1, [&](std::string&) { value(); });
  }
  template <class Members>
  void object(Members&& members) {
    protobuf::append_message(out_, 6, [&](std::string&) { members(); });
  }
  template <class Value>
  void member(std::string_view key, Value&& value, std::uint32_t field = 1) {
    protobuf::append_message(out_, field, [&](std::string& out) {
      protobuf::append_bytes(out, 1, key);
      protobuf::append_message(out, 2, [&](std::string&) { value(); });
    });
  }

 private:
  std::string& out_;
};

void append_json_text(std::string& out, std::string_view text) {
  out += '"';
  while (!text.empty()) {
    const std::size_t size = out.size();
    out.resize(size + text.size() + 16);
    const Escaped escaped = escape_json(text, out.data() + size, out.data() + out.size());
    out.resize(static_cast<std::size_t>(escaped.out - out.data()));
    text.remove_prefix(escaped.consumed);
    if (escaped.stop != EscapeStop::invalid) continue;  // `full`: what was escaped was longer
    out += "\xef\xbf\xbd";                              // U+FFFD
    text.remove_prefix(1);
  }
  out += '"';
}

class JsonValue {
 public:
  explicit JsonValue(std::string& out) : out_(out) {}

  void null() { out_ += "{}"; }
  void text(std::string_view value) {
    out_ += "{\"stringValue\":";
    append_json_text(out_, value);
    out_ += '}';
  }
  void boolean(bool value) { out_ += value ? "{\"boolValue\":true}" : "{\"boolValue\":false}"; }
  void integer(std::int64_t value) { out_ += "{\"intValue\":\"" + std::to_string(value) + "\"}"; }
  void real(double, std::string_view written) {
    out_ += "{\"doubleValue\":";
    out_ += written;
    out_ += '}';
  }
  void bytes(std::string_view value) {
    out_ += "{\"bytesValue\":\"";
    const std::size_t start = out_.size();
    out_.resize(start + base64_size(value.size()));
    encode_base64(value, out_.data() + start);
    out_ += "\"}";
  }
  template <class Elements>
  void array(Elements&& elements) {
    out_ += "{\"arrayValue\":{\"values\":[";
    elements();
    out_ += "]}}";
  }
  template <class Value>
  void element(Value&& value) {
    if (out_.back() != '[') out_ += ',';
    value();
  }
  template <class Members>
  void object(Members&& members) {
    out_ += "{\"kvlistValue\":{\"values\":[";
    members();
    out_ += "]}}";
  }
  template <class Value>
  void member(std::string_view key, Value&& value, std::uint32_t = 1) {
    if (out_.back() != '[') out_ += ',';
    out_ += "{\"key\":";
    append_json_text(out_, key);
    out_ += ",\"value\":";
    value();
    out_ += '}';
  }

 private:
  std::string& out_;
};

// --- what both forms share -------------------------------------------------------------------------------------------

template <class Value>
void append_number(Value& out, std::string_view written) {
  const char* const end = written.data() + written.size();
  if (written.find_first_of(".eE") == std::string_view::npos) {
    std::int64_t integer = 0;
    const auto read = std::from_chars(written.data(), end, integer);
    return read.ec == std::errc() && read.ptr == end ? out.integer(integer) : out.text(written);
  }
  double real = 0;
  const auto read = std::from_chars(written.data(), end, real);
  return read.ec == std::errc() && read.ptr == end ? out.real(real, written) : out.text(written);
}

template <class Value>
void append_json(Value& out, JsonCursor& json, int depth) {
  using enum JsonCursor::Kind;
  const auto kind = json.kind();
  if (depth == 0 && (kind == array || kind == object)) return out.text(json.skip());
  switch (kind) {
    case null: (void)json.skip(); return out.null();
    case boolean: return out.boolean(json.boolean());
    case number: return append_number(out, json.number());
    case string: return out.text(json.string());
    case array:
      json.enter();
      return out.array([&] {
        while (json.next()) out.element([&] { append_json(out, json, depth - 1); });
      });
    case object:
      json.enter();
      return out.object([&] {
        while (json.next()) {
          const std::string key = json.string();
          json.colon();
          out.member(key, [&] { append_json(out, json, depth - 1); });
        }
      });
    case invalid: return out.text(json.skip());
  }
}

template <class Value>
void append_body(Value& out, const Record& record) {
  if (record.text) {
    out.text(record.message);
  } else {
    out.bytes(record.message);
  }
}

bool is_our_name(std::string_view key) {
  return key == "log.iostream" || key.starts_with("cofferdam.");
}

// `field`: of the attributes in the message that they belong to.
template <class Value>
void append_attributes(Value& out, const Record& record, std::uint32_t field) {
  const auto text = [&](std::string_view key, std::string_view value) {
    out.member(key, [&] { out.text(value); }, field);
  };
  const auto number = [&](std::string_view key, std::uint64_t value) {
    out.member(key, [&] { out.integer(static_cast<std::int64_t>(value)); }, field);
  };
  const auto boolean = [&](std::string_view key, bool value) { out.member(key, [&] { out.boolean(value); }, field); };
  const bool of_app = record.stream == Stream::out || record.stream == Stream::err;
  text(of_app ? "log.iostream" : "cofferdam.stream", to_string(record.stream));
  number("cofferdam.seq", record.seq);
  if (record.partial_id != 0) {
    number("cofferdam.partial.id", record.partial_id);
    number("cofferdam.partial.n", record.partial_n);
    boolean("cofferdam.partial.last", record.partial_last);
  }
  if (!record.eol) boolean("cofferdam.eol", false);
  if (record.gap_count != 0) {
    number("cofferdam.gap.count", record.gap_count);
    number("cofferdam.gap.first", record.gap_first);
    text("cofferdam.gap.reason", record.gap_reason);
  }
  for (const Field& member : record.fields) {
    const std::string key = (is_our_name(member.key) ? "app." : "") + std::string(member.key);
    out.member(
        key,
        [&] {
          JsonCursor json(member.json);
          append_json(out, json, kMostDepth);
        },
        field);
  }
}

// The bytes of an id of `size` bytes in hexadecimal; empty where it is none (all zeros are none, too).
std::string decode_id(std::string_view hex, std::size_t size) {
  std::string bytes;
  if (hex.size() != 2 * size || hex.find_first_not_of('0') == std::string_view::npos) return bytes;
  for (std::size_t i = 0; i < hex.size(); i += 2) {
    std::uint8_t byte = 0;
    const auto read = std::from_chars(hex.data() + i, hex.data() + i + 2, byte, 16);
    if (read.ec != std::errc() || read.ptr != hex.data() + i + 2) return {};
    bytes += static_cast<char>(byte);
  }
  return bytes;
}

// --- records ---------------------------------------------------------------------------------------------------------

void append_record_protobuf(std::string& out, const Record& record) {
  protobuf::append_message(out, 2, [&](std::string& message) {
    const auto time = static_cast<std::uint64_t>(record.time);
    const Severity& severity = severity_of(record);
    ProtobufValue value(message);
    protobuf::append_fixed64(message, 1, time);
    protobuf::append_number(message, 2, severity.number);
    protobuf::append_bytes(message, 3, severity.text);
    protobuf::append_message(message, 5, [&](std::string&) { append_body(value, record); });
    append_attributes(value, record, 6);
    if (const auto id = decode_id(record.trace_id, 16); !id.empty()) protobuf::append_bytes(message, 9, id);
    if (const auto id = decode_id(record.span_id, 8); !id.empty()) protobuf::append_bytes(message, 10, id);
    protobuf::append_fixed64(message, 11, time);
  });
}

void append_record_json(std::string& out, const Record& record) {
  const std::string time = std::to_string(record.time);
  const Severity& severity = severity_of(record);
  JsonValue value(out);
  if (out.back() != '[') out += ',';
  out += R"({"timeUnixNano":")" + time + R"(","observedTimeUnixNano":")" + time;
  out += R"(","severityNumber":)" + std::to_string(severity.number);
  out += R"(,"severityText":")";
  out += severity.text;
  out += R"(","body":)";
  append_body(value, record);
  out += R"(,"attributes":[)";
  append_attributes(value, record, 0);
  out += ']';
  const auto add_id = [&](const char* name, std::string_view hex, std::size_t size) {
    if (decode_id(hex, size).empty()) return;
    out += name;
    out += hex;
    out += '"';
  };
  add_id(R"(,"traceId":")", record.trace_id, 16);
  add_id(R"(,"spanId":")", record.span_id, 8);
  out += '}';
}

std::size_t expected_size(std::span<const Record> records) {
  std::size_t size = 1024;
  for (const Record& record : records) {
    size += 160 + record.message.size();
    for (const Field& field : record.fields) size += 16 + field.key.size() + field.json.size();
  }
  return size;
}

}  // namespace

OtlpEncoder::OtlpEncoder(Format format, const std::map<std::string, std::string>& resource) : format_(format) {
  if (format == Format::protobuf) {
    ProtobufValue value(resource_);
    for (const auto& [key, text] : resource) value.member(key, [&] { value.text(text); });
    protobuf::append_bytes(scope_, 1, "cofferdam");
    protobuf::append_bytes(scope_, 2, COFFERDAM_VERSION);
    return;
  }
  resource_ = R"({"resourceLogs":[{"resource":{"attributes":[)";
  JsonValue value(resource_);
  for (const auto& [key, text] : resource) value.member(key, [&] { value.text(text); });
  resource_ += "]}";
  scope_ = R"(,"scopeLogs":[{"scope":{"name":"cofferdam","version":")" COFFERDAM_VERSION R"("},"logRecords":[)";
}

std::string OtlpEncoder::encode(std::span<const Record> records) const {
  std::string out;
  out.reserve(expected_size(records));
  if (format_ == Format::protobuf) {
    protobuf::append_message(out, 1, [&](std::string& resource_logs) {
      protobuf::append_bytes(resource_logs, 1, resource_);
      protobuf::append_message(resource_logs, 2, [&](std::string& scope_logs) {
        protobuf::append_bytes(scope_logs, 1, scope_);
        for (const Record& record : records) append_record_protobuf(scope_logs, record);
      });
    });
    return out;
  }
  out += resource_;
  out += scope_;
  for (const Record& record : records) append_record_json(out, record);
  out += "]}]}]}";
  return out;
}

}  // namespace cofferdam::logs
