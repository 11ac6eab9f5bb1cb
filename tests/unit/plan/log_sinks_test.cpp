#include "plan/log_sinks.hpp"

#include <gtest/gtest.h>

#include <string>
#include <vector>

#include "unit/policy/policy_files.hpp"

namespace cofferdam::plan {
namespace {

using Variables = std::map<std::string, std::string>;

class LogSinks : public PolicyFiles {
 protected:
  // What log_sinks() makes of a policy; a mistake of the text itself fails the test.
  [[nodiscard]] std::expected<Logs, std::vector<Diagnostic>> fill(const std::string& text,
                                                                  const Variables& environment = {}) const {
    const Policy policy = policy_of("version: 1\nextends: none\n" + text);
    const auto database = database_rules(policy.database, environment);
    EXPECT_TRUE(database);
    return log_sinks(policy.logs, environment, egress_rules(policy.network, "nameserver 10.9.9.9\n"), *database);
  }
  // The first mistake about one sink beside the other rows, or "".
  [[nodiscard]] std::string mistake(const std::string& sink, const std::string& others = "",
                                    const Variables& environment = {}) const {
    const auto filled = fill("logs:\n  sinks:\n    - " + sink + "\n" + others, environment);
    return filled ? "" : format_diagnostic(filled.error().front());
  }
};

TEST_F(LogSinks, FillsInTheEnvironment) {
  const auto filled = fill(
      "logs:\n  sinks:\n    - {type: otlp, endpoint: env:E, headers: {Authorization: env:T, X: plain}}\n"
      "    - {type: fluentd, address: env:F, shared_key: env:K}\n    - {type: sentry, dsn: env:D}\n",
      {{"E", "http://a:4318"}, {"T", "Bearer t"}, {"F", "b:24224"}, {"K", "key"}, {"D", "https://k@c/1"}});
  ASSERT_TRUE(filled);
  EXPECT_EQ(filled->sinks[0].address, "http://a:4318");
  EXPECT_EQ(filled->sinks[0].headers, (Variables{{"Authorization", "Bearer t"}, {"X", "plain"}}));
  EXPECT_EQ(filled->sinks[1].address, "b:24224");
  EXPECT_EQ(filled->sinks[1].shared_key, "key");
  EXPECT_EQ(filled->sinks[2].address, "https://k@c/1");
}

TEST_F(LogSinks, NamesEveryVariableThatIsMissingAndShowsNoValue) {
  const auto filled = fill(
      "logs:\n  sinks:\n    - {type: otlp, endpoint: env:E, headers: {A: env:A}}\n"
      "    - {type: fluentd, address: a, shared_key: env:K}\n    - {type: sentry, dsn: env:D}\n",
      {{"K", ""}, {"D", "hunter2"}});
  ASSERT_FALSE(filled);
  ASSERT_EQ(filled.error().size(), 4U);
  EXPECT_EQ(format_diagnostic(filled.error()[0]),
            "p.yaml:5:7: error: the log sink 'otlp': the environment variable E is not set [CD903]\n"
            "  export it, or write it into a file of environment.files");
  EXPECT_NE(filled.error()[1].message.find("variable A is not set"), std::string::npos);
  EXPECT_NE(filled.error()[2].message.find("variable K is empty"), std::string::npos);
  EXPECT_EQ(filled.error()[3].where.line, 7);
  EXPECT_EQ(format_diagnostic(filled.error()[3]).find("hunter2"), std::string::npos);
}

TEST_F(LogSinks, EgressDenyNamesTheRowThatIsMissing) {
  const std::string deny = "network: {egress: deny, allow: [\"log.example:4318\", \"10.0.0.0/8:514\", www.example]}\n";
  EXPECT_EQ(mistake("{type: otlp, endpoint: \"http://log.example:4319\"}", deny),
            "p.yaml:5:7: error: the log sink 'otlp': network.egress is deny, and network.allow does not have "
            "log.example:4319 [CD903]\n  add \"log.example:4319\" to network.allow");
  EXPECT_NE(mistake("{type: fluentd, address: \"[fd00::1]\"}", deny).find("add \"[fd00::1]:24224\""),
            std::string::npos);
  EXPECT_NE(mistake("{type: syslog, address: \"udp://11.0.0.1\"}", deny), "");
  EXPECT_NE(mistake("{type: sentry, dsn: env:D}", deny, {{"D", "https://k@sentry.example/1"}}), "");
  for (const char* open :
       {"{type: otlp, endpoint: \"http://LOG.example:4318\"}", "{type: syslog, address: \"udp://10.1.2.3\"}",
        "{type: sentry, dsn: \"https://k@www.example/1\"}", "{type: otlp, endpoint: \"http://localhost:4318\"}",
        "{type: fluentd, address: 127.0.0.1}", "{type: fluentd, address: \"[::1]\"}",
        "{type: syslog, address: /dev/log}", "{type: console}", "{type: file, path: ./f}"}) {
    EXPECT_EQ(mistake(open, deny), "") << open;
  }
  EXPECT_EQ(mistake("{type: fluentd, address: anywhere}", "network: {egress: allow}\n"), "");
}

TEST_F(LogSinks, ADatabaseIsNoPlaceForRecords) {
  EXPECT_EQ(
      mistake("{type: fluentd, address: \"a:5432\"}"),
      "p.yaml:5:7: error: the log sink 'fluentd': port 5432 is postgres's, and the database is reached by the app "
      "alone [CD903]\n  send the records to a collector's port, such as 4318 (OTLP), 24224 (fluentd) or 514 "
      "(syslog)");
  EXPECT_NE(mistake("{type: fluentd, address: \"a:15432\"}", "database: {ports: [15432]}\n").find("database.ports"),
            std::string::npos);
  EXPECT_NE(mistake("{type: otlp, endpoint: \"http://db.local:4318\"}", "database: {allow: [\"db.local:4318\"]}\n"),
            "");
  EXPECT_NE(mistake("{type: otlp, endpoint: \"http://10.1.1.1:4318\"}", "database: {allow: [\"10.0.0.0/8:4318\"]}\n"),
            "");
  EXPECT_NE(mistake("{type: otlp, endpoint: \"http://localhost:4318\"}", "",
                    {{"DATABASE_URL", "postgres://127.0.0.1:4318/x"}}),
            "");
  EXPECT_NE(mistake("{type: syslog, address: /var/run/postgresql/.s.PGSQL.5432}"), "");
  EXPECT_NE(mistake("{type: syslog, address: /srv/a.sock}", "database: {sockets: [\"/srv/*.sock\"]}\n"), "");
  EXPECT_EQ(mistake("{type: otlp, endpoint: \"http://a:9200\"}"), "") << "ambiguous, and not named";
  EXPECT_NE(mistake("{type: otlp, endpoint: \"http://a:9200\"}", "database: {engines: [elasticsearch]}\n"), "");
  EXPECT_EQ(mistake("{type: fluentd, address: \"a:5432\"}", "database: {engines: [mysql]}\n"), "");
}

// A limit that SECURITY.md states: names are not looked up.
TEST_F(LogSinks, AnotherNameOfADatabasesHostIsNotNoticed) {
  EXPECT_NE(mistake("{type: fluentd, address: \"db:7000\"}", "database: {allow: [\"db:7000\"]}\n"), "");
  EXPECT_EQ(mistake("{type: fluentd, address: \"alias-of-db:7000\"}", "database: {allow: [\"db:7000\"]}\n"), "");
}

TEST_F(LogSinks, ACertificateFileMustBeThere) {
  const std::string said = mistake("{type: otlp, endpoint: \"https://a\", tls: {ca_file: ./none.pem}}");
  EXPECT_NE(said.find("p.yaml:5:7: error: the log sink 'otlp': can't read its ca_file"), std::string::npos) << said;
  EXPECT_NE(said.find("No such file or directory"), std::string::npos) << said;
  write("ca.pem", "x");
  EXPECT_EQ(mistake("{type: otlp, endpoint: \"https://a\", tls: {ca_file: ./ca.pem}}"), "");
}

TEST_F(LogSinks, WhatThePolicyItselfSaysIsCheckedWithoutAnEnvironment) {
  const auto check = [&](const std::string& text) {
    return check_log_sinks(policy_of("version: 1\nextends: none\n" + text)).size();
  };
  const std::string deny = "database: {allow: [env:DATABASE_URL]}\nnetwork: {egress: deny}\n";
  EXPECT_EQ(check(deny + "logs: {sinks: [{type: fluentd, address: a}, {type: fluentd, address: \"b:5432\"}]}\n"), 3U);
  EXPECT_EQ(check(deny + "logs: {sinks: [{type: fluentd, address: env:A, shared_key: env:B}, {type: console}]}\n"), 0U);
  EXPECT_EQ(check(deny + "logs: {sinks: [{type: otlp, endpoint: \"https://127.0.0.1\", tls: {ca_file: /none}}]}\n"),
            0U);
}

TEST_F(LogSinks, SecretsAreThoseThatThePolicyNamesAndThoseOfItsSinks) {
  const Variables environment = {
      {"A_TOKEN", "short-t"}, {"DATABASE_URL", "postgres://a:b@c/d"}, {"B_TOKEN", "short-t"}, {"PIN_TOKEN", "12345"}};
  EXPECT_EQ(log_secrets(policy_of("version: 1\nextends: none\n"
                                  "logs: {parse: {redact_values: [\"*_TOKEN\", DATABASE_URL]}}\n")
                            .logs,
                        environment),
            (std::vector<std::string>{"postgres://a:b@c/d", "short-t"}));
  Logs logs =
      policy_of(
          "version: 1\nextends: none\nlogs: {sinks: [{type: fluentd, address: a, shared_key: the-shared-key}, "
          "{type: otlp, endpoint: \"http://a\", headers: {Authorization: Bearer abcdef, X-Team: shop-team}}]}\n")
          .logs;
  EXPECT_TRUE(log_secrets(logs, environment).empty()) << "nothing is redacted";
  logs.parse.redact = {"jwt"};
  EXPECT_EQ(log_secrets(logs, environment), (std::vector<std::string>{"the-shared-key", "abcdef"}));
  logs.sinks[0].shared_key = "env:DATABASE_URL";
  logs.sinks[1].headers["Authorization"] = "env:NONE";
  EXPECT_EQ(log_secrets(logs, environment), std::vector<std::string>{"postgres://a:b@c/d"});
}

}  // namespace
}  // namespace cofferdam::plan
