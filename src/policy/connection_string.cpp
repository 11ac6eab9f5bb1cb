#include "policy/connection_string.hpp"

#include <algorithm>
#include <array>
#include <cctype>
#include <string>

#include "policy/service_endpoints.hpp"

namespace cofferdam::policy {
namespace {

using Endpoints = std::vector<ServiceEndpoint>;
// None: the text has another form.
using Attempt = std::optional<Result<Endpoints>>;

bool is_blank(char c) {
  return c == ' ' || c == '\t' || c == '\n' || c == '\r';
}

Result<Endpoints> from_parameters(const Engine* engine, const Parameters& parameters) {
  EndpointCollector collector(engine, default_port(*engine));
  if (auto failure = collector.add_parameters(parameters)) return std::unexpected(*std::move(failure));
  if (collector.empty()) {
    if (auto failure = collector.add_default(parameter(parameters, {"port"}))) {
      return std::unexpected(*std::move(failure));
    }
  }
  return collector.take();
}

Result<Endpoints> from_hosts(EndpointCollector collector, std::string_view list, bool port_needed) {
  const auto hosts = split_hosts(list);
  if (!hosts) return std::unexpected(hosts.error());
  for (const HostText& host : *hosts) {
    if (port_needed && host.port.empty()) return fail("it is neither a URL nor a connection string");
    if (auto failure = collector.add_host(host)) return std::unexpected(*std::move(failure));
  }
  return collector.take();
}

Attempt parse_pdo(std::string_view value) {
  const std::size_t colon = value.find(':');
  if (colon == std::string_view::npos || value.find('=', colon) == std::string_view::npos) return std::nullopt;
  const Engine* engine = engine_by_scheme(value.substr(0, colon));
  if (engine == nullptr) return std::nullopt;
  const std::string_view pairs = value.substr(colon + 1);
  // PDO's PostgreSQL driver takes blanks too.
  const bool blanks = pairs.find(';') == std::string_view::npos && engine->name == "postgres";
  return from_parameters(engine, parse_pairs(pairs, blanks ? ' ' : ';', false));
}

Attempt parse_go(std::string_view value) {
  const std::size_t open = value.rfind('(');
  if (open == std::string_view::npos) return std::nullopt;
  const std::size_t close = value.find(')', open);
  if (close == std::string_view::npos) return std::nullopt;
  // npos + 1 is 0: there may be no user.
  const std::string_view network = value.substr(0, open).substr(value.substr(0, open).rfind('@') + 1);
  const std::string_view inside = value.substr(open + 1, close - open - 1);
  const Engine* engine = find_engine("mysql");
  EndpointCollector collector(engine, default_port(*engine));
  if (network == "tcp" || network == "tcp4" || network == "tcp6") return from_hosts(collector, inside, false);
  if (network != "unix") return std::nullopt;
  if (!inside.starts_with('/') && !inside.starts_with('@')) return fail("the socket is not an absolute path");
  collector.add_socket(std::string(inside));
  return collector.take();
}

// key = value pairs between blanks; a value with blanks stands in single quotes; a backslash escapes.
// https://www.postgresql.org/docs/current/libpq-connect.html#LIBPQ-CONNSTRING-KEYWORD-VALUE
Attempt parse_libpq(std::string_view value) {
  Parameters parameters;
  std::size_t i = 0;
  const auto skip_blanks = [&] {
    while (i < value.size() && is_blank(value[i])) ++i;
  };
  for (skip_blanks(); i < value.size(); skip_blanks()) {
    const std::size_t equals = value.find('=', i);
    if (equals == std::string_view::npos) return std::nullopt;
    std::string key = to_lower(value.substr(i, equals - i));
    while (!key.empty() && is_blank(key.back())) key.pop_back();
    const auto is_key = [](unsigned char c) { return std::isalpha(c) != 0 || c == '_'; };
    if (key.empty() || !std::ranges::all_of(key, is_key)) return std::nullopt;
    i = equals + 1;
    skip_blanks();
    const bool quoted = i < value.size() && value[i] == '\'';
    if (quoted) ++i;
    std::string text;
    while (i < value.size() && (quoted ? value[i] != '\'' : !is_blank(value[i]))) {
      if (value[i] == '\\' && i + 1 < value.size()) ++i;
      text += value[i++];
    }
    if (quoted) {
      if (i == value.size()) return fail("a quote is not closed");
      ++i;
    }
    parameters.emplace(std::move(key), std::move(text));
  }
  constexpr auto kTelling = std::to_array<const char*>({"host", "hostaddr", "port", "dbname", "user"});
  if (std::ranges::none_of(kTelling, [&](const char* key) { return parameters.contains(key); })) return std::nullopt;
  return from_parameters(find_engine("postgres"), parameters);
}

}  // namespace

Result<std::vector<ServiceEndpoint>> parse_connection_string(std::string_view value) {
  for (const auto& parse : {parse_pdo, parse_go, parse_libpq}) {
    if (Attempt endpoints = parse(value)) return *std::move(endpoints);
  }
  EndpointCollector collector(nullptr, 0);
  if (!value.starts_with('/')) return from_hosts(collector, value, true);
  collector.add_socket(std::string(value));
  return collector.take();
}

}  // namespace cofferdam::policy
