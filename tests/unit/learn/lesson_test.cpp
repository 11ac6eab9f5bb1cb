#include "learn/lesson.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

namespace cofferdam::learn {
namespace {

using testing::AllOf;
using testing::ElementsAre;
using testing::Field;
using testing::HasSubstr;
using testing::IsEmpty;

constexpr std::uint64_t kMiB = 1ULL << 20;

ProcessRef process(const std::string& name) {
  return std::make_shared<ProcessInfo>(ProcessInfo{7, "/usr/bin/" + name, {name}, {name, "gunicorn"}});
}

class LessonTest : public testing::Test {
 protected:
  LessonTest() {
    policy.storage.mounts.resize(1);
    policy.storage.mounts[0].path = "/srv/shop";
    policy.storage.mounts[0].written = ".";
    policy.storage.mounts[0].type = MountType::overlay;
  }

  void connect(const std::string& to, const std::string& engine, const std::string& by) {
    report.connections.push_back({{to, engine, true, true, 0, process(by)}, 2, "web.1"});
  }
  void find(const std::string& code, const std::string& to, const std::string& by, const std::string& fix) {
    Finding finding;
    finding.code = code;
    finding.message = "connection to x at " + to + " refused: why";
    finding.fix = fix;
    finding.destination = to;
    finding.process = process(by);
    report.findings.push_back({finding, 1, {}, "web.1"});
  }

  Lesson lesson() {
    Observed observed{.policy = policy,
                      .report = report,
                      .writes = writes,
                      .more_writes = false,
                      .bounds = {.home = "/home/ann",
                                 .hidden = {},
                                 .is_directory = [](const std::string& path) { return path.find('.') == path.npos; }},
                      .variable_of = [](const std::string& to) { return to.ends_with("5432") ? "env:DB_URL" : ""; },
                      .mentioned_by = [](const std::string& to) { return to.ends_with("3306") ? "MYSQL_HOST" : ""; },
                      .name_of = [](const std::string& to) { return to; },
                      .may_leave = [](const std::string& to) { return to.starts_with("127."); }};
    return conclude(observed);
  }

