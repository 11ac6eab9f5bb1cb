// Reads the value of a *_URL or *_DSN variable: where does the service that it describes listen?
#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "cofferdam/result.hpp"

namespace cofferdam::policy {

// One place that a client with this URL may connect to: a host and port, or a socket.
struct ServiceEndpoint {
  std::string engine;      // name of the engine table; empty when the scheme is no engine's (http, https, tcp)
  std::string host;        // lower case; an IPv6 literal without brackets; empty for a socket
  std::uint16_t port = 0;  // 0 for a socket
  std::string unix_path;   // absolute; may be a glob; "@name" is an abstract socket; empty for host and port
  bool srv = false;        // `host` is only the name under which DNS lists the real hosts (mongodb+srv)

  friend bool operator==(const ServiceEndpoint&, const ServiceEndpoint&) = default;
};

// Understood forms, beside scheme://user:password@host:port/path?query with one or more hosts:
//   - schemes of the engine table with any "+driver"; jdbc: and r2dbc: before them; SQL Server's ;name=value
//     properties; Oracle's thin:@host:port
//   - sockets: a percent-encoded path as host, ?host=/dir, ?socket= and ?unix_socket=, unix:///path,
//     redis+unix:///path, a plain absolute path
//   - libpq's keywords (host=a,b port=5432), PDO's (mysql:host=a;port=1), Go's (user@tcp(host:1)/db)
//   - host:port[,host:port]
// A URL that leaves out the port means its engine's default, and one that leaves out the host means every place
// where its clients look: localhost and, for PostgreSQL and MySQL, the server's own sockets. MySQL clients take
// "localhost" for the socket too. File databases (sqlite, duckdb, file, h2, ...) have no endpoint: the list is
// empty. User names and passwords are skipped, never stored. An error names the part that is wrong but shows
// nothing of `value`, which may be a secret.
[[nodiscard]] Result<std::vector<ServiceEndpoint>> parse_service_url(std::string_view value);

}  // namespace cofferdam::policy
