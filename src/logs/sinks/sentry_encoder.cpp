#include "logs/sinks/sentry_encoder.hpp"

#include <openssl/evp.h>

#include <algorithm>
#include <array>
#include <ctime>
#include <initializer_list>
#include <optional>

#include "base/json.hpp"
#include "logs/sinks/json_cursor.hpp"
#include "logs/sinks/stack_trace.hpp"

namespace cofferdam::logs {

namespace {

// What Sentry keeps of each (Relay cuts what is longer).
constexpr std::size_t kMostMessage = 8192;
constexpr std::size_t kMostFrames = 250;
constexpr std::size_t kMostExceptions = 50;

const char* level_name(LogLevel level) {
  return level == LogLevel::critical ? "fatal" : to_string(level);
}

// An object whose values may be JSON as it stands.
class Object {
 public:
  explicit Object(std::string& out) : out_(out) { out_ += '{'; }
  Object(const Object&) = delete;
  Object& operator=(const Object&) = delete;
  ~Object() { out_ += '}'; }

  std::string& key(std::string_view name) {
    if (!first_) out_ += ',';
    first_ = false;
    base::append_json_string(out_, name);
    out_ += ':';
    return out_;
  }
  void text(std::string_view name, std::string_view value) {
    if (!value.empty()) base::append_json_string(key(name), value);
  }
  void number(std::string_view name, std::uint64_t value) { key(name) += std::to_string(value); }
  void json(std::string_view name, std::string_view value) { key(name) += value; }

