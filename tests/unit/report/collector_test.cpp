#include "report/collector.hpp"

#include <gtest/gtest.h>

#include <string>

namespace cofferdam::report {
namespace {

class CollectorTest : public ::testing::Test {
 protected:
  template <class Body>
  std::uint64_t send(Body body, const std::string& instance = "web.1") {
    Event event;
    event.seq = ++seq;
    event.ts = {1769860800 + static_cast<long>(seq), 0};
    event.instance = instance;
    event.body = std::move(body);
    collector.on_event(event);
    return seq;
  }
  static WriteEvent written(const std::string& path, const ProcessRef& by) {
    WriteEvent write;
    write.call = "openat";
    write.path = path;
    write.by = "mount";
    write.process = by;
    return write;
  }
  static Finding refusal(const std::string& message, const std::string& exe) {
    Finding finding;
    finding.code = "CD201";
    finding.message = message;
    finding.process = std::make_shared<const ProcessInfo>(ProcessInfo{7, exe, {exe}, {exe}});
    finding.destination = "127.0.0.1:5432";
    return finding;
  }
  static std::vector<std::string> codes(const Report& report) {
    std::vector<std::string> all;
    for (const CountedFinding& entry : report.findings) all.push_back(entry.finding.code);
    return all;
  }

  void finish(const std::vector<ScannedChange>& changes, const LogCount& logs = {}, std::uint64_t memory_peak = 0) {
    for (const ScannedChange& change : changes) collector.visit("web.1", change);
    (void)collector.finish("web.1", {}, memory_peak);
    collector.add_logs(logs);
  }

