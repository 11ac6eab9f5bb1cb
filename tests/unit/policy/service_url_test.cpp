#include "policy/service_url.hpp"

#include <gtest/gtest.h>

#include <algorithm>

namespace cofferdam::policy {
namespace {

// "engine host:port" or "engine unix:/path", one an endpoint, joined by " | ".
std::string shown(std::string_view value) {
  const auto endpoints = parse_service_url(value);
  if (!endpoints) return "error: " + endpoints.error().message;
  std::string text;
  for (const ServiceEndpoint& endpoint : *endpoints) {
    if (!text.empty()) text += " | ";
    text += endpoint.engine.empty() ? "-" : endpoint.engine;
    text += endpoint.unix_path.empty() ? " " + endpoint.host + ":" + std::to_string(endpoint.port)
                                       : " unix:" + endpoint.unix_path;
    if (endpoint.srv) text += " srv";
  }
  return text;
}

struct Row {
  std::string value;
  std::string expected;
};

void expect_rows(const std::vector<Row>& rows) {
  for (const Row& row : rows) EXPECT_EQ(shown(row.value), row.expected) << row.value;
}

TEST(ServiceUrl, HostsAndPorts) {
  expect_rows({
      {"postgres://user:pw@db.example.com:6543/name", "postgres db.example.com:6543"},
      {"postgresql://db/name", "postgres db:5432"},
      {"POSTGRES://DB.Example.COM./x", "postgres db.example.com:5432"},
      {"postgis://db", "postgres db:5432"},
      {"postgresql+psycopg2://u:p@db:1/x", "postgres db:1"},
      {"  postgres://db/x\n", "postgres db:5432"},
      {"mysql2://db/x", "mysql db:3306"},
      {"mysql+pymysql://u@10.0.0.5/x?charset=utf8mb4", "mysql 10.0.0.5:3306"},
      {"mariadb://db:3307", "mysql db:3307"},
      {"redis://:secret@cache:6380/0", "redis cache:6380"},
      {"rediss://cache", "redis cache:6379"},
      {"redis://", "redis localhost:6379"},
      {"redis:///1", "redis localhost:6379"},
      {"valkey://cache/0", "redis cache:6379"},
      {"mongodb://u:p@a:27018,b/db?replicaSet=rs0", "mongodb a:27018 | mongodb b:27017"},
      {"mongodb+srv://u:p@cluster0.example.net/db", "mongodb cluster0.example.net:27017 srv"},
      {"memcached://h", "memcached h:11211"},
      {"mssql+pyodbc://sa:pw@sql/db?driver=ODBC+Driver+18", "sqlserver sql:1433"},
      {"oracle+cx_oracle://u:p@ora:1522/?service_name=x", "oracle ora:1522"},
      {"cassandra://c1,c2/keyspace", "cassandra c1:9042 | cassandra c2:9042"},
      {"clickhouse://ch/default", "clickhouse ch:9000"},
      {"clickhouse+http://ch/default", "clickhouse ch:8123"},
      {"elasticsearch://es", "elasticsearch es:9200"},
      {"cockroachdb://roach/x", "cockroachdb roach:26257"},
      {"bolt://graph", "neo4j graph:7687"},
      {"etcd://e", "etcd e:2379"},
      {"amqp://guest:guest@mq//", "rabbitmq mq:5672"},
      {"amqps://mq/vhost", "rabbitmq mq:5671"},
      {"http://search:9200", "- search:9200"},
      {"https://key:secret@sentry.example.com/1?host=elsewhere", "- sentry.example.com:443"},
      {"http://web/", "- web:80"},
      {"tcp://db:5432", "- db:5432"},
      {"postgres://db_1:5432/x", "postgres db_1:5432"},
  });
}

TEST(ServiceUrl, SeveralHostsAndUrls) {
  expect_rows({
      {"postgresql://a:1,b:2,c/x", "postgres a:1 | postgres b:2 | postgres c:5432"},
      {"postgresql://a,a/x", "postgres a:5432"},
      {"redis://a:1,redis://:p@b:2", "redis a:1 | redis b:2"},
      {"amqp://a;amqp://b", "rabbitmq a:5672 | rabbitmq b:5672"},
      {"http://a:9200,http://b:9200", "- a:9200 | - b:9200"},
      {"redis://a/?x=http://b", "redis a:6379"},
  });
}

TEST(ServiceUrl, Ipv6) {
  expect_rows({
      {"postgres://[::1]:5433/x", "postgres ::1:5433"},
      {"postgres://[FD00::1]/x", "postgres fd00::1:5432"},
      {"postgres://[::ffff:10.0.0.5]:1,[::1]/x", "postgres ::ffff:10.0.0.5:1 | postgres ::1:5432"},
      {"redis://u:p@[fe80::1%25eth0]:1", "redis fe80::1%eth0:1"},
      {"postgres://[::1", "error: a bracket of the host is not closed"},
      {"postgres://[::1]5432/x", "error: there is text between the host and the port"},
      {"postgres://[db]/x", "postgres db:5432"},
      {"postgres://a:b:c/x", "error: the host is missing or is no host name"},
  });
}

TEST(ServiceUrl, Passwords) {
  expect_rows({
      {"postgres://user:p%40ss%2Fword@db/x", "postgres db:5432"},
      {"postgres://user:p@ss@db/x", "postgres db:5432"},
      {"postgres://user:p:w@db/x", "postgres db:5432"},
      {"postgres://user:bad%zz@db/x", "postgres db:5432"},
  });
}

TEST(ServiceUrl, Sockets) {
  expect_rows({
      {"postgres://%2Fvar%2Frun%2Fpostgresql/db", "postgres unix:/var/run/postgresql/.s.PGSQL.5432"},
      {"postgres://u:p@%2Ftmp:5433/db", "postgres unix:/tmp/.s.PGSQL.5433"},
      {"postgresql:///db?host=/run/postgresql", "postgres unix:/run/postgresql/.s.PGSQL.5432"},
      {"postgresql:///db?host=/tmp&port=5433", "postgres unix:/tmp/.s.PGSQL.5433"},
      {"postgresql://u@/db?host=/cloudsql/project:region:name",
       "postgres unix:/cloudsql/project:region:name/.s.PGSQL.5432"},
      {"postgresql:///db?host=@/tmp", "postgres unix:@/tmp/.s.PGSQL.5432"},
      {"postgresql:///db?host=%2Frun%2Fpostgresql", "postgres unix:/run/postgresql/.s.PGSQL.5432"},
      {"mysql://user@/db?unix_socket=/run/mysqld/mysqld.sock", "mysql unix:/run/mysqld/mysqld.sock"},
      {"mysql2://user@localhost/db?socket=/tmp/mysql.sock", "mysql unix:/tmp/mysql.sock"},
      {"mysql://user@/db?unix_socket=relative", "error: the socket is not an absolute path"},
      {"mongodb://%2Ftmp%2Fmongodb-27017.sock/db", "mongodb unix:/tmp/mongodb-27017.sock"},
      {"redis+unix:///run/redis/redis.sock?db=0", "redis unix:/run/redis/redis.sock"},
      {"redis+socket:///x/y", "redis unix:/x/y"},
      {"unix:///run/redis/redis.sock", "redis unix:/run/redis/redis.sock"},
      {"unix://:pw@/srv/redis.sock?db=1", "redis unix:/srv/redis.sock"},
      {"unix:/srv/other.sock", "- unix:/srv/other.sock"},
      {"http+unix://%2Frun%2Fdocker.sock/v1", "- unix:/run/docker.sock"},
      {"unix://relative/path", "error: the socket has no absolute path"},
      {"unix://", "error: the socket has no absolute path"},
      {"memcached:///run/memcached/m.sock", "memcached unix:/run/memcached/m.sock"},
      {"memcached://unix:/run/m.sock", "memcached unix:/run/m.sock"},
      {"/tmp/redis.sock", "redis unix:/tmp/redis.sock"},
      {"/srv/app.sock", "- unix:/srv/app.sock"},
  });
}

TEST(ServiceUrl, NoHostMeansWhereClientsLook) {
  expect_rows({
      {"postgres:///db",
       "postgres unix:/run/postgresql/.s.PGSQL.5432 | postgres unix:/tmp/.s.PGSQL.5432 | postgres localhost:5432"},
      {"postgres://:5433/db",
       "postgres unix:/run/postgresql/.s.PGSQL.5433 | postgres unix:/tmp/.s.PGSQL.5433 | postgres localhost:5433"},
  });
}

TEST(ServiceUrl, MysqlLocalhostIsTheSocketToo) {
  for (const char* value : {"mysql://u:p@localhost/db", "mysql://u@/db", "mysql:host=localhost;dbname=x"}) {
    const std::string endpoints = shown(value);
    EXPECT_TRUE(endpoints.starts_with("mysql localhost:3306 | ")) << endpoints;
    EXPECT_NE(endpoints.find("mysql unix:/run/mysqld/*.sock"), std::string::npos) << endpoints;
  }
  EXPECT_EQ(shown("mysql://127.0.0.1/db"), "mysql 127.0.0.1:3306");
}

TEST(ServiceUrl, QueryHosts) {
  expect_rows({
      {"postgresql:///db?host=a&host=b&port=7", "postgres a:7 | postgres b:7"},
      {"postgresql:///db?host=a,b&port=1,2", "postgres a:1 | postgres b:2"},
      {"postgresql://a/db?port=7", "postgres a:7"},
      {"postgresql:///db?hostaddr=10.0.0.1&host=name", "postgres 10.0.0.1:5432"},
  });
}

TEST(ServiceUrl, Jdbc) {
  expect_rows({
      {"jdbc:postgresql://db:5433/x?user=u&password=p", "postgres db:5433"},
      {"JDBC:postgresql://a,b:2/x", "postgres a:5432 | postgres b:2"},
      {"jdbc:postgresql:name", "postgres localhost:5432"},
      {"jdbc:postgresql:///name", "postgres localhost:5432"},
      {"jdbc:mysql://db/x?useSSL=false", "mysql db:3306"},
      {"jdbc:mysql:replication://a,b/x", "mysql a:3306 | mysql b:3306"},
      {"jdbc:mariadb://db/x", "mysql db:3306"},
      {"jdbc:sqlserver://h:1434;databaseName=x;password=a/b?c", "sqlserver h:1434"},
      {"jdbc:sqlserver://h\\instance;databaseName=x", "sqlserver h:1433"},
      {"jdbc:sqlserver://;serverName=h;portNumber=7", "sqlserver h:7"},
      {"jdbc:oracle:thin:@//ora:1522/service", "oracle ora:1522"},
      {"jdbc:oracle:thin:u/p@ora:1521:SID", "oracle ora:1521"},
      {"jdbc:oracle:thin:@ora/service", "oracle ora:1521"},
      {"jdbc:oracle:thin:@tcps://ora/service", "oracle ora:2484"},
      {"r2dbc:postgresql://db/x", "postgres db:5432"},
      {"r2dbc:pool:mysql://db/x", "mysql db:3306"},
      {"jdbc:h2:mem:test", ""},
      {"jdbc:sqlite:/srv/x.db", ""},
      {"jdbc:nosuch:x", "error: its JDBC driver is not known"},
  });
  EXPECT_TRUE(shown("jdbc:oracle:thin:@(DESCRIPTION=(ADDRESS=(HOST=h)(PORT=1)))").starts_with("error: "));
}

TEST(ServiceUrl, FileDatabasesHaveNoEndpoint) {
  expect_rows({{"sqlite:///db.sqlite3", ""},
               {"sqlite3:db/x.sqlite3", ""},
               {"sqlite://:memory:", ""},
               {"sqlite+aiosqlite:///x", ""},
               {":memory:", ""},
               {"file:./dev.db", ""},
               {"file:///srv/x", ""},
               {"duckdb:///x", ""},
               {"memory:11211", "- memory:11211"}});
}

TEST(ServiceUrl, LibpqKeywords) {
  expect_rows({
      {"host=db port=5433 dbname=x user=u password='a b\\'c'", "postgres db:5433"},
      {"host = db dbname = x", "postgres db:5432"},
      {"host=a,b port=1,2", "postgres a:1 | postgres b:2"},
      {"host=a,b port=7", "postgres a:7 | postgres b:7"},
      {"host=/run/postgresql dbname=x", "postgres unix:/run/postgresql/.s.PGSQL.5432"},
      {"host=name hostaddr=10.0.0.1", "postgres 10.0.0.1:5432"},
      {"dbname=x",
       "postgres unix:/run/postgresql/.s.PGSQL.5432 | postgres unix:/tmp/.s.PGSQL.5432 | postgres localhost:5432"},
      {"host='a", "error: a quote is not closed"},
  });
}

TEST(ServiceUrl, PdoAndGo) {
  expect_rows({
      {"mysql:host=db;port=3307;dbname=x", "mysql db:3307"},
      {"mysql:unix_socket=/tmp/m.sock;dbname=x", "mysql unix:/tmp/m.sock"},
      {"pgsql:host=db;port=5433", "postgres db:5433"},
      {"pgsql:host=db port=5433", "postgres db:5433"},
      {"sqlsrv:Server=db,1434;Database=x", "sqlserver db:1434"},
      {"user:p@ss:w@tcp(db:3307)/x?parseTime=true", "mysql db:3307"},
      {"user@tcp(10.0.0.5)/x", "mysql 10.0.0.5:3306"},
      {"user@tcp([::1]:3306)/x", "mysql ::1:3306"},
      {"user@unix(/run/mysqld/mysqld.sock)/x", "mysql unix:/run/mysqld/mysqld.sock"},
      {"tcp(db:1)/x", "mysql db:1"},
      {"mssql+pyodbc:///?odbc_connect=DRIVER%3Dx%3BSERVER%3Dtcp%3Asql%2C1435%3BPWD%3Dy", "sqlserver sql:1435"},
  });
}

TEST(ServiceUrl, Bare) {
  expect_rows({
      {"cache:11211", "- cache:11211"},
      {"redis:6379", "- redis:6379"},
      {"a:1,b:2", "- a:1 | - b:2"},
      {"[::1]:5432", "- ::1:5432"},
  });
}

TEST(ServiceUrl, Errors) {
  for (const char* value :
       {"", "   ", "db", "postgres://db:0/x", "postgres://db:65536/x", "postgres://db:-1/x", "postgres://db:5432x/y",
        "postgres://d b/x", "postgres://d\xc3\xa4tenbank/x", "nats://host", "http://", "postgres://db%00/x",
        "postgres://(x)/y", "://x", "a=b", "service=name", "jdbc:", "jdbc:oracle:thin"}) {
    const std::string text = shown(value);
    EXPECT_TRUE(text.starts_with("error: ")) << value << " -> " << text;
  }
  EXPECT_TRUE(shown(std::string_view("postgres://a\0b/x", 16)).starts_with("error: "));
  EXPECT_TRUE(shown("postgres://" + std::string(9000, 'a')).starts_with("error: "));
}

TEST(ServiceUrl, NeitherErrorsNorEndpointsShowSecrets) {
  for (const char* value :
       {"hunter2", "hunter2:hunter2", "postgres://hunter2:hunter2@db:hunter2/x", "postgres://u:hunter2@h!/x",
        "user:hunter2@db/x?y=1", "host='hunter2", "mysql://hunter2:hunter2@db/x",
        "mysql:host=hunter2!;password=hunter2", "hunter2@tcp(hunter2:hunter2)/x", "jdbc:hunter2:x",
        "hunter2://hunter2:hunter2@/x", "jdbc:oracle:thin:hunter2/hunter2", "host=hunter2! password=hunter2",
        "redis://:hunter2@cache:1/0#hunter2", "jdbc:sqlserver://h;password=hunter2"}) {
    EXPECT_EQ(shown(value).find("hunter2"), std::string::npos) << value << " -> " << shown(value);
  }
}

// Any cut or changed byte gives a value or an error, within the bounds that the address sanitizer sees.
TEST(ServiceUrl, SurvivesMutation) {
  const std::string seeds[] = {"postgres://u:p%40@[::1]:5432,b/x?host=/a&port=1#f",
                               "jdbc:oracle:thin:@//h:1/s",
                               "host='a b\\' port=1 user=x",
                               "u:p@tcp([::1]:3306)/x",
                               "jdbc:sqlserver://h\\i:1;a=b",
                               "redis+unix://:p@/x%20y?db=0",
                               "mysql:host=a;port=1",
                               "amqp://a;amqp://b,http://c"};
  for (const std::string& seed : seeds) {
    for (std::size_t i = 0; i <= seed.size(); ++i) {
      (void)parse_service_url(seed.substr(0, i));
      (void)parse_service_url(seed.substr(i));
      for (const char c : {'\0', '%', ':', '/', '@', '[', ']', '=', ';', ',', '(', '\'', '\\', ' ', '\xff'}) {
        std::string changed = seed;
        if (i < seed.size()) changed[i] = c;
        (void)parse_service_url(changed);
      }
    }
  }
}

}  // namespace
}  // namespace cofferdam::policy
