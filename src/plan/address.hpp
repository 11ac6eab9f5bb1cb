// Internet addresses and socket addresses as the database rule compares them. Pure: bytes in, values out.
#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <variant>
#include <vector>

#include "cofferdam/result.hpp"

namespace cofferdam::plan {

struct IpAddress {
  enum class Family { v4, v6 };
  Family family = Family::v4;
  std::array<std::uint8_t, 16> bytes{};  // network order; IPv4 fills the first four, the rest is 0
  std::uint32_t scope = 0;               // interface index of a link-local IPv6 address; 0 is unknown

  friend bool operator==(const IpAddress&, const IpAddress&) = default;
};

// An IP literal: dotted quad, or IPv6 without brackets, with an optional numeric zone (fe80::1%2). A v4-mapped
// address (::ffff:10.0.0.5) becomes the IPv4 address. None for anything else, short and octal forms included.
[[nodiscard]] std::optional<IpAddress> parse_ip(std::string_view text);

// "127.0.0.1", "::1", "fe80::1%2"
[[nodiscard]] std::string to_string(const IpAddress& address);

// 127.0.0.0/8 and ::1.
[[nodiscard]] bool is_loopback(const IpAddress& address);
// 0.0.0.0 and ::, which connect() takes for the loopback address.
[[nodiscard]] bool is_unspecified(const IpAddress& address);

// The addresses that a connection to `address` may reach: itself, or for an unspecified address 127.0.0.1 and
// ::1 (an IPv6 socket may be bound to IPv4); for 64:ff9b::/96 (NAT64, RFC 6052) also the IPv4 address inside,
// unless that is the gateway's own loopback.
[[nodiscard]] std::vector<IpAddress> reachable_forms(const IpAddress& address);

// The same address; scopes differ only when both are known.
[[nodiscard]] bool same_address(const IpAddress& a, const IpAddress& b);

// True when the first `prefix` bits agree; false for another family or a prefix out of range.
[[nodiscard]] bool in_network(const IpAddress& address, const IpAddress& network, int prefix);

struct InetEndpoint {
  IpAddress address;
  std::uint16_t port = 0;
  friend bool operator==(const InetEndpoint&, const InetEndpoint&) = default;
};
struct UnixPathEndpoint {
  std::string path;  // bytes as given, perhaps relative and not UTF-8
  friend bool operator==(const UnixPathEndpoint&, const UnixPathEndpoint&) = default;
};
struct UnixAbstractEndpoint {
  std::string name;  // without the leading NUL; may hold NULs, may be empty
  friend bool operator==(const UnixAbstractEndpoint&, const UnixAbstractEndpoint&) = default;
};
// Another family. With AF_UNSPEC connect() disconnects, but sendto() on an IPv4 datagram socket takes the rest as
// an IPv4 address: that is in `as_inet` when the bytes suffice.
struct OtherEndpoint {
  int family = 0;
  std::optional<InetEndpoint> as_inet;
  friend bool operator==(const OtherEndpoint&, const OtherEndpoint&) = default;
};
using Endpoint = std::variant<InetEndpoint, UnixPathEndpoint, UnixAbstractEndpoint, OtherEndpoint>;

inline constexpr std::size_t kMaxSockaddr = 128;  // sizeof(sockaddr_storage), the kernel's limit

// Reads a socket address as the kernel's connect() would: AF_INET needs 16 bytes, AF_INET6 24 (the scope counts
// from 28), AF_UNIX 3 to 110 with a path that ends at the first NUL or at the end. A v4-mapped IPv6 address
// becomes IPv4. Fewer bytes, and more than kMaxSockaddr, are an error with errnum EINVAL, which is what the
// kernel gives.
[[nodiscard]] Result<Endpoint> parse_sockaddr(std::span<const std::byte> bytes);

// "127.0.0.1:5432", "[::1]:5432", "unix:/run/x.sock", "unix:@name", "family 16"; control characters and bytes that
// are not UTF-8 are made visible.
[[nodiscard]] std::string to_string(const Endpoint& endpoint);

}  // namespace cofferdam::plan
