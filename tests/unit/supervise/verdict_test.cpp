#include "supervise/verdict.hpp"

#include <gtest/gtest.h>
#include <sys/socket.h>

namespace cofferdam::supervise {
namespace {

using namespace std::string_literals;
using From = DatabaseAllow::From;
using plan::Endpoint;
using plan::IpAddress;

IpAddress ip(std::string_view text) {
  const auto address = plan::parse_ip(text);
  EXPECT_TRUE(address.has_value()) << text;
  return address.value_or(IpAddress{});
}
Endpoint at(std::string_view host, std::uint16_t port) {
  return plan::InetEndpoint{ip(host), port};
}
Endpoint socket_at(std::string path) {
  return plan::UnixPathEndpoint{std::move(path)};
}
Endpoint abstract(std::string name) {
  return plan::UnixAbstractEndpoint{std::move(name)};
}

Destination host_port(std::string host, std::uint16_t port) {
  Destination to;
  to.host = std::move(host);
  to.port = port;
  return to;
}
Destination cidr(std::string network, int prefix, std::uint16_t port) {
  Destination to = host_port(std::move(network), port);
  to.kind = Destination::Kind::cidr_port;
  to.prefix = prefix;
  return to;
}
Destination unix_path(std::string path) {
  Destination to;
  to.kind = Destination::Kind::unix_path;
  to.path = std::move(path);
  return to;
}
Destination variable(std::string name) {
  Destination to;
  to.kind = Destination::Kind::environment;
  to.variable = std::move(name);
  return to;
}

// Rows get the lines 1, 2, 3, ...; the list itself has line 99.
struct Allow {
  From from;
  Destination to;
};
plan::DatabaseRules rules_of(const std::vector<Allow>& rows, const std::map<std::string, std::string>& environment = {},
                             Database database = {}) {
  database.origin = {.file = "list.yaml", .line = 99, .column = 1};
  int line = 0;
  for (const Allow& row : rows) {
    database.allow.push_back({row.from, row.to, {.file = "p.yaml", .line = ++line, .column = 1}});
  }
  auto rules = plan::database_rules(database, environment);
  EXPECT_TRUE(rules.has_value());
  return rules ? *std::move(rules) : plan::DatabaseRules{};
}

const NetworkView& network() {
  static const NetworkView view = {
      .resolved = {{"db.local", {ip("10.0.0.5"), ip("fd00::5")}}, {"laptop", {ip("127.0.1.1")}}, {"empty", {}}},
      .own = {ip("192.168.1.7"), ip("fd00::7")}};
  return view;
}

// "allowed_by_rule 2 postgres": the reason, the line of the policy, the engine.
std::string shown(const Verdict& verdict) {
  EXPECT_EQ(verdict.allowed, verdict.reason <= Reason::allowed_by_rule);
  return std::string(to_string(verdict.reason)) + " " + std::to_string(verdict.policy.line) +
         (verdict.engine.empty() ? "" : " " + verdict.engine);
}
std::string verdict(Role role, const Endpoint& destination, const plan::DatabaseRules& rules) {
  return shown(judge(role, destination, rules, network()));
}

constexpr Role kRoles[] = {Role::app, Role::one_off, Role::other, Role::unknown};

TEST(Verdict, WithoutRowsTheAppReachesAnyDatabase) {
  const auto rules = rules_of({});
  for (const Endpoint& database : {at("127.0.0.1", 5432), at("8.8.8.8", 5432), at("fd00::1", 5432),
                                   socket_at("/run/postgresql/.s.PGSQL.5432"), abstract("/tmp/.s.PGSQL.5432")}) {
    EXPECT_EQ(verdict(Role::app, database, rules), "allowed_by_default 99 postgres");
    EXPECT_EQ(verdict(Role::one_off, database, rules), "allowed_by_default 99 postgres");
    EXPECT_EQ(verdict(Role::other, database, rules), "not_the_app 99 postgres");  // N1, N16
    EXPECT_EQ(verdict(Role::unknown, database, rules), "caller_unknown 99 postgres");
    EXPECT_EQ(judge(Role::other, database, rules, network()).policy.key, "database");
  }
}

TEST(Verdict, WhatIsNoDatabaseIsFree) {
  for (const auto& rules : {rules_of({}), rules_of({{From::app, host_port("10.0.0.5", 5432)}})}) {
    for (const Role role : kRoles) {
      for (const Endpoint& free : {at("127.0.0.1", 8000), at("1.1.1.1", 443), at("10.0.0.5", 5433), at("127.0.0.1", 0),
                                   socket_at("/tmp/app.sock"), abstract("dbus"), abstract(""),
                                   Endpoint{plan::OtherEndpoint{.family = AF_NETLINK, .as_inet = std::nullopt}},
                                   Endpoint{plan::OtherEndpoint{.family = AF_UNSPEC, .as_inet = std::nullopt}}}) {
        EXPECT_EQ(verdict(role, free, rules), "not_a_database 0") << plan::to_string(free);
      }
    }
  }
}

TEST(Verdict, OnlyTheRowsOfTheCaller) {
  const auto rules = rules_of({{From::app, host_port("10.0.0.1", 5432)},
                               {From::one_off, host_port("10.0.0.2", 5432)},
                               {From::any, host_port("10.0.0.3", 5432)}});
  struct Row {
    const char* host;
    Role role;
    const char* expected;
  };
  for (const Row& row : std::vector<Row>{{"10.0.0.1", Role::app, "allowed_by_rule 1 postgres"},
                                         {"10.0.0.1", Role::one_off, "destination_not_allowed 1 postgres"},
                                         {"10.0.0.1", Role::other, "not_the_app 1 postgres"},
                                         {"10.0.0.1", Role::unknown, "caller_unknown 1 postgres"},
                                         {"10.0.0.2", Role::app, "destination_not_allowed 2 postgres"},
                                         {"10.0.0.2", Role::one_off, "allowed_by_rule 2 postgres"},
                                         {"10.0.0.2", Role::other, "not_the_app 2 postgres"},
                                         {"10.0.0.2", Role::unknown, "caller_unknown 2 postgres"},
                                         {"10.0.0.3", Role::app, "allowed_by_rule 3 postgres"},
                                         {"10.0.0.3", Role::one_off, "allowed_by_rule 3 postgres"},
                                         {"10.0.0.3", Role::other, "allowed_by_rule 3 postgres"},
                                         {"10.0.0.3", Role::unknown, "allowed_by_rule 3 postgres"},
                                         {"10.0.0.4", Role::app, "destination_not_allowed 99 postgres"},
                                         {"10.0.0.4", Role::one_off, "destination_not_allowed 99 postgres"},
                                         {"10.0.0.4", Role::other, "not_the_app 99 postgres"},
                                         {"10.0.0.4", Role::unknown, "caller_unknown 99 postgres"}}) {
    EXPECT_EQ(verdict(row.role, at(row.host, 5432), rules), row.expected) << row.host;
  }
  EXPECT_EQ(verdict(Role::app, at("10.0.0.1", 6379), rules), "destination_not_allowed 99 redis");
}

TEST(Verdict, ALaterRowMayAdmit) {
  const auto rules = rules_of({{From::one_off, host_port("10.0.0.1", 1)}, {From::app, host_port("10.0.0.1", 1)}});
  EXPECT_EQ(verdict(Role::app, at("10.0.0.1", 1), rules), "allowed_by_rule 2 database");
}

TEST(Verdict, UnknownNeverGetsMoreThanOther) {
  const std::vector<plan::DatabaseRules> all = {rules_of({}), rules_of({{From::app, host_port("db.local", 5432)}}),
                                                rules_of({{From::any, host_port("db.local", 5432)}}),
                                                rules_of({}, {{"DATABASE_URL", "postgres://nowhere:9999"}}),
                                                rules_of({{From::any, host_port("nowhere", 9999)}})};
  for (const auto& rules : all) {
    for (const Endpoint& place : {at("10.0.0.5", 5432), at("127.0.0.1", 9999), at("1.1.1.1", 443)}) {
      EXPECT_LE(judge(Role::unknown, place, rules, network()).allowed,
                judge(Role::other, place, rules, network()).allowed);
    }
  }
}

TEST(Verdict, ARoleOutsideTheEnumGetsNothing) {
  EXPECT_FALSE(judge(static_cast<Role>(77), at("127.0.0.1", 5432), rules_of({}), network()).allowed);
}

TEST(Verdict, NamedDestinationsCountWhateverTheirPort) {
  const auto rows = rules_of({{From::app, host_port("10.0.0.5", 15432)}});
  EXPECT_EQ(verdict(Role::app, at("10.0.0.5", 15432), rows), "allowed_by_rule 1 database");
  EXPECT_EQ(verdict(Role::other, at("10.0.0.5", 15432), rows), "not_the_app 1 database");
  EXPECT_EQ(verdict(Role::other, at("10.0.0.6", 15432), rows), "not_a_database 0");

  const auto urls =
      rules_of({}, {{"DATABASE_URL", "postgres://10.0.0.5:15432/x"}, {"SITE_URL", "http://10.0.0.5:8000"}});
  EXPECT_EQ(verdict(Role::app, at("10.0.0.5", 15432), urls), "allowed_by_default 99 postgres");
  EXPECT_EQ(verdict(Role::other, at("10.0.0.5", 15432), urls), "not_the_app 99 postgres");
  EXPECT_EQ(verdict(Role::other, at("10.0.0.5", 8000), urls), "not_a_database 0");

  const auto both = rules_of({{From::app, variable("SEARCH")}},
                             {{"SEARCH", "http://10.0.0.5:9200"}, {"A_URL", "redis://10.0.0.5:1"}});
  EXPECT_EQ(verdict(Role::app, at("10.0.0.5", 9200), both), "allowed_by_rule 1 database");
  EXPECT_EQ(verdict(Role::other, at("10.0.0.5", 9200), both), "not_the_app 1 database");
  EXPECT_EQ(verdict(Role::app, at("10.0.0.5", 1), both), "destination_not_allowed 99 redis");
}

TEST(Verdict, PortsAndSocketsOfThePolicy) {
  Database database;
  database.ports = {15432};
  database.sockets = {"/srv/db/*.sock", "@db-*"};
  const auto rules = rules_of({}, {}, database);
  EXPECT_EQ(verdict(Role::other, at("9.9.9.9", 15432), rules), "not_the_app 99 database");
  EXPECT_EQ(verdict(Role::other, socket_at("/srv/db/a.sock"), rules), "not_the_app 99 database");
  EXPECT_EQ(verdict(Role::other, abstract("db-1"), rules), "not_the_app 99 database");
  EXPECT_EQ(verdict(Role::other, socket_at("/srv/db/deeper/a.sock"), rules), "not_a_database 0");
  EXPECT_EQ(verdict(Role::app, socket_at("/srv/db/a.sock"), rules), "allowed_by_default 99 database");
}

TEST(Verdict, EnginesThatAreNotListedAreFree) {
  Database database;
  database.all_engines = false;
  database.engines = {"postgres"};
  const auto rules = rules_of({}, {{"REDIS_URL", "redis://127.0.0.1:6379"}}, database);
  EXPECT_EQ(verdict(Role::other, at("127.0.0.1", 6379), rules), "not_a_database 0");
  EXPECT_EQ(verdict(Role::other, at("127.0.0.1", 5432), rules), "not_the_app 99 postgres");
}

TEST(Verdict, MappedAddresses) {  // N5
  const auto rules = rules_of({{From::app, host_port("10.0.0.5", 15432)}});
  EXPECT_EQ(verdict(Role::other, at("::ffff:10.0.0.5", 15432), rules), "not_the_app 1 database");
  EXPECT_EQ(verdict(Role::app, at("::ffff:10.0.0.5", 15432), rules), "allowed_by_rule 1 database");
  EXPECT_EQ(verdict(Role::other, at("64:ff9b::10.0.0.5", 15432), rules), "not_the_app 1 database");
}

TEST(Verdict, SpellingsOfThisMachine) {  // N6
  for (const char* named : {"localhost", "127.0.0.1", "::1", "laptop", "0.0.0.0", "127.1"}) {
    const auto rules = rules_of({{From::app, host_port(named, 15432)}});
    for (const char* spelling : {"127.0.0.1", "127.9.9.9", "::1", "::", "0.0.0.0", "::ffff:127.0.0.1", "::ffff:0.0.0.0",
                                 "192.168.1.7", "fd00::7", "::ffff:192.168.1.7"}) {
      EXPECT_EQ(verdict(Role::other, at(spelling, 15432), rules), "not_the_app 1 database") << named << " " << spelling;
      EXPECT_EQ(verdict(Role::app, at(spelling, 15432), rules), "allowed_by_rule 1 database")
          << named << " " << spelling;
    }
    for (const char* elsewhere : {"192.168.1.8", "10.0.0.5", "fd00::8"}) {
      EXPECT_EQ(verdict(Role::other, at(elsewhere, 15432), rules), "not_a_database 0") << named << " " << elsewhere;
    }
  }
}

TEST(Verdict, AnOwnAddressCountsInAllSpellingsButAdmitsOne) {
  const auto rules = rules_of({{From::app, host_port("192.168.1.7", 15432)}});
  for (const char* spelling : {"192.168.1.7", "127.0.0.1", "::1", "0.0.0.0", "fd00::7"}) {
    EXPECT_FALSE(judge(Role::other, at(spelling, 15432), rules, network()).allowed) << spelling;
  }
  EXPECT_EQ(verdict(Role::app, at("192.168.1.7", 15432), rules), "allowed_by_rule 1 database");
  EXPECT_EQ(verdict(Role::app, at("127.0.0.1", 15432), rules), "destination_not_allowed 99 database");
}

TEST(Verdict, LocalUrlIsThisMachineToo) {
  const auto rules = rules_of({}, {{"DATABASE_URL", "postgres://localhost:15432/x"}});
  for (const char* spelling : {"127.0.0.1", "127.9.9.9", "::1", "::", "0.0.0.0", "192.168.1.7"}) {
    EXPECT_EQ(verdict(Role::other, at(spelling, 15432), rules), "not_the_app 99 postgres") << spelling;
  }
}

TEST(Verdict, UnspecifiedFamilyIsJudgedByItsBody) {  // N12
  const auto rules = rules_of({});
  const auto unspecified = [](std::string_view host, std::uint16_t port) -> Endpoint {
    return plan::OtherEndpoint{.family = AF_UNSPEC, .as_inet = plan::InetEndpoint{ip(host), port}};
  };
  EXPECT_EQ(verdict(Role::other, unspecified("10.0.0.5", 5432), rules), "not_the_app 99 postgres");
  EXPECT_EQ(verdict(Role::other, unspecified("0.0.0.0", 0), rules), "not_a_database 0");  // disconnect
}

TEST(Verdict, ResolvedNames) {
  const auto rules = rules_of({{From::app, host_port("db.local", 15432)}});
  EXPECT_EQ(verdict(Role::app, at("10.0.0.5", 15432), rules), "allowed_by_rule 1 database");
  EXPECT_EQ(verdict(Role::app, at("fd00::5", 15432), rules), "allowed_by_rule 1 database");
  EXPECT_EQ(verdict(Role::other, at("fd00::5", 15432), rules), "not_the_app 1 database");
  EXPECT_EQ(verdict(Role::app, at("10.0.0.6", 15432), rules), "not_a_database 0");
  EXPECT_EQ(verdict(Role::app, at("10.0.0.5", 5432), rules), "destination_not_allowed 99 postgres");
}

TEST(Verdict, UnresolvedNamesFailClosed) {
  for (const char* host : {"nowhere", "empty"}) {
    const auto rules = rules_of({{From::app, host_port(host, 15432)}});
    EXPECT_EQ(verdict(Role::app, at("10.0.0.5", 15432), rules), "destination_not_allowed 99 database") << host;
    EXPECT_EQ(verdict(Role::other, at("10.0.0.5", 15432), rules), "not_the_app 99 database") << host;
    EXPECT_EQ(verdict(Role::other, at("10.0.0.5", 8000), rules), "not_a_database 0") << host;
  }
  const auto url = rules_of({}, {{"DATABASE_URL", "postgres://nowhere:15432/x"}});
  EXPECT_EQ(verdict(Role::other, at("10.0.0.5", 15432), url), "not_the_app 99 postgres");
  EXPECT_EQ(verdict(Role::app, at("10.0.0.5", 15432), url), "allowed_by_default 99 postgres");
}

TEST(Verdict, Networks) {
  const auto rules = rules_of({{From::app, cidr("10.0.0.0", 8, 15432)}, {From::app, cidr("fd00::", 16, 15432)}});
  EXPECT_EQ(verdict(Role::app, at("10.200.3.4", 15432), rules), "allowed_by_rule 1 database");
  EXPECT_EQ(verdict(Role::app, at("fd00::99", 15432), rules), "allowed_by_rule 2 database");
  EXPECT_EQ(verdict(Role::other, at("10.200.3.4", 15432), rules), "not_the_app 1 database");
  EXPECT_EQ(verdict(Role::other, at("64:ff9b::10.1.1.1", 15432), rules), "not_the_app 1 database");
  EXPECT_EQ(verdict(Role::app, at("11.0.0.1", 15432), rules), "not_a_database 0");
  EXPECT_EQ(verdict(Role::app, at("10.1.1.1", 5432), rules), "destination_not_allowed 99 postgres");
}

TEST(Verdict, NetworksWithThisMachine) {
  const auto loopback = rules_of({{From::app, cidr("127.0.0.0", 8, 15432)}});
  for (const char* spelling : {"127.0.0.1", "::1", "0.0.0.0", "192.168.1.7"}) {
    EXPECT_EQ(verdict(Role::app, at(spelling, 15432), loopback), "allowed_by_rule 1 database") << spelling;
    EXPECT_EQ(verdict(Role::other, at(spelling, 15432), loopback), "not_the_app 1 database") << spelling;
  }
  const auto lan = rules_of({{From::app, cidr("192.168.0.0", 16, 15432)}});
  EXPECT_FALSE(judge(Role::other, at("127.0.0.1", 15432), lan, network()).allowed);
  EXPECT_FALSE(judge(Role::app, at("127.0.0.1", 15432), lan, network()).allowed);
}

TEST(Verdict, Sockets) {  // N16 to N19: the path is the canonical one of the pinned socket
  const auto rules = rules_of({{From::app, unix_path("/var/run/postgresql/.s.PGSQL.5432")},
                               {From::app, unix_path("/srv/*.sock")},
                               {From::app, unix_path("@name")}});
  EXPECT_EQ(verdict(Role::app, socket_at("/run/postgresql/.s.PGSQL.5432"), rules), "allowed_by_rule 1 postgres");
  EXPECT_EQ(verdict(Role::other, socket_at("/run/postgresql/.s.PGSQL.5432"), rules), "not_the_app 1 postgres");
  EXPECT_EQ(verdict(Role::app, socket_at("/run/postgresql/.s.PGSQL.5433"), rules),
            "destination_not_allowed 99 postgres");
  EXPECT_EQ(verdict(Role::app, socket_at("/srv/x.sock"), rules), "allowed_by_rule 2 database");
  EXPECT_EQ(verdict(Role::other, socket_at("/srv/x.sock"), rules), "not_the_app 2 database");
  EXPECT_EQ(verdict(Role::app, abstract("name"), rules), "allowed_by_rule 3 database");
  EXPECT_EQ(verdict(Role::other, abstract("name\0\0"s), rules), "not_the_app 3 database");
  EXPECT_EQ(verdict(Role::app, socket_at("@name"), rules), "not_a_database 0");
  EXPECT_EQ(verdict(Role::other, abstract("names"), rules), "not_a_database 0");
  EXPECT_EQ(verdict(Role::other, socket_at("name"), rules), "not_a_database 0");
  EXPECT_EQ(verdict(Role::app, socket_at("/tmp/redis.sock"), rules), "destination_not_allowed 99 redis");
}

TEST(Verdict, SocketNamesAreBytes) {  // N21
  const auto rules = rules_of({});
  EXPECT_EQ(verdict(Role::other, socket_at("/tmp/\xff/.s.PGSQL.1"), rules), "not_the_app 99 postgres");
  EXPECT_EQ(verdict(Role::other, abstract("a\0/.s.PGSQL.1"s), rules), "not_the_app 99 postgres");
  EXPECT_EQ(verdict(Role::other, socket_at(".s.PGSQL.1"), rules), "not_the_app 99 postgres");
  EXPECT_EQ(verdict(Role::other, socket_at(std::string(108, '/')), rules), "not_a_database 0");
  EXPECT_EQ(verdict(Role::other, socket_at(""), rules), "not_a_database 0");
}

TEST(Verdict, SocketsOfUrls) {
  const auto rules =
      rules_of({{From::app, variable("DATABASE_URL")}}, {{"DATABASE_URL", "postgres://%2Fvar%2Frun%2Fpostgresql/x"}});
  EXPECT_EQ(verdict(Role::app, socket_at("/run/postgresql/.s.PGSQL.5432"), rules), "allowed_by_rule 1 postgres");
  EXPECT_EQ(verdict(Role::app, at("127.0.0.1", 5432), rules), "destination_not_allowed 99 postgres");
  const auto local = rules_of({{From::app, variable("DATABASE_URL")}}, {{"DATABASE_URL", "mysql://u@localhost/x"}});
  EXPECT_EQ(verdict(Role::app, socket_at("/run/mysqld/mysqld.sock"), local), "allowed_by_rule 1 mysql");
  EXPECT_EQ(verdict(Role::app, at("127.0.0.1", 3306), local), "allowed_by_rule 1 mysql");
}

TEST(Verdict, AFileDatabaseAloneAllowsNone) {
  const auto rules = rules_of({{From::app, variable("DATABASE_URL")}}, {{"DATABASE_URL", "sqlite:///x"}});
  EXPECT_EQ(verdict(Role::app, at("127.0.0.1", 5432), rules), "destination_not_allowed 99 postgres");
}

TEST(Verdict, DatabaseEngine) {
  const auto rules = rules_of({}, {{"DATABASE_URL", "mysql://127.0.0.1:5432/x"}});
  EXPECT_EQ(database_engine(at("127.0.0.1", 5432), rules, network()), "mysql");  // the URL knows better than the port
  EXPECT_EQ(database_engine(at("10.0.0.5", 5432), rules, network()), "postgres");
  EXPECT_EQ(database_engine(at("10.0.0.5", 80), rules, network()), "");
}

TEST(Verdict, AnAddressOfBeforeCountsButAdmitsNobody) {
  const auto rules = rules_of({{From::app, host_port("db.local", 15432)}});
  NetworkView moved = network();
  moved.earlier["db.local"] = {ip("10.0.0.5"), ip("10.0.0.4")};
  EXPECT_EQ(database_engine(at("10.0.0.4", 15432), rules, moved), "database");
  EXPECT_EQ(judge(Role::other, at("10.0.0.4", 15432), rules, moved).reason, Reason::not_the_app);
  EXPECT_EQ(judge(Role::app, at("10.0.0.4", 15432), rules, moved).reason, Reason::destination_not_allowed);
  EXPECT_TRUE(judge(Role::app, at("10.0.0.5", 15432), rules, moved).allowed);
  EXPECT_EQ(database_engine(at("10.0.0.3", 15432), rules, moved), "");
}

TEST(Verdict, NamesAreAskedForWhenTheVerdictHangsOnThem) {
  using Hosts = std::vector<std::string>;
  const auto rules = rules_of({{From::app, host_port("db.local", 15432)},
                               {From::app, host_port("unknown", 15432)},
                               {From::app, host_port("10.0.0.9", 15432)},
                               {From::app, cidr("10.8.0.0", 16, 15432)}});
  EXPECT_EQ(unsettled_hosts(at("10.0.0.77", 15432), rules, network()), (Hosts{"db.local", "unknown"}));
  EXPECT_EQ(unsettled_hosts(at("10.0.0.77", 15433), rules, network()), Hosts{}) << "another port";
  EXPECT_EQ(unsettled_hosts(at("10.0.0.9", 15432), rules, network()), Hosts{}) << "a literal names it";
  EXPECT_EQ(unsettled_hosts(at("10.8.0.1", 15432), rules, network()), Hosts{}) << "a network names it";
  EXPECT_EQ(unsettled_hosts(at("10.0.0.5", 15432), rules, network()), Hosts{}) << "a name stands for it";
  EXPECT_EQ(settled_hosts(at("10.0.0.5", 15432), rules, network()), Hosts{"db.local"});
  EXPECT_EQ(unsettled_hosts(socket_at("/run/x.sock"), rules, network()), Hosts{});

  const auto named = rules_of({}, {{"DATABASE_URL", "postgres://db.local/x"}, {"CACHE_URL", "redis://db.local:7777"}});
  EXPECT_EQ(unsettled_hosts(at("10.0.0.77", 5432), named, network()), Hosts{}) << "a database whoever it is";
  EXPECT_EQ(unsettled_hosts(at("10.0.0.77", 7777), named, network()), Hosts{"db.local"});
}

TEST(Verdict, LocalhostWhileTheEnvironmentNamesAnother) {
  const auto elsewhere = [](const std::map<std::string, std::string>& environment, const Endpoint& destination,
                            const std::vector<Allow>& rows = {}) {
    const auto rules = rules_of(rows, environment);
    const auto* rule = named_elsewhere(destination, rules, network());
    return rule == nullptr ? "" : rule->written + " " + rule->host;
  };
  const Endpoint local = at("127.0.0.1", 5432);
  EXPECT_EQ(elsewhere({{"DATABASE_URL", "postgres://db.local/x"}}, local), "env:DATABASE_URL db.local");
  EXPECT_EQ(elsewhere({{"DATABASE_URL", "postgres://db.local/x"}}, at("::1", 5432)), "env:DATABASE_URL db.local");
  EXPECT_EQ(elsewhere({{"DATABASE_URL", "postgres://nobody.knows/x"}}, local), "env:DATABASE_URL nobody.knows");
  EXPECT_EQ(elsewhere({{"MY_URL", "postgres://db.local/x"}}, local, {{From::app, variable("MY_URL")}}),
            "env:MY_URL db.local");
  EXPECT_EQ(elsewhere({{"DATABASE_URL", "postgres://db.local/x"}}, at("10.0.0.9", 5432)), "") << "another machine";
  EXPECT_EQ(elsewhere({{"DATABASE_URL", "mysql://db.local/x"}}, local), "") << "another engine";
  EXPECT_EQ(elsewhere({{"DATABASE_URL", "postgres://laptop:5433/x"}}, local), "") << "a name of this machine";
  EXPECT_EQ(elsewhere({{"DATABASE_URL", "postgres:///x?host=/run/postgresql"}}, local), "") << "a socket";
  EXPECT_EQ(elsewhere({{"DATABASE_URL", "postgres://db.local/x"}}, local, {{From::app, host_port("127.0.0.1", 5432)}}),
            "")
      << "the policy names it";
  EXPECT_EQ(elsewhere({}, local), "");
}

}  // namespace
}  // namespace cofferdam::supervise
