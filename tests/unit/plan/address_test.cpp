#include "plan/address.hpp"

#include <arpa/inet.h>
#include <gtest/gtest.h>
#include <netinet/in.h>
#include <sys/socket.h>
#include <sys/un.h>

#include <cerrno>
#include <cstring>

namespace cofferdam::plan {
namespace {

IpAddress ip(std::string_view text) {
  const auto address = parse_ip(text);
  EXPECT_TRUE(address.has_value()) << text;
  return address.value_or(IpAddress{});
}

template <class Sockaddr>
std::vector<std::byte> bytes_of(const Sockaddr& address, std::size_t length = sizeof(Sockaddr)) {
  std::vector<std::byte> bytes(std::max(length, sizeof address));
  std::memcpy(bytes.data(), &address, sizeof address);
  bytes.resize(length);
  return bytes;
}

std::vector<std::byte> inet(const char* host, std::uint16_t port, std::size_t length = sizeof(sockaddr_in),
                            sa_family_t family = AF_INET) {
  sockaddr_in address{};
  address.sin_family = family;
  address.sin_port = htons(port);
  EXPECT_EQ(inet_pton(AF_INET, host, &address.sin_addr), 1);
  return bytes_of(address, length);
}

std::vector<std::byte> inet6(const char* host, std::uint16_t port, std::size_t length = sizeof(sockaddr_in6),
                             std::uint32_t scope = 0) {
  sockaddr_in6 address{};
  address.sin6_family = AF_INET6;
  address.sin6_port = htons(port);
  address.sin6_scope_id = scope;
  EXPECT_EQ(inet_pton(AF_INET6, host, &address.sin6_addr), 1);
  return bytes_of(address, length);
}

std::vector<std::byte> unix_socket(std::string_view sun_path) {
  sockaddr_un address{};
  address.sun_family = AF_UNIX;
  std::memcpy(static_cast<void*>(address.sun_path), sun_path.data(),
              std::min(sun_path.size(), sizeof address.sun_path));
  return bytes_of(address, sizeof(sa_family_t) + sun_path.size());
}

// "EINVAL", or the endpoint as text.
std::string shown(std::span<const std::byte> bytes) {
  const auto endpoint = parse_sockaddr(bytes);
  if (!endpoint) return endpoint.error().errnum == EINVAL ? "EINVAL" : "error";
  return to_string(*endpoint);
}

TEST(Address, Literals) {
  for (const char* text :
       {"127.0.0.1", "0.0.0.0", "255.255.255.255", "::1", "::", "fd00::1", "fe80::1%2", "64:ff9b::a00:5"}) {
    EXPECT_EQ(to_string(ip(text)), text);
  }
  EXPECT_EQ(to_string(ip("::ffff:10.0.0.5")), "10.0.0.5");
  EXPECT_EQ(to_string(ip("0:0:0:0:0:FFFF:0A00:0005")), "10.0.0.5");
  for (const char* text :
       {"", "localhost", "127.1", "0177.0.0.1", "0x7f000001", "1.2.3.4.5", "256.0.0.1", "[::1]", "127.0.0.1%1",
        "fe80::1%eth0", "fe80::1%", "fe80::1%2x", "fe80::1%99999999999", "1.2.3.4 "}) {
    EXPECT_FALSE(parse_ip(text).has_value()) << text;
  }
  EXPECT_FALSE(parse_ip(std::string_view("1.2.3.4\0x", 9)).has_value());
}

TEST(Address, LoopbackAndUnspecified) {
  for (const char* text : {"127.0.0.1", "127.9.9.9", "127.255.255.255", "::1", "::ffff:127.0.0.1"}) {
    EXPECT_TRUE(is_loopback(ip(text))) << text;
  }
  for (const char* text : {"126.255.255.255", "128.0.0.1", "::", "::2", "0.0.0.0", "fe80::1", "100::1"}) {
    EXPECT_FALSE(is_loopback(ip(text))) << text;
  }
  for (const char* text : {"0.0.0.0", "::", "::ffff:0.0.0.0"}) EXPECT_TRUE(is_unspecified(ip(text))) << text;
  for (const char* text : {"0.0.0.1", "::1", "1::"}) EXPECT_FALSE(is_unspecified(ip(text))) << text;
}

TEST(Address, ReachableForms) {
  const auto forms = [](std::string_view text) {
    std::string all;
    for (const IpAddress& form : reachable_forms(ip(text))) all += to_string(form) + " ";
    return all;
  };
  EXPECT_EQ(forms("10.0.0.5"), "10.0.0.5 ");
  EXPECT_EQ(forms("fd00::1"), "fd00::1 ");
  EXPECT_EQ(forms("0.0.0.0"), "127.0.0.1 ::1 ");
  EXPECT_EQ(forms("::"), "127.0.0.1 ::1 ");
  EXPECT_EQ(forms("64:ff9b::10.0.0.5"), "64:ff9b::a00:5 10.0.0.5 ");
  EXPECT_EQ(forms("64:ff9b::127.0.0.1"), "64:ff9b::7f00:1 ");
  EXPECT_EQ(forms("64:ff9b::"), "64:ff9b:: ");
  EXPECT_EQ(forms("64:ff9b:0:1::a00:5"), "64:ff9b:0:1::a00:5 ");
}

TEST(Address, SameAddressKnowsScopes) {
  EXPECT_TRUE(same_address(ip("fe80::1%2"), ip("fe80::1")));
  EXPECT_TRUE(same_address(ip("fe80::1%2"), ip("fe80::1%2")));
  EXPECT_FALSE(same_address(ip("fe80::1%2"), ip("fe80::1%3")));
  EXPECT_FALSE(same_address(ip("0.0.0.0"), ip("::")));
}

TEST(Address, Networks) {
  struct Row {
    const char* address;
    const char* network;
    int prefix;
    bool inside;
  };
  for (const Row& row : std::vector<Row>{{"10.1.2.3", "10.0.0.0", 8, true},
                                         {"11.0.0.0", "10.0.0.0", 8, false},
                                         {"10.0.0.5", "10.0.0.4", 31, true},
                                         {"10.0.0.6", "10.0.0.4", 31, false},
                                         {"10.0.0.5", "10.0.0.5", 32, true},
                                         {"10.0.0.4", "10.0.0.5", 32, false},
                                         {"255.1.1.1", "0.0.0.0", 0, true},
                                         {"172.31.255.255", "172.16.0.0", 12, true},
                                         {"172.32.0.0", "172.16.0.0", 12, false},
                                         {"fd00::1", "fd00::", 8, true},
                                         {"fc00::1", "fd00::", 8, false},
                                         {"::1", "::1", 128, true},
                                         {"::2", "::1", 128, false},
                                         {"::1", "0.0.0.0", 0, false},
                                         {"10.0.0.1", "::", 0, false},
                                         {"10.0.0.1", "10.0.0.1", 33, false},
                                         {"10.0.0.1", "10.0.0.1", -1, false},
                                         {"::1", "::1", 129, false}}) {
    EXPECT_EQ(in_network(ip(row.address), ip(row.network), row.prefix), row.inside) << row.address << " " << row.prefix;
  }
}

TEST(Sockaddr, Inet) {
  EXPECT_EQ(shown(inet("127.0.0.1", 5432)), "127.0.0.1:5432");
  EXPECT_EQ(shown(inet("10.0.0.5", 65535, 128)), "10.0.0.5:65535");
  EXPECT_EQ(shown(inet("127.0.0.1", 5432, 15)), "EINVAL");
  EXPECT_EQ(shown(inet("127.0.0.1", 5432, 2)), "EINVAL");
}

TEST(Sockaddr, Inet6) {
  EXPECT_EQ(shown(inet6("::1", 5432)), "[::1]:5432");
  EXPECT_EQ(shown(inet6("fe80::1", 1, sizeof(sockaddr_in6), 3)), "[fe80::1%3]:1");
  EXPECT_EQ(shown(inet6("fe80::1", 1, 27, 3)), "[fe80::1]:1");  // the scope counts from 28 bytes
  EXPECT_EQ(shown(inet6("::1", 5432, 24)), "[::1]:5432");
  EXPECT_EQ(shown(inet6("::1", 5432, 23)), "EINVAL");
  EXPECT_EQ(shown(inet6("::1", 5432, 16)), "EINVAL");
}

TEST(Sockaddr, MappedIsIpv4) {  // N5
  EXPECT_EQ(shown(inet6("::ffff:10.0.0.5", 5432)), "10.0.0.5:5432");
  EXPECT_EQ(shown(inet6("::ffff:0:10.0.0.5", 5432)), "[::ffff:0:a00:5]:5432");
}

TEST(Sockaddr, Lengths) {  // N12
  EXPECT_EQ(shown({}), "EINVAL");
  const std::vector<std::byte> one(1);
  EXPECT_EQ(shown(one), "EINVAL");
  EXPECT_EQ(shown(inet("127.0.0.1", 1, kMaxSockaddr + 1)), "EINVAL");
  EXPECT_EQ(shown(std::vector<std::byte>(4096)), "EINVAL");
}

TEST(Sockaddr, UnspecifiedFamilyWithInetBody) {  // N12
  const auto endpoint = parse_sockaddr(inet("10.0.0.5", 5432, 16, AF_UNSPEC));
  ASSERT_TRUE(endpoint.has_value());
  const auto& other = std::get<OtherEndpoint>(*endpoint);
  EXPECT_EQ(other.family, AF_UNSPEC);
  ASSERT_TRUE(other.as_inet.has_value());
  EXPECT_EQ(to_string(Endpoint{*other.as_inet}), "10.0.0.5:5432");
  EXPECT_EQ(to_string(*endpoint), "family 0");
  const auto brief = parse_sockaddr(inet("10.0.0.5", 5432, 15, AF_UNSPEC));
  ASSERT_TRUE(brief.has_value());
  EXPECT_FALSE(std::get<OtherEndpoint>(*brief).as_inet.has_value());
}

TEST(Sockaddr, OtherFamilies) {
  EXPECT_EQ(shown(inet("10.0.0.5", 1, 16, AF_NETLINK)), "family 16");
  EXPECT_EQ(shown(inet("10.0.0.5", 1, 16, AF_VSOCK)), "family 40");
  EXPECT_EQ(shown(inet("10.0.0.5", 1, 2, 0xffff)), "family 65535");
}

TEST(Sockaddr, UnixPaths) {
  EXPECT_EQ(shown(unix_socket("/run/x.sock")), "unix:/run/x.sock");
  EXPECT_EQ(shown(unix_socket(std::string_view("/run/x.sock\0trailing", 20))), "unix:/run/x.sock");
  EXPECT_EQ(shown(unix_socket("relative")), "unix:relative");
  const std::string full(108, 'a');  // N21: no room for a terminator
  EXPECT_EQ(shown(unix_socket(full)), "unix:" + full);
  EXPECT_EQ(shown(unix_socket("")), "EINVAL");  // autobind is for bind()
  sockaddr_un address{};
  address.sun_family = AF_UNIX;
  EXPECT_EQ(shown(bytes_of(address, sizeof address + 1)), "EINVAL");
}

TEST(Sockaddr, UnixPathsAreBytes) {  // N21
  const auto endpoint = parse_sockaddr(unix_socket("/tmp/\xff\x01\xc3"));
  ASSERT_TRUE(endpoint.has_value());
  EXPECT_EQ(std::get<UnixPathEndpoint>(*endpoint).path, "/tmp/\xff\x01\xc3");
  EXPECT_EQ(to_string(*endpoint), "unix:/tmp/\\xff\\x01\\xc3");
}

TEST(Sockaddr, AbstractNames) {
  using namespace std::string_literals;
  EXPECT_EQ(shown(unix_socket("\0name"s)), "unix:@name");
  EXPECT_EQ(shown(unix_socket("\0a\0b"s)), "unix:@a\\x00b");
  EXPECT_EQ(shown(unix_socket("\0"s)), "unix:@");
  EXPECT_EQ(shown(unix_socket("\0"
                              "001f3"s)),
            "unix:@001f3");
  const auto padded = parse_sockaddr(unix_socket("\0n\0\0"s));
  ASSERT_TRUE(padded.has_value());
  EXPECT_EQ(std::get<UnixAbstractEndpoint>(*padded).name, "n\0\0"s);
}

TEST(Sockaddr, AnyBytes) {
  std::vector<std::byte> bytes(kMaxSockaddr);
  for (unsigned seed = 0; seed < 256; ++seed) {
    for (std::size_t i = 0; i < bytes.size(); ++i) bytes[i] = static_cast<std::byte>((seed * 31 + i * 7) & 0xff);
    for (const sa_family_t family : {sa_family_t{AF_UNSPEC}, sa_family_t{AF_UNIX}, sa_family_t{AF_INET},
                                     sa_family_t{AF_INET6}, sa_family_t{AF_NETLINK}}) {
      std::memcpy(bytes.data(), &family, sizeof family);
      for (std::size_t length = 0; length <= bytes.size(); ++length) {
        // A copy of the exact size, so that the address sanitizer sees a read beyond it.
        const std::vector<std::byte> exact(bytes.begin(), bytes.begin() + static_cast<std::ptrdiff_t>(length));
        if (const auto endpoint = parse_sockaddr(exact)) (void)to_string(*endpoint);
      }
    }
  }
}

}  // namespace
}  // namespace cofferdam::plan
