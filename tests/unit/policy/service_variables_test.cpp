#include "policy/service_variables.hpp"

#include <gtest/gtest.h>

namespace cofferdam::policy {
namespace {

using Environment = std::map<std::string, std::string>;

// "PGHOST=postgres db:5432 postgres unix:/run/x"
std::string shown(const Environment& environment) {
  std::string text;
  for (const ServiceVariable& variable : service_variables(environment)) {
    text += (text.empty() ? "" : "; ") + variable.name + "=";
    if (!variable.problem.empty()) text += "?";
    for (const ServiceEndpoint& endpoint : variable.endpoints) {
      text += endpoint.engine + " ";
      text += endpoint.unix_path.empty() ? endpoint.host + ":" + std::to_string(endpoint.port) : endpoint.unix_path;
      text += ",";
    }
  }
  return text;
}

TEST(ServiceVariables, Urls) {
  EXPECT_EQ(shown({{"DATABASE_URL", "postgres://u:p@db/x"}}), "DATABASE_URL=postgres db:5432,");
  EXPECT_EQ(shown({{"MONGODB_URI", "mongodb://a:1,b/x"}}), "MONGODB_URI=mongodb a:1,mongodb b:27017,");
  EXPECT_EQ(shown({{"SQLALCHEMY_DATABASE_URI", "mysql+pymysql://db/x"}}), "SQLALCHEMY_DATABASE_URI=mysql db:3306,");
  EXPECT_EQ(shown({{"APP_DSN", "user:p@tcp(db:1234)/x"}}), "APP_DSN=mysql db:1234,");
  EXPECT_EQ(shown({{"REDIRECT_URI", "https://example.com/x"}, {"SENTRY_DSN", "https://k@s.io/1"}, {"A_URL", ""}}), "");
  EXPECT_EQ(shown({{"A_URL", "postgres://u:hidden@db:port/x"}}), "A_URL=?");
  EXPECT_EQ(shown({{"DATABASE_URIS", "postgres://db"}}), "");
}

// A web address is a database where the variable's name says so.
TEST(ServiceVariables, NamesThatTellTheEngine) {
  EXPECT_EQ(shown({{"ELASTICSEARCH_URL", "http://u:p@search:9200"}}), "ELASTICSEARCH_URL=elasticsearch search:9200,");
  EXPECT_EQ(shown({{"BONSAI_OPENSEARCH_URL", "https://u:p@x.bonsai.io:443"}}),
            "BONSAI_OPENSEARCH_URL=elasticsearch x.bonsai.io:443,");
  EXPECT_EQ(shown({{"CLICKHOUSE_URL", "http://ch:8123/default"}}), "CLICKHOUSE_URL=clickhouse ch:8123,");
  EXPECT_EQ(shown({{"COUCHDB_URL", "http://admin:p@couch:5984"}}), "COUCHDB_URL=couchdb couch:5984,");
  EXPECT_EQ(shown({{"REDIS_URL", "tls://default:p@x.upstash.io:6390?database=0"}}),
            "REDIS_URL=redis x.upstash.io:6390,");
  EXPECT_EQ(shown({{"REDIS_URL", "tcp://127.0.0.1:7000"}}), "REDIS_URL=redis 127.0.0.1:7000,");
  EXPECT_EQ(shown({{"CACHE_REDIS_DSN", "cache:7000"}}), "CACHE_REDIS_DSN=redis cache:7000,");
  EXPECT_EQ(shown({{"REDIS_URL", "unix:/srv/r.sock"}}), "REDIS_URL=redis /srv/r.sock,");
  EXPECT_EQ(shown({{"UPSTASH_REDIS_REST_URL", "https://x.upstash.io"}, {"NEO4J_BROWSER_URL", "http://web"}}), "");
}

// As the documentation of the platforms and frameworks has them.
TEST(ServiceVariables, FormsOfPlatforms) {
  EXPECT_EQ(shown({{"DEFAULT_DATABASE_DSN", "postgres://u:p%40@appctl-black.rds.amazonaws.com:5432/u"},
                   {"DEFAULT_STORAGE_DSN", "s3://key:secret@bucket.s3.amazonaws.com/?auth=s3v4"},
                   {"DEFAULT_HAYSTACK_URL", "es+https://u:p@host.divio.com:443/index-*"}}),
            "DEFAULT_DATABASE_DSN=postgres appctl-black.rds.amazonaws.com:5432,; "
            "DEFAULT_HAYSTACK_URL=elasticsearch host.divio.com:443,");
  EXPECT_EQ(shown({{"CLEARDB_DATABASE_URL", "mysql://b1:p@us-cdbr-east.cleardb.com/heroku_1?reconnect=true"},
                   {"KAFKA_URL", "kafka+ssl://a.compute.amazonaws.com:9096,kafka+ssl://b.compute.amazonaws.com:9096"},
                   {"REDIS_TLS_URL", "rediss://:p@ec2-1-2-3-4.compute-1.amazonaws.com:20000"}}),
            "CLEARDB_DATABASE_URL=mysql us-cdbr-east.cleardb.com:3306,; "
            "KAFKA_URL=kafka a.compute.amazonaws.com:9096,kafka b.compute.amazonaws.com:9096,; "
            "REDIS_TLS_URL=redis ec2-1-2-3-4.compute-1.amazonaws.com:20000,");
  EXPECT_EQ(shown({{"SPRING_DATASOURCE_URL", "jdbc:postgresql://a:5433,b:5434/x?targetServerType=primary"}}),
            "SPRING_DATASOURCE_URL=postgres a:5433,postgres b:5434,");
  EXPECT_EQ(shown({{"SPRING_DATASOURCE_URL", "jdbc:mysql:loadbalance://a:3307,[fd00::2]:3308/x"}}),
            "SPRING_DATASOURCE_URL=mysql a:3307,mysql fd00::2:3308,");
  EXPECT_EQ(shown({{"DB_CONNECTION", "mysql"}, {"DB_HOST", "127.0.0.1"}, {"DB_PORT", "3307"}}),
            "DB_HOST=mysql 127.0.0.1:3307,");
  EXPECT_EQ(shown({{"DB_CONNECTION", "mysql"}, {"DB_SOCKET", "/srv/mysql.sock"}}), "DB_SOCKET=mysql /srv/mysql.sock,");
  EXPECT_EQ(shown({{"SPRING_DATA_REDIS_HOST", "cache"}, {"SPRING_DATA_REDIS_PORT", "7001"}}),
            "SPRING_DATA_REDIS_HOST=redis cache:7001,");
  EXPECT_EQ(shown({{"TYPEORM_CONNECTION", "postgres"}, {"TYPEORM_HOST", "db"}, {"TYPEORM_PORT", "6000"}}),
            "TYPEORM_HOST=postgres db:6000,");
  EXPECT_EQ(shown({{"PGHOSTADDR", "10.0.0.9"}, {"PGPORT", "6001"}}), "PGHOSTADDR=postgres 10.0.0.9:6001,");
}

TEST(ServiceVariables, HostAndPort) {
  EXPECT_EQ(shown({{"PGHOST", "db"}}), "PGHOST=postgres db:5432,");
  EXPECT_EQ(shown({{"PGHOST", "a,b"}, {"PGPORT", "1,2"}}), "PGHOST=postgres a:1,postgres b:2,");
  EXPECT_EQ(shown({{"PGHOST", "db"}, {"PGPORT", "15432"}}), "PGHOST=postgres db:15432,");
  EXPECT_EQ(shown({{"PGHOST", "/srv/pg"}}), "PGHOST=postgres /srv/pg/.s.PGSQL.5432,");
  EXPECT_EQ(shown({{"PGPORT", "15432"}}), "") << "no host";
  EXPECT_EQ(shown({{"REDIS_HOST", "cache"}, {"REDIS_PORT", "tcp://10.0.0.1:6379"}}), "REDIS_HOST=redis cache:6379,");
  EXPECT_EQ(shown({{"REDIS_HOST", "cache:7000"}, {"REDIS_PORT", "6379"}}), "REDIS_HOST=redis cache:7000,");
  EXPECT_EQ(shown({{"MYSQL_HOST", "not a host"}}), "");
  EXPECT_EQ(shown({{"MYSQL_HOST", ""}}), "");
  EXPECT_EQ(shown({{"MYSQL_HOST", "db"}, {"MYSQL_PORT", "99999"}}), "");
}

TEST(ServiceVariables, AHostOfUnknownEngineNeedsAWord) {
  EXPECT_EQ(shown({{"DB_HOST", "db"}}), "");
  EXPECT_EQ(shown({{"DB_HOST", "db"}, {"DB_PORT", "3306"}}), "DB_HOST=mysql db:3306,");
  EXPECT_EQ(shown({{"DB_HOST", "db"}, {"DB_PORT", "9999"}}), "");
  EXPECT_EQ(shown({{"DB_HOST", "db"}, {"DB_PORT", "9999"}, {"DB_CONNECTION", "pgsql"}}), "DB_HOST=postgres db:9999,");
  EXPECT_EQ(shown({{"DB_HOST", "db"}, {"DB_ENGINE", "django.db.backends.postgresql"}}), "DB_HOST=postgres db:5432,");
  EXPECT_EQ(shown({{"DB_HOST", "db"}, {"DB_CONNECTION", "sqlite"}, {"DB_PORT", "3306"}}), "");
}

}  // namespace
}  // namespace cofferdam::policy
