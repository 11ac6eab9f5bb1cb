#include "policy/engines.hpp"

#include <algorithm>
#include <cctype>

#include "base/text.hpp"
#include "cofferdam/policy.hpp"

namespace cofferdam::policy {
namespace {

constexpr auto kEngines = std::to_array<Engine>({
    {.name = "postgres",
     .aliases = "postgresql pgbouncer",
     .ports = {5432, 6432},
     .socket_globs = "**/.s.PGSQL.*",
     .directories = "/run/postgresql /run/pgbouncer",
     // pg_wrapper is what Debian's /usr/bin/psql and its kin link to.
     .clients = "psql pg_dump pg_dumpall pg_restore pg_basebackup pg_isready pg_receivewal pg_recvlogical pgbench "
                "pg_wrapper createdb dropdb createuser dropuser vacuumdb reindexdb clusterdb pgcli",
     .schemes = "postgres postgresql postgis pgsql psql pdo-pgsql pgbouncer timescale timescalegis redshift"},
    {.name = "mysql",
     .aliases = "mariadb",
     .ports = {3306, 33060, 33062},
     .socket_globs = "/run/mysqld/*.sock /run/mysql/*.sock /var/lib/mysql/*.sock **/mysqld*.sock **/mysql*.sock "
                     "**/mariadb*.sock",
     .directories = "/run/mysqld /run/mysql /run/mariadb",
     .clients = "mysql mysqldump mysqladmin mysqlimport mysqlcheck mysqlshow mysqlpump mysqlslap mysqlbinlog mysqlsh "
                "mariadb mariadb-dump mariadb-admin mariadb-import mariadb-check mariadb-show mariadb-slap "
                "mariadb-binlog mycli",
     .schemes = "mysql mysql2 mysqlx mysqli mysqlgis mysql-connector trilogy pdo-mysql mariadb"},
    {.name = "sqlserver",
     .aliases = "mssql",
     .ports = {1433, 1434},
     .clients = "sqlcmd bcp isql tsql mssql-cli mssql-scripter",
     .schemes = "sqlserver mssql mssqlms sqlsrv pdo-sqlsrv jtds"},
    {.name = "oracle",
     .ports = {1521, 1522, 2484},
     .clients = "sqlplus sqlldr expdp impdp tnsping rman",
     .schemes = "oracle oraclegis oracle-enhanced"},
    {.name = "mongodb",
     .aliases = "mongo",
     .ports = {27017, 27018, 27019},
     .socket_globs = "**/mongodb-*.sock",
     .directories = "/run/mongodb",
     .clients = "mongosh mongo mongodump mongorestore mongoexport mongoimport mongostat mongotop mongofiles",
     .schemes = "mongodb mongo"},
    {.name = "redis",
     .aliases = "valkey",
     .ports = {6379, 6380, 26379},
     .socket_globs = "/run/redis/*.sock /run/redis-*/*.sock /run/valkey/*.sock **/redis*.sock **/valkey*.sock",
     .directories = "/run/redis /run/valkey",
     .clients = "redis-cli valkey-cli keydb-cli redis-benchmark valkey-benchmark iredis",
     .schemes = "redis rediss valkey valkeys rediscache redis-cache sentinel"},
    {.name = "memcached",
     .aliases = "memcache",
     .ports = {11211},
     .socket_globs = "/run/memcached/*.sock **/memcached*.sock",
     .directories = "/run/memcached",
     .clients = "memcstat memccat memcdump memcping memcflush memccapable memctouch memcrm memccp memcexist",
     .schemes = "memcached memcache pymemcache pymemcached pylibmc"},
    {.name = "cassandra",
     .aliases = "scylla scylladb",
     .ports = {9042, 9142},
     .clients = "cqlsh cqlsh.py nodetool sstableloader",
     .schemes = "cassandra scylla"},
    {.name = "elasticsearch",
     .aliases = "opensearch",
     .ambiguous = {9200, 9300},
     .clients = "elasticsearch-sql-cli opensearch-cli opensearchsql",
     .schemes = "elasticsearch opensearch es"},
    {.name = "clickhouse",
     .ambiguous = {9000, 8123, 9440, 8443, 9004, 9005},
     .clients = "clickhouse-client clickhouse-benchmark",
     .schemes = "clickhouse clickhouses"},
    {.name = "cockroachdb",
     .aliases = "cockroach",
     .ports = {26257},
     .clients = "cockroach",
     .schemes = "cockroachdb cockroach cockroachgis"},
    {.name = "couchdb", .ports = {5984, 6984}, .clients = "couchbackup couchrestore", .schemes = "couchdb couchdbs"},
    {.name = "neo4j",
     .ports = {7687, 7474, 7473},
     .clients = "cypher-shell neo4j-admin",
     .schemes = "neo4j neo4j+s neo4j+ssc bolt bolt+s bolt+ssc"},
    {.name = "influxdb",
     .aliases = "influx",
     .ports = {8086},
     .ambiguous = {8181},
     .clients = "influx influx3",
     .schemes = "influxdb influx"},
    {.name = "etcd", .ports = {2379, 2380}, .clients = "etcdctl", .schemes = "etcd"},
    {.name = "rabbitmq",
     .aliases = "amqp",
     .ports = {5672, 5671},
     .ambiguous = {15672, 15671},
     .clients = "rabbitmqadmin rabbitmqctl",
     .schemes = "amqp amqps rabbitmq pyamqp",
     .optional = true},
    {.name = "kafka",
     .ports = {9092},
     .ambiguous = {9093, 9094},
     .clients = "kcat kafkacat kafka-console-consumer kafka-console-producer kafka-console-consumer.sh "
                "kafka-console-producer.sh",
     .schemes = "kafka kafka+ssl",
     .optional = true},
});
static_assert(kEngines.size() <= 32, "EngineSet holds 32 rows");

std::size_t index_of(const Engine& engine) {
  const auto* const row = std::ranges::find(kEngines, engine.name, &Engine::name);
  return static_cast<std::size_t>(row - kEngines.begin());
}

template <class Range, class Value>
bool contains(const Range& range, const Value& value) {
  return std::ranges::find(range, value) != std::ranges::end(range);
}

bool holds(Words list, std::string_view word) {
  return !word.empty() && contains(words(list), word);
}

template <class Predicate>
const Engine* first_engine(Predicate&& predicate) {
  const auto row = std::ranges::find_if(kEngines, predicate);
  return row == kEngines.end() ? nullptr : &*row;
}

std::string lower(std::string_view text) {
  std::string out(text);
  std::ranges::transform(out, out.begin(), [](unsigned char c) { return static_cast<char>(std::tolower(c)); });
  return out;
}

}  // namespace

std::vector<std::string_view> words(Words list) {
  return list.empty() ? std::vector<std::string_view>{} : base::split(list, ' ');
}

std::span<const Engine> engines() {
  return kEngines;
}

const Engine* find_engine(std::string_view name) {
  return first_engine([&](const Engine& row) { return row.name == name || holds(row.aliases, name); });
}

std::vector<std::string_view> engine_names() {
  std::vector<std::string_view> names;
  for (const Engine& row : kEngines) {
    names.push_back(row.name);
    std::ranges::copy(words(row.aliases), std::back_inserter(names));
  }
  return names;
}

Result<EngineSet> EngineSet::of(std::span<const std::string> names) {
  EngineSet set;
  set.all_ = false;
  for (const std::string& name : names) {
    const Engine* engine = find_engine(name);
    if (engine == nullptr) {
      const std::vector<std::string_view> known = engine_names();
      std::string message = "unknown database engine '" + base::printable(name) + "'";
      if (const auto meant = base::nearest(name, known)) message += "; did you mean '" + std::string(*meant) + "'?";
      message += " (known: all";
      for (const std::string_view one : known) message += ", " + std::string(one);
      return fail(message + ")", 0, 2);
    }
    set.named_.set(index_of(*engine));
  }
  return set;
}

EngineSet EngineSet::from(const Database& database) {
  EngineSet set;
  set.all_ = database.all_engines;
  for (const std::string& name : database.engines) {
    if (const Engine* engine = find_engine(name)) set.named_.set(index_of(*engine));
  }
  return set;
}

bool EngineSet::is_named(const Engine& engine) const {
  return named_.test(index_of(engine));
}
bool EngineSet::contains(const Engine& engine) const {
  return is_named(engine) || (all_ && !engine.optional);
}

const Engine* engine_by_port(std::uint16_t port, const EngineSet& set) {
  if (port == 0) return nullptr;  // 0 ends the lists
  return first_engine([&](const Engine& row) {
    return (set.contains(row) && contains(row.ports, port)) || (set.is_named(row) && contains(row.ambiguous, port));
  });
}

const Engine* engine_by_socket(std::string_view path, const EngineSet& set) {
  if (path.starts_with('@')) path.remove_prefix(1);
  const std::string unified = unify_run(path);
  return first_engine([&](const Engine& row) {
    return set.contains(row) && std::ranges::any_of(words(row.socket_globs), [&](std::string_view glob) {
             return base::glob_match(glob, unified);
           });
  });
}

const Engine* engine_by_scheme(std::string_view scheme) {
  const std::string whole = lower(scheme);
  const auto exact = [](std::string_view name) {
    return first_engine([&](const Engine& row) { return holds(row.schemes, name); });
  };
  if (const Engine* engine = exact(whole)) return engine;
  const std::size_t plus = whole.find('+');
  if (plus == std::string::npos) return nullptr;
  if (const Engine* engine = exact(std::string_view(whole).substr(0, plus))) return engine;
  return exact(std::string_view(whole).substr(plus + 1));
}

const Engine* engine_of_client(std::string_view basename) {
  return first_engine([&](const Engine& row) { return holds(row.clients, basename); });
}

bool is_client_program(std::string_view basename) {
  return engine_of_client(basename) != nullptr;
}

std::uint16_t default_port(const Engine& engine) {
  return engine.ports.front() != 0 ? engine.ports.front() : engine.ambiguous.front();
}

std::vector<std::string> socket_directories(const EngineSet& set) {
  std::vector<std::string> directories;
  for (const Engine& row : kEngines) {
    if (!set.contains(row)) continue;
    for (const std::string_view directory : words(row.directories)) directories.emplace_back(directory);
  }
  std::ranges::sort(directories);
  return directories;
}

std::string unify_run(std::string_view path) {
  constexpr std::string_view kVarRun = "/var/run";
  if (!base::is_beneath(path, kVarRun)) return std::string(path);
  return "/run" + std::string(path.substr(kVarRun.size()));
}

}  // namespace cofferdam::policy
