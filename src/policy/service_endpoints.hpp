// What the readers of URLs and connection strings share: text to hosts and sockets, with an engine's defaults.
#pragma once

#include <initializer_list>
#include <map>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "cofferdam/result.hpp"
#include "policy/engines.hpp"
#include "policy/service_url.hpp"

namespace cofferdam::policy {

// ASCII only.
[[nodiscard]] std::string to_lower(std::string_view text);

// None for a wrong escape or one that hides a NUL.
[[nodiscard]] std::optional<std::string> percent_decode(std::string_view text);

// A host as written, decoded, without brackets; a socket's path when it begins with '/' or '@'. No port is "".
struct HostText {
  std::string host;
  std::string port;
};
// "a:1,[::1]:2,%2Frun%2Fpostgresql"
[[nodiscard]] Result<std::vector<HostText>> split_hosts(std::string_view list);

// name=value pairs with lower-case names, in order of the names.
using Parameters = std::multimap<std::string, std::string>;
[[nodiscard]] Parameters parse_pairs(std::string_view text, char separator, bool percent_decoded);

// The first of these that is there and not empty; else "".
[[nodiscard]] std::string parameter(const Parameters& parameters, std::initializer_list<const char*> names);

// Gathers the endpoints of one URL or connection string, each once. The functions that can fail return what is
// wrong, without showing any of the text.
class EndpointCollector {
 public:
  using Failure = std::optional<Error>;

  // `engine` may be null; `port` is the default one, 0 for none.
  EndpointCollector(const Engine* engine, std::uint16_t port) : engine_(engine), port_(port) {}

  void add_socket(std::string path);
  [[nodiscard]] Failure add_host(const HostText& text, bool srv = false);
  // No host is written: wherever the engine's clients look.
  [[nodiscard]] Failure add_default(const std::string& port);
  // Hosts, ports and sockets given by name. "host=a,b port=1,2" pairs the lists; one port is for all hosts.
  [[nodiscard]] Failure add_parameters(const Parameters& parameters);

  [[nodiscard]] bool is(std::string_view engine) const { return engine_ != nullptr && engine_->name == engine; }
  [[nodiscard]] bool empty() const { return found_.empty(); }
  [[nodiscard]] std::vector<ServiceEndpoint> take() { return std::move(found_); }

 private:
  void add(ServiceEndpoint endpoint);
  [[nodiscard]] std::string socket_path(const std::string& path, std::uint16_t port) const;

  const Engine* engine_;
  std::uint16_t port_;
  std::vector<ServiceEndpoint> found_;
};

}  // namespace cofferdam::policy
