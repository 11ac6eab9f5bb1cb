#include "policy/log_sink.hpp"

#include <algorithm>
#include <array>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "base/text.hpp"
#include "policy/log_address.hpp"
#include "policy/log_words.hpp"
#include "policy/node_values.hpp"
#include "policy/values.hpp"

namespace cofferdam::policy {
namespace {

using Type = LogSink::Type;

constexpr std::string_view kReference = "env:";
constexpr std::uint64_t kLargestBuffer = 1ULL << 30;
constexpr std::uint64_t kLeastMessage = 480;  // what RFC 5424 section 6.1 obliges every receiver to take
constexpr std::uint64_t kMostMessage = 256 << 10;
constexpr std::size_t kLongestName = 64;
constexpr std::size_t kLongestAppName = 48;  // RFC 5424 section 6

constexpr unsigned bit(Type type) {
  return 1U << static_cast<unsigned>(type);
}
constexpr unsigned kLocal = bit(Type::console) | bit(Type::file);
constexpr unsigned kRemote = bit(Type::otlp) | bit(Type::fluentd) | bit(Type::syslog) | bit(Type::sentry);

// Keys that are not every sink's.
struct Applies {
  std::string_view key;
  unsigned types;
};
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

// Headers that the request has by itself.
constexpr auto kOwnHeaders = std::to_array<std::string_view>(
    {"host", "content-type", "content-length", "content-encoding", "transfer-encoding", "connection"});

std::string lower(std::string_view text) {
  std::string out(text);
  for (char& c : out) {
    if (c >= 'A' && c <= 'Z') c = static_cast<char>(c - 'A' + 'a');
  }
  return out;
}

bool is_printable(std::string_view text) {
  return std::ranges::all_of(text, [](char c) { return c > ' ' && c < '\x7f'; });
}

bool is_name(std::string_view text) {
  return !text.empty() && text.size() <= kLongestName && text.front() != '.' && std::ranges::all_of(text, [](char c) {
    return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') || c == '-' || c == '_' ||
           c == '.';
  });
}

// RFC 9110 section 5.6.2
bool is_token(std::string_view text) {
  return !text.empty() && is_printable(text) && text.find_first_of("\"(),/:;<=>?@[\\]{}") == std::string_view::npos;
}

class Reader {
 public:
  Reader(const Node& row, const PathBase& base, bool shipped, Mistakes& mistakes)
      : row_(row), base_(base), shipped_(shipped), mistakes_(mistakes) {}

  std::optional<LogSink> read() {
    const auto type = choice_of<Type>(child(row_, "type"), kSinkWords);
    if (!type) return std::nullopt;
    sink_.type = *type;
    sink_.origin = mistakes_.origin(row_.place);
    check_keys();
    read_common();
    if (sink_.type == Type::file) read_file();
    if (is_remote(sink_.type)) read_remote();
    if (!usable_) return std::nullopt;
    return std::move(sink_);
  }

 private:
  void wrong(Place place, std::string message, std::string hint) {
    usable_ = false;
    mistakes_.error(place, code::kValue, std::move(message), std::move(hint));
  }

  [[nodiscard]] std::string type_name() const { return std::string(word_of(kSinkWords, sink_.type)); }

  template <class T>
  void set(T& to, std::optional<T> value) {
    if (value) to = std::move(*value);
  }

  std::optional<std::string> path(const Node& node) { return path_of(node, base_, shipped_, mistakes_); }

  void check_keys() {
    for (const Entry& entry : row_.entries) {
      const auto applies = std::ranges::find(kApplies, std::string_view(entry.key), &Applies::key);
      if (applies == kApplies.end() || (applies->types & bit(sink_.type)) != 0) continue;
      std::vector<std::string> types;
      for (std::size_t i = 0; i < kSinkWords.size(); ++i) {
        if ((applies->types & bit(static_cast<Type>(i))) != 0) types.emplace_back(kSinkWords[i]);
      }
      std::vector<std::string> keys;
      for (const Applies& each : kApplies) {
        if ((each.types & bit(sink_.type)) != 0) keys.emplace_back(each.key);
      }
      wrong(entry.place, in_quotes(entry.key) + " does not apply to a sink of type " + type_name(),
            "it belongs to a sink of type " + base::join(types, ", ") + "; of its own, a " + type_name() +
                " sink has " + base::join(keys, ", "));
    }
    const auto needed = std::ranges::find(kNeeded, sink_.type, &Needed::type);
    if (needed != kNeeded.end() && row_.find(needed->key) == nullptr) {
      wrong(row_.place, "a sink of type " + type_name() + " needs " + in_quotes(needed->key),
            "add " + std::string(needed->example));
    }
  }

