#include "policy/log_layer.hpp"

#include <algorithm>
#include <array>
#include <map>
#include <optional>
#include <string>
#include <string_view>
#include <utility>

#include "base/text.hpp"
#include "policy/log_address.hpp"
#include "policy/values.hpp"

namespace cofferdam::policy {
namespace {

using Type = LogSink::Type;

const Node kNothing{};

constexpr unsigned bit(Type type) {
  return 1U << static_cast<unsigned>(type);
}
constexpr unsigned kLocal = bit(Type::console) | bit(Type::file);
constexpr unsigned kRemote = bit(Type::otlp) | bit(Type::fluentd) | bit(Type::syslog) | bit(Type::sentry);

struct Applies {
  std::string_view key;
  unsigned types;
};
// Keys that are not every sink's.
constexpr auto kApplies = std::to_array<Applies>({{"format", kLocal},
                                                  {"path", bit(Type::file)},
                                                  {"rotate", bit(Type::file)},
                                                  {"require", kRemote},
                                                  {"timeout", kRemote},
                                                  {"fallback", kRemote},
                                                  {"endpoint", bit(Type::otlp)},
                                                  {"address", bit(Type::fluentd) | bit(Type::syslog)},
                                                  {"dsn", bit(Type::sentry)},
                                                  {"tls", kRemote},
                                                  {"headers", bit(Type::otlp)},
                                                  {"resource", bit(Type::otlp)},
                                                  {"encoding", bit(Type::otlp)},
                                                  {"compress", bit(Type::otlp) | bit(Type::fluentd)},
                                                  {"tag", bit(Type::fluentd)},
                                                  {"ack", bit(Type::fluentd)},
                                                  {"shared_key", bit(Type::fluentd)},
                                                  {"facility", bit(Type::syslog)},
                                                  {"app_name", bit(Type::syslog)},
                                                  {"framing", bit(Type::syslog)},
                                                  {"max_message", bit(Type::syslog)},
                                                  {"environment", bit(Type::sentry)},
                                                  {"release", bit(Type::sentry)}});

// The key without which a sink of this type has nowhere to go, and an example.
struct Needed {
  Type type;
  std::string_view key;
  std::string_view example;
};
constexpr auto kNeeded = std::to_array<Needed>({{Type::file, "path", "path: ./app.log.jsonl"},
                                                {Type::otlp, "endpoint", "endpoint: \"http://127.0.0.1:4318\""},
                                                {Type::fluentd, "address", "address: \"127.0.0.1:24224\""},
                                                {Type::syslog, "address", "address: \"udp://127.0.0.1:514\""},
                                                {Type::sentry, "dsn", "dsn: env:SENTRY_DSN"}});

constexpr auto kTypes = std::to_array<std::pair<std::string_view, Type>>({{"console", Type::console},
                                                                          {"file", Type::file},
                                                                          {"otlp", Type::otlp},
                                                                          {"fluentd", Type::fluentd},
                                                                          {"syslog", Type::syslog},
                                                                          {"sentry", Type::sentry}});

template <class T, std::size_t n>
std::optional<T> choice(const Node& node, const std::pair<std::string_view, T> (&names)[n]) {
  if (node.kind != Node::Kind::scalar) return std::nullopt;
  for (const auto& [name, value] : names) {
    if (node.text == name) return value;
  }
  return std::nullopt;
}

const Node& child(const Node& map, std::string_view key) {
  const Node* found = map.find(key);
  return found == nullptr ? kNothing : *found;
}

std::optional<bool> boolean(const Node& node) {
  if (node.kind != Node::Kind::scalar || node.quoted) return std::nullopt;
  const auto value = parse_boolean(node.text);
  return value ? std::optional(*value) : std::nullopt;
}

template <class T>
std::optional<T> value_of(const Node& node, Value<T> (*parse)(std::string_view)) {
  if (node.kind != Node::Kind::scalar) return std::nullopt;
  const auto value = parse(node.text);
  return value ? std::optional(*value) : std::nullopt;
}

std::optional<std::string> text(const Node& node) {
  return node.kind == Node::Kind::scalar ? std::optional(node.text) : std::nullopt;
}

std::vector<std::string> texts(const Node& list) {
  std::vector<std::string> out;
  for (const Node& item : list.items) {
    if (item.kind == Node::Kind::scalar) out.push_back(item.text);
  }
  return out;
}

constexpr std::pair<std::string_view, LogStructured> kStructured[] = {
    {"keep", LogStructured::keep}, {"merge", LogStructured::merge}, {"nest", LogStructured::nest}};
constexpr std::pair<std::string_view, LogStream> kStreams[] = {{"stdout", LogStream::out},
                                                               {"stderr", LogStream::err},
                                                               {"syslog", LogStream::syslog},
                                                               {"cofferdam", LogStream::own}};
constexpr std::pair<std::string_view, LogSink::WhenFull> kWhenFull[] = {
    {"block", LogSink::WhenFull::block},
    {"spill", LogSink::WhenFull::spill},
    {"drop-oldest", LogSink::WhenFull::drop_oldest},
    {"drop-newest", LogSink::WhenFull::drop_newest}};
constexpr std::pair<std::string_view, LogSink::Format> kFormats[] = {{"auto", LogSink::Format::automatic},
                                                                     {"pretty", LogSink::Format::pretty},
                                                                     {"json", LogSink::Format::json},
                                                                     {"raw", LogSink::Format::raw}};
constexpr std::pair<std::string_view, LogRotation::Compress> kRotated[] = {{"none", LogRotation::Compress::none},
                                                                           {"gzip", LogRotation::Compress::gzip},
                                                                           {"zstd", LogRotation::Compress::zstd}};
constexpr std::pair<std::string_view, LogSink::Compress> kCompressed[] = {{"none", LogSink::Compress::none},
                                                                          {"gzip", LogSink::Compress::gzip}};

class Reader {
 public:
  Reader(const PathBase& base, bool shipped, Mistakes& mistakes)
      : base_(base), shipped_(shipped), mistakes_(mistakes) {}

