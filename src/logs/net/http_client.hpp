// HTTP/1.1 requests over a kept connection (Boost.Beast does the parsing).
#pragma once

#include <chrono>
#include <map>
#include <optional>
#include <string>
#include <string_view>

#include "cofferdam/result.hpp"
#include "logs/net/connection.hpp"

namespace cofferdam::logs {

// http(s)://[user:password@]host[:port][/path][?query]; the port is 80 or 443 when there is none.
struct HttpUrl {
  Endpoint endpoint;
  std::string host_header;    // "collector:4318"
  std::string target;         // "/v1/logs"
  std::string authorization;  // "Basic ..." of the URL's user and password, or empty
};
[[nodiscard]] Result<HttpUrl> parse_http_url(std::string_view url);

struct HttpAnswer {
  int status = 0;
  std::string reason;
  std::map<std::string, std::string> headers;  // names in lower case
  std::string body;                            // at most 4 MiB; more is an error
};

// Whether a request can bear this header: a token as its name, no control characters (so no line feed) in its value.
[[nodiscard]] Result<void> check_http_header(std::string_view name, std::string_view value);

// One request at a time; keeps the connection between them, and opens it anew when the server has closed it while it
// was idle. A request is sent once only after its first byte has left: whether it is repeated is the caller's decision.
class HttpClient {
 public:
  explicit HttpClient(HttpUrl url);
  [[nodiscard]] Result<HttpAnswer> post(std::string_view body, const std::map<std::string, std::string>& headers,
                                        Deadline deadline);
  // Opens the connection unless it is open: name, address, TLS.
  [[nodiscard]] Result<void> connect(Deadline deadline);
  void close();

 private:
  HttpUrl url_;
  std::optional<Connection> connection_;
};

// Retry-After: seconds or an HTTP date (RFC 9110 section 10.2.3), at most five minutes.
[[nodiscard]] std::optional<std::chrono::milliseconds> parse_retry_after(std::string_view value,
                                                                         std::chrono::system_clock::time_point now);

}  // namespace cofferdam::logs
