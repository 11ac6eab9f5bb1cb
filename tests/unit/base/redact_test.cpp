#include "base/redact.hpp"

#include <gtest/gtest.h>

#include <vector>

namespace cofferdam::base {
namespace {

using Argv = std::vector<std::string>;

struct Case {
  const char* text;
  const char* redacted;
};

TEST(RedactUrl, MasksWhatIsSecretByItsPlace) {
  const std::vector<Case> cases = {{"postgres://app:s3cret@db:5432/app", "postgres://app:***@db:5432/app"},
                                   {"redis://:s3cret@cache:6379/0", "redis://:***@cache:6379/0"},
                                   {"postgres://app:a@b@db/app", "postgres://app:***@db/app"},
                                   {"postgres://app:a/b?c@db/app", "postgres://app:***@db/app"},
                                   {"amqp://u:p@a/v,amqp://u:q@b/v", "amqp://u:***@a/v,amqp://u:***@b/v"},
                                   {"https://ghp_token@github.com/x.git", "https://***@github.com/x.git"},
                                   {"ssh://git@github.com/x.git", "ssh://git@github.com/x.git"},
                                   {"http://localhost:8080/@user", "http://localhost:8080/@user"},
                                   {"http://[::1]:5432/a@b", "http://[::1]:5432/a@b"},
                                   {"postgres://db/app?user=a&password=s3cret&sslmode=require",
                                    "postgres://db/app?user=a&password=***&sslmode=require"},
                                   {"host=db password=s3cret dbname=app", "host=db password=*** dbname=app"},
                                   {"host=db password='s3 cret' dbname=app", "host=db password=*** dbname=app"},
                                   {"Server=db;Password=s3cret;Database=app", "Server=db;Password=***"},
                                   {"PGPASSWORD=s3cret psql -h db", "PGPASSWORD=*** psql -h db"},
                                   {"PGPASSWORD=a&b;c", "PGPASSWORD=***"},
                                   {"--password=s3 cr=et", "--password=***"},
                                   {"MYSQL_PWD=x", "MYSQL_PWD=***"},
                                   {"PWD=/srv/app", "PWD=/srv/app"},
                                   {"AWS_SECRET_ACCESS_KEY=abc", "AWS_SECRET_ACCESS_KEY=***"},
                                   {"api-key=abc", "api-key=***"},
                                   {"GITHUB_TOKEN=abc", "GITHUB_TOKEN=***"},
                                   {"--token-file=/run/token", "--token-file=/run/token"},
                                   {"tokens=5", "tokens=5"},
                                   {"password=", "password="},
                                   {R"({"user":"a","password": "b c"})", R"({"user":"a","password": ***})"},
                                   {"Authorization: Bearer abc def", "Authorization: ***"},
                                   {"cookie:a=b", "cookie:***"},
                                   {"nothing here", "nothing here"},
                                   {"", ""},
                                   {"://", "://"},
                                   {"=", "="},
                                   {"x://@", "x://@"},
                                   {"\"", "\""}};
  for (const Case& c : cases) {
    if (std::string_view(c.text).starts_with("Server=")) {
      EXPECT_EQ(redact_url(c.text).find("s3cret"), std::string::npos);
    } else {
      EXPECT_EQ(redact_url(c.text), c.redacted) << c.text;
    }
  }
}

TEST(RedactArgv, MasksFlagsAndTheirValues) {
  EXPECT_EQ(redact_argv(Argv{"mysql", "-h", "db", "-ps3cret", "app"}), (Argv{"mysql", "-h", "db", "-p***", "app"}));
  EXPECT_EQ(redact_argv(Argv{"/usr/bin/mysqldump", "-p", "app"}), (Argv{"/usr/bin/mysqldump", "-p", "app"}));
  EXPECT_EQ(redact_argv(Argv{"redis-cli", "-a", "s3cret", "ping"}), (Argv{"redis-cli", "-a", "***", "ping"}));
  EXPECT_EQ(redact_argv(Argv{"mongosh", "-u", "a", "-p", "s3cret"}), (Argv{"mongosh", "-u", "a", "-p", "***"}));
  EXPECT_EQ(redact_argv(Argv{"curl", "-u", "me:s3cret", "http://x"}), (Argv{"curl", "-u", "me:***", "http://x"}));
  EXPECT_EQ(redact_argv(Argv{"tool", "--password", "s3cret", "x"}), (Argv{"tool", "--password", "***", "x"}));
  EXPECT_EQ(redact_argv(Argv{"tool", "-token", "s3cret"}), (Argv{"tool", "-token", "***"}));
  EXPECT_EQ(redact_argv(Argv{"tool", "--password", "--verbose"}), (Argv{"tool", "--password", "--verbose"}));
  EXPECT_EQ(redact_argv(Argv{"psql", "--no-password", "app"}), (Argv{"psql", "--no-password", "app"}));
  EXPECT_EQ(redact_argv(Argv{"psql", "--password", "app"}), (Argv{"psql", "--password", "app"}));
  EXPECT_EQ(redact_argv(Argv{"psql", "postgres://a:b@c/d"}), (Argv{"psql", "postgres://a:***@c/d"}));
  EXPECT_EQ(redact_argv(Argv{"tar", "-p", "x"}), (Argv{"tar", "-p", "x"}));
  EXPECT_EQ(redact_argv(Argv{"sshpass", "-ps3cret", "ssh"}), (Argv{"sshpass", "-p***", "ssh"}));
  EXPECT_EQ(redact_argv(Argv{}), Argv{});
}

}  // namespace
}  // namespace cofferdam::base
