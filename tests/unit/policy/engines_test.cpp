#include "policy/engines.hpp"

#include <gtest/gtest.h>

#include <algorithm>
#include <set>

#include "cofferdam/policy.hpp"

namespace cofferdam::policy {
namespace {

std::string name_of(const Engine* engine) {
  return engine == nullptr ? "" : std::string(engine->name);
}

EngineSet only(std::vector<std::string> names) {
  auto set = EngineSet::of(names);
  EXPECT_TRUE(set.has_value());
  return set.value_or(EngineSet{});
}

TEST(Engines, DefaultPorts) {
  const EngineSet all;
  const std::vector<std::pair<std::uint16_t, std::string>> rows = {
      {5432, "postgres"},     {6432, "postgres"}, {3306, "mysql"},      {33060, "mysql"},    {1433, "sqlserver"},
      {1521, "oracle"},       {2484, "oracle"},   {27017, "mongodb"},   {27018, "mongodb"},  {27019, "mongodb"},
      {6379, "redis"},        {6380, "redis"},    {11211, "memcached"}, {9042, "cassandra"}, {9142, "cassandra"},
      {26257, "cockroachdb"}, {5984, "couchdb"},  {7687, "neo4j"},      {8086, "influxdb"},  {2379, "etcd"}};
  for (const auto& [port, engine] : rows) EXPECT_EQ(name_of(engine_by_port(port, all)), engine) << port;
}

TEST(Engines, OtherPortsAreNoDatabase) {
  const EngineSet all;
  for (const int port : {0, 22, 53, 80, 443, 3000, 5000, 8000, 8080, 8443, 15432, 65535}) {
    EXPECT_EQ(engine_by_port(static_cast<std::uint16_t>(port), all), nullptr) << port;
  }
}

TEST(Engines, AmbiguousPortsCountOnlyWhenNamed) {
  const EngineSet all;
  for (const int port : {9000, 8123, 9200, 9300}) {
    EXPECT_EQ(engine_by_port(static_cast<std::uint16_t>(port), all), nullptr) << port;
  }
  EXPECT_EQ(name_of(engine_by_port(9000, only({"clickhouse"}))), "clickhouse");
  EXPECT_EQ(name_of(engine_by_port(8123, only({"clickhouse"}))), "clickhouse");
  EXPECT_EQ(name_of(engine_by_port(9200, only({"opensearch"}))), "elasticsearch");
  EXPECT_EQ(engine_by_port(9000, only({"postgres"})), nullptr);
}

TEST(Engines, OptionalOnesCountOnlyWhenNamed) {
  EXPECT_EQ(engine_by_port(5672, EngineSet{}), nullptr);
  EXPECT_EQ(engine_by_port(9092, EngineSet{}), nullptr);
  EXPECT_EQ(name_of(engine_by_port(5672, only({"rabbitmq"}))), "rabbitmq");
  EXPECT_EQ(name_of(engine_by_port(9092, only({"kafka"}))), "kafka");
}

TEST(Engines, NamedSetHoldsNothingElse) {
  const EngineSet set = only({"redis"});
  EXPECT_EQ(name_of(engine_by_port(6379, set)), "redis");
  EXPECT_EQ(engine_by_port(5432, set), nullptr);
  EXPECT_EQ(engine_by_socket("/run/postgresql/.s.PGSQL.5432", set), nullptr);
  EXPECT_EQ(engine_by_port(5432, only({})), nullptr);
}

TEST(Engines, UnknownNameIsExplained) {
  const std::vector<std::string> names = {"postgress"};
  const auto set = EngineSet::of(names);
  ASSERT_FALSE(set.has_value());
  EXPECT_NE(set.error().message.find("did you mean 'postgres'?"), std::string::npos) << set.error().message;
  EXPECT_NE(set.error().message.find("mongodb"), std::string::npos);
  EXPECT_EQ(set.error().exit_code, 2);
}

TEST(Engines, SetOfAPolicy) {
  Database database;
  EXPECT_NE(engine_by_port(5432, EngineSet::from(database)), nullptr);
  database.engines = {"clickhouse"};
  EXPECT_NE(engine_by_port(9000, EngineSet::from(database)), nullptr);
  EXPECT_NE(engine_by_port(5432, EngineSet::from(database)), nullptr);
  database.all_engines = false;
  EXPECT_NE(engine_by_port(9000, EngineSet::from(database)), nullptr);
  EXPECT_EQ(engine_by_port(5432, EngineSet::from(database)), nullptr);
}

TEST(Engines, Aliases) {
  EXPECT_EQ(name_of(find_engine("mariadb")), "mysql");
  EXPECT_EQ(name_of(find_engine("valkey")), "redis");
  EXPECT_EQ(name_of(find_engine("opensearch")), "elasticsearch");
  EXPECT_EQ(name_of(find_engine("postgresql")), "postgres");
  EXPECT_EQ(find_engine(""), nullptr);
  EXPECT_EQ(find_engine("all"), nullptr);
}

TEST(Engines, Sockets) {
  const EngineSet all;
  const std::vector<std::pair<std::string, std::string>> rows = {{"/run/postgresql/.s.PGSQL.5432", "postgres"},
                                                                 {"/var/run/postgresql/.s.PGSQL.5433", "postgres"},
                                                                 {"/tmp/.s.PGSQL.5432", "postgres"},
                                                                 {"/home/me/pg/data/.s.PGSQL.1", "postgres"},
                                                                 {"@/tmp/.s.PGSQL.5432", "postgres"},
                                                                 {"@pg/.s.PGSQL.5432", "postgres"},
                                                                 {"/run/mysqld/mysqld.sock", "mysql"},
                                                                 {"/var/run/mysqld/mysqlx.sock", "mysql"},
                                                                 {"/var/lib/mysql/mysql.sock", "mysql"},
                                                                 {"/tmp/mysql.sock", "mysql"},
                                                                 {"/srv/x/mysqld.sock", "mysql"},
                                                                 {"/run/redis/redis-server.sock", "redis"},
                                                                 {"/var/run/redis/anything.sock", "redis"},
                                                                 {"/run/valkey/valkey.sock", "redis"},
                                                                 {"/srv/redis.sock", "redis"},
                                                                 {"/var/run/memcached/memcached.sock", "memcached"},
                                                                 {"/tmp/mongodb-27017.sock", "mongodb"},
                                                                 {"/tmp/.X11-unix/X0", ""},
                                                                 {"/run/user/1000/bus", ""},
                                                                 {"/run/docker.sock", ""},
                                                                 {"/run/postgresql", ""},
                                                                 {"@", ""},
                                                                 {"", ""}};
  for (const auto& [path, engine] : rows) EXPECT_EQ(name_of(engine_by_socket(path, all)), engine) << path;
}

TEST(Engines, SocketBytesNeedNotBeText) {
  const std::string path = std::string("/tmp/\xff\xfe/.s.PGSQL.5432");
  EXPECT_EQ(name_of(engine_by_socket(path, EngineSet{})), "postgres");
}

TEST(Engines, Schemes) {
  const std::vector<std::pair<std::string, std::string>> rows = {{"postgres", "postgres"},
                                                                 {"postgresql", "postgres"},
                                                                 {"postgis", "postgres"},
                                                                 {"PostgreSQL", "postgres"},
                                                                 {"postgresql+psycopg2", "postgres"},
                                                                 {"postgresql+asyncpg", "postgres"},
                                                                 {"prisma+postgres", "postgres"},
                                                                 {"mysql", "mysql"},
                                                                 {"mysql2", "mysql"},
                                                                 {"mysql+pymysql", "mysql"},
                                                                 {"mariadb", "mysql"},
                                                                 {"redis", "redis"},
                                                                 {"rediss", "redis"},
                                                                 {"redis+unix", "redis"},
                                                                 {"valkey", "redis"},
                                                                 {"mongodb", "mongodb"},
                                                                 {"mongodb+srv", "mongodb"},
                                                                 {"memcached", "memcached"},
                                                                 {"sqlserver", "sqlserver"},
                                                                 {"mssql", "sqlserver"},
                                                                 {"mssql+pyodbc", "sqlserver"},
                                                                 {"oracle+cx_oracle", "oracle"},
                                                                 {"cassandra", "cassandra"},
                                                                 {"clickhouse", "clickhouse"},
                                                                 {"clickhouse+native", "clickhouse"},
                                                                 {"elasticsearch", "elasticsearch"},
                                                                 {"cockroachdb", "cockroachdb"},
                                                                 {"neo4j+s", "neo4j"},
                                                                 {"bolt", "neo4j"},
                                                                 {"amqps", "rabbitmq"},
                                                                 {"kafka", "kafka"},
                                                                 {"http", ""},
                                                                 {"https", ""},
                                                                 {"sqlite", ""},
                                                                 {"file", ""},
                                                                 {"tcp", ""},
                                                                 {"", ""},
                                                                 {"+", ""}};
  for (const auto& [scheme, engine] : rows) EXPECT_EQ(name_of(engine_by_scheme(scheme)), engine) << scheme;
}

TEST(Engines, ClientPrograms) {
  for (const char* client : {"psql",    "pg_dump",   "pg_restore",   "pgcli",   "pg_wrapper", "mysql",
                             "mariadb", "mysqldump", "mariadb-dump", "mycli",   "redis-cli",  "valkey-cli",
                             "mongosh", "mongo",     "sqlcmd",       "sqlplus", "cqlsh",      "clickhouse-client",
                             "influx",  "etcdctl",   "cypher-shell"}) {
    EXPECT_TRUE(is_client_program(client)) << client;
  }
  for (const char* other : {"", "python3", "gunicorn", "node", "postgres", "mysqld", "redis-server", "PSQL", "psql2"}) {
    EXPECT_FALSE(is_client_program(other)) << other;
  }
  EXPECT_EQ(name_of(engine_of_client("valkey-cli")), "redis");
}

TEST(Engines, SocketDirectories) {
  const auto all = socket_directories(EngineSet{});
  for (const char* directory : {"/run/postgresql", "/run/mysqld", "/run/redis", "/run/valkey", "/run/memcached"}) {
    EXPECT_TRUE(std::ranges::find(all, directory) != all.end()) << directory;
  }
  EXPECT_TRUE(std::ranges::is_sorted(all));
  EXPECT_EQ(socket_directories(only({"memcached"})), std::vector<std::string>{"/run/memcached"});
  EXPECT_TRUE(socket_directories(only({"etcd"})).empty());
}

TEST(Engines, UnifyRun) {
  EXPECT_EQ(unify_run("/var/run/x"), "/run/x");
  EXPECT_EQ(unify_run("/var/run"), "/run");
  EXPECT_EQ(unify_run("/var/runner/x"), "/var/runner/x");
  EXPECT_EQ(unify_run("/run/x"), "/run/x");
}

// The table's own rules: what a new row must obey.
TEST(Engines, TableIsConsistent) {
  std::set<std::string_view> names;
  std::set<std::uint16_t> ports;
  std::set<std::string_view> schemes;
  for (const Engine& row : engines()) {
    EXPECT_TRUE(names.insert(row.name).second) << row.name;
    for (const auto alias : words(row.aliases)) EXPECT_TRUE(names.insert(alias).second) << alias;
    for (const auto scheme : words(row.schemes)) EXPECT_TRUE(schemes.insert(scheme).second) << scheme;
    for (const auto list : {row.ports, row.ambiguous}) {
      for (const std::uint16_t port : list) {
        if (port != 0) {
          EXPECT_TRUE(ports.insert(port).second) << port;
        }
      }
    }
    EXPECT_NE(default_port(row), 0) << row.name;
    EXPECT_FALSE(words(row.clients).empty()) << row.name;
    for (const Words list : {row.aliases, row.socket_globs, row.directories, row.clients, row.schemes}) {
      for (const auto word : words(list)) EXPECT_FALSE(word.empty()) << row.name << ": two spaces in a list";
    }
    for (const auto directory : words(row.directories)) EXPECT_TRUE(directory.starts_with("/run/")) << directory;
  }
  EXPECT_EQ(engine_names().size(), names.size());
}

}  // namespace
}  // namespace cofferdam::policy
