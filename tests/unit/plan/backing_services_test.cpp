#include "plan/backing_services.hpp"

#include <gtest/gtest.h>

#include <algorithm>

namespace cofferdam::plan {
namespace {

using From = DatabaseAllow::From;
using Environment = std::map<std::string, std::string>;

DatabaseAllow row(Destination destination, int line = 0, From from = From::app) {
  return {.from = from, .to = std::move(destination), .origin = {.file = "cofferdam.yaml", .line = line, .column = 7}};
}

Destination host_port(std::string host, std::uint16_t port) {
  Destination to;
  to.written = host + ":" + std::to_string(port);
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
  to.written = "unix:" + path;
  to.path = std::move(path);
  return to;
}

Destination variable(std::string name) {
  Destination to;
  to.kind = Destination::Kind::environment;
  to.written = "env:" + name;
  to.variable = std::move(name);
  return to;
}

Database with_rows(std::vector<DatabaseAllow> rows) {
  Database database;
  database.allow = std::move(rows);
  database.origin = {.file = "cofferdam.yaml", .line = 5, .column = 3};
  return database;
}

std::string shown(const DatabaseRule& rule) {
  std::string text = rule.engine.empty() ? "-" : rule.engine;
  switch (rule.kind) {
    case DatabaseRule::Kind::host: text += " " + rule.host + ":" + std::to_string(rule.port); break;
    case DatabaseRule::Kind::network:
      text +=
          " " + to_string(rule.addresses.at(0)) + "/" + std::to_string(rule.prefix) + ":" + std::to_string(rule.port);
      break;
    case DatabaseRule::Kind::socket: text += " unix:" + rule.path; break;
  }
  return text;
}

std::vector<std::string> shown(const std::vector<DatabaseRule>& rules) {
  std::vector<std::string> all;
  std::ranges::transform(rules, std::back_inserter(all), [](const DatabaseRule& rule) { return shown(rule); });
  return all;
}

DatabaseRules rules_of(const Database& database, const Environment& environment = {}) {
  auto rules = database_rules(database, environment);
  EXPECT_TRUE(rules.has_value()) << (rules ? "" : rules.error().at(0).message);
  return rules ? *std::move(rules) : DatabaseRules{};
}

using Strings = std::vector<std::string>;

TEST(BackingServices, WithoutRows) {
  Database database;
  database.origin = {.file = "twelve-factor (built in)", .line = 9, .column = 1};
  database.ports = {15432};
  database.sockets = {"/srv/db/*.sock"};
  const DatabaseRules rules = rules_of(database);
  EXPECT_FALSE(rules.restricted);
  EXPECT_TRUE(rules.allow.empty());
  EXPECT_TRUE(rules.named.empty());
  EXPECT_EQ(rules.ports, std::vector<std::uint16_t>{15432});
  EXPECT_EQ(rules.sockets, Strings{"/srv/db/*.sock"});
  EXPECT_EQ(rules.policy.key, "database");
  EXPECT_EQ(rules.policy.file, "twelve-factor (built in)");
  EXPECT_EQ(rules.policy.line, 9);
}

TEST(BackingServices, RowsKeepTheirPlaceAndCaller) {
  const DatabaseRules rules =
      rules_of(with_rows({row(host_port("db.local", 5432), 6), row(cidr("10.0.0.0", 8, 5432), 7, From::one_off),
                          row(unix_path("/srv/*.sock"), 8, From::any)}));
  EXPECT_TRUE(rules.restricted);
  EXPECT_EQ(shown(rules.allow), (Strings{"- db.local:5432", "- 10.0.0.0/8:5432", "- unix:/srv/*.sock"}));
  EXPECT_EQ(rules.allow[1].from, From::one_off);
  EXPECT_EQ(rules.allow[2].from, From::any);
  EXPECT_EQ(rules.allow[1].policy.key, "database.allow");
  EXPECT_EQ(rules.allow[1].policy.line, 7);
  EXPECT_EQ(rules.allow[0].written, "db.local:5432");
  EXPECT_EQ(rules.policy.key, "database.allow");
  EXPECT_EQ(rules.policy.line, 6);
}

TEST(BackingServices, ListIsThatOfTheFileThatDecides) {
  Database database = with_rows({row(host_port("a", 1), 40), row(host_port("b", 2), 6)});
  database.allow[0].origin.file = "base.yaml";
  EXPECT_EQ(rules_of(database).policy.line, 6);
  database.origin = {.file = "third.yaml", .line = 3, .column = 1};
  EXPECT_EQ(rules_of(database).policy.line, 3);
}

TEST(BackingServices, VariablesOfRows) {
  const Environment environment = {{"DB", "postgres://u:hidden@a:1,b/x"},
                                   {"SOCKET", "mysql:unix_socket=/srv/m.sock"},
                                   {"SEARCH", "http://search:9200"}};
  const DatabaseRules rules = rules_of(
      with_rows({row(variable("DB"), 6, From::one_off), row(variable("SOCKET"), 7), row(variable("SEARCH"), 8)}),
      environment);
  EXPECT_EQ(shown(rules.allow),
            (Strings{"postgres a:1", "postgres b:5432", "mysql unix:/srv/m.sock", "- search:9200"}));
  EXPECT_EQ(rules.allow[1].from, From::one_off);
  EXPECT_EQ(rules.allow[1].written, "env:DB");
  EXPECT_EQ(rules.allow[1].policy.line, 6);
  EXPECT_TRUE(rules.named.empty());  // no name ends with _URL or _DSN
}

TEST(BackingServices, WrongVariablesAreAllReported) {
  const auto rules = database_rules(
      with_rows({row(variable("UNSET"), 6), row(variable("EMPTY"), 7), row(variable("WRONG"), 8),
                 row(variable("SRV"), 9), row(variable("FINE"), 10)}),
      {{"EMPTY", ""}, {"WRONG", "hidden:hidden"}, {"SRV", "mongodb+srv://u:hidden@c/x"}, {"FINE", "redis://h"}});
  ASSERT_FALSE(rules.has_value());
  ASSERT_EQ(rules.error().size(), 4U);
  int line = 6;
  for (const char* name : {"UNSET", "EMPTY", "WRONG", "SRV"}) {
    const Diagnostic& mistake = rules.error()[static_cast<std::size_t>(line - 6)];
    EXPECT_NE(mistake.message.find(name), std::string::npos) << mistake.message;
    EXPECT_EQ(mistake.where.line, line++);
    EXPECT_EQ(mistake.where.file, "cofferdam.yaml");
    EXPECT_EQ(mistake.severity, Severity::error);
    EXPECT_EQ(mistake.code, "CD911");
    EXPECT_FALSE(mistake.hint.empty());
    EXPECT_EQ((mistake.message + mistake.hint).find("hidden"), std::string::npos) << mistake.message;
  }
}

TEST(BackingServices, AFileDatabaseIsNoMistakeAndStillRestricts) {
  const DatabaseRules rules = rules_of(with_rows({row(variable("DATABASE_URL"))}), {{"DATABASE_URL", "sqlite:///db"}});
  EXPECT_TRUE(rules.allow.empty());
  EXPECT_TRUE(rules.restricted);
}

TEST(BackingServices, UrlVariablesNameDatabases) {
  const DatabaseRules rules = rules_of(Database{}, {{"DATABASE_URL", "postgres://u:p@db:15432/x"},
                                                    {"CACHE_DSN", "redis://cache:1"},
                                                    {"SPRING_DATASOURCE_URL", "jdbc:mysql://m:13306/x"},
                                                    {"DATABASE_URLS", "postgres://other:1"},
                                                    {"SITE_URL", "https://example.com"},
                                                    {"SENTRY_DSN", "https://key@sentry.io/1"},
                                                    {"BROKER_URL", "amqp://mq"},
                                                    {"PLAIN_URL", "host:5000"},
                                                    {"ATLAS_URL", "mongodb+srv://c/x"},
                                                    {"EMPTY_URL", ""},
                                                    {"DB", "postgres://third:1"}});
  EXPECT_EQ(shown(rules.named), (Strings{"redis cache:1", "postgres db:15432", "mysql m:13306"}));
  EXPECT_EQ(rules.named[1].written, "env:DATABASE_URL");
  EXPECT_FALSE(rules.restricted);
  EXPECT_TRUE(rules.notices.empty());
}

TEST(BackingServices, OnlyEnginesThatCountAreNamed) {
  Database database;
  database.all_engines = false;
  database.engines = {"postgres", "rabbitmq"};
  const DatabaseRules rules =
      rules_of(database, {{"A_URL", "postgres://a:1"}, {"B_URL", "redis://b:1"}, {"C_URL", "amqp://c:1"}});
  EXPECT_EQ(shown(rules.named), (Strings{"postgres a:1", "rabbitmq c:1"}));
}

TEST(BackingServices, UnreadableDatabaseUrlIsNoticed) {
  const DatabaseRules rules = rules_of(Database{}, {{"DATABASE_URL", "postgres://u:hidden@db:port/x"},
                                                    {"OTHER_URL", "what is this"},
                                                    {"JDBC_URL", "jdbc:mysql://(hidden)/x"}});
  ASSERT_EQ(rules.notices.size(), 2U);
  EXPECT_NE(rules.notices[0].find("DATABASE_URL"), std::string::npos);
  EXPECT_NE(rules.notices[1].find("JDBC_URL"), std::string::npos);
  for (const std::string& notice : rules.notices) EXPECT_EQ(notice.find("hidden"), std::string::npos) << notice;
}

TEST(BackingServices, HostsToResolve) {
  const DatabaseRules rules =
      rules_of(with_rows({row(host_port("db.local", 1)), row(host_port("10.0.0.5", 1)), row(host_port("::1", 1)),
                          row(host_port("localhost", 1)), row(cidr("10.0.0.0", 8, 1)), row(unix_path("/x")),
                          row(host_port("db.local", 2))}),
               {{"A_URL", "redis://cache"}, {"B_URL", "redis://127.0.0.1,127.1"}});
  EXPECT_EQ(hosts_to_resolve(rules), (Strings{"cache", "db.local"}));
}

TEST(BackingServices, CanonicalSockets) {
  Database database =
      with_rows({row(unix_path("/link/db.sock")), row(unix_path("/link/*.sock")), row(unix_path("/link/new.sock")),
                 row(unix_path("/plain/a.sock")), row(unix_path("@link/x")), row(unix_path("/li*/x.sock"))});
  database.sockets = {"/link/*.s", "/gone/*.s"};
  DatabaseRules rules = rules_of(database);
  add_canonical_sockets(rules, [](const std::string& path) -> std::string {
    if (path == "/link/db.sock") return "/real/target.sock";
    if (path == "/link") return "/real";
    if (path == "/plain") return "/plain";
    if (path == "/plain/a.sock") return "/plain/a.sock";
    return "";
  });
  EXPECT_EQ(shown(rules.allow), (Strings{"- unix:/link/db.sock", "- unix:/link/*.sock", "- unix:/link/new.sock",
                                         "- unix:/plain/a.sock", "- unix:@link/x", "- unix:/li*/x.sock",
                                         "- unix:/real/target.sock", "- unix:/real/*.sock", "- unix:/real/new.sock"}));
  EXPECT_EQ(rules.sockets, (Strings{"/link/*.s", "/gone/*.s", "/real/*.s"}));
}

TEST(BackingServices, SocketPlaces) {
  const auto restricted = socket_places(rules_of(
      with_rows({row(unix_path("/srv/pg/.s.PGSQL.1")), row(unix_path("/tmp/mysql.sock")), row(unix_path("/tmp/*.sock")),
                 row(unix_path("/srv/x/*.sock")), row(unix_path("/srv/*/y.sock")), row(unix_path("**/z.sock")),
                 row(unix_path("@name")), row(host_port("db", 1))}),
      {{"A_URL", "redis+unix:///srv/r/redis.sock"}}));
  EXPECT_EQ(restricted, (Strings{"/srv/pg", "/srv/x", "/tmp/mysql.sock"}));

  Database database;
  database.sockets = {"/srv/s/*.sock"};
  const auto open = socket_places(rules_of(database, {{"A_URL", "redis+unix:///srv/r/redis.sock"}}));
  for (const char* place : {"/run/postgresql", "/run/mysqld", "/srv/r", "/srv/s"}) {
    EXPECT_TRUE(std::ranges::find(open, place) != open.end()) << place;
  }
  EXPECT_TRUE(std::ranges::find(open, "/run") == open.end());
}

}  // namespace
}  // namespace cofferdam::plan
