// The policy written out again: it says the same.
#include "policy/effective.hpp"

#include <regex>
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
  return std::regex_replace(yaml, std::regex("  # .*"), "");
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
                           "[postgres, redis]",
                           "unix:/home/ada/db.sock",
                           "one-off",
                           "fd00::",
                           "egress: deny",
                           "10.0.0.0/8",
                           "{remote_login: deny, debug: allow}",
                           "/dev/dri",
                           "wayland-0",
                           "limits: {memory: 3GiB, processes: 512, cpu: 1.5, open_files: 4096}",
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
                           "readiness: {timeout: 5s",
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

}  // namespace
}  // namespace cofferdam