 private:
  std::string& out_;
  bool first_ = true;
};

// At most `most` bytes of whole characters.
std::string_view cut(std::string_view text, std::size_t most) {
  if (text.size() <= most) return text;
  while (most > 0 && (static_cast<unsigned char>(text[most]) & 0xC0) == 0x80) --most;
  return text.substr(0, most);
}

const Field* find_field(const Record& record, std::string_view key) {
  const auto found = std::ranges::find(record.fields, key, &Field::key);
  return found == record.fields.end() ? nullptr : &*found;
}

std::string text_of(const Record& record, std::string_view key) {
  const Field* const field = find_field(record, key);
  if (field == nullptr) return {};
  JsonCursor cursor(field->json);
  return cursor.kind() == JsonCursor::Kind::string ? cursor.string() : std::string();
}

// The text of a trace that a structured logger wrote beside its message.
std::string trace_among(std::span<const Field> fields) {
  constexpr std::array<std::string_view, 7> kNames = {"exception", "exc_info",          "stack_trace", "stacktrace",
                                                      "stack",     "error.stack_trace", "traceback"};
  constexpr std::array<std::string_view, 5> kParents = {"err", "error", "exception", "exc_info", "data"};
  const auto is_in = [](const auto& names, std::string_view name) {
    return std::ranges::find(names, name) != names.end();
  };
  for (const Field& field : fields) {
    JsonCursor cursor(field.json);
    if (is_in(kNames, field.key) && cursor.kind() == JsonCursor::Kind::string) return cursor.string();
    if (!is_in(kParents, field.key) || cursor.kind() != JsonCursor::Kind::object) continue;
    cursor.enter();
    while (cursor.next()) {
      const std::string key = cursor.string();
      cursor.colon();
      if (is_in(kNames, key) && cursor.kind() == JsonCursor::Kind::string) return cursor.string();
      (void)cursor.skip();
    }
  }
  return {};
}

void append_frame(std::string& out, const StackFrame& frame) {
  Object object(out);
  object.text("function", frame.function);
  object.text("module", frame.module);
  object.text("filename", frame.file);
  if (frame.file.starts_with('/')) object.text("abs_path", frame.file);
  if (frame.line != 0) object.number("lineno", frame.line);
  if (frame.column != 0) object.number("colno", frame.column);
  object.text("context_line", frame.source);
  object.json("in_app", frame.in_app ? "true" : "false");
}

void append_exception(std::string& out, const StackException& exception) {
  Object object(out);
  object.text("type", exception.type);
  object.text("value", cut(exception.value, kMostMessage));
  object.json("mechanism", R"({"type":"log","handled":true})");
  if (exception.frames.empty()) return;
  std::string& frames = object.key("stacktrace") += R"({"frames":[)";
  const std::size_t count = exception.frames.size();
  // The innermost calls tell the most.
  for (std::size_t i = count - std::min(count, kMostFrames); i < count; ++i) {
    append_frame(frames, exception.frames[i]);
    frames += i + 1 < count ? "," : "";
  }
  frames += "]}";
}

void append_exceptions(std::string& out, const StackTrace& trace) {
  out += R"({"values":[)";
  const std::size_t count = trace.exceptions.size();
  for (std::size_t i = count - std::min(count, kMostExceptions); i < count; ++i) {
    append_exception(out, trace.exceptions[i]);
    out += i + 1 < count ? "," : "";
  }
  out += "]}";
}

void append_crash(std::string& out, std::string_view signal, std::string_view message) {
  out += R"({"values":[)";
  {
    Object object(out);
    object.text("type", signal);
    object.text("value", message);
    Object mechanism(object.key("mechanism"));
    mechanism.text("type", "signal");
    mechanism.json("handled", "false");
    mechanism.json("synthetic", "true");
    Object meta(mechanism.key("meta"));
    Object in_meta(meta.key("signal"));
    in_meta.text("name", signal);
  }
  out += "]}";
}

void append_extra(std::string& out, const Record& record, std::string_view trace) {
  Object extra(out);
  extra.number("seq", record.seq);
  if (!record.eol) extra.json("eol", "false");
  if (record.gap_count != 0) {
    extra.number("gap_count", record.gap_count);
    extra.number("gap_first", record.gap_first);
    extra.text("gap_reason", record.gap_reason);
  }
  extra.text("stack_trace_text", trace);
  for (const Field& field : record.fields) {
    // Names that stand above are written apart: no key comes twice.
    const bool taken =
        field.key == "seq" || field.key == "eol" || field.key == "stack_trace_text" || field.key.starts_with("gap_");
    extra.json(taken ? "app." + std::string(field.key) : std::string(field.key), field.json);
  }
}

}  // namespace

std::string SentryEncoder::event_id(const Record& record) const {
  constexpr std::string_view kDigits = "0123456789abcdef";
  const std::string text = origin_.host + '\n' + origin_.instance + '\n' + std::to_string(record.time) + '\n' +
                           std::to_string(record.seq) + '\n' + std::to_string(record.gap_count);
  std::array<unsigned char, EVP_MAX_MD_SIZE> digest{};
  (void)EVP_Digest(text.data(), text.size(), digest.data(), nullptr, EVP_sha256(), nullptr);
  digest[6] = static_cast<unsigned char>((digest[6] & 0x0F) | 0x40);  // a UUID of version 4, as it is asked for
  digest[8] = static_cast<unsigned char>((digest[8] & 0x3F) | 0x80);
  std::string id;
  for (std::size_t i = 0; i < 16; ++i) {
    id += kDigits[digest.at(i) >> 4];
    id += kDigits[digest.at(i) & 15];
  }
  return id;
}

std::string SentryEncoder::encode(const Record& record) const {
  const bool own = record.stream == Stream::own;
  const std::string signal = own ? text_of(record, "signal") : std::string();
  const std::string code = own ? text_of(record, "code") : std::string();
  const std::string logger = own ? "cofferdam" : text_of(record, "logger");
  std::string trace_text;
  std::optional<StackTrace> trace;
  if (!own) {
    trace_text = record.message;
    trace = parse_stack_trace(trace_text);
    const bool in_message = trace.has_value();
    if (!in_message) {
      trace_text = trace_among(record.fields);
      trace = parse_stack_trace(trace_text);
      if (trace) trace->head = record.message;
    }
  }

  const std::string id = event_id(record);
  std::string event;
  {
    Object root(event);
    root.text("event_id", id);
    constexpr std::int64_t kSecond = 1'000'000'000;
    root.text("timestamp", base::rfc3339(std::timespec{record.time / kSecond, record.time % kSecond}));
    root.text("platform", trace ? trace->platform : "other");
    root.text("level", level_name(record.level));
    root.text("logger", logger);
    root.text("server_name", origin_.host);
    root.text("release", origin_.release);
    root.text("environment", origin_.environment);
    const std::string_view said = trace ? trace->head : std::string_view(record.message);
    if (!said.empty()) Object(root.key("logentry")).text("formatted", cut(said, kMostMessage));
    if (trace) append_exceptions(root.key("exception"), *trace);
    if (!signal.empty()) append_crash(root.key("exception"), signal, record.message);
    if (record.gap_count != 0) root.json("fingerprint", R"(["cofferdam-gap"])");
    {
      Object tags(root.key("tags"));
      tags.text("instance", origin_.instance);
      tags.text("stream", to_string(record.stream));
      tags.text("app", origin_.app);
      tags.text("code", code);
      tags.text("signal", signal);
      if (record.partial_id != 0) tags.text("partial", std::to_string(record.partial_n));
      if (record.span_id.empty()) tags.text("trace_id", record.trace_id);
    }
    if (!record.trace_id.empty() && !record.span_id.empty()) {
      Object contexts(root.key("contexts"));
      Object ids(contexts.key("trace"));
      ids.text("trace_id", record.trace_id);
      ids.text("span_id", record.span_id);
    }
    append_extra(root.key("extra"), record, trace ? trace_text : std::string());
    root.json("sdk", R"({"name":"cofferdam","version":")" COFFERDAM_VERSION R"("})");
  }
  return R"({"event_id":")" + id + "\"}\n" + R"({"type":"event","content_type":"application/json","length":)" +
         std::to_string(event.size()) + "}\n" + event + "\n";
}

}  // namespace cofferdam::logs
