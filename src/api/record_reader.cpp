// parse_record of cofferdam/record.hpp.
#include <string>
#include <string_view>

#include "base/text.hpp"
#include "cofferdam/record.hpp"
#include "report/json_values.hpp"

namespace cofferdam {

namespace {

using report::json;

// RFC 4648 with padding; what is no letter of it ends the text.
std::string decode_base64(std::string_view text) {
  constexpr std::string_view kLetters = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
  std::string bytes;
  std::uint32_t bits = 0;
  int count = 0;
  for (const char letter : text) {
    const std::size_t value = kLetters.find(letter);
    if (value == std::string_view::npos) break;
    bits = (bits << 6U) | static_cast<std::uint32_t>(value);
    count += 6;
    if (count < 8) continue;
    count -= 8;
    bytes += static_cast<char>((bits >> static_cast<unsigned>(count)) & 0xFFU);
  }
  return bytes;
}

LogStream stream_of(std::string_view word) {
  for (const LogStream known : {LogStream::err, LogStream::syslog, LogStream::own}) {
    if (word == to_string(known)) return known;
  }
  return LogStream::out;
}

LogLevel level_of(std::string_view word) {
  for (std::size_t i = 0; i < kLogLevels; ++i) {
    if (word == to_string(static_cast<LogLevel>(i))) return static_cast<LogLevel>(i);
  }
  return LogLevel::info;
}

std::string as_text(const json& value) {
  return value.is_string() ? value.get<std::string>() : value.dump(-1, ' ', false, json::error_handler_t::replace);
}

}  // namespace

Result<LogRecord> parse_record(std::string_view line) {
  const json value = json::parse(line.begin(), line.end(), nullptr, false);
  const bool plain = report::at(value, "message").is_string();
  if (!report::at(value, "stream").is_string() || (!plain && !report::at(value, "message_b64").is_string())) {
    return fail("this is no record of cofferdam: " + base::printable(line.substr(0, 80)), 0, 2);
  }
  LogRecord record;
  record.ts = report::time_at(value, "ts");
  record.seq = report::number_at(value, "seq");
  record.instance = report::text_at(value, "instance");
  record.stream = stream_of(report::text_at(value, "stream"));
  record.level = level_of(report::text_at(value, "level"));
  record.message = plain ? report::text_at(value, "message") : decode_base64(report::text_at(value, "message_b64"));
  record.ends_line = report::flag_at(value, "eol", true) && report::flag_at(report::at(value, "partial"), "last", true);
  if (const json& fields = report::at(value, "fields"); fields.is_object()) {
    for (const auto& [name, field] : fields.items()) record.fields.emplace(name, as_text(field));
  }
  record.trace_id = report::text_at(value, "trace_id");
  record.span_id = report::text_at(value, "span_id");
  const json& gap = report::at(value, "gap");
  record.gap_count = report::number_at(gap, "count");
  record.gap_reason = report::text_at(gap, "reason");
  return record;
}

}  // namespace cofferdam