  Policy policy;
  Report report;
  std::vector<Written> writes;
};

TEST_F(LessonTest, ADatabaseIsARowByItsVariable) {
  connect("10.0.0.5:5432", "postgres", "gunicorn");
  EXPECT_THAT(lesson().databases,
              ElementsAre(AllOf(Field(&Advice::row, "env:DB_URL"), Field(&Advice::why, HasSubstr("gunicorn 2 times"))),
                          Field(&Advice::row, "{from: one-off, to: env:DB_URL}")));
}

TEST_F(LessonTest, ADatabaseWithoutAVariableIsNamedWithADoubt) {
  connect("10.0.0.5:6379", "redis", "gunicorn");
  connect("10.0.0.5:3306", "mysql", "gunicorn");
  EXPECT_THAT(
      lesson().databases,
      ElementsAre(
          AllOf(Field(&Advice::row, "\"10.0.0.5:3306\""), Field(&Advice::why, HasSubstr("MYSQL_HOST names it"))),
          AllOf(Field(&Advice::row, "\"10.0.0.5:6379\""), Field(&Advice::why, HasSubstr("No variable names it"))),
          AllOf(Field(&Advice::row, "{from: one-off, to: \"10.0.0.5:3306\"}"),
                Field(&Advice::why, HasSubstr("cofferdam shell"))),
          AllOf(Field(&Advice::row, "{from: one-off, to: \"10.0.0.5:6379\"}"), Field(&Advice::why, ""))));
}

TEST_F(LessonTest, AClientIsNoReasonForARow) {
  connect("10.0.0.5:5432", "postgres", "psql");
  find("CD201", "10.0.0.5:5432", "psql", "use cofferdam shell");
  const Lesson drawn = lesson();
  EXPECT_THAT(drawn.databases, IsEmpty());
  EXPECT_THAT(drawn.also, IsEmpty());
  EXPECT_THAT(drawn.findings, ElementsAre(AllOf(HasSubstr("will be refused"), HasSubstr("use cofferdam shell"))));
}

TEST_F(LessonTest, AWorkerGetsItsRowAndItsDatabase) {
  connect("10.0.0.5:5432", "postgres", "celery");
  find("CD202", "10.0.0.5:5432", "celery",
       "if it is the app's worker, add this row to app.also: {exe: celery, argv: [\"*\", \"worker\"]}");
  const Lesson drawn = lesson();
  EXPECT_THAT(drawn.also, ElementsAre(Field(&Advice::row, "{exe: celery, argv: [\"*\", \"worker\"]}")));
  EXPECT_EQ(drawn.databases.size(), 2U);
  EXPECT_THAT(drawn.findings, IsEmpty());
}

TEST_F(LessonTest, WhereThePolicyNamesDatabasesOnlyWhatItLacksIsARow) {
  policy.database.allow.emplace_back();
  connect("10.0.0.5:5432", "postgres", "gunicorn");
  EXPECT_THAT(lesson().databases, IsEmpty());
  find("CD203", "10.0.0.5:5432", "gunicorn", "add it");
  const Lesson drawn = lesson();
  EXPECT_EQ(drawn.databases.size(), 2U);
  EXPECT_THAT(drawn.findings, IsEmpty());
}

TEST_F(LessonTest, SocketsOfTheMachineAreRowsButNotThoseThatOwnIt) {
  find("CD401", "unix:/run/clock.sock", "gunicorn", "");
  find("CD401", "unix:/run/docker.sock", "gunicorn", "");
  find("CD401", "unix:/run/nscd/socket", "gunicorn", "");
  const Lesson drawn = lesson();
  EXPECT_THAT(drawn.sockets,
              ElementsAre(AllOf(Field(&Advice::row, "\"/run/clock.sock\""), Field(&Advice::proposed, true)),
                          AllOf(Field(&Advice::row, "\"/run/docker.sock\""), Field(&Advice::proposed, false))));
  EXPECT_THAT(drawn.findings, ElementsAre(HasSubstr("docker.sock")));
}

TEST_F(LessonTest, EgressIsWhatLeavesTheMachineAndIsNoDatabase) {
  connect("1.2.3.4:443", "", "gunicorn");
  connect("127.0.0.1:8000", "", "gunicorn");
  connect("10.0.0.5:5432", "postgres", "gunicorn");
  connect("unix:/tmp/x.sock", "", "gunicorn");
  EXPECT_THAT(lesson().egress, ElementsAre(Field(&Advice::row, "\"1.2.3.4:443\"")));
}

TEST_F(LessonTest, AMountThatWasNearlyFullGetsMore) {
  report.storage = {{.path = "/srv/shop", .size = 512 * kMiB, .peak = 500 * kMiB}};
  EXPECT_THAT(lesson().mounts, ElementsAre(AllOf(Field(&MountAdvice::written, "."), Field(&MountAdvice::known, true),
                                                 Field(&MountAdvice::size, 1024 * kMiB))));
  report.storage = {{.path = "/srv/shop", .size = 512 * kMiB, .peak = 100 * kMiB}};
  EXPECT_THAT(lesson().mounts, IsEmpty());
}

TEST_F(LessonTest, WhatIsWrittenElsewhereGetsAMountOrAReason) {
  report.storage = {{.path = "/var", .size = 512 * kMiB, .peak = 60 * kMiB}};
  writes = {{"/var/lib/shop/a.json", 10, "gunicorn"}, {"/etc/shop.conf", 10, "gunicorn"}};
  const Lesson drawn = lesson();
  EXPECT_THAT(drawn.mounts,
              ElementsAre(AllOf(Field(&MountAdvice::written, "/var/lib/shop"), Field(&MountAdvice::known, false),
                                Field(&MountAdvice::size, 128 * kMiB))));
  EXPECT_THAT(drawn.places, ElementsAre(AllOf(HasSubstr("/etc"), HasSubstr("CD101"), HasSubstr("belongs to"))));
}

TEST_F(LessonTest, LossesOfNoKindAreToldTogether) {
  report.lost = {{{"/srv/shop/visits", "file", Change::created, 7}, "file", {}, "web.1"}};
  EXPECT_THAT(lesson().findings, ElementsAre(AllOf(HasSubstr("CD102 1 other file"), HasSubstr("/srv/shop/visits"))));
}

}  // namespace
}  // namespace cofferdam::learn
