#include "policy/destination.hpp"

#include <gtest/gtest.h>

#include <string>

namespace cofferdam::policy {
namespace {

using Kind = Destination::Kind;

TEST(Destination, ReadsHostAndPort) {
  const Destination name = parse_destination("Cache.Local:6379").value();
  EXPECT_EQ(name.kind, Kind::host_port);
  EXPECT_EQ(name.host, "cache.local");
  EXPECT_EQ(name.port, 6379);
  EXPECT_EQ(name.written, "Cache.Local:6379");
  EXPECT_EQ(parse_destination("db_1:5432").value().host, "db_1");
  EXPECT_EQ(parse_destination("127.0.0.1:5432").value().host, "127.0.0.1");
  EXPECT_EQ(parse_destination("[::1]:5432").value().host, "::1");
  EXPECT_EQ(parse_destination("[FD00:0:0::1]:5432").value().host, "fd00::1");
}

TEST(Destination, ReadsNetworks) {
  const Destination four = parse_destination("10.0.0.0/8:8443").value();
  EXPECT_EQ(four.kind, Kind::cidr_port);
  EXPECT_EQ(four.host, "10.0.0.0");
  EXPECT_EQ(four.prefix, 8);
  EXPECT_EQ(four.port, 8443);
  const Destination six = parse_destination("[fd00::]/8:5432").value();
  EXPECT_EQ(six.host, "fd00::");
  EXPECT_EQ(six.prefix, 8);
  EXPECT_EQ(parse_destination("0.0.0.0/0:5432").value().prefix, 0);
  EXPECT_EQ(parse_destination("10.1.2.3/32:1").value().prefix, 32);
}

TEST(Destination, ReadsSocketsAndVariables) {
  EXPECT_EQ(parse_destination("unix:/run/postgresql/*").value().path, "/run/postgresql/*");
  EXPECT_EQ(parse_destination("unix:@redis").value().path, "@redis");
  EXPECT_EQ(parse_destination("env:DATABASE_URL").value().variable, "DATABASE_URL");
}

// Y5: what resolves like something else, or only looks like it.
TEST(Destination, RefusesWhatIsNotExact) {
  for (const char* text : {"",
                           "db",
                           "db:",
                           ":5432",
                           "db:0",
                           "db:-1",
                           "db:65536",
                           "db:05432",
                           "db:http",
                           "db:5432 ",
                           " db:5432",
                           "db:54 32",
                           "db.:5432",
                           ".db:5432",
                           "db..x:5432",
                           "-db:5432",
                           "db-:5432",
                           "*.db:5432",
                           "db/x:5432",
                           "user@db:5432",
                           "d\xc3\xbc.de:5432",
                           "d\xd0\xb0.com:5432",
                           "\xef\xbc\x91.1.1.1:5432",
                           "postgres://db:5432/x",
                           "db:5432/x",
                           "127.1:5432",
                           "0177.0.0.1:5432",
                           "0x7f000001:5432",
                           "2130706433:5432",
                           "256.0.0.1:5432",
                           "5432:30",
                           "::1:5432",
                           "[::1]",
                           "[::1:5432",
                           "[::1]x:5432",
                           "[fe80::1%eth0]:5432",
                           "[127.0.0.1]:5432",
                           "[::ffff:1.2.3.4]:5432",
                           "10.0.0.0/33:1",
                           "10.0.0.0/:1",
                           "10.0.0.0/08:1",
                           "10.0.0.0/-1:1",
                           "10.0.0.1/8:1",
                           "[fd00::1]/8:1",
                           "db/8:1",
                           "unix:",
                           "unix:@",
                           "unix://run/x",
                           "unix:$RUN/x",
                           "env:",
                           "env:A-B",
                           "env:1",
                           "env:$A"}) {
    EXPECT_FALSE(parse_destination(text)) << text;
  }
  EXPECT_FALSE(parse_destination(std::string(254, 'a') + ":1"));
  EXPECT_FALSE(parse_destination(std::string(64, 'a') + ".de:1"));
}

TEST(Destination, SaysTheNetworkThatWasMeant) {
  EXPECT_EQ(parse_destination("10.1.2.3/8:1").error().hint, "the network is 10.0.0.0/8");
  EXPECT_EQ(parse_destination("[fd00::1]/64:1").error().hint, "the network is fd00::/64");
}

TEST(Destination, OfEgressNeedsNoPort) {
  struct Row {
    const char* text;
    Destination::Kind kind;
    const char* host;
    int prefix;
    std::uint16_t port;
  };
  using enum Destination::Kind;
  for (const Row& row :
       {Row{"API.example.com:443", host_port, "api.example.com", 0, 443},
        Row{"api.example.com", host_port, "api.example.com", 0, 0},
        Row{"10.0.0.0/8:8443", cidr_port, "10.0.0.0", 8, 8443}, Row{"10.0.0.0/8", cidr_port, "10.0.0.0", 8, 0},
        Row{"10.0.0.1", host_port, "10.0.0.1", 0, 0}, Row{"[fd00::1]", host_port, "fd00::1", 0, 0},
        Row{"[fd00::]/8", cidr_port, "fd00::", 8, 0}, Row{"[fd00::]/8:443", cidr_port, "fd00::", 8, 443}}) {
    const auto destination = parse_egress(row.text);
    ASSERT_TRUE(destination) << row.text;
    EXPECT_EQ(destination->kind, row.kind) << row.text;
    EXPECT_EQ(destination->host, row.host) << row.text;
    EXPECT_EQ(destination->prefix, row.prefix) << row.text;
    EXPECT_EQ(destination->port, row.port) << row.text;
    EXPECT_EQ(destination->written, row.text);
  }
  for (const char* text : {"", "api:", "api:0", "api:http", "*.example.com", "https://api", "env:API_URL",
                           "unix:/run/x", "fd00::1", "fd00::1:443", "10.0.0.1/8", "10.0.0.0/33", "127.1", "a b"}) {
    EXPECT_FALSE(parse_egress(text)) << text;
  }
}

}  // namespace
}  // namespace cofferdam::policy