  LogLayer read(const Node& logs) {
    static constexpr std::pair<std::string_view, LogCapture> kCaptures[] = {{"pipe", LogCapture::pipe},
                                                                            {"pty", LogCapture::pty}};
    set(&Logs::capture, choice(child(logs, "capture"), kCaptures));
    set(&Logs::syslog_socket, boolean(child(logs, "syslog_socket")));
    read_max_record(child(logs, "max_record"));
    set(&Logs::shutdown_timeout, value_of(child(logs, "shutdown_timeout"), &parse_duration));
    read_parse(child(logs, "parse"));
    const Node& spill = child(logs, "spill");
    set_in(&Logs::spill, &LogSpill::path, path(child(spill, "path")));
    set_in(&Logs::spill, &LogSpill::size, value_of(child(spill, "size"), &parse_size));
    for (const Node& item : child(logs, "sinks").items) read_sink(item);
    return std::move(layer_);
  }

 private:
  template <class T>
  void set(T Logs::* member, std::optional<T> value) {
    if (value) layer_.push_back([member, value = std::move(*value)](Logs& logs) { logs.*member = value; });
  }
  template <class Part, class T>
  void set_in(Part Logs::* part, T Part::* member, std::optional<T> value) {
    if (!value) return;
    layer_.push_back([part, member, value = std::move(*value)](Logs& logs) { logs.*part.*member = value; });
  }

  std::optional<std::string> path(const Node& node) {
    if (node.kind != Node::Kind::scalar || check_path(node.text)) return std::nullopt;
    auto resolved = resolve_path(node.text, base_);
    if (resolved) return std::move(*resolved);
    if (!shipped_) mistakes_.error(node.place, code::kValue, resolved.error().message, resolved.error().hint);
    return std::nullopt;
  }

  void read_max_record(const Node& node) {
    constexpr std::uint64_t kLargest = 256 << 10;
    const auto size = value_of(node, &parse_record_size);
    if (!size) return;
    if (*size > kLargest) {
      mistakes_.error(node.place, code::kValue, "the record size " + in_quotes(node.text) + " is too large",
                      "at most 256KiB; container runtimes break lines above 16KiB");
      return;
    }
    set(&Logs::max_record, std::optional(static_cast<std::uint32_t>(*size)));
  }

