#include "policy/log_effective.hpp"

#include <array>
#include <vector>

#include "base/text.hpp"
#include "policy/effective_text.hpp"
#include "policy/log_words.hpp"

namespace cofferdam::policy {
namespace {

using Type = LogSink::Type;

template <class Words, class Enum>
std::string word(const Words& words, Enum value) {
  return std::string(word_of(words, value));
}

// A map in one line, of the keys that say something.
class Map {
 public:
  void add(const std::string& key, const std::string& value) { parts_.push_back(key + ": " + value); }
  void text(const std::string& key, const std::string& value, const std::string& usual = {}) {
    if (value != usual) add(key, quoted(value));
  }
  void flag(const std::string& key, bool value, bool usual) {
    if (value != usual) add(key, value ? "true" : "false");
  }
  void number(const std::string& key, std::uint64_t value, std::uint64_t usual) {
    if (value != usual) add(key, std::to_string(value));
  }
  void size(const std::string& key, std::uint64_t value, std::uint64_t usual) {
    if (value != usual) add(key, size_text(value));
  }
  void duration(const std::string& key, std::chrono::milliseconds value, std::chrono::milliseconds usual) {
    if (value != usual) add(key, duration_text(value));
  }
  void texts(const std::string& key, const std::map<std::string, std::string>& values) {
    Map inner;
    for (const auto& [name, value] : values) inner.add(quoted(name), quoted(value));
    map(key, inner);
  }
  void map(const std::string& key, const Map& inner) {
    if (!inner.empty()) add(key, inner.line());
  }

  [[nodiscard]] bool empty() const { return parts_.empty(); }
  [[nodiscard]] std::string line() const { return "{" + base::join(parts_, ", ") + "}"; }

 private:
  std::vector<std::string> parts_;
};

Map match_of(const LogMatch& match) {
  Map map;
  if (match.at_least) map.add("level", quoted(std::string(">=") + to_string(*match.at_least)));
  std::vector<std::string> streams;
  for (const LogStream stream : match.streams) streams.emplace_back(to_string(stream));
  if (!streams.empty()) map.add("streams", "[" + base::join(streams, ", ") + "]");
  map.text("contains", match.contains);
  return map;
}

Map rotation_of(const LogRotation& rotate) {
  const LogRotation usual;
  Map map;
  map.size("size", rotate.size, usual.size);
  map.duration("age", rotate.age, usual.age);
  map.number("keep", rotate.keep, usual.keep);
  map.size("total", rotate.total, usual.total);
  if (rotate.compress != usual.compress) map.add("compress", word(kRotatedWords, rotate.compress));
  return map;
}

std::string sink_of(const LogSink& sink) {
  const LogSink usual;
  Map map;
  map.add("type", word(kSinkWords, sink.type));
  map.text("name", sink.name, word(kSinkWords, sink.type));
  map.map("match", match_of(sink.match));
  if (sink.when_full_chosen) map.add("when_full", word(kWhenFullWords, sink.when_full));
  map.size("buffer", sink.buffer, usual.buffer);
  map.text("fallback", sink.fallback);
  map.flag("require", sink.require, usual.require);
  map.duration("timeout", sink.timeout, usual.timeout);
  if (sink.format != usual.format) map.add("format", word(kFormatWords, sink.format));
  map.text("path", sink.path);
  map.map("rotate", rotation_of(sink.rotate));
  map.text(sink.type == Type::otlp ? "endpoint" : sink.type == Type::sentry ? "dsn" : "address", sink.address);
  Map tls;
  tls.flag("enabled", sink.tls, usual.tls);
  tls.text("ca_file", sink.ca_file);
  tls.flag("verify", sink.verify, usual.verify);
  map.map("tls", tls);
  map.texts("headers", sink.headers);
  map.texts("resource", sink.resource);
  if (sink.json) map.add("encoding", "json");
  if (sink.compress != usual.compress) map.add("compress", word(kCompressWords, sink.compress));
  map.text("tag", sink.tag, usual.tag);
  map.flag("ack", sink.ack, usual.ack);
  map.text("shared_key", sink.shared_key);
  map.text("facility", sink.facility, usual.facility);
  map.text("app_name", sink.app_name);
  if (!sink.octet_counting) map.add("framing", "lf");
  map.number("max_message", sink.max_message, usual.max_message);
  map.text("environment", sink.environment);
  map.text("release", sink.release);
  return map.line();
}

void add_parse(const LogParse& parse, EffectiveLines& lines) {
  lines.value("logs.parse.json", word(kStructuredWords, parse.json));
  lines.value("logs.parse.logfmt", word(kStructuredWords, parse.logfmt));
  if (!parse.multiline_chosen) {
    lines.remark("logs.parse.multiline",
                 parse.multiline.empty() ? "none, the default" : "all, by default with a sentry sink");
  } else if (parse.multiline.empty()) {
    lines.value("logs.parse.multiline", "none");
  } else {
    lines.list("logs.parse.multiline", parse.multiline, false);
  }
  lines.value("logs.parse.ansi", parse.strip_ansi ? "strip" : "keep");
  if (parse.redact.empty()) lines.value("logs.parse.redact", "none");
  lines.list("logs.parse.redact", parse.redact, false);
  lines.list("logs.parse.redact_values", parse.redact_values);
  if (parse.rate != 0) lines.value("logs.parse.rate", std::to_string(parse.rate));
  if (parse.burst != 0) lines.value("logs.parse.burst", std::to_string(parse.burst));
  lines.value("logs.parse.sample", std::to_string(parse.sample));
}

}  // namespace

void effective_logs(const Logs& logs, EffectiveLines& lines) {
  lines.value("logs.capture", logs.capture == LogCapture::pipe ? "pipe" : "pty");
  lines.value("logs.syslog_socket", logs.syslog_socket ? "true" : "false");
  lines.value("logs.max_record", size_text(logs.max_record));
  add_parse(logs.parse, lines);
  if (!logs.spill.path.empty()) {
    lines.value("logs.spill.path", quoted(logs.spill.path));
    lines.value("logs.spill.size", size_text(logs.spill.size));
  }
  lines.value("logs.shutdown_timeout", duration_text(logs.shutdown_timeout));
  if (logs.sinks.empty()) lines.remark("logs.sinks", "the console alone, the default");
  for (const LogSink& sink : logs.sinks) lines.row("logs.sinks", sink_of(sink), sink.origin);
}

}  // namespace cofferdam::policy
