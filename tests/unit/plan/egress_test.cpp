#include "plan/egress.hpp"

#include <gtest/gtest.h>

#include "policy/destination.hpp"

namespace cofferdam::plan {
namespace {

Network network_of(std::initializer_list<const char*> rows) {
  Network network{.deny = true, .allow = {}, .origin = {.file = "p.yaml", .line = 3, .column = 1}};
  int line = 3;
  for (const char* row : rows) {
    network.allow.push_back({policy::parse_egress(row).value(), {.file = "p.yaml", .line = ++line, .column = 7}});
  }
  return network;
}

TEST(Egress, NothingIsRestrictedByDefault) {
  const EgressRules rules = egress_rules(Network{}, "nameserver 10.0.0.1\n");
  EXPECT_FALSE(rules.deny);
  EXPECT_TRUE(rules.name_servers.empty());
}

TEST(Egress, RowsBecomeRules) {
  const EgressRules rules =
      egress_rules(network_of({"api.example.com:443", "10.0.0.0/8", "10.1.1.1:80", "api.example.com"}), "");
  ASSERT_EQ(rules.allow.size(), 4U);
  EXPECT_TRUE(rules.allow[0].addresses.empty());
  EXPECT_EQ(rules.allow[0].policy.line, 4);
  EXPECT_EQ(rules.allow[1].host, "");
  EXPECT_EQ(rules.allow[1].prefix, 8);
  EXPECT_EQ(rules.allow[2].addresses.size(), 1U);
  EXPECT_EQ(hosts_to_resolve(rules), std::vector<std::string>{"api.example.com"});
  EXPECT_EQ(rules.policy.key, "network.allow");
  EXPECT_EQ(egress_rules(network_of({}), "").policy.key, "network.egress");
}

TEST(Egress, NameServersAreThoseOfTheFile) {
  const EgressRules rules = egress_rules(network_of({}),
                                         "# nameserver 10.0.0.9\nsearch x\nnameserver 10.0.0.1\n\tnameserver  "
                                         "fe80::1%eth0 # zone\nnameserver\nnameserver db\n");
  ASSERT_EQ(rules.name_servers.size(), 2U);
  EXPECT_EQ(to_string(rules.name_servers[0]), "10.0.0.1");
  EXPECT_EQ(to_string(rules.name_servers[1]), "fe80::1");
}

}  // namespace
}  // namespace cofferdam::plan
