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

TEST(ServiceVariables, HostAndPort) {
  EXPECT_EQ(shown({{"PGHOST", "db"}}), "PGHOST=postgres db:5432,");
  EXPECT_EQ(shown({{"PGHOST", "a,b"}, {"PGPORT", "1,2"}}), "PGHOST=postgres a:5432,postgres b:5432,");
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
