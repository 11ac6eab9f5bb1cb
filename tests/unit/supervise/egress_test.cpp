#include "supervise/egress.hpp"

#include <gtest/gtest.h>
#include <sys/socket.h>

#include "policy/destination.hpp"

namespace cofferdam::supervise {
namespace {

plan::IpAddress ip(std::string_view text) {
  return plan::parse_ip(text).value_or(plan::IpAddress{});
}
plan::Endpoint at(std::string_view host, std::uint16_t port) {
  return plan::InetEndpoint{ip(host), port};
}

const NetworkView& network() {
  static const NetworkView view = {
      .resolved = {{"api.example.com", {ip("93.184.216.34")}}, {"db.local", {ip("10.0.0.5")}}, {"unknown", {}}},
      .earlier = {{"api.example.com", {ip("93.184.216.33"), ip("93.184.216.34")}}},
      .own = {ip("192.168.1.7")}};
  return view;
}

plan::EgressRules rules() {
  Network network{.deny = true, .allow = {}, .origin = {.file = "p.yaml", .line = 9, .column = 1}};
  int line = 0;
  for (const char* row : {"api.example.com:443", "10.8.0.0/16:8443", "172.16.0.0/12", "[fd00::]/8:443", "unknown:25"}) {
    network.allow.push_back({policy::parse_egress(row).value(), {.file = "p.yaml", .line = ++line, .column = 1}});
  }
  return plan::egress_rules(network, "nameserver 10.255.255.53\n");
}

plan::DatabaseRules databases() {
  const auto rules = plan::database_rules(Database{}, {{"DATABASE_URL", "postgres://db.local/x"}});
  return rules ? *rules : plan::DatabaseRules{};
}

std::string shown(const plan::Endpoint& destination) {
  const EgressVerdict verdict = judge_egress(destination, rules(), databases(), network());
  EXPECT_EQ(verdict.allowed, verdict.reason != EgressReason::not_allowed);
  return std::string(to_string(verdict.reason)) + " " + std::to_string(verdict.policy.line);
}

TEST(Egress, RowsAdmitTheirDestinationsAndNoOthers) {
  EXPECT_EQ(shown(at("93.184.216.34", 443)), "allowed_by_rule 1");
  EXPECT_EQ(shown(at("93.184.216.34", 80)), "not_allowed 9");
  EXPECT_EQ(shown(at("93.184.216.33", 443)), "not_allowed 9") << "an address of before";
  EXPECT_EQ(shown(at("10.8.255.1", 8443)), "allowed_by_rule 2");
  EXPECT_EQ(shown(at("10.9.0.1", 8443)), "not_allowed 9");
  EXPECT_EQ(shown(at("172.16.0.1", 1)), "allowed_by_rule 3");
  EXPECT_EQ(shown(at("fd12::1", 443)), "allowed_by_rule 4");
  EXPECT_EQ(shown(at("::ffff:172.16.0.1", 80)), "allowed_by_rule 3");
  EXPECT_EQ(shown(at("64:ff9b::5db8:d822", 443)), "not_allowed 9") << "NAT64 leads elsewhere than the address says";
  EXPECT_EQ(shown(at("224.0.0.251", 5353)), "not_allowed 9");
  EXPECT_EQ(shown(at("255.255.255.255", 67)), "not_allowed 9");
}

TEST(Egress, ThisMachineAndTheNameServersStayOpen) {
  for (const char* host : {"127.0.0.1", "127.9.9.9", "::1", "0.0.0.0", "::", "192.168.1.7"}) {
    EXPECT_EQ(shown(at(host, 8000)), "this_machine 9") << host;
  }
  EXPECT_EQ(shown(at("10.255.255.53", 53)), "name_server 9");
  EXPECT_EQ(shown(at("10.255.255.53", 5353)), "not_allowed 9");
  EXPECT_EQ(shown(at("10.255.255.54", 53)), "not_allowed 9");
  EXPECT_EQ(shown(plan::UnixPathEndpoint{"/run/x"}), "no_network 0");
}

TEST(Egress, ADatabaseCountsWhereSomethingNamesIt) {
  EXPECT_EQ(shown(at("10.0.0.5", 5432)).substr(0, 8), "database");
  EXPECT_EQ(shown(at("10.0.0.6", 5432)), "not_allowed 9");
}

TEST(Egress, ADatagramWithoutAFamilyIsJudgedByItsAddress) {
  EXPECT_EQ(shown(plan::OtherEndpoint{AF_UNSPEC, plan::InetEndpoint{ip("10.0.0.6"), 80}}), "not_allowed 9");
  EXPECT_EQ(shown(plan::OtherEndpoint{AF_UNSPEC, std::nullopt}), "no_network 0");
}

TEST(Egress, PortZeroAsksForTheOwnAddressOnly) {
  EXPECT_EQ(shown(at("93.184.216.34", 0)), "allowed_by_rule 1");
  EXPECT_EQ(shown(at("93.184.216.35", 0)), "not_allowed 9");
}

TEST(Egress, NamesAreAskedForWhenTheVerdictHangsOnThem) {
  using Hosts = std::vector<std::string>;
  const auto hosts = [](const plan::Endpoint& destination) {
    return unsettled_hosts(destination, rules(), databases(), network());
  };
  EXPECT_EQ(hosts(at("93.184.216.99", 443)), Hosts{"api.example.com"});
  EXPECT_EQ(hosts(at("93.184.216.34", 443)), Hosts{});
  EXPECT_EQ(hosts(at("1.2.3.4", 25)), Hosts{"unknown"});
  EXPECT_EQ(hosts(at("1.2.3.4", 26)), Hosts{});
  EXPECT_EQ(hosts(at("127.0.0.1", 443)), Hosts{});
  EXPECT_TRUE(judge_egress(at("1.2.3.4", 26), plan::EgressRules{}, databases(), network()).allowed);
}

}  // namespace
}  // namespace cofferdam::supervise