  void read_parse(const Node& parse) {
    set_in(&Logs::parse, &LogParse::json, choice(child(parse, "json"), kStructured));
    set_in(&Logs::parse, &LogParse::logfmt, choice(child(parse, "logfmt"), kStructured));
    set_in(&Logs::parse, &LogParse::multiline, rules(child(parse, "multiline"), kMultilineRules));
    static constexpr std::pair<std::string_view, bool> kAnsi[] = {{"keep", false}, {"strip", true}};
    set_in(&Logs::parse, &LogParse::strip_ansi, choice(child(parse, "ansi"), kAnsi));
    set_in(&Logs::parse, &LogParse::redact, rules(child(parse, "redact"), kRedactRules));
    for (const Node& item : child(parse, "redact_values").items) read_secret_name(item);
    set_in(&Logs::parse, &LogParse::rate, value_of(child(parse, "rate"), &parse_count));
    set_in(&Logs::parse, &LogParse::burst, value_of(child(parse, "burst"), &parse_count));
    set_in(&Logs::parse, &LogParse::sample, value_of(child(parse, "sample"), &parse_count));
  }

  template <std::size_t n>
  static std::optional<std::vector<std::string>> rules(const Node& node, const std::array<std::string_view, n>& all) {
    if (node.kind == Node::Kind::list) return texts(node);
    if (node.kind != Node::Kind::scalar) return std::nullopt;
    if (node.text == "all") return std::vector<std::string>(all.begin(), all.end());
    return std::vector<std::string>();
  }

  void read_secret_name(const Node& item) {
    if (item.kind != Node::Kind::scalar) return;
    std::string bare = item.text;
    std::erase(bare, '*');
    if (item.text.empty() || (!bare.empty() && !parse_variable("A" + bare))) {
      mistakes_.error(item.place, code::kValue, "an entry of redact_values is no name of an environment variable",
                      "write the variable's name, such as DATABASE_URL or \"*_TOKEN\", never the secret itself");
      return;
    }
    layer_.push_back([name = item.text](Logs& logs) {
      auto& names = logs.parse.redact_values;
      if (std::ranges::find(names, name) == names.end()) names.push_back(name);
    });
  }

  void read_sink(const Node& item) {
    const Node& written = child(item, "type");
    const auto type = std::ranges::find(kTypes, written.text, &std::pair<std::string_view, Type>::first);
    if (written.kind != Node::Kind::scalar || type == kTypes.end()) return;
    if (!check_keys(item, type->second, written.text)) return;
    LogSink sink;
    sink.type = type->second;
    sink.origin = mistakes_.origin(item.place);
    sink.name = text(child(item, "name")).value_or("");
    sink.when_full = choice(child(item, "when_full"), kWhenFull).value_or(LogSink::WhenFull::block);
    const bool chosen = item.find("when_full") != nullptr;
    sink.buffer = value_of(child(item, "buffer"), &parse_size).value_or(sink.buffer);
    sink.fallback = path(child(item, "fallback")).value_or("");
    sink.require = boolean(child(item, "require")).value_or(false);
    sink.timeout = value_of(child(item, "timeout"), &parse_duration).value_or(sink.timeout);
    sink.format = choice(child(item, "format"), kFormats).value_or(LogSink::Format::automatic);
    read_match(child(item, "match"), sink.match);
    if (sink.format == LogSink::Format::raw && sink.when_full != LogSink::WhenFull::block) {
      mistakes_.error(item.place, code::kValue, "raw bytes can't be queued: there are no records to drop or to keep",
                      "write when_full: block, or format: json");
      return;
    }
    if (sink.type == Type::file) {
      auto file = path(child(item, "path"));
      if (!file) return;
      sink.path = std::move(*file);
      read_rotation(child(item, "rotate"), sink.rotate);
    }
    if (!read_remote(item, sink)) return;
    layer_.push_back([sink, chosen](Logs& logs) {
      // The same place again says anew what goes there.
      const auto known = std::ranges::find_if(logs.sinks, [&](const LogSink& each) {
        return each.type == sink.type && each.path == sink.path && each.address == sink.address &&
               each.name == sink.name;
      });
      LogSink& place = known != logs.sinks.end() ? *known : logs.sinks.emplace_back();
      place = sink;
      place.when_full_chosen = chosen;
    });
  }

