// The policy written out again: it says the same.
#include "policy/effective.hpp"

#include <regex>
#include <sstream>
#include <string>

#include "policy/builtin.hpp"
#include "unit/policy/policy_files.hpp"

namespace cofferdam {
namespace {

class EffectivePolicy : public PolicyFiles {
 protected:
  // Loads what effective_yaml wrote and writes it again.
  [[nodiscard]] std::string again(const std::string& yaml) const { return policy::effective_yaml(policy_of(yaml)); }
};

std::string without_comments(const std::string& yaml) {
  return std::regex_replace(std::regex_replace(yaml, std::regex("(^|\n)# [^\n]*"), ""), std::regex("  # .*"), "");
}

TEST_F(EffectivePolicy, LoadsToTheSamePolicy) {
  const std::string all = policy::effective_yaml(policy_of(R"(version: 1
extends: none
mode: local
enforcement: degraded
app:
  also:
    - celery
    - {exe: node, argv: ["*", "it's \"#\" \\ here"]}
storage:
  mounts:
    - {path: ".", type: overlay, size: 1GiB, inodes: 1000, watch: true}
    - {path: /scratch, type: tmpfs, size: 100KiB, exec: false, optional: true}
    - {path: ./static, type: read-only}
    - {path: ~/.ssh, type: hidden}
    - {path: .next, type: persistent}
  audit: {ignore: ["**/__pycache__/**", "*.log"]}
database:
  engines: [postgres, redis]
  ports: [15432]
  sockets: ["./db/*.sock", "@db"]
  allow:
    - env:DATABASE_URL
    - {from: any, to: "cache.local:6379"}
    - {from: one-off, to: "unix:~/db.sock"}
    - "[fd00::]/8:5432"
network: {egress: deny, allow: ["api.example.com:443", "10.0.0.0/8"]}
access: {remote_login: deny, debug: allow}
devices: [/dev/dri]
sockets: [/run/user/1000/wayland-0]
limits: {memory: 3GiB, processes: 512, cpu: 1.5, open_files: 4096}
environment:
  files: [.env]
  export: true
  require: [DATABASE_URL]
  set: {A: "1", B: "", C: "two\nlines"}
  drop: [D]
logs:
  capture: pty
  syslog_socket: true
  max_record: 32KiB
  parse:
    json: merge
    logfmt: nest
    multiline: none
    ansi: strip
    redact: [jwt, bearer]
    redact_values: ["*_TOKEN"]
    rate: 100
    burst: 200
    sample: 3
  spill: {path: ./spool, size: 1GiB}
  shutdown_timeout: 1500ms
  sinks:
    - {type: console, format: json, when_full: drop-newest, buffer: 128KiB}
    - {type: file, path: ./app.jsonl, rotate: {size: 1MiB, age: 1h, keep: 2, total: 2GiB, compress: gzip}}
    - {type: otlp, name: main, endpoint: "https://a:1/x", match: {level: ">=info", streams: [stdout], contains: "a\"b"},
       headers: {Authorization: env:T}, resource: {service.name: shop}, encoding: json, compress: gzip, timeout: 3s,
       require: true, fallback: ./lost, tls: {ca_file: ./ca.pem, verify: false}}
    - {type: fluentd, address: "[::1]:24225", tag: app, ack: false, shared_key: env:K, tls: {enabled: true}}
    - {type: syslog, address: "tls://b", facility: local3, app_name: shop, framing: lf, max_message: 9000}
    - {type: sentry, dsn: env:SENTRY_DSN, environment: dev, release: r1}
run: {replicas: 3, restart: on-failure, readiness: {http: "/up?a=\"1\"", port: 8080, timeout: 5s}, stop_signal: QUIT,
      stop_grace: 1500ms}
)"));
  EXPECT_EQ(without_comments(again(all)), without_comments(all));
  for (const char* text : {"mode: local",
                           "enforcement: degraded",
                           "it's \\\"#\\\"",
                           "size: 1GiB, inodes: 1000, watch",
                           "size: 100KiB, exec: false",
                           "/home/ada/.ssh\", type: hidden",
                           "    - postgres\n    - redis\n",
                           "unix:/home/ada/db.sock",
                           "one-off",
                           "fd00::",
                           "egress: deny",
                           "10.0.0.0/8",
                           "  remote_login: deny\n  debug: allow\n",
                           "/dev/dri",
                           "wayland-0",
                           "limits:\n  memory: 3GiB\n  processes: 512\n  cpu: 1.5\n  open_files: 4096\n",
                           "export: true",
                           "two\\nlines",
                           "/app.jsonl",
                           "multiline: none",
                           "format: json",
                           "drop-newest",
                           "buffer: 128KiB",
                           "keep: 2",
                           "shutdown_timeout: 1500ms",
                           "service.name",
                           "verify: false",
                           "ack: false",
                           "framing: lf",
                           "max_message: 9000",
                           "environment: \"dev\"",
                           "replicas: 3",
                           "restart: on-failure",
                           "  readiness:\n    timeout: 5s\n",
                           "port: 8080",
                           "SIGQUIT",
                           "1500ms"}) {
    EXPECT_NE(all.find(text), std::string::npos) << text << " is not in\n" << all;
  }
}

TEST_F(EffectivePolicy, LoadsToTheSamePolicyForEachShippedOne) {
  for (const policy::BuiltinPolicy& each : policy::builtin_policies()) {
    const auto loaded = load(std::string(each.name));
    ASSERT_TRUE(loaded);
    const std::string yaml = policy::effective_yaml(loaded->policy);
    EXPECT_EQ(without_comments(again(yaml)), without_comments(yaml)) << each.name;
    EXPECT_EQ(without_comments(again(policy::effective_yaml(loaded->policy, &loaded->origins))), without_comments(yaml))
        << each.name;
  }
}

TEST_F(EffectivePolicy, SaysWhereEachRowWasWritten) {
  const std::string yaml =
      policy::effective_yaml(policy_of("version: 1\n"
                                       "extends: twelve-factor\n"
                                       "storage:\n"
                                       "  mounts:\n"
                                       "    - {path: /tmp, type: tmpfs, size: 1GiB}\n"));
  EXPECT_NE(yaml.find("{path: \"/tmp\", type: tmpfs, size: 1GiB}  # p.yaml:5\n"), std::string::npos) << yaml;
  EXPECT_NE(yaml.find("/.ssh\", type: hidden, optional: true}  # twelve-factor (built in):"), std::string::npos)
      << yaml;
}

TEST_F(EffectivePolicy, SaysWhereEachValueWasWritten) {
  write("base.yaml",
        "version: 1\n"                                                   // 1
        "extends: none\n"                                                // 2
        "mode: local\n"                                                  // 3
        "storage:\n"                                                     // 4
        "  mounts:\n"                                                    // 5
        "    - {path: /tmp, type: tmpfs, size: 1MiB, exec: false}\n"     // 6
        "  audit: {ignore: [\"*.log\"]}\n"                               // 7
        "database:\n"                                                    // 8
        "  engines: [redis]\n"                                           // 9
        "  ports: [15432]\n"                                             // 10
        "  sockets: [./db.sock, \"@db\"]\n"                              // 11
        "limits: {memory: 1GiB, processes: 9}\n"                         // 12
        "environment: {files: [.env], set: {A: a, BC: b}, drop: [D]}\n"  // 13
        "logs: {parse: {redact: all, redact_values: [\"*_TOKEN\"]}}\n"   // 14
        "run:\n"                                                         // 15
        "  readiness: {port: 80, timeout: 3s}\n");                       // 16
  const auto loaded = load_text(
      "version: 1\n"                                                                 // 1
      "extends: ./base.yaml\n"                                                       // 2
      "storage: {mounts: [{path: /tmp, size: 2MiB}, {path: /data, type: tmpfs}]}\n"  // 3
      "database:\n"                                                                  // 4
      "  engines: [postgresql, redis]\n"                                             // 5
      "  ports: [15432, 1]\n"                                                        // 6
      "limits: {memory: 2GiB}\n"                                                     // 7
      "environment: {set: {A: z, D: d}}\n"                                           // 8
      "logs:\n"                                                                      // 9
      "  parse: {multiline: [java]}\n"                                               // 10
      "  spill: {path: ./spool}\n"                                                   // 11
      "  sinks: [{type: console}]\n"                                                 // 12
      "run: {readiness: {port: 81}}\n");                                             // 13
  ASSERT_TRUE(loaded) << format_diagnostic(loaded.error().front());
  const std::string yaml = policy::effective_yaml(loaded->policy, &loaded->origins);
  const std::string base = root_ + "/base.yaml";
  for (const std::string& line : {
           "mode: local  # " + base + ":3",
           std::string("enforcement: strict  # default"),
           "exec: false}  # p.yaml:3; type from " + base + ":6; exec from " + base + ":6",
           std::string("{path: \"/data\", type: tmpfs}  # p.yaml:3; size by default: 512MiB"),
           "- \"" + root_ + "/*.log\"  # " + base + ":7",
           std::string("- postgres  # p.yaml:5"),
           std::string("- redis  # p.yaml:5"),
           "- 15432  # " + base + ":10",
           std::string("- 1  # p.yaml:6"),
           "/db.sock\"  # " + base + ":11",
           "- \"@db\"  # " + base + ":11",
           std::string("egress: allow  # default"),
           std::string("remote_login: deny  # default"),
           std::string("memory: 2GiB  # p.yaml:7"),
           "processes: 9  # " + base + ":12",
           std::string("# limits.cpu: no limit, the default"),
           "/.env\"  # " + base + ":13",
           std::string("export: false  # default"),
           std::string("\"A\": \"z\"  # p.yaml:8"),
           "\"BC\": \"b\"  # " + base + ":13",
           std::string("\"D\": \"d\"  # p.yaml:8"),
           std::string("- java  # p.yaml:10"),
           "- jwt  # " + base + ":14",
           "- \"*_TOKEN\"  # " + base + ":14",
           std::string("/spool\"  # p.yaml:11"),
           std::string("size: 64MiB  # default"),
           std::string("capture: pipe  # default"),
           std::string("- {type: console}  # p.yaml:12"),
           std::string("timeout: 30s  # default"),
           std::string("port: 81  # p.yaml:13"),
           std::string("stop_grace: 10s  # default"),
       }) {
    EXPECT_NE(yaml.find(line + "\n"), std::string::npos) << line << " is not in\n" << yaml;
  }
}

// A value that a new key brings must have an origin, too.
TEST_F(EffectivePolicy, LeavesNoValueWithoutAnOrigin) {
  for (const policy::BuiltinPolicy& each : policy::builtin_policies()) {
    const auto loaded = load(std::string(each.name));
    ASSERT_TRUE(loaded);
    std::istringstream lines(policy::effective_yaml(loaded->policy, &loaded->origins));
    std::string line;
    for (int number = 1; std::getline(lines, line); ++number) {
      const bool opens = line.ends_with(':') && line.find('"') == std::string::npos;
      const bool fixed = number <= 2 || line.starts_with("# ");
      EXPECT_TRUE(opens || fixed || line.find("  # ") != std::string::npos) << each.name << ": " << line;
    }
  }
}

TEST_F(EffectivePolicy, NamesTheInlinePolicy) {
  write("p.yaml", "version: 1\nextends: none\nrun: {replicas: 2}\n");
  context_.inline_text = "run: {stop_grace: 1s}\nenvironment: {drop: [A]}\n";
  const auto loaded = load("p.yaml");
  ASSERT_TRUE(loaded);
  const std::string yaml = policy::effective_yaml(loaded->policy, &loaded->origins);
  EXPECT_NE(yaml.find("stop_grace: 1s  # (inline policy):1\n"), std::string::npos) << yaml;
  EXPECT_NE(yaml.find("replicas: 2  # p.yaml:3\n"), std::string::npos) << yaml;
}

}  // namespace
}  // namespace cofferdam
