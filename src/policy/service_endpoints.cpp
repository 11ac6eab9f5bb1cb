#include "policy/service_endpoints.hpp"

#include <arpa/inet.h>

#include <algorithm>
#include <array>
#include <cctype>
#include <charconv>

#include "base/text.hpp"

namespace cofferdam::policy {
namespace {

std::optional<std::uint16_t> port_number(std::string_view text) {
  std::uint16_t port = 0;
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), port);
  if (error != std::errc{} || end != text.data() + text.size() || port == 0) return std::nullopt;
  return port;
}

bool is_host(const std::string& host) {
  if (host.find(':') != std::string::npos) {
    const std::string address = host.substr(0, host.find('%'));
    std::array<unsigned char, 16> bytes{};
    return inet_pton(AF_INET6, address.c_str(), bytes.data()) == 1;
  }
  return !host.empty() && host.size() <= 253 && std::ranges::all_of(host, [](unsigned char c) {
    return c < 0x80 && (std::isalnum(c) != 0 || c == '.' || c == '-' || c == '_');
  });
}

bool is_socket(std::string_view path) {
  return path.starts_with('/') || path.starts_with('@');
}

// Microsoft's "tcp:host\instance,1433" as host:port.
std::string sqlserver_host(std::string text) {
  if (text.starts_with("tcp:")) text.erase(0, 4);
  const std::size_t comma = text.find(',');
  const std::string port = comma == std::string::npos ? "" : ":" + text.substr(comma + 1);
  return text.substr(0, std::min(comma, text.find('\\'))) + port;
}

}  // namespace

std::string to_lower(std::string_view text) {
  std::string out(text);
  std::ranges::transform(out, out.begin(), [](unsigned char c) { return static_cast<char>(std::tolower(c)); });
  return out;
}

std::optional<std::string> percent_decode(std::string_view text) {
  std::string out;
  for (std::size_t i = 0; i < text.size(); ++i) {
    char c = text[i];
    if (c == '%') {
      if (i + 2 >= text.size()) return std::nullopt;
      unsigned value = 0;
      const char* first = text.data() + i + 1;
      if (std::from_chars(first, first + 2, value, 16).ptr != first + 2 || value == 0) return std::nullopt;
      c = static_cast<char>(value);
      i += 2;
    }
    out += c;
  }
  return out;
}

Result<std::vector<HostText>> split_hosts(std::string_view list) {
  std::vector<HostText> hosts;
  for (const std::string_view one : base::split(list, ',')) {
    HostText text;
    if (one.starts_with('[')) {
      const std::size_t end = one.find(']');
      if (end == std::string_view::npos) return fail("a bracket of the host is not closed");
      if (end + 1 < one.size() && one[end + 1] != ':') return fail("there is text between the host and the port");
      text.host = one.substr(1, end - 1);
      text.port = one.substr(std::min(end + 2, one.size()));
    } else {
      const std::size_t colon = one.find(':');
      // An IPv6 literal without brackets has no room for a port.
      const bool has_port = colon != std::string_view::npos && one.rfind(':') == colon;
      text.host = one.substr(0, has_port ? colon : one.size());
      if (has_port) text.port = one.substr(colon + 1);
    }
    // The zone of fe80::1%eth0 is no escape.
    if (auto decoded = percent_decode(text.host)) text.host = *std::move(decoded);
    hosts.push_back(std::move(text));
  }
  return hosts;
}

Parameters parse_pairs(std::string_view text, char separator, bool percent_decoded) {
  Parameters parameters;
  for (const std::string_view pair : base::split(text, separator)) {
    const std::size_t equals = pair.find('=');
    if (equals == std::string_view::npos) continue;
    std::string value(pair.substr(equals + 1));
    if (percent_decoded) {
      if (auto decoded = percent_decode(value)) value = *std::move(decoded);
    }
    std::string name = to_lower(pair.substr(0, equals));
    name.erase(0, std::min(name.find_first_not_of(' '), name.size()));
    parameters.emplace(std::move(name), std::move(value));
  }
  return parameters;
}

