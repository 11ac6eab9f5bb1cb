#include "plan/address.hpp"

#include <arpa/inet.h>
#include <netinet/in.h>
#include <sys/socket.h>
#include <sys/un.h>

#include <algorithm>
#include <cerrno>
#include <charconv>
#include <cstring>

#include "base/text.hpp"

namespace cofferdam::plan {
namespace {

using Bytes = std::array<std::uint8_t, 16>;
constexpr std::size_t kMinInet6 = 24;  // SIN6_LEN_RFC2133: without the scope

IpAddress v4(std::span<const std::uint8_t> bytes) {
  IpAddress address;
  std::ranges::copy(bytes.first(4), address.bytes.begin());
  return address;
}

bool has_prefix(const Bytes& bytes, std::span<const std::uint8_t> prefix) {
  return std::ranges::equal(std::span(bytes).first(prefix.size()), prefix);
}

constexpr std::array<std::uint8_t, 12> kMapped = {0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0xff, 0xff};
constexpr std::array<std::uint8_t, 12> kNat64 = {0x00, 0x64, 0xff, 0x9b, 0, 0, 0, 0, 0, 0, 0, 0};

IpAddress v6(const Bytes& bytes, std::uint32_t scope) {
  if (has_prefix(bytes, kMapped)) return v4(std::span(bytes).subspan(12));
  return {.family = IpAddress::Family::v6, .bytes = bytes, .scope = scope};
}

// The span holds raw bytes of any alignment.
template <class T>
T read_at(std::span<const std::byte> bytes, std::size_t offset) {
  T value{};
  std::memcpy(&value, bytes.data() + offset, sizeof value);
  return value;
}

InetEndpoint read_inet(std::span<const std::byte> bytes) {
  return {v4(read_at<std::array<std::uint8_t, 4>>(bytes, offsetof(sockaddr_in, sin_addr))),
          ntohs(read_at<std::uint16_t>(bytes, offsetof(sockaddr_in, sin_port)))};
}

}  // namespace

std::optional<IpAddress> parse_ip(std::string_view text) {
  const std::size_t percent = text.find('%');
  const std::string number(text.substr(0, percent));
  if (number.find('\0') != std::string::npos) return std::nullopt;
  IpAddress address;
  if (percent == std::string_view::npos && inet_pton(AF_INET, number.c_str(), address.bytes.data()) == 1)
    return address;
  Bytes bytes{};
  if (inet_pton(AF_INET6, number.c_str(), bytes.data()) != 1) return std::nullopt;
  std::uint32_t scope = 0;
  if (percent != std::string_view::npos) {
    const char* const begin = text.data() + percent + 1;
    const char* const end = text.data() + text.size();
    const auto [stop, error] = std::from_chars(begin, end, scope);
    if (error != std::errc{} || stop != end) return std::nullopt;
  }
  return v6(bytes, scope);
}

std::string to_string(const IpAddress& address) {
  std::array<char, INET6_ADDRSTRLEN> buffer{};
  const int family = address.family == IpAddress::Family::v4 ? AF_INET : AF_INET6;
  inet_ntop(family, address.bytes.data(), buffer.data(), buffer.size());
  std::string text = buffer.data();
  if (address.scope != 0) text += "%" + std::to_string(address.scope);
  return text;
}

bool is_loopback(const IpAddress& address) {
  if (address.family == IpAddress::Family::v4) return address.bytes[0] == 127;
  return std::ranges::all_of(std::span(address.bytes).first(15), [](auto byte) { return byte == 0; }) &&
         address.bytes[15] == 1;
}

bool is_unspecified(const IpAddress& address) {
  return std::ranges::all_of(address.bytes, [](auto byte) { return byte == 0; });
}

std::vector<IpAddress> reachable_forms(const IpAddress& address) {
  if (is_unspecified(address)) {
    IpAddress four;
    four.bytes = {127, 0, 0, 1};
    IpAddress six{.family = IpAddress::Family::v6};
    six.bytes[15] = 1;
    return {four, six};
  }
  std::vector<IpAddress> forms = {address};
  if (address.family == IpAddress::Family::v6 && has_prefix(address.bytes, kNat64)) {
    const IpAddress inside = v4(std::span(address.bytes).subspan(12));
    if (!is_loopback(inside) && !is_unspecified(inside)) forms.push_back(inside);
  }
  return forms;
}

bool same_address(const IpAddress& a, const IpAddress& b) {
  return a.family == b.family && a.bytes == b.bytes && (a.scope == b.scope || a.scope == 0 || b.scope == 0);
}

bool in_network(const IpAddress& address, const IpAddress& network, int prefix) {
  const int bits = network.family == IpAddress::Family::v4 ? 32 : 128;
  if (address.family != network.family || prefix < 0 || prefix > bits) return false;
  const auto whole = static_cast<std::size_t>(prefix / 8);
  if (!std::equal(address.bytes.begin(), address.bytes.begin() + prefix / 8, network.bytes.begin())) return false;
  const int rest = prefix % 8;
  if (rest == 0) return true;
  const unsigned difference = static_cast<unsigned>(address.bytes.at(whole)) ^ network.bytes.at(whole);
  return difference >> (8 - rest) == 0;
}

Result<Endpoint> parse_sockaddr(std::span<const std::byte> bytes) {
  const auto invalid = [] { return fail("the socket address has a wrong length", EINVAL); };
  if (bytes.size() < sizeof(sa_family_t) || bytes.size() > kMaxSockaddr) return invalid();
  const auto family = read_at<sa_family_t>(bytes, 0);
  const bool holds_inet = bytes.size() >= sizeof(sockaddr_in);
  switch (family) {
    case AF_INET: {
      if (!holds_inet) return invalid();
      return read_inet(bytes);
    }
    case AF_INET6: {
      if (bytes.size() < kMinInet6) return invalid();
      const bool scoped = bytes.size() >= sizeof(sockaddr_in6);
      return InetEndpoint{v6(read_at<Bytes>(bytes, offsetof(sockaddr_in6, sin6_addr)),
                             scoped ? read_at<std::uint32_t>(bytes, offsetof(sockaddr_in6, sin6_scope_id)) : 0),
                          ntohs(read_at<std::uint16_t>(bytes, offsetof(sockaddr_in6, sin6_port)))};
    }
    case AF_UNIX: {
      // No name at all asks bind() for one of the kernel's choice; connect() refuses it.
      if (bytes.size() == sizeof(sa_family_t) || bytes.size() > sizeof(sockaddr_un)) return invalid();
      std::string name(bytes.size() - sizeof(sa_family_t), '\0');
      std::memcpy(name.data(), bytes.data() + sizeof(sa_family_t), name.size());
      if (name.front() == '\0') return UnixAbstractEndpoint{name.substr(1)};
      return UnixPathEndpoint{name.substr(0, name.find('\0'))};
    }
    case AF_UNSPEC: {
      OtherEndpoint other;
      if (holds_inet) other.as_inet = read_inet(bytes);
      return other;
    }
    default: return OtherEndpoint{.family = family, .as_inet = std::nullopt};
  }
}

std::string to_string(const Endpoint& endpoint) {
  struct Printer {
    std::string operator()(const InetEndpoint& inet) const {
      const std::string text = to_string(inet.address);
      const bool brackets = inet.address.family == IpAddress::Family::v6;
      return (brackets ? "[" + text + "]" : text) + ":" + std::to_string(inet.port);
    }
    std::string operator()(const UnixPathEndpoint& socket) const { return "unix:" + base::printable(socket.path); }
    std::string operator()(const UnixAbstractEndpoint& socket) const { return "unix:@" + base::printable(socket.name); }
    std::string operator()(const OtherEndpoint& other) const { return "family " + std::to_string(other.family); }
  };
  return std::visit(Printer{}, endpoint);
}

}  // namespace cofferdam::plan