  bool check_keys(const Node& item, Type type, const std::string& name) {
    bool fine = true;
    for (const Entry& entry : item.entries) {
      const auto row = std::ranges::find(kApplies, std::string_view(entry.key), &Applies::key);
      if (row == kApplies.end() || (row->types & bit(type)) != 0) continue;
      fine = false;
      std::vector<std::string> types;
      for (const auto& [written, each] : kTypes) {
        if ((row->types & bit(each)) != 0) types.emplace_back(written);
      }
      mistakes_.error(entry.place, code::kValue, in_quotes(entry.key) + " does not apply to a " + name + " sink",
                      "remove it; it belongs to a sink of type " + base::join(types, ", "));
    }
    const auto needed = std::ranges::find(kNeeded, type, &Needed::type);
    if (needed != kNeeded.end() && item.find(needed->key) == nullptr) {
      fine = false;
      mistakes_.error(item.place, code::kValue, "a " + name + " sink needs " + in_quotes(needed->key),
                      "add " + std::string(needed->example));
    }
    return fine;
  }

  void read_match(const Node& match, LogMatch& out) {
    const Node& level = child(match, "level");
    if (level.kind == Node::Kind::scalar) {
      std::string_view name = level.text;
      if (name.starts_with(">=")) name.remove_prefix(2);
      while (name.starts_with(' ')) name.remove_prefix(1);
      for (std::size_t i = 0; i < kLogLevels; ++i) {
        if (name == to_string(static_cast<LogLevel>(i))) out.at_least = static_cast<LogLevel>(i);
      }
      if (!out.at_least) {
        mistakes_.error(level.place, code::kValue, in_quotes(level.text) + " is no level",
                        "write \">=debug\", \">=info\", \">=warning\", \">=error\" or \">=critical\"");
      }
    }
    for (const Node& item : child(match, "streams").items) {
      if (const auto stream = choice(item, kStreams)) out.streams.push_back(*stream);
    }
    out.contains = text(child(match, "contains")).value_or("");
  }

  static void read_rotation(const Node& rotate, LogRotation& out) {
    out.size = value_of(child(rotate, "size"), &parse_size).value_or(0);
    if (const auto age = value_of(child(rotate, "age"), &parse_duration)) {
      out.age = std::chrono::ceil<std::chrono::seconds>(*age);
    }
    out.keep = static_cast<std::uint32_t>(value_of(child(rotate, "keep"), &parse_count).value_or(out.keep));
    out.total = value_of(child(rotate, "total"), &parse_size).value_or(0);
    out.compress = choice(child(rotate, "compress"), kRotated).value_or(out.compress);
  }

