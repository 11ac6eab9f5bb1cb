#include "policy/destination_cover.hpp"

#include <arpa/inet.h>

#include <algorithm>
#include <array>
#include <optional>
#include <string>

#include "base/text.hpp"

namespace cofferdam::policy {

namespace {

using Kind = Destination::Kind;

struct Network {
  std::array<unsigned char, 16> bytes{};
  int family = AF_INET;
  int prefix = 0;
};

std::optional<Network> network_of(const Destination& destination) {
  if (destination.kind != Kind::cidr_port && destination.kind != Kind::host_port) return std::nullopt;
  Network network;
  network.family = destination.host.find(':') == std::string::npos ? AF_INET : AF_INET6;
  if (inet_pton(network.family, destination.host.c_str(), network.bytes.data()) != 1) return std::nullopt;
  const int whole = network.family == AF_INET ? 32 : 128;
  network.prefix = destination.kind == Kind::cidr_port ? destination.prefix : whole;
  return network;
}

bool contains(const Network& wide, const Network& narrow) {
  if (wide.family != narrow.family || wide.prefix > narrow.prefix) return false;
  for (int bit = 0; bit < wide.prefix; ++bit) {
    const auto byte = static_cast<std::size_t>(bit / 8);
    const unsigned mask = 0x80U >> (bit % 8);
    if (((wide.bytes.at(byte) ^ narrow.bytes.at(byte)) & mask) != 0) return false;
  }
  return true;
}

}  // namespace

bool covers(const Destination& wide, const Destination& narrow) {
  if (wide.kind == Kind::environment || narrow.kind == Kind::environment) {
    return wide.kind == narrow.kind && wide.variable == narrow.variable;
  }
  if (wide.kind == Kind::unix_path || narrow.kind == Kind::unix_path) {
    return wide.kind == narrow.kind && (wide.path == narrow.path || base::glob_match(wide.path, narrow.path));
  }
  if (wide.port != 0 && wide.port != narrow.port) return false;
  const auto outer = network_of(wide);
  const auto inner = network_of(narrow);
  if (outer && inner) return contains(*outer, *inner);
  return !outer && !inner && wide.host == narrow.host;
}

bool is_everywhere(const Destination& destination) {
  return destination.kind == Kind::cidr_port && destination.prefix == 0;
}

}  // namespace cofferdam::policy
