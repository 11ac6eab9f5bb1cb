// What a server says about a request.
#include <charconv>

#include "logs/sinks/json_cursor.hpp"
#include "logs/sinks/otlp_encoder.hpp"
#include "logs/sinks/protobuf.hpp"

namespace cofferdam::logs {

namespace {

bool is_json(std::string_view content_type) {
  return content_type.starts_with("application/json");
}
bool is_protobuf(std::string_view content_type) {
  return content_type.starts_with("application/x-protobuf") || content_type.starts_with("application/protobuf");
}

// Calls `member(key, cursor)` for the members of the object ahead; what it does not take is skipped.
template <class Member>
void for_each_member(JsonCursor& json, Member&& member) {
  if (json.kind() != JsonCursor::Kind::object) {
    (void)json.skip();
    return;
  }
  json.enter();
  while (json.next()) {
    const std::string key = json.string();
    json.colon();
    if (!member(key, json)) (void)json.skip();
  }
}

std::uint64_t to_count(std::string_view digits) {
  std::uint64_t count = 0;
  const auto read = std::from_chars(digits.data(), digits.data() + digits.size(), count);
  return read.ec == std::errc() ? count : 0;
}

bool read_partial_success(JsonCursor& json, OtlpAnswer& answer) {
  for_each_member(json, [&](std::string_view key, JsonCursor& value) {
    if (key == "rejectedLogRecords") {  // a string; servers that write a number are understood, too
      const bool quoted = value.kind() == JsonCursor::Kind::string;
      answer.rejected = to_count(quoted ? value.string() : std::string(value.skip()));
      return true;
    }
    if (key != "errorMessage" || value.kind() != JsonCursor::Kind::string) return false;
    answer.message = value.string();
    return true;
  });
  return true;
}

}  // namespace

OtlpAnswer read_otlp_success(std::string_view body, std::string_view content_type) {
  OtlpAnswer answer;
  if (is_json(content_type)) {
    JsonCursor json(body);
    for_each_member(json, [&](std::string_view key, JsonCursor& value) {
      return key == "partialSuccess" && read_partial_success(value, answer);
    });
  }
  if (!is_protobuf(content_type)) return answer;
  while (const auto outer = protobuf::take_field(body)) {
    if (outer->id != 1 || outer->wire != protobuf::Wire::bytes) continue;
    std::string_view partial = outer->bytes;
    while (const auto field = protobuf::take_field(partial)) {
      if (field->id == 1) answer.rejected = field->number;
      if (field->id == 2) answer.message = field->bytes;
    }
  }
  return answer;
}

std::string read_otlp_status(std::string_view body, std::string_view content_type) {
  std::string message;
  if (is_json(content_type)) {
    JsonCursor json(body);
    for_each_member(json, [&](std::string_view key, JsonCursor& value) {
      if (key != "message" || value.kind() != JsonCursor::Kind::string) return false;
      message = value.string();
      return true;
    });
  } else if (is_protobuf(content_type)) {
    while (const auto field = protobuf::take_field(body)) {
      if (field->id == 2) message = field->bytes;
    }
  } else if (content_type.starts_with("text/plain")) {
    message = body;
  }
  return message;
}

}  // namespace cofferdam::logs