  Collector collector{{.policy = "twelve-factor",
                       .directory = "/srv/app",
                       .audit_ignore = {"**/ignored/**"},
                       .max_paths = 100,
                       .max_entries = 10,
                       .creations_are_certain = true,
                       .losses = {}}};
  ProcessRef app = std::make_shared<const ProcessInfo>(ProcessInfo{1, "/usr/bin/gunicorn", {"gunicorn"}, {"gunicorn"}});
  std::uint64_t seq = 0;
};

TEST_F(CollectorTest, TakesTheRunFromItsEvents) {
  StartedEvent started;
  started.mode = "local";
  started.command = {"gunicorn", "app"};
  started.enforcement = {{"storage", Level::full, "mount namespace", ""}};
  send(started);
  send(ExitedEvent{0, std::nullopt});
  LogCount logs;
  logs.out = {2, 40};
  logs.sinks = {{.type = "console", .name = "console", .records = 2, .delivered = 2}};
  finish({}, logs, 4096);
  const Report report = collector.take();
  EXPECT_EQ(report.policy, "twelve-factor");
  EXPECT_EQ(report.mode, "local");
  EXPECT_EQ(report.started.tv_sec, 1769860801);
  EXPECT_EQ(report.ended.tv_sec, 1769860802);
  ASSERT_EQ(report.instances.size(), 1U);
  EXPECT_EQ(report.instances[0].code, 0);
  EXPECT_EQ(report.instances[0].memory_peak, 4096U);
  EXPECT_EQ(report.logs.out.bytes, 40U);
  EXPECT_TRUE(report.findings.empty());
}

TEST_F(CollectorTest, IdenticalFindingsAreOneWithACount) {
  const std::uint64_t first = send(refusal("psql may not", "/usr/bin/psql"));
  send(refusal("psql may not", "/usr/bin/psql"));
  send(refusal("psql may not", "/usr/bin/other"));
  send(refusal("psql may not", "/usr/bin/psql"), "web.2");
  send(RepeatedEvent{first, 5});
  send(RepeatedEvent{999, 5});
  const Report report = collector.take();
  ASSERT_EQ(report.findings.size(), 3U);
  EXPECT_EQ(report.findings[0].count, 7U);
  EXPECT_EQ(report.findings[0].first.tv_sec, 1769860801);
  EXPECT_EQ(report.findings[2].instance, "web.2");
}

TEST_F(CollectorTest, ConnectionsFoldByDestinationVerdictAndProgram) {
  const ConnectEvent allowed{"127.0.0.1:5432", "postgres", true, true, 0, app};
  ConnectEvent failed = allowed;
  failed.connected = false;
  send(allowed);
  send(allowed);
  const std::uint64_t of = send(failed);
  send(RepeatedEvent{of, 2});
  const Report report = collector.take();
  ASSERT_EQ(report.connections.size(), 2U);
  EXPECT_EQ(report.connections[0].count, 2U);
  EXPECT_EQ(report.connections[1].count, 3U);
}

TEST_F(CollectorTest, MemoryIsBounded) {
  for (int i = 0; i < 1000; ++i) {
    send(refusal("no " + std::to_string(i), "/bin/" + std::to_string(i)));
    ConnectEvent connect{"10.0.0.1:" + std::to_string(i), "", true, true, 0, refusal("", std::to_string(i)).process};
    send(connect);
  }
  const Report report = collector.take();
  EXPECT_EQ(report.findings.size(), 11U);
  EXPECT_EQ(report.findings.back().count, 990U);
  EXPECT_LE(report.connections.size(), 22U);
  std::uint64_t all = 0;
  for (const CountedConnection& entry : report.connections) all += entry.count;
  EXPECT_EQ(all, 1000U);
}

TEST_F(CollectorTest, LostFilesHaveTheirWritersAndClasses) {
  const std::uint64_t of = send(written("/srv/media/a.png", app));
  send(RepeatedEvent{of, 2, {1769860900, 7}});
  send(written("/srv/app.log", app));
  send(written("/srv/ignored/x", app));
  finish({{"/srv/app.log", "file", Change::created, 10},
          {"/srv/ignored/x", "file", Change::created, 1},
          {"/srv/media/a.png", "file", Change::created, 1000}});
  const Report report = collector.take();
  EXPECT_EQ(report.audit_events, 5U);
  EXPECT_EQ(report.audit_disagreements, 0U);
  ASSERT_EQ(report.lost.size(), 2U);
  EXPECT_EQ(report.lost[0].file_class, "log");
  EXPECT_EQ(report.lost[1].writers.front().count, 3U);
  EXPECT_EQ(report.lost[1].writers.front().first.tv_sec, 1769860801);
  EXPECT_EQ(report.lost[1].writers.front().last.tv_sec, 1769860900);
  ASSERT_EQ(codes(report), (std::vector<std::string>{"CD110", "CD301"}));
  EXPECT_EQ(report.findings[1].finding.message,
            "log file /srv/app.log (10 bytes) is lost with the instance; "
            "insight comes from the log stream, nobody looks into an instance");
  EXPECT_NE(report.findings[1].finding.fix.find("--error-logfile -"), std::string::npos);
  EXPECT_EQ(report.findings[0].finding.severity, Severity::warning);
}

// `**/ignored/**` is how people write "that directory".
TEST_F(CollectorTest, AnIgnoredDirectoryIsNotLostEither) {
  collector.visit("web.1", {"/srv/ignored", "directory", Change::created, 0});
  collector.visit("web.1", {"/srv/ignored/sub", "directory", Change::created, 0});
  collector.visit("web.1", {"/srv/other/ignored", "file", Change::created, 1});
  (void)collector.finish("web.1", {}, 0);
  const Report report = collector.take();
  ASSERT_EQ(report.lost.size(), 1U);
  EXPECT_EQ(report.lost[0].what.path, "/srv/other/ignored");
}

TEST_F(CollectorTest, ADisagreementIsOurDefectAndSaysSo) {
  WriteEvent made = written("/srv/made", app);
  made.call = "mkdir";
  send(made);
  // Ignored paths take part in the comparison.
  finish({{"/srv/ignored/x", "file", Change::created, 1}});
  const Report report = collector.take();
  EXPECT_EQ(report.audit_disagreements, 2U);
  ASSERT_EQ(codes(report), (std::vector<std::string>{"CD104", "CD104"}));
  EXPECT_NE(report.findings[0].finding.fix.find("defect of cofferdam"), std::string::npos);
}

TEST_F(CollectorTest, InAContainerADisagreementMayBeSomebodyElses) {
  StartedEvent started;
  started.mode = "container";
  send(started);
  finish({{"/tmp/x", "file", Change::created, 1}});
  const Report report = collector.take();
  ASSERT_EQ(codes(report), (std::vector<std::string>{"CD102", "CD104"}));
  EXPECT_NE(report.findings[1].finding.fix.find("docker exec"), std::string::npos);
}

TEST_F(CollectorTest, LostEventsAreNoDisagreement) {
  send(GapEvent{3, "queue full", ""});
  finish({{"/srv/x", "file", Change::created, 1}});
  const Report report = collector.take();
  EXPECT_EQ(report.audit_disagreements, 0U);
  EXPECT_EQ(codes(report), (std::vector<std::string>{"CD102", "CD104"}));
}

TEST_F(CollectorTest, TheCollectorIsEmptyAfterwards) {
  send(refusal("no", "/bin/x"));
  (void)collector.take();
  send(refusal("no", "/bin/x"));
  EXPECT_EQ(collector.take().findings.size(), 1U);
}

}  // namespace
}  // namespace cofferdam::report