  // False: there is a mistake that leaves nothing to send to.
  bool read_remote(const Node& item, LogSink& sink) {
    const Node& tls = child(item, "tls");
    sink.tls = boolean(child(tls, "enabled")).value_or(false);
    sink.verify = boolean(child(tls, "verify")).value_or(true);
    sink.ca_file = path(child(tls, "ca_file")).value_or("");
    for (const Entry& entry : child(item, "headers").entries) {
      if (entry.value.kind != Node::Kind::scalar) continue;
      if (!entry.value.text.starts_with("env:") && is_secret_header(entry.key)) {
        warn_secret(entry.value.place, "the header " + in_quotes(entry.key), entry.key + ": env:NAME");
      }
      sink.headers.emplace(entry.key, entry.value.text);
    }
    for (const Entry& entry : child(item, "resource").entries) {
      if (entry.value.kind == Node::Kind::scalar) sink.resource.emplace(entry.key, entry.value.text);
    }
    sink.json = child(item, "encoding").text == "json";
    sink.compress = choice(child(item, "compress"), kCompressed).value_or(sink.compress);
    sink.tag = text(child(item, "tag")).value_or(sink.tag);
    sink.ack = boolean(child(item, "ack")).value_or(sink.ack);
    const Node& key = child(item, "shared_key");
    if (key.kind == Node::Kind::scalar) {
      if (!key.text.starts_with("env:")) warn_secret(key.place, "the shared key", "shared_key: env:NAME");
      sink.shared_key = key.text;
    }
    sink.facility = text(child(item, "facility")).value_or(sink.facility);
    sink.app_name = text(child(item, "app_name")).value_or("");
    sink.octet_counting = child(item, "framing").text != "lf";
    sink.max_message = static_cast<std::uint32_t>(
        std::max<std::uint64_t>(value_of(child(item, "max_message"), &parse_count).value_or(sink.max_message), 480));
    sink.environment = text(child(item, "environment")).value_or("");
    sink.release = text(child(item, "release")).value_or("");
    const auto needed = std::ranges::find(kNeeded, sink.type, &Needed::type);
    if (needed == kNeeded.end() || needed->key == "path") return true;
    const Node& address = child(item, needed->key);
    if (address.kind != Node::Kind::scalar) return false;
    sink.address = address.text;
    if (address.text.starts_with("env:")) {
      const auto name = parse_variable(std::string_view(address.text).substr(4));
      if (!name) mistakes_.error(address.place, code::kValue, name.error().message, name.error().hint);
      return name.has_value();
    }
    if (sink.type == Type::sentry && address.text.find('@') != std::string::npos) {
      warn_secret(address.place, "the DSN", "dsn: env:SENTRY_DSN");
    }
    if (const auto parsed = parse_log_address(sink); !parsed) {
      mistakes_.error(address.place, code::kValue, parsed.error().message, parsed.error().hint);
      return false;
    }
    return true;
  }

  static bool is_secret_header(std::string_view name) {
    std::string lower(name);
    for (char& c : lower) {
      if (c >= 'A' && c <= 'Z') c = static_cast<char>(c - 'A' + 'a');
    }
    return lower == "authorization" || lower.find("token") != std::string::npos ||
           lower.find("key") != std::string::npos || lower == "cookie";
  }

  void warn_secret(Place place, const std::string& what, const std::string& instead) {
    mistakes_.add(Severity::warning, place, code::kSecret, what + " stands in the policy in clear text",
                  "put it into the environment and write " + instead);
  }

  const PathBase& base_;
  bool shipped_;
  Mistakes& mistakes_;
  LogLayer layer_;
};

}  // namespace

LogLayer read_logs(const Node& logs, const PathBase& base, bool shipped, Mistakes& mistakes) {
  return Reader(base, shipped, mistakes).read(logs);
}

std::vector<Diagnostic> complete_logs(Logs& logs) {
  std::vector<Diagnostic> mistakes;
  std::map<std::string, int> taken;
  for (LogSink& sink : logs.sinks) {
    const auto type = std::ranges::find(kTypes, sink.type, &std::pair<std::string_view, Type>::second);
    if (sink.name.empty()) sink.name = type->first;
    if (const int before = taken[sink.name]++; before != 0) sink.name += "-" + std::to_string(before + 1);
    const bool remote = (kRemote & bit(sink.type)) != 0;
    if (remote && !sink.when_full_chosen) {
      sink.when_full = logs.spill.path.empty() ? LogSink::WhenFull::drop_oldest : LogSink::WhenFull::spill;
    }
    if (sink.when_full == LogSink::WhenFull::spill && logs.spill.path.empty()) {
      mistakes.push_back({Severity::error, sink.origin, std::string(code::kValue),
                          "the sink " + sink.name + " is to spill, and there is no spill",
                          "add logs.spill: {path: /var/tmp/NAME}, or write when_full: drop-oldest"});
    }
    if (sink.type != Type::sentry) continue;
    if (!sink.match.at_least) sink.match.at_least = LogLevel::error;
    if (sink.match.streams.empty()) {
      sink.match.streams = {LogStream::out, LogStream::err, LogStream::syslog, LogStream::own};
    }
    if (logs.parse.multiline.empty()) logs.parse.multiline.assign(kMultilineRules.begin(), kMultilineRules.end());
  }
  return mistakes;
}

}  // namespace cofferdam::policy