  void read_common() {
    if (const Node& name = child(row_, "name"); name.kind == Node::Kind::scalar) {
      if (!is_name(name.text)) {
        wrong(name.place, in_quotes(name.text) + " is no name of a sink",
              "write up to 64 letters, digits, '-', '_' and '.'");
      }
      sink_.name = name.text;
    }
    read_match(child(row_, "match"));
    const auto when_full = choice_of<LogSink::WhenFull>(child(row_, "when_full"), kWhenFullWords);
    sink_.when_full_chosen = when_full.has_value();
    set(sink_.when_full, when_full);
    const Node& buffer = child(row_, "buffer");
    set(sink_.buffer, value_of(buffer, &parse_size));
    if (sink_.buffer > kLargestBuffer) {
      wrong(buffer.place, "a buffer of " + in_quotes(buffer.text) + " is too large",
            "it is memory: at most 1GiB; for more, use when_full: spill");
    }
    set(sink_.fallback, path(child(row_, "fallback")));
    set(sink_.require, boolean_of(child(row_, "require")));
    const Node& timeout = child(row_, "timeout");
    set(sink_.timeout, value_of(timeout, &parse_duration));
    if (sink_.timeout.count() == 0) wrong(timeout.place, "a timeout of 0 leaves no time to send", "write 10s");
    set(sink_.format, choice_of<LogSink::Format>(child(row_, "format"), kFormatWords));
    if (sink_.format == LogSink::Format::raw && sink_.when_full != LogSink::WhenFull::block) {
      wrong(row_.place, "raw bytes can't be queued: there are no records to drop or to keep",
            "write when_full: block, or format: json");
    }
  }

  void read_match(const Node& match) {
    const Node& level = child(match, "level");
    if (level.kind == Node::Kind::scalar) {
      const bool marked = level.text.starts_with(">=");
      for (std::size_t i = 0; i < kLogLevels; ++i) {
        const auto each = static_cast<LogLevel>(i);
        if (std::string_view(level.text).substr(marked ? 2 : 0) == to_string(each)) sink_.match.at_least = each;
      }
    }
    for (const Node& item : child(match, "streams").items) {
      if (const auto stream = choice_of<LogStream>(item, kStreamWords)) sink_.match.streams.push_back(*stream);
    }
    set(sink_.match.contains, text_of(child(match, "contains")));
  }

  void read_file() {
    if (auto file = path(child(row_, "path"))) {
      sink_.path = std::move(*file);
    } else {
      usable_ = false;
    }
    const Node& rotate = child(row_, "rotate");
    LogRotation& out = sink_.rotate;
    set(out.size, value_of(child(rotate, "size"), &parse_size));
    if (const auto age = value_of(child(rotate, "age"), &parse_duration)) {
      out.age = std::chrono::ceil<std::chrono::seconds>(*age);
    }
    if (const auto keep = value_of(child(rotate, "keep"), &parse_count)) out.keep = static_cast<std::uint32_t>(*keep);
    set(out.total, value_of(child(rotate, "total"), &parse_size));
    set(out.compress, choice_of<LogRotation::Compress>(child(rotate, "compress"), kRotatedWords));
    if (rotate.kind == Node::Kind::map && out.size == 0 && out.age.count() == 0) {
      wrong(rotate.place, "nothing says when the file is rotated", "add size: 100MiB, age: 24h, or both");
    }
  }

  void read_remote() {
    const Node& tls = child(row_, "tls");
    set(sink_.tls, boolean_of(child(tls, "enabled")));
    set(sink_.verify, boolean_of(child(tls, "verify")));
    set(sink_.ca_file, path(child(tls, "ca_file")));
    for (const Entry& header : child(row_, "headers").entries) read_header(header);
    for (const Entry& entry : child(row_, "resource").entries) {
      if (auto value = text_of(entry.value)) sink_.resource.emplace(entry.key, std::move(*value));
    }
    sink_.json = choice_of<bool>(child(row_, "encoding"), kEncodingWords).value_or(false);
    set(sink_.compress, choice_of<LogSink::Compress>(child(row_, "compress"), kCompressWords));
    set(sink_.tag, text_of(child(row_, "tag")));
    set(sink_.ack, boolean_of(child(row_, "ack")));
    read_secret(child(row_, "shared_key"), "the shared key", "shared_key: env:NAME", sink_.shared_key);
    set(sink_.facility, text_of(child(row_, "facility")));
    read_app_name(child(row_, "app_name"));
    set(sink_.octet_counting, choice_of<bool>(child(row_, "framing"), kFramingWords));
    read_max_message(child(row_, "max_message"));
    set(sink_.environment, text_of(child(row_, "environment")));
    set(sink_.release, text_of(child(row_, "release")));
    const auto needed = std::ranges::find(kNeeded, sink_.type, &Needed::type);
    read_address(child(row_, needed->key));
    check_tls(tls);
  }

  void read_header(const Entry& header) {
    if (header.value.kind != Node::Kind::scalar) return;
    const std::string name = lower(header.key);
    if (!is_token(header.key)) {
      wrong(header.place, in_quotes(header.key) + " is no name of a header", "write it as in X-Scope-OrgID: team-a");
    } else if (std::ranges::find(kOwnHeaders, name) != kOwnHeaders.end()) {
      wrong(header.place, "the header " + in_quotes(header.key) + " is set by cofferdam itself", "remove it");
    } else if (std::ranges::any_of(header.value.text, [](char c) { return (c >= 0 && c < ' ') || c == '\x7f'; })) {
      wrong(header.value.place, "the header " + in_quotes(header.key) + " has a control character in its value",
            "a header is one line");
    }
    std::string value;
    if (is_secret_header(name)) {
      read_secret(header.value, "the header " + in_quotes(header.key), header.key + ": env:NAME", value);
    } else {
      check_reference(header.value);
      value = header.value.text;
    }
    sink_.headers.emplace(header.key, std::move(value));
  }

