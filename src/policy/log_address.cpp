#include "policy/log_address.hpp"

#include <algorithm>
#include <optional>
#include <string_view>

#include "policy/mistakes.hpp"

namespace cofferdam::policy {
namespace {

using Type = LogSink::Type;

std::unexpected<ValueError> wrong(std::string message, std::string hint) {
  return std::unexpected(ValueError{std::move(message), std::move(hint)});
}

bool take(std::string_view& text, std::string_view prefix) {
  if (!text.starts_with(prefix)) return false;
  text.remove_prefix(prefix.size());
  return true;
}

std::string lower(std::string_view text) {
  std::string out(text);
  for (char& c : out) {
    if (c >= 'A' && c <= 'Z') c = static_cast<char>(c - 'A' + 'a');
  }
  return out;
}

// In quotes, without what stands before an '@', which may be a password.
std::string shown(std::string_view text) {
  const std::size_t at = text.rfind('@');
  return in_quotes(at == std::string_view::npos ? std::string(text) : "..." + std::string(text.substr(at)));
}

bool is_host(std::string_view text) {
  return !text.empty() && std::ranges::all_of(text, [](char c) {
    return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') || c == '.' || c == '-' ||
           c == '_' || c == ':' || c == '%';
  });
}

// host, host:port, [::1]:port
std::optional<LogAddress> host_and_port(std::string_view text, std::uint16_t usual) {
  LogAddress address;
  address.port = usual;
  std::string_view port;
  if (text.starts_with('[')) {
    const std::size_t close = text.find(']');
    if (close == std::string_view::npos) return std::nullopt;
    address.host = lower(text.substr(1, close - 1));
    text.remove_prefix(close + 1);
    if (!text.empty() && text.front() != ':') return std::nullopt;
    if (!text.empty()) port = text.substr(1);
    if (!text.empty() && port.empty()) return std::nullopt;
  } else {
    const std::size_t colon = text.find(':');
    if (colon != std::string_view::npos) {
      port = text.substr(colon + 1);
      if (port.empty()) return std::nullopt;
    }
    address.host = lower(text.substr(0, colon));
    if (address.host.find_first_of(":%") != std::string::npos) return std::nullopt;
  }
  if (!is_host(address.host)) return std::nullopt;
  if (port.empty()) return address;
  const auto number = parse_port(port);
  if (!number) return std::nullopt;
  address.port = *number;
  return address;
}

Value<LogAddress> of_url(std::string_view text, std::string_view what, std::string_view example) {
  const std::string hint = "write " + std::string(example);
  const bool secure = text.starts_with("https://");
  if (!secure && !text.starts_with("http://")) return wrong(shown(text) + " is no " + std::string(what), hint);
  std::string_view rest = text.substr(secure ? 8 : 7);
  rest = rest.substr(0, rest.find_first_of("/?#"));
  if (const std::size_t at = rest.rfind('@'); at != std::string_view::npos) rest.remove_prefix(at + 1);
  auto address = host_and_port(rest, secure ? 443 : 80);
  if (!address) return wrong(in_quotes(rest) + " is no host of a " + std::string(what), hint);
  return *address;
}

Value<LogAddress> of_dsn(std::string_view text) {
  constexpr std::string_view kForm = "a DSN is https://KEY@HOST/PROJECT, as the project's settings show it";
  const std::size_t scheme = text.find("://");
  if (scheme == std::string_view::npos) return wrong("the DSN has no https:// at its start", std::string(kForm));
  const std::string_view rest = text.substr(scheme + 3);
  const std::size_t at = rest.rfind('@');
  if (at == std::string_view::npos || at == 0) return wrong("the DSN has no key before its host", std::string(kForm));
  const std::string_view place = rest.substr(at + 1);
  const std::size_t slash = place.rfind('/');
  const std::string_view project = slash == std::string_view::npos ? std::string_view() : place.substr(slash + 1);
  if (project.empty() || !std::ranges::all_of(project, [](char c) { return c >= '0' && c <= '9'; })) {
    return wrong("the DSN has no project number at its end", std::string(kForm));
  }
  auto address =
      of_url(std::string(text.substr(0, scheme + 3)) + std::string(place), "DSN", "https://KEY@HOST/PROJECT");
  return address;
}

Value<LogAddress> of_syslog(std::string_view text) {
  constexpr std::string_view kForm = "write unix:/dev/log, udp://host:514, tcp://host:601 or tls://host:6514";
  if (text.starts_with('/') || take(text, "unix:")) {
    if (!text.starts_with('/')) return wrong(shown(text) + " is no absolute path of a socket", std::string(kForm));
    LogAddress address;
    address.path = text;
    return address;
  }
  const std::string_view whole = text;
  const std::uint16_t usual = text.starts_with("tls://") ? 6514 : text.starts_with("tcp://") ? 601 : 514;
  if (take(text, "udp://") || take(text, "tcp://") || take(text, "tls://")) {
    if (text.ends_with('/')) text.remove_suffix(1);
    if (auto address = host_and_port(text, usual)) return *address;
  }
  return wrong(shown(whole) + " is no address of a syslog server", std::string(kForm));
}

}  // namespace

Value<LogAddress> parse_log_address(const LogSink& sink) {
  switch (sink.type) {
    case Type::otlp: return of_url(sink.address, "OTLP endpoint", "http://127.0.0.1:4318");
    case Type::sentry: return of_dsn(sink.address);
    case Type::syslog: return of_syslog(sink.address);
    case Type::fluentd: {
      if (auto address = host_and_port(sink.address, 24224)) return *address;
      return wrong(shown(sink.address) + " is no address of a fluentd server", "write host:port: 127.0.0.1:24224");
    }
    case Type::console:
    case Type::file: break;
  }
  return LogAddress{};
}

}  // namespace cofferdam::policy