std::string parameter(const Parameters& parameters, std::initializer_list<const char*> names) {
  for (const char* name : names) {
    const auto at = parameters.find(name);
    if (at != parameters.end() && !at->second.empty()) return at->second;
  }
  return "";
}

void EndpointCollector::add(ServiceEndpoint endpoint) {
  if (std::ranges::find(found_, endpoint) == found_.end()) found_.push_back(std::move(endpoint));
}

void EndpointCollector::add_socket(std::string path) {
  const Engine* engine = engine_ != nullptr ? engine_ : engine_by_socket(path, EngineSet{});
  ServiceEndpoint endpoint;
  if (engine != nullptr) endpoint.engine = engine->name;
  endpoint.unix_path = std::move(path);
  add(std::move(endpoint));
}

// libpq's host is the directory of the socket; to all others it is the socket.
std::string EndpointCollector::socket_path(const std::string& path, std::uint16_t port) const {
  const bool names_directory = (is("postgres") || is("cockroachdb")) && path.find("/.s.PGSQL.") == std::string::npos;
  return names_directory ? path + "/.s.PGSQL." + std::to_string(port) : path;
}

EndpointCollector::Failure EndpointCollector::add_host(const HostText& text, bool srv) {
  std::uint16_t port = port_;
  if (!text.port.empty()) {
    const auto number = port_number(text.port);
    if (!number) return Error{"the port is not a number from 1 to 65535"};
    port = *number;
  }
  if (is_socket(text.host)) {
    add_socket(socket_path(text.host, port));
    return std::nullopt;
  }
  std::string host = to_lower(text.host);
  if (host.ends_with('.')) host.pop_back();
  if (!is_host(host)) return Error{"the host is missing or is no host name"};
  if (port == 0) return Error{"there is no port, and its scheme has no default one"};
  ServiceEndpoint endpoint;
  if (engine_ != nullptr) endpoint.engine = engine_->name;
  endpoint.host = std::move(host);
  endpoint.port = port;
  endpoint.srv = srv;
  // To libmysqlclient and all that is built on it "localhost" is the socket.
  const bool also_sockets = is("mysql") && endpoint.host == "localhost";
  add(std::move(endpoint));
  if (also_sockets) {
    for (const std::string_view glob : words(engine_->socket_globs)) add_socket(std::string(glob));
  }
  return std::nullopt;
}

EndpointCollector::Failure EndpointCollector::add_default(const std::string& port) {
  if (is("postgres")) {
    for (const char* directory : {"/run/postgresql", "/tmp"}) {
      if (auto failure = add_host({directory, port})) return failure;
    }
  }
  return add_host({"localhost", port});
}

EndpointCollector::Failure EndpointCollector::add_parameters(const Parameters& parameters) {
  const std::string socket = parameter(parameters, {"unix_socket", "unixsocket", "socket"});
  if (!socket.empty()) {
    if (!is_socket(socket)) return Error{"the socket is not an absolute path"};
    add_socket(socket);
  }
  const std::string ports = parameter(parameters, {"port", "portnumber"});
  const auto port_list = base::split(ports, ',');
  // libpq connects to hostaddr and uses host for names in certificates only.
  for (const char* key : {"hostaddr", "host", "server", "servername"}) {
    bool found = false;
    for (auto [at, end] = parameters.equal_range(key); at != end; ++at) {
      if (at->second.empty()) continue;
      found = true;
      std::vector<HostText> hosts;
      if (is_socket(at->second) && at->second.find(',') == std::string::npos) {
        hosts.push_back({at->second, ""});  // may hold colons: /cloudsql/project:region:name
      } else {
        auto split = split_hosts(is("sqlserver") ? sqlserver_host(at->second) : at->second);
        if (!split) return split.error();
        hosts = *std::move(split);
      }
      for (std::size_t i = 0; i < hosts.size(); ++i) {
        if (hosts[i].port.empty()) hosts[i].port = port_list[std::min(i, port_list.size() - 1)];
        if (auto failure = add_host(hosts[i])) return failure;
      }
    }
    if (found) break;
  }
  return std::nullopt;
}

}  // namespace cofferdam::policy