  void read_secret(const Node& node, const std::string& what, const std::string& instead, std::string& to) {
    if (node.kind != Node::Kind::scalar) return;
    to = node.text;
    if (node.text.empty()) {
      wrong(node.place, what + " is empty", "write " + instead);
    } else if (!check_reference(node)) {
      warn_secret(node.place, what, instead);
    }
  }

  // True for env:NAME.
  bool check_reference(const Node& node) {
    if (!node.text.starts_with(kReference)) return false;
    const auto name = parse_variable(std::string_view(node.text).substr(kReference.size()));
    if (!name) wrong(node.place, name.error().message, name.error().hint);
    return true;
  }

  void warn_secret(Place place, const std::string& what, const std::string& instead) {
    mistakes_.add(Severity::warning, place, code::kSecret, what + " stands in the policy in clear text",
                  "put it into the environment and write " + instead);
  }

  void read_app_name(const Node& node) {
    if (node.kind != Node::Kind::scalar) return;
    sink_.app_name = node.text;
    if (node.text.empty() || node.text.size() > kLongestAppName || !is_printable(node.text)) {
      wrong(node.place, in_quotes(node.text) + " is no name that syslog can bear",
            "up to 48 printable ASCII characters without a space");
    }
  }

  void read_max_message(const Node& node) {
    const auto size = value_of(node, &parse_count);
    if (!size) return;
    if (*size < kLeastMessage || *size > kMostMessage) {
      wrong(node.place, "messages of " + node.text + " bytes are too " + (*size < kLeastMessage ? "short" : "long"),
            "from 480 to 262144; what servers take is set there (rsyslog: 8192 bytes by default)");
    }
    sink_.max_message = static_cast<std::uint32_t>(*size);
  }

  void read_address(const Node& node) {
    if (node.kind != Node::Kind::scalar) return;
    sink_.address = node.text;
    if (check_reference(node)) return;
    if (const auto parsed = parse_log_address(sink_); !parsed) {
      wrong(node.place, parsed.error().message, parsed.error().hint);
      return;
    }
    if (!has_password(node.text)) return;
    const auto needed = std::ranges::find(kNeeded, sink_.type, &Needed::type);
    warn_secret(node.place, "a password", std::string(needed->key) + ": env:NAME");
  }

  // user:password@ of a URL; the public key of a DSN alone is no secret.
  static bool has_password(std::string_view url) {
    const std::size_t scheme = url.find("://");
    if (scheme == std::string_view::npos) return false;
    const std::string_view authority = url.substr(scheme + 3, url.find('/', scheme + 3) - scheme - 3);
    const std::size_t at = authority.rfind('@');
    return at != std::string_view::npos && authority.substr(0, at).find(':') != std::string_view::npos;
  }

  // What the address says about TLS is known only when it stands in the policy.
  void check_tls(const Node& tls) {
    if (const Entry* enabled = entry_of(tls, "enabled"); enabled != nullptr && sink_.type != Type::fluentd) {
      wrong(enabled->place, "'enabled' does not apply to a sink of type " + type_name(),
            "its address says it: https:// or tls://");
    }
    if (sink_.address.starts_with(kReference)) return;
    const bool secure = sink_.type == Type::fluentd  ? sink_.tls
                        : sink_.type == Type::syslog ? sink_.address.starts_with("tls://")
                                                     : sink_.address.starts_with("https://");
    if (secure) return;
    for (const char* key : {"ca_file", "verify"}) {
      const Entry* entry = entry_of(tls, key);
      if (entry == nullptr) continue;
      wrong(entry->place, in_quotes(key) + " does not apply to a connection without TLS",
            sink_.type == Type::fluentd  ? "add enabled: true"
            : sink_.type == Type::syslog ? "write address: \"tls://host:6514\""
                                         : "write https:// in its address");
    }
  }

  static const Entry* entry_of(const Node& map, std::string_view key) {
    const auto found = std::ranges::find(map.entries, key, &Entry::key);
    return found == map.entries.end() ? nullptr : &*found;
  }

  const Node& row_;
  const PathBase& base_;
  bool shipped_;
  Mistakes& mistakes_;
  LogSink sink_;
  bool usable_ = true;
};

}  // namespace

bool is_secret_header(std::string_view name) {
  const std::string small = lower(name);
  return small == "authorization" || small == "cookie" || small.find("token") != std::string::npos ||
         small.find("key") != std::string::npos || small.find("secret") != std::string::npos;
}

std::optional<LogSink> read_log_sink(const Node& row, const PathBase& base, bool shipped, Mistakes& mistakes) {
  return Reader(row, base, shipped, mistakes).read();
}

}  // namespace cofferdam::policy
