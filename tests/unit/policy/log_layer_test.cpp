// The `logs` part of a policy: what it becomes, and every mistake in it.
#include "policy/log_layer.hpp"

#include <algorithm>
#include <string>
#include <vector>

#include "base/text.hpp"
#include "policy/log_words.hpp"
#include "policy/schema.hpp"
#include "unit/policy/policy_files.hpp"

namespace cofferdam {
namespace {

using Type = LogSink::Type;
using WhenFull = LogSink::WhenFull;

class LogPolicy : public PolicyFiles {
 protected:
  [[nodiscard]] Logs logs_of(const std::string& text) const {
    return policy_of("version: 1\nextends: none\n" + text).logs;
  }
  [[nodiscard]] LogSink sink_of(const std::string& row) const {
    const Logs logs = logs_of("logs: {sinks: [" + row + "]}\n");
    return logs.sinks.size() == 1 ? logs.sinks.front() : LogSink{};
  }
  // What is said about one row, mistakes and warnings.
  [[nodiscard]] std::string said_of(const std::string& row) const {
    const auto loaded = load_text("version: 1\nextends: none\nlogs:\n  sinks:\n    - " + row + "\n");
    std::string text;
    for (const Diagnostic& each : loaded ? loaded->warnings : loaded.error()) text += format_diagnostic(each) + "\n";
    return text;
  }
};

TEST_F(LogPolicy, WithoutAWordChangesNothing) {
  const Logs logs = logs_of("");
  EXPECT_EQ(logs.capture, LogCapture::pipe);
  EXPECT_FALSE(logs.syslog_socket);
  EXPECT_EQ(logs.max_record, 16384U);
  EXPECT_EQ(logs.parse.json, LogStructured::keep);
  EXPECT_TRUE(logs.parse.multiline.empty() && logs.parse.redact.empty());
  EXPECT_TRUE(logs.sinks.empty());
}

TEST_F(LogPolicy, ReadsWhatIsDoneWithLines) {
  const Logs logs = logs_of(
      "logs:\n  capture: pty\n  syslog_socket: true\n  max_record: 1KiB\n  shutdown_timeout: 500ms\n"
      "  parse:\n    json: merge\n    logfmt: nest\n    multiline: [python, java]\n    ansi: strip\n    redact: all\n"
      "    redact_values: [DATABASE_URL, \"*_TOKEN\"]\n    rate: 1000\n    burst: 5000\n    sample: 10\n"
      "  spill: {path: ./spool, size: 1GiB}\n");
  EXPECT_EQ(logs.capture, LogCapture::pty);
  EXPECT_TRUE(logs.syslog_socket);
  EXPECT_EQ(logs.max_record, 1024U);
  EXPECT_EQ(logs.shutdown_timeout.count(), 500);
  EXPECT_EQ(logs.parse.json, LogStructured::merge);
  EXPECT_EQ(logs.parse.logfmt, LogStructured::nest);
  EXPECT_EQ(logs.parse.multiline, (std::vector<std::string>{"python", "java"}));
  EXPECT_TRUE(logs.parse.strip_ansi);
  EXPECT_EQ(logs.parse.redact.size(), kRedactRules.size());
  EXPECT_EQ(logs.parse.redact_values, (std::vector<std::string>{"DATABASE_URL", "*_TOKEN"}));
  EXPECT_EQ(logs.parse.rate, 1000U);
  EXPECT_EQ(logs.parse.burst, 5000U);
  EXPECT_EQ(logs.parse.sample, 10U);
  EXPECT_EQ(logs.spill.path, root_ + "/spool");
  EXPECT_EQ(logs.spill.size, 1ULL << 30);
  EXPECT_TRUE(logs_of("logs: {parse: {redact: none}}\n").parse.redact.empty());
}

TEST_F(LogPolicy, ReadsEachTypeOfSink) {
  const LogSink file = sink_of(
      "{type: file, path: ./app.jsonl, format: pretty, rotate: {size: 1MiB, age: 1500ms, keep: 3, total: 1GiB, "
      "compress: zstd}}");
  EXPECT_EQ(file.path, root_ + "/app.jsonl");
  EXPECT_EQ(file.format, LogSink::Format::pretty);
  EXPECT_EQ(file.rotate.size, 1ULL << 20);
  EXPECT_EQ(file.rotate.age.count(), 2) << "whole seconds, never less than what is written";
  EXPECT_EQ(file.rotate.keep, 3U);
  EXPECT_EQ(file.rotate.total, 1ULL << 30);
  EXPECT_EQ(file.rotate.compress, LogRotation::Compress::zstd);

  const LogSink otlp = sink_of(
      "{type: otlp, endpoint: \"https://collector:4318\", headers: {Authorization: env:TOKEN, X-Scope-OrgID: a}, "
      "resource: {service.name: shop}, encoding: json, compress: gzip, tls: {ca_file: ./ca.pem, verify: false}, "
      "timeout: 3s, require: true, buffer: 1MiB, fallback: ./lost.jsonl}");
  EXPECT_EQ(otlp.address, "https://collector:4318");
  EXPECT_EQ(otlp.headers.at("Authorization"), "env:TOKEN");
  EXPECT_EQ(otlp.resource.at("service.name"), "shop");
  EXPECT_TRUE(otlp.json && otlp.require && !otlp.verify);
  EXPECT_EQ(otlp.compress, LogSink::Compress::gzip);
  EXPECT_EQ(otlp.ca_file, root_ + "/ca.pem");
  EXPECT_EQ(otlp.timeout.count(), 3000);
  EXPECT_EQ(otlp.buffer, 1ULL << 20);
  EXPECT_EQ(otlp.fallback, root_ + "/lost.jsonl");

  const LogSink fluentd = sink_of(
      "{type: fluentd, address: \"[::1]:24224\", tag: app, ack: false, shared_key: env:KEY, tls: {enabled: true}}");
  EXPECT_EQ(fluentd.tag, "app");
  EXPECT_EQ(fluentd.shared_key, "env:KEY");
  EXPECT_TRUE(fluentd.tls && !fluentd.ack);

  const LogSink syslog = sink_of(
      "{type: syslog, address: \"tcp://log:601\", facility: local3, app_name: shop, framing: lf, max_message: 65536}");
  EXPECT_EQ(syslog.facility, "local3");
  EXPECT_EQ(syslog.app_name, "shop");
  EXPECT_FALSE(syslog.octet_counting);
  EXPECT_EQ(syslog.max_message, 65536U);
  EXPECT_TRUE(sink_of("{type: syslog, address: /dev/log}").octet_counting);

  const LogSink sentry = sink_of("{type: sentry, dsn: env:SENTRY_DSN, environment: dev, release: \"1.2\"}");
  EXPECT_EQ(sentry.address, "env:SENTRY_DSN");
  EXPECT_EQ(sentry.environment, "dev");
  EXPECT_EQ(sentry.release, "1.2");
}

TEST_F(LogPolicy, ReadsAMatch) {
  const LogMatch match =
      sink_of("{type: console, match: {level: \">=warning\", streams: [stderr, cofferdam], contains: x}}").match;
  EXPECT_EQ(match.at_least, LogLevel::warning);
  EXPECT_EQ(match.streams, (std::vector<LogStream>{LogStream::err, LogStream::own}));
  EXPECT_EQ(match.contains, "x");
  EXPECT_EQ(sink_of("{type: console, match: {level: critical}}").match.at_least, LogLevel::critical);
  EXPECT_FALSE(sink_of("{type: console}").match.at_least);
}

TEST_F(LogPolicy, ChoosesWhatHoldsWhenASinkIsFull) {
  const std::string network = "logs: {sinks: [{type: console}, {type: fluentd, address: \"a:1\"}]";
  EXPECT_EQ(logs_of(network + "}\n").sinks[0].when_full, WhenFull::block);
  EXPECT_EQ(logs_of(network + "}\n").sinks[1].when_full, WhenFull::drop_oldest);
  const Logs spilling = logs_of(network + ", spill: {path: /var/tmp/s}}\n");
  EXPECT_EQ(spilling.sinks[0].when_full, WhenFull::block);
  EXPECT_EQ(spilling.sinks[1].when_full, WhenFull::spill);
  EXPECT_EQ(sink_of("{type: fluentd, address: \"a:1\", when_full: block}").when_full, WhenFull::block);
}

TEST_F(LogPolicy, SentryGetsErrorsWithTheirTraces) {
  const Logs logs = logs_of("logs: {sinks: [{type: sentry, dsn: env:D}]}\n");
  EXPECT_EQ(logs.sinks[0].match.at_least, LogLevel::error);
  EXPECT_EQ(logs.sinks[0].match.streams.size(), kLogStreams);
  EXPECT_EQ(logs.parse.multiline.size(), kMultilineRules.size());
  EXPECT_TRUE(
      logs_of("logs: {parse: {multiline: none}, sinks: [{type: sentry, dsn: env:D}]}\n").parse.multiline.empty());
  const LogSink chosen = sink_of("{type: sentry, dsn: env:D, match: {level: debug, streams: [stderr]}}");
  EXPECT_EQ(chosen.match.at_least, LogLevel::debug);
  EXPECT_EQ(chosen.match.streams, std::vector<LogStream>{LogStream::err});
}

TEST_F(LogPolicy, GivesEachSinkANameOfItsOwn) {
  std::vector<std::string> names;
  for (const LogSink& sink : logs_of("logs: {sinks: [{type: fluentd, address: a}, {type: console, name: fluentd-2, "
                                     "match: {level: error}}, {type: fluentd, address: "
                                     "b}, {type: console}]}\n")
                                 .sinks) {
    names.push_back(sink.name);
  }
  EXPECT_EQ(names, (std::vector<std::string>{"fluentd", "fluentd-2", "fluentd-3", "console"}));
}

TEST_F(LogPolicy, ARowStandsForTheOneThatItsFileExtends) {
  write("base.yaml",
        "version: 1\nextends: none\nlogs:\n  parse: {json: merge, redact_values: [A]}\n  sinks:\n"
        "    - {type: console}\n    - {type: otlp, name: main, endpoint: \"http://old:4318\"}\n"
        "    - {type: fluentd, address: \"a:1\"}\n");
  const Logs logs =
      policy_of(
          "version: 1\nextends: ./base.yaml\nlogs:\n  parse: {logfmt: nest, redact_values: [B, A]}\n  sinks:\n"
          "    - {type: console, format: json}\n    - {type: syslog, name: main, address: \"udp://new\"}\n"
          "    - {type: fluentd, address: \"b:1\"}\n")
          .logs;
  ASSERT_EQ(logs.sinks.size(), 4U);
  EXPECT_EQ(logs.sinks[0].format, LogSink::Format::json);
  EXPECT_EQ(logs.sinks[1].type, Type::syslog) << "the same name";
  EXPECT_EQ(logs.sinks[2].address, "a:1");
  EXPECT_EQ(logs.sinks[3].address, "b:1");
  EXPECT_EQ(logs.parse.json, LogStructured::merge) << "maps merge by key";
  EXPECT_EQ(logs.parse.logfmt, LogStructured::nest);
  EXPECT_EQ(logs.parse.redact_values, (std::vector<std::string>{"A", "B"}));
}

TEST_F(LogPolicy, AShippedConsoleCanBeGivenAFormat) {
  const Logs logs = policy_of("version: 1\nlogs: {sinks: [{type: console, format: json}]}\n").logs;
  ASSERT_EQ(logs.sinks.size(), 1U);
  EXPECT_EQ(logs.sinks[0].format, LogSink::Format::json);
}

// The text of line 3, and the places of its mistakes.
struct Bad {
  std::string rows;
  Places mistakes;
};

TEST_F(LogPolicy, ReportsEachMistakeWithItsPlace) {
  const std::vector<Bad> all = {
      {"logs: {capture: tty}", {"3:17 CD903"}},
      {"logs: {max_record: 512}", {"3:20 CD903"}},
      {"logs: {max_record: 512KiB}", {"3:20 CD903"}},
      {"logs: {parse: {json: yes}}", {"3:22 CD903"}},
      {"logs: {parse: {multiline: python}}", {"3:27 CD903"}},
      {"logs: {parse: {multiline: [pyton, all]}}", {"3:28 CD903", "3:35 CD903"}},
      {"logs: {parse: {redact: [jwt, password]}}", {"3:30 CD903"}},
      {"logs: {parse: {redact_values: [hunter2!, \"*\", \"sk_live-1\"]}}", {"3:32 CD903", "3:47 CD903"}},
      {"logs: {parse: {rate: 0, sample: many, burst: \"5\"}}", {"3:22 CD903", "3:33 CD903", "3:46 CD903"}},
      {"logs: {spill: {size: 1GiB}}", {"3:15 CD903"}},
      {"logs: {shutdown_timeout: 8}", {"3:26 CD903"}},
      {"logs: {sink: []}", {"3:8 CD902"}},
      {"logs: {sinks: [{typ: console}]}", {"3:16 CD903", "3:17 CD902"}},
      {"logs: {sinks: [{type: loki}]}", {"3:23 CD903"}},
      {"logs: {sinks: [{type: console, match: {level: warn, stream: stderr}}]}", {"3:47 CD903", "3:53 CD902"}},
      {"logs: {sinks: [{type: console, match: {streams: [stdin]}}]}", {"3:50 CD903"}},
      {"logs: {sinks: [{type: console, when_full: wait}]}", {"3:43 CD903"}},
      {"logs: {sinks: [{type: console, when_full: spill}]}", {"3:16 CD903"}},
      {"logs: {sinks: [{type: console, format: raw, when_full: drop-newest}]}", {"3:16 CD903"}},
      {"logs: {sinks: [{type: console, name: \"a b\"}]}", {"3:38 CD903"}},
      {"logs: {sinks: [{type: console, buffer: 2GiB}]}", {"3:40 CD903"}},
      {"logs: {sinks: [{type: console, timeout: 1s, dsn: x}]}", {"3:32 CD903", "3:45 CD903"}},
      {"logs: {sinks: [{type: console}, {type: console}]}", {"3:33 CD903"}},
      {"logs: {sinks: [{type: console, name: a}, {type: console, name: a, match: {level: error}}]}", {"3:42 CD903"}},
      {"logs: {sinks: [{type: file}]}", {"3:16 CD903"}},
      {"logs: {sinks: [{type: file, path: /a, rotate: {keep: 3}}]}", {"3:47 CD903"}},
      {"logs: {sinks: [{type: file, path: /a, rotate: {size: 1MB, every: 1h}}]}",
       {"3:47 CD903", "3:54 CD903", "3:59 CD902"}},
      {"logs: {sinks: [{type: file, path: /a}, {type: file, path: /a, match: {level: error}}]}", {"3:40 CD903"}},
      {"logs: {sinks: [{type: otlp}]}", {"3:16 CD903"}},
      {"logs: {sinks: [{type: otlp, endpoint: \"collector:4318\"}]}", {"3:39 CD903"}},
      {"logs: {sinks: [{type: otlp, endpoint: \"http://:4318\"}]}", {"3:39 CD903"}},
      {"logs: {sinks: [{type: otlp, endpoint: \"http://a:0\"}]}", {"3:39 CD903"}},
      {"logs: {sinks: [{type: otlp, endpoint: \"env:A-B\"}]}", {"3:39 CD903"}},
      {"logs: {sinks: [{type: otlp, endpoint: \"http://a\", tls: {ca_file: /ca, verify: false}}]}",
       {"3:57 CD903", "3:71 CD903"}},
      {"logs: {sinks: [{type: otlp, endpoint: \"https://a\", tls: {enabled: true}}]}", {"3:58 CD903"}},
      {"logs: {sinks: [{type: otlp, endpoint: env:E, headers: {\"a b\": c, Host: d, X: \"e\\nf\", Y: \"env:\"}}]}",
       {"3:56 CD903", "3:66 CD903", "3:78 CD903", "3:89 CD903"}},
      {"logs: {sinks: [{type: otlp, endpoint: env:E, encoding: proto, compress: zstd}]}", {"3:56 CD903", "3:73 CD903"}},
      {"logs: {sinks: [{type: otlp, endpoint: env:E, timeout: 0s}]}", {"3:55 CD903"}},
      {"logs: {sinks: [{type: fluentd, address: \"http://a:24224\"}]}", {"3:41 CD903"}},
      {"logs: {sinks: [{type: fluentd, address: \"a:b\", shared_key: \"\"}]}", {"3:41 CD903", "3:60 CD903"}},
      {"logs: {sinks: [{type: fluentd, address: a, tls: {verify: false}}]}", {"3:50 CD903"}},
      {"logs: {sinks: [{type: syslog, address: \"log:514\"}]}", {"3:40 CD903"}},
      {"logs: {sinks: [{type: syslog, address: \"unix:log\"}]}", {"3:40 CD903"}},
      {"logs: {sinks: [{type: syslog, address: \"udp://a\", max_message: 100, app_name: \"a b\", facility: local8}]}",
       {"3:64 CD903", "3:79 CD903", "3:96 CD903"}},
      {"logs: {sinks: [{type: sentry, dsn: \"https://o1.example/2\"}]}", {"3:36 CD903"}},
      {"logs: {sinks: [{type: sentry, dsn: \"https://key@o1.example\"}]}", {"3:36 CD903"}},
      {"logs: {sinks: [{type: sentry, dsn: \"key@o1.example/2\"}]}", {"3:36 CD903"}},
  };
  for (const Bad& bad : all) {
    EXPECT_EQ(mistakes_of("version: 1\nextends: none\n" + bad.rows + "\n"), bad.mistakes) << bad.rows;
  }
}

TEST_F(LogPolicy, TakesAsManySinksAsTheMachineryHas) {
  std::string rows = "logs:\n  sinks:\n";
  for (std::size_t i = 0; i < kMaxLogSinks; ++i) rows += "    - {type: file, path: /f" + std::to_string(i) + "}\n";
  EXPECT_EQ(logs_of(rows).sinks.size(), kMaxLogSinks);
  EXPECT_EQ(mistakes_of("version: 1\nextends: none\n" + rows + "    - {type: console}\n"), Places{"13:7 CD903"});
}

TEST_F(LogPolicy, SaysToWhichSinksAKeyBelongs) {
  EXPECT_EQ(
      said_of("{type: syslog, address: \"udp://a\", ack: true}"),
      "p.yaml:5:42: error: 'ack' does not apply to a sink of type syslog [CD903]\n"
      "  it belongs to a sink of type fluentd; of its own, a syslog sink has require, timeout, fallback, address, "
      "tls, facility, app_name, framing, max_message\n");
}

// A warning, not an error: the run works, but the policy will be committed.
TEST_F(LogPolicy, WarnsOfSecretsInClearText) {
  EXPECT_EQ(said_of("{type: fluentd, address: a, shared_key: hunter2}"),
            "p.yaml:5:47: warning: the shared key stands in the policy in clear text [CD912]\n"
            "  put it into the environment and write shared_key: env:NAME\n");
  for (const char* row : {"{type: otlp, endpoint: \"http://a\", headers: {authorization: Bearer hunter2}}",
                          "{type: otlp, endpoint: \"http://a\", headers: {X-Api-Key: hunter2}}",
                          "{type: otlp, endpoint: \"http://me:hunter2@a\"}",
                          "{type: sentry, dsn: \"https://key:hunter2@a.example/1\"}"}) {
    const std::string said = said_of(row);
    EXPECT_NE(said.find("CD912"), std::string::npos) << row;
    EXPECT_EQ(said.find("hunter2"), std::string::npos) << said;
  }
  for (const char* row : {"{type: fluentd, address: a, shared_key: env:KEY}",
                          "{type: otlp, endpoint: \"http://a\", headers: {Authorization: env:T, X-Scope-OrgID: team}}",
                          "{type: sentry, dsn: \"https://publickey@a.example/1\"}"}) {
    EXPECT_EQ(said_of(row), "") << row;
  }
}

TEST_F(LogPolicy, MistakesShowNoSecret) {
  for (const char* row :
       {"{type: otlp, endpoint: \"ftp://me:hunter2@a\"}", "{type: otlp, endpoint: \"http://me:hunter2@\"}",
        "{type: sentry, dsn: \"https://key:hunter2@a.example\"}", "{type: sentry, dsn: hunter2}"}) {
    const std::string said = said_of(row);
    EXPECT_NE(said.find("CD903"), std::string::npos) << row;
    EXPECT_EQ(said.find("hunter2"), std::string::npos) << said;
  }
  EXPECT_EQ(printed("version: 1\nextends: none\nlogs: {parse: {redact_values: [\"hunter2!\", 123456]}}\n"),
            "p.yaml:3:32: error: this is no name of an environment variable [CD903]\n"
            "  write the variable's name, such as DATABASE_URL or \"*_TOKEN\", never the secret itself");
}

// The words stand in the key table, which validates, and with the enumerations, which are read and printed.
TEST(LogWords, AreThoseOfTheKeyTable) {
  const auto expect = [](const char* key, const auto& words) {
    const policy::Key* row = policy::find_key(key);
    ASSERT_NE(row, nullptr) << key;
    auto legal = base::split(row->legal, '|');
    std::vector<std::string_view> known(words.begin(), words.end());
    std::ranges::sort(legal);
    std::ranges::sort(known);
    EXPECT_EQ(legal, known) << key;
  };
  expect("logs.capture", policy::kCaptureWords);
  expect("logs.parse.json", policy::kStructuredWords);
  expect("logs.parse.logfmt", policy::kStructuredWords);
  expect("logs.parse.ansi", policy::kAnsiWords);
  expect("logs.parse.multiline", kMultilineRules);
  expect("logs.parse.multiline[]", kMultilineRules);
  expect("logs.parse.redact", kRedactRules);
  expect("logs.parse.redact[]", kRedactRules);
  expect("logs.sinks[].type", policy::kSinkWords);
  expect("logs.sinks[].match.streams[]", policy::kStreamWords);
  expect("logs.sinks[].when_full", policy::kWhenFullWords);
  expect("logs.sinks[].format", policy::kFormatWords);
  expect("logs.sinks[].rotate.compress", policy::kRotatedWords);
  expect("logs.sinks[].encoding", policy::kEncodingWords);
  expect("logs.sinks[].compress", policy::kCompressWords);
  expect("logs.sinks[].framing", policy::kFramingWords);
}

}  // namespace
}  // namespace cofferdam
