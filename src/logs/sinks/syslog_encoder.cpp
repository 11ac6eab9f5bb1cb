#include "logs/sinks/syslog_encoder.hpp"

#include <algorithm>
#include <array>
#include <charconv>
#include <ctime>

#include "base/json.hpp"
#include "logs/framer.hpp"
#include "logs/sinks/json_cursor.hpp"

namespace cofferdam::logs {

namespace {

constexpr std::int64_t kSecond = 1'000'000'000;
constexpr std::uint64_t kMostSequence = 2'147'483'647;
constexpr std::size_t kLongestName = 32;  // of an SD-NAME
constexpr std::size_t kLeastPart = 64;    // of a message, whatever its structured data

constexpr std::array<std::string_view, 24> kFacilities = {
    "kern", "user", "mail", "daemon", "auth",   "syslog", "lpr",    "news",   "uucp",   "cron",   "authpriv", "ftp",
    "",     "",     "",     "",       "local0", "local1", "local2", "local3", "local4", "local5", "local6",   "local7"};

int severity_of(LogLevel level) {
  switch (level) {
    case LogLevel::debug: return 7;
    case LogLevel::info: return 6;
    case LogLevel::warning: return 4;
    case LogLevel::error: return 3;
    case LogLevel::critical: return 2;
  }
  return 6;
}

// PRINTUSASCII, at most so long; "-" for nothing.
std::string header_field(std::string_view text, std::size_t longest) {
  std::string field;
  for (const char c : text.substr(0, longest)) field += c > 32 && c < 127 ? c : '_';
  return field.empty() ? "-" : field;
}

std::string time_of(std::int64_t time) {
  const std::timespec second{time / kSecond, 0};
  std::string text = base::rfc3339(second).substr(0, 20);  // "2026-01-31T12:00:00."
  std::string micros = std::to_string(time % kSecond / 1000);
  return text + std::string(6 - micros.size(), '0') + micros + "Z";
}

// A line feed would end the message for some receivers: what rsyslog writes instead.
void append_octal(std::string& out, char c) {
  const auto byte = static_cast<unsigned char>(c);
  out += '#';
  for (const int shift : {6, 3, 0}) out += static_cast<char>('0' + ((byte >> shift) & 7));
}

void append_value(std::string& out, std::string_view text) {
  for (const char c : text) {
    if (static_cast<unsigned char>(c) < 0x20) {
      append_octal(out, c);
      continue;
    }
    if (c == '"' || c == '\\' || c == ']') out += '\\';
    out += c;
  }
}

void append_parameter(std::string& out, std::string_view name, std::string_view value) {
  out += ' ';
  for (const char c : name.substr(0, kLongestName)) {
    out += c > 32 && c < 127 && c != '=' && c != ']' && c != '"' ? c : '_';
  }
  out += "=\"";
  append_value(out, value);
  out += '"';
}

std::string own_element(const Record& record) {
  std::string out;
  const auto number = [&](std::string_view name, std::uint64_t value) {
    append_parameter(out, name, std::to_string(value));
  };
  if (!record.eol) append_parameter(out, "eol", "false");
  if (record.partial_id != 0) {
    number("partial_id", record.partial_id);
    number("partial_n", record.partial_n);
    append_parameter(out, "partial_last", record.partial_last ? "true" : "false");
  }
  if (!record.trace_id.empty()) append_parameter(out, "trace_id", record.trace_id);
  if (!record.span_id.empty()) append_parameter(out, "span_id", record.span_id);
  if (record.gap_count != 0) {
    number("gap_count", record.gap_count);
    number("gap_first", record.gap_first);
    append_parameter(out, "gap_reason", record.gap_reason);
  }
  for (const Field& field : record.fields) {
    JsonCursor cursor(field.json);
    const bool text = cursor.kind() == JsonCursor::Kind::string;
    if (field.key.empty()) continue;
    append_parameter(out, field.key, text ? cursor.string() : std::string(field.json));
  }
  return out;
}

std::string on_one_line(std::string_view text) {
  std::string out;
  for (const char c : text) {
    if (c == '\n') {
      append_octal(out, c);
    } else {
      out += c;
    }
  }
  return out;
}

}  // namespace

int syslog_facility(std::string_view name) {
  const auto found = std::ranges::find(kFacilities, name);
  return name.empty() || found == kFacilities.end() ? -1 : static_cast<int>(found - kFacilities.begin());
}

SyslogEncoder::SyslogEncoder(const Options& options) : options_(options) {
  middle_ = " " + header_field(options.host, 255) + " " + header_field(options.app, 48) + " " +
            header_field(options.instance, 128) + " ";
}

std::string SyslogEncoder::encode(std::span<const Record> records) const {
  std::string out;
  for (const Record& record : records) {
    if (options_.local) {
      append_local(record, out);
    } else {
      append(record, out);
    }
  }
  return out;
}

void SyslogEncoder::append_local(const Record& record, std::string& out) const {
  const std::time_t seconds = record.time / kSecond;
  std::tm when{};
  (void)localtime_r(&seconds, &when);
  std::array<char, 32> time{};
  (void)std::strftime(time.data(), time.size(), "%b %e %H:%M:%S", &when);
  const std::string head = "<" + std::to_string(options_.facility * 8 + severity_of(record.level)) + ">" + time.data() +
                           " " + header_field(options_.app, 48) + "[" + header_field(options_.instance, 128) + "]: ";
  std::string text(record.message);
  if (options_.one_line) text = on_one_line(text);
  text += own_element(record);
  std::string_view rest = text;
  const std::size_t room = std::max(options_.max_message, head.size() + kLeastPart) - head.size();
  do {
    const std::string_view part = rest.substr(0, cut_between_characters(rest, room));
    rest.remove_prefix(part.size());
    out += std::to_string(head.size() + part.size()) + ' ' + head;
    out += part;
  } while (!rest.empty());
}

void SyslogEncoder::append(const Record& record, std::string& out) const {
  std::string head = "<" + std::to_string(options_.facility * 8 + severity_of(record.level)) + ">1 " +
                     time_of(record.time) + middle_ + to_string(record.stream) + " [meta sequenceId=\"" +
                     std::to_string((record.seq + kMostSequence - 1) % kMostSequence + 1) + "\"]";
  std::string parameters = own_element(record);
  std::string copy;
  std::string_view rest = record.message;
  if (options_.one_line && rest.find('\n') != std::string_view::npos) {
    copy = on_one_line(rest);
    rest = copy;
  }
  constexpr std::string_view kElement = "[cofferdam@32473";
  constexpr std::size_t kMore = 40;  // part="..." more="true" and the brackets
  // Where the fields leave no room for the message, they stand behind it, and are divided with it.
  if (head.size() + parameters.size() + kElement.size() + kMore + kLeastPart > options_.max_message) {
    copy = std::string(rest) + parameters;
    rest = copy;
    parameters.clear();
  }
  const std::size_t taken = head.size() + kElement.size() + parameters.size() + kMore;
  const std::size_t room = options_.max_message > taken + kLeastPart ? options_.max_message - taken : kLeastPart;
  const bool divided = rest.size() > room;
  std::uint64_t part = 0;
  do {
    const std::string_view text = rest.substr(0, divided ? cut_between_characters(rest, room) : rest.size());
    rest.remove_prefix(text.size());
    std::string message = head;
    std::string extra = parameters;
    if (divided) {
      append_parameter(extra, "part", std::to_string(++part));
      if (!rest.empty()) append_parameter(extra, "more", "true");
    }
    if (!extra.empty()) message += std::string(kElement) + extra + "]";
    message += ' ';
    message += text;
    out += std::to_string(message.size()) + ' ' + message;
  } while (!rest.empty());
}

std::string_view take_frame(std::string_view& frames) {
  std::size_t size = 0;
  const auto [at, error] = std::from_chars(frames.data(), frames.data() + frames.size(), size);
  const auto digits = static_cast<std::size_t>(at - frames.data());
  if (error != std::errc{} || frames.size() < digits + 1 + size) {
    frames = {};
    return {};
  }
  const std::string_view message = frames.substr(digits + 1, size);
  frames.remove_prefix(digits + 1 + size);
  return message;
}

}  // namespace cofferdam::logs
