#include "policy/destination.hpp"

#include <arpa/inet.h>
#include <netinet/in.h>

#include <algorithm>
#include <array>
#include <charconv>
#include <cstring>
#include <optional>
#include <string>
#include <utility>

#include "base/text.hpp"
#include "policy/mistakes.hpp"
#include "policy/paths.hpp"

namespace cofferdam::policy {
namespace {

constexpr std::string_view kForms =
    "write host:port, CIDR:port, [IPv6]:port, unix:/path, unix:@name or env:NAME, such as db.local:5432";

std::unexpected<ValueError> wrong(std::string message, std::string_view hint = kForms) {
  return std::unexpected(ValueError{std::move(message), std::string(hint)});
}

struct Address {
  int family = AF_UNSPEC;
  std::array<unsigned char, 16> bytes{};
  [[nodiscard]] std::size_t size() const { return family == AF_INET ? 4 : 16; }
};

std::optional<Address> parse_address(const std::string& text, int family) {
  Address address{.family = family};
  if (inet_pton(family, text.c_str(), address.bytes.data()) != 1) return std::nullopt;
  return address;
}

std::string canonical(const Address& address) {
  std::array<char, INET6_ADDRSTRLEN> buffer{};
  inet_ntop(address.family, address.bytes.data(), buffer.data(), buffer.size());
  return buffer.data();
}

bool is_mapped_ipv4(const Address& address) {
  static constexpr std::array<unsigned char, 12> kPrefix = {0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0xff, 0xff};
  return address.family == AF_INET6 && std::memcmp(address.bytes.data(), kPrefix.data(), kPrefix.size()) == 0;
}

Address network_of(Address address, unsigned prefix) {
  for (std::size_t i = 0; i < address.size(); ++i) {
    const auto before = static_cast<unsigned>(i) * 8;
    const unsigned kept = prefix <= before ? 0 : std::min(8U, prefix - before);
    address.bytes.at(i) &= static_cast<unsigned char>(0xff00U >> kept);
  }
  return address;
}

std::optional<ValueError> check_name(std::string_view text, std::string_view host) {
  const auto is_label_char = [](char c) {
    return (c >= 'a' && c <= 'z') || (c >= '0' && c <= '9') || c == '-' || c == '_';
  };
  if (host.find('*') != std::string_view::npos) {
    return ValueError{"the host of " + in_quotes(text) + " is a pattern",
                      "name the host, or use a network such as 10.0.0.0/8:5432"};
  }
  if (std::ranges::any_of(host, [](char c) { return static_cast<unsigned char>(c) >= 0x80; })) {
    return ValueError{"the host of " + in_quotes(text) + " is not ASCII",
                      "write the name that DNS has for it, which begins with 'xn--'"};
  }
  if (host.size() > 1 && host.ends_with('.')) {
    return ValueError{"the host of " + in_quotes(text) + " ends with a dot", "leave the last dot out"};
  }
  const auto labels = base::split(host, '.');
  const bool legal = host.size() <= 253 && std::ranges::all_of(labels, [&](std::string_view label) {
                       return !label.empty() && label.size() <= 63 && label.front() != '-' && label.back() != '-' &&
                              std::ranges::all_of(label, is_label_char);
                     });
  if (!legal) return ValueError{"the host of " + in_quotes(text) + " is no host name", std::string(kForms)};
  // 127.1, 0177.0.0.1 and 0x7f000001 are addresses to some resolvers.
  const std::string_view last = labels.back();
  if ((last.front() >= '0' && last.front() <= '9') &&
      (last.starts_with("0x") || std::ranges::all_of(last, [](char c) { return c >= '0' && c <= '9'; }))) {
    return ValueError{"the host of " + in_quotes(text) + " is no IPv4 address",
                      "write four decimal numbers without leading zeros"};
  }
  return std::nullopt;
}

Value<Destination> parse_network(std::string_view text, const Address& address, std::string_view prefix_text,
                                 Destination destination) {
  unsigned prefix = 0;
  const auto [end, error] = std::from_chars(prefix_text.data(), prefix_text.data() + prefix_text.size(), prefix);
  const bool canonical_number = prefix_text.size() == 1 || !prefix_text.starts_with('0');
  if (error != std::errc{} || end != prefix_text.data() + prefix_text.size() || !canonical_number ||
      prefix > address.size() * 8) {
    return wrong("the prefix length of " + in_quotes(text) + " is wrong",
                 "it is 0 to " + std::to_string(address.size() * 8) + " for this kind of address");
  }
  const Address network = network_of(address, prefix);
  if (network.bytes != address.bytes) {
    return wrong("the address of " + in_quotes(text) + " has bits beyond its prefix",
                 "the network is " + canonical(network) + "/" + std::string(prefix_text));
  }
  destination.kind = Destination::Kind::cidr_port;
  destination.host = canonical(network);
  destination.prefix = static_cast<int>(prefix);
  return destination;
}

Value<Destination> parse_host_port(std::string_view text, bool port_needed) {
  const std::size_t colon = text.rfind(':');
  const std::size_t bracket = text.find(']');
  if (text.find("://") != std::string_view::npos) {
    return wrong(in_quotes(text) + " is a URL", "write host:port, or env:NAME for the variable that holds the URL");
  }
  const bool has_port = colon != std::string_view::npos && (bracket == std::string_view::npos || colon > bracket);
  if (!has_port && port_needed) return wrong(in_quotes(text) + " has no port");
  Destination destination;
  destination.kind = Destination::Kind::host_port;
  destination.written = text;
  if (has_port) {
    const auto port = parse_port(text.substr(colon + 1));
    if (!port) return wrong("the port of " + in_quotes(text) + " is wrong", "a port is a whole number from 1 to 65535");
    destination.port = *port;
  }

  std::string host(text.substr(0, has_port ? colon : text.size()));
  const std::size_t slash = host.find('/');
  const std::string prefix = slash == std::string::npos ? "" : host.substr(slash + 1);
  host.resize(std::min(slash, host.size()));
  if (host.empty()) return wrong(in_quotes(text) + " has no host");

  std::optional<Address> address;
  if (host.starts_with('[')) {
    if (!host.ends_with(']')) return wrong("a bracket of " + in_quotes(text) + " is not closed");
    address = parse_address(host.substr(1, host.size() - 2), AF_INET6);
    if (!address) return wrong("there is no IPv6 address in the brackets of " + in_quotes(text));
    if (is_mapped_ipv4(*address))
      return wrong("the address of " + in_quotes(text) + " is an IPv4 address in IPv6 form", "write the IPv4 address");
  } else if (host.find(':') != std::string::npos) {
    return wrong("the IPv6 address of " + in_quotes(text) + " is not in brackets", "write it as [::1]:5432");
  } else {
    address = parse_address(host, AF_INET);
  }
  if (slash != std::string::npos) {
    if (!address) return wrong(in_quotes(text) + " has a prefix length but no address");
    return parse_network(text, *address, prefix, std::move(destination));
  }
  if (address) {
    destination.host = canonical(*address);
    return destination;
  }
  std::ranges::transform(host, host.begin(),
                         [](char c) { return c >= 'A' && c <= 'Z' ? static_cast<char>(c - 'A' + 'a') : c; });
  if (auto error = check_name(text, host)) return std::unexpected(std::move(*error));
  destination.host = host;
  return destination;
}

}  // namespace

Value<Destination> parse_destination(std::string_view text) {
  if (text.starts_with("env:")) {
    auto name = parse_variable(text.substr(4));
    if (!name) return std::unexpected(std::move(name.error()));
    Destination destination;
    destination.kind = Destination::Kind::environment;
    destination.variable = std::move(*name);
    destination.written = text;
    return destination;
  }
  if (text.starts_with("unix:")) {
    const std::string_view path = text.substr(5);
    if (path == "@") return wrong("the abstract socket of " + in_quotes(text) + " has no name");
    if (auto error = check_path(path)) return std::unexpected(std::move(*error));
    Destination destination;
    destination.kind = Destination::Kind::unix_path;
    destination.path = path;
    destination.written = text;
    return destination;
  }
  return parse_host_port(text, true);
}

Value<Destination> parse_egress(std::string_view text) {
  if (text.starts_with("env:") || text.starts_with("unix:")) {
    return wrong(in_quotes(text) + " is no network destination",
                 "write host:port or CIDR:port; databases and sockets have rows of their own");
  }
  return parse_host_port(text, false);
}

}  // namespace cofferdam::policy
