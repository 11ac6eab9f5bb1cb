#include "policy/service_url.hpp"

#include <algorithm>
#include <array>
#include <cctype>

#include "base/text.hpp"
#include "policy/connection_string.hpp"
#include "policy/engines.hpp"
#include "policy/service_endpoints.hpp"

namespace cofferdam::policy {
namespace {

using Endpoints = std::vector<ServiceEndpoint>;

struct SchemePort {
  std::string_view scheme;
  std::uint16_t port;
};
// Where a scheme means another port than its engine's default, or belongs to no engine.
constexpr auto kSchemePorts = std::to_array<SchemePort>({
    {"http", 80},
    {"https", 443},
    {"amqps", 5671},
    {"pgbouncer", 6432},
    {"redshift", 5439},
    {"sentinel", 26379},
    {"redis+sentinel", 26379},
    {"couchdbs", 6984},
    {"clickhouse+http", 8123},
    {"clickhouse+https", 8443},
    {"clickhouses", 9440},
});

// Databases in a file or in memory, and caches of Django's that are no service.
constexpr auto kFileSchemes = std::to_array<std::string_view>(
    {"sqlite", "sqlite3", "spatialite", "file", "duckdb", "h2", "hsqldb", "derby", "locmem", "memory", "dummy"});

bool is_scheme_char(char c) {
  return std::isalnum(static_cast<unsigned char>(c)) != 0 || c == '+' || c == '-' || c == '.' || c == '_';
}

std::uint16_t port_of(std::string_view scheme, const Engine* engine) {
  const auto* const row = std::ranges::find(kSchemePorts, scheme, &SchemePort::scheme);
  if (row != kSchemePorts.end()) return row->port;
  return engine == nullptr ? std::uint16_t{0} : default_port(*engine);
}

bool is_file_database(std::string_view text, std::size_t colon) {
  if (text == ":memory:") return true;
  // "memory:11211" is a host and a port.
  if (colon + 1 < text.size() && std::isdigit(static_cast<unsigned char>(text[colon + 1])) != 0) return false;
  const std::string scheme = to_lower(text.substr(0, colon));
  return std::ranges::find(kFileSchemes, std::string_view(scheme).substr(0, scheme.find('+'))) != kFileSchemes.end();
}

struct Parts {
  std::string_view authority;  // without user and password
  std::string_view path;
  std::string_view query;
  std::string_view properties;  // SQL Server's: ";name=value;name=value"
};

Parts split_url(std::string_view rest, bool has_properties) {
  Parts parts;
  const std::size_t end = std::min(rest.find_first_of(has_properties ? "/?#;" : "/?#"), rest.size());
  parts.authority = rest.substr(0, end);
  // A password may hold an '@' that nobody encoded; npos + 1 is 0.
  parts.authority.remove_prefix(parts.authority.rfind('@') + 1);
  std::string_view tail = rest.substr(end);
  if (tail.starts_with(';')) {
    parts.properties = tail;
    return parts;
  }
  tail = tail.substr(0, tail.find('#'));
  const std::size_t question = std::min(tail.find('?'), tail.size());
  parts.path = tail.substr(0, question);
  parts.query = tail.substr(std::min(question + 1, tail.size()));
  return parts;
}

bool is_socket_scheme(std::string_view scheme) {
  return std::ranges::any_of(base::split(scheme, '+'),
                             [](std::string_view part) { return part == "unix" || part == "socket"; });
}

Parameters parameters_of(const Parts& parts) {
  Parameters parameters = parse_pairs(parts.query, '&', true);
  parameters.merge(parse_pairs(parts.properties, ';', false));
  // SQLAlchemy carries an ODBC connection string in one parameter, with '+' for blanks that don't matter here.
  const std::string odbc = parameter(parameters, {"odbc_connect"});
  parameters.merge(parse_pairs(odbc, ';', false));
  return parameters;
}

// `rest` is what follows "scheme://". Without a host JDBC means localhost and no socket.
Result<Endpoints> parse_url(const std::string& scheme, std::string_view rest, bool jdbc) {
  const Engine* engine = engine_by_scheme(scheme);
  EndpointCollector collector(engine, port_of(scheme, engine));
  Parts parts = split_url(rest, collector.is("sqlserver"));

  bool names_socket = is_socket_scheme(scheme);
  if (collector.is("memcached") && (parts.authority.empty() || parts.authority == "unix:")) {
    names_socket = parts.path.size() > 1;  // memcached has no path but that of a socket
    if (names_socket) parts.authority = "";
  }
  if (names_socket && parts.authority.empty()) {
    const auto path = percent_decode(parts.path);
    if (!path || path->size() < 2) return fail("the socket has no absolute path");
    collector.add_socket(*path);
    return collector.take();
  }
  if (names_socket && !to_lower(parts.authority).starts_with("%2f")) return fail("the socket has no absolute path");

  // The query of a web address is the application's own.
  const bool web = scheme == "http" || scheme == "https";
  const Parameters parameters = web ? Parameters{} : parameters_of(parts);
  if (auto failure = collector.add_parameters(parameters)) return std::unexpected(*std::move(failure));
  const bool named_in_query = !collector.empty();
  const std::string query_port = parameter(parameters, {"port", "portnumber"});
  if (web && parts.authority.empty()) return fail("the host is missing");
  if (parts.authority.empty() && jdbc && !named_in_query) parts.authority = "localhost";

  const auto hosts = split_hosts(parts.authority);
  if (!hosts) return std::unexpected(hosts.error());
  for (HostText host : *hosts) {
    if (collector.is("sqlserver")) host.host = host.host.substr(0, host.host.find('\\'));  // host\instance
    if (host.port.empty()) host.port = query_port;
    const bool dummy = host.host.empty() || (collector.is("mysql") && host.host == "localhost");
    if (dummy && named_in_query) continue;
    auto failure =
        host.host.empty() ? collector.add_default(host.port) : collector.add_host(host, scheme.ends_with("+srv"));
    if (failure) return std::unexpected(*std::move(failure));
  }
  return collector.take();
}

// What follows "oracle:": thin:@//host:1521/service, thin:@tcps://host:2484/service, thin:@host:1521:sid
Result<Endpoints> parse_oracle(std::string_view rest) {
  const std::size_t at = rest.find('@');
  if (at == std::string_view::npos) return fail("the Oracle URL has no '@' before its host");
  std::string_view hosts = rest.substr(at + 1);
  if (hosts.starts_with('(')) return fail("an Oracle connect descriptor is not understood; name host:port instead");
  const std::size_t slashes = hosts.find("//");
  const bool tls = hosts.starts_with("tcps:");
  if (slashes != std::string_view::npos) hosts.remove_prefix(slashes + 2);
  hosts = hosts.substr(0, hosts.find_first_of("/?"));
  if (!hosts.starts_with('[') && hosts.find(',') == std::string_view::npos) {
    const std::size_t colon = std::min(hosts.find(':'), hosts.size());
    hosts = hosts.substr(0, hosts.find(':', colon + 1));
  }
  const bool needs_port = tls && hosts.find(':') == std::string_view::npos;
  return parse_url("oracle", std::string(hosts) + (needs_port ? ":2484" : ""), true);
}

Result<Endpoints> parse_jdbc(std::string_view text) {
  const std::size_t colon = text.find(':');
  const std::string first = to_lower(text.substr(0, colon));
  if (colon == std::string_view::npos) return fail("it is no JDBC URL");
  if (first == "oracle") return parse_oracle(text.substr(colon + 1));
  const std::size_t slashes = text.find("://");
  if (slashes == std::string_view::npos) {
    if (engine_by_scheme(first) == nullptr) return fail("its JDBC driver is not known");
    return parse_url(first, "", true);  // jdbc:postgresql:name
  }
  // mysql:replication://, pool:postgresql:// and aws-wrapper:postgresql:// name the engine in one of their parts.
  const std::string schemes = to_lower(text.substr(0, slashes));
  std::string scheme = first;
  for (const std::string_view part : base::split(schemes, ':')) {
    if (engine_by_scheme(part) == nullptr) continue;
    scheme = part;
    break;
  }
  return parse_url(scheme, text.substr(slashes + 3), true);
}

// Where the second of "redis://a:1,redis://b:2" or "amqp://a;amqp://b" begins; npos when there is one URL only.
std::size_t next_url(std::string_view text, std::size_t first_slashes) {
  for (std::size_t at = text.find("://", first_slashes + 1); at != std::string_view::npos;
       at = text.find("://", at + 1)) {
    std::size_t begin = at;
    while (begin > 0 && is_scheme_char(text[begin - 1])) --begin;
    if (begin < at && begin > 0 && (text[begin - 1] == ',' || text[begin - 1] == ';')) return begin;
  }
  return std::string_view::npos;
}

std::string_view trim(std::string_view text) {
  constexpr std::string_view kBlanks = " \t\r\n";
  const std::size_t first = std::min(text.find_first_not_of(kBlanks), text.size());
  return text.substr(first, text.find_last_not_of(kBlanks) + 1 - first);
}

}  // namespace

Result<std::vector<ServiceEndpoint>> parse_service_url(std::string_view value) {
  std::string_view text = trim(value);
  if (text.empty()) return fail("it is empty");
  if (text.size() > 8192) return fail("it is longer than 8192 bytes");
  if (text.find('\0') != std::string_view::npos) return fail("it holds a NUL byte");

  const std::string start = to_lower(text.substr(0, 6));
  const bool jdbc = start.starts_with("jdbc:") || start.starts_with("r2dbc:");
  if (jdbc) text.remove_prefix(text.find(':') + 1);
  const std::size_t colon = text.find(':');
  if (colon != std::string_view::npos && is_file_database(text, colon)) return Endpoints{};
  if (jdbc) return parse_jdbc(text);

  const std::size_t slashes = text.find("://");
  const std::string_view scheme = text.substr(0, slashes);
  if (slashes == 0 || slashes == std::string_view::npos || !std::ranges::all_of(scheme, is_scheme_char)) {
    if (start.starts_with("unix:/")) return parse_url("unix", text.substr(5), false);
    return parse_connection_string(text);
  }
  const std::size_t next = next_url(text, slashes);
  const std::string_view first = text.substr(0, next == std::string_view::npos ? next : next - 1);
  auto endpoints = parse_url(to_lower(scheme), first.substr(slashes + 3), false);
  if (!endpoints || next == std::string_view::npos) return endpoints;
  auto more = parse_service_url(text.substr(next));
  if (!more) return more;
  for (ServiceEndpoint& endpoint : *more) {
    if (std::ranges::find(*endpoints, endpoint) == endpoints->end()) endpoints->push_back(std::move(endpoint));
  }
  return endpoints;
}

}  // namespace cofferdam::policy
