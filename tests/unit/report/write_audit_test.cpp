#include "report/write_audit.hpp"

#include <gtest/gtest.h>

#include <cerrno>
#include <string>

namespace cofferdam::report {
namespace {

ProcessRef process(const std::string& exe, std::vector<std::string> argv = {}) {
  return std::make_shared<const ProcessInfo>(ProcessInfo{7, exe, std::move(argv), {}});
}

WriteEvent event(const std::string& call, const std::string& path, const ProcessRef& by, const std::string& to = "") {
  WriteEvent write;
  write.call = call;
  write.path = path;
  write.to = to;
  write.by = "mount";
  write.process = by;
  return write;
}

class ReportWriteAuditTest : public ::testing::Test {
 protected:
  void record(const WriteEvent& write, std::uint64_t count = 1) { audit.record(write, {++second, 5}, count); }
  Disagreement compare(const std::vector<ScannedChange>& changes, const ScanResult& scan = {}) {
    for (const ScannedChange& change : changes) audit.visit(change);
    return audit.conclude(scan);
  }
  std::string names(const std::string& path) const {
    std::string text;
    for (const Writer& writer : audit.writers_of(path)) {
      text += writer.process->exe + "*" + std::to_string(writer.count) + " ";
    }
    return text;
  }
  WriteAudit audit{100};
  std::time_t second = 0;
  ProcessRef a = process("a");
  ProcessRef b = process("b");
};

TEST_F(ReportWriteAuditTest, WritersAreCountedTheMostFrequentFirst) {
  record(event("openat", "/x", a));
  record(event("openat", "/x", b), 3);
  record(event("openat", "/x", process("a")));
  EXPECT_EQ(names("/x"), "b*3 a*2 ");
  EXPECT_EQ(names("/y"), "");
}

TEST_F(ReportWriteAuditTest, ARenamedFileKeepsItsWriter) {
  record(event("openat", "/x.tmp", a));
  record(event("rename", "/x.tmp", b, "/x"));
  EXPECT_EQ(names("/x"), "b*1 a*1 ");
  EXPECT_EQ(compare({{"/x", "file", Change::created, 1}}).unseen, 0U);
}

TEST_F(ReportWriteAuditTest, FilesBelowARenamedDirectoryBelongToTheRename) {
  record(event("rename", "/old", a, "/new"));
  EXPECT_EQ(names("/new/deep/x"), "a*1 ");
  EXPECT_EQ(names("/old/deep/x"), "a*1 ");
  EXPECT_EQ(names("/newer/x"), "");
}

TEST_F(ReportWriteAuditTest, RefusedWritesAreNoWitness) {
  WriteEvent refused = event("openat", "/x", a);
  refused.outcome = WriteOutcome::refused;
  record(refused);
  const Disagreement found = compare({{"/x", "file", Change::modified, 1}});
  EXPECT_EQ(found.unseen, 1U);
  EXPECT_EQ(found.unseen_paths.front(), "/x");
}

TEST_F(ReportWriteAuditTest, AGuessedFailureIsAWitnessAllTheSame) {
  WriteEvent failed = event("openat", "/x", a);
  failed.outcome = WriteOutcome::failed;
  failed.errnum = EACCES;
  record(failed);
  failed.path = "/y";
  failed.errnum = ENOENT;
  record(failed);
  EXPECT_EQ(compare({{"/x", "file", Change::modified, 1}}).unseen, 0U);
  EXPECT_EQ(compare({{"/y", "file", Change::modified, 1}}).unseen, 1U);
}

TEST_F(ReportWriteAuditTest, DirectoriesNeedNoEvent) {
  EXPECT_EQ(compare({{"/d", "directory", Change::metadata, 0}}).unseen, 0U);
}

TEST_F(ReportWriteAuditTest, CreationsMustBeInTheScanOrGoneAgain) {
  record(event("mkdir", "/kept", a));
  record(event("mkdir", "/removed", a));
  record(event("rmdir", "/removed", a));
  record(event("mkdir", "/moved", a));
  record(event("mkdir", "/moved/inner", a));
  record(event("rename", "/moved", a, "/target"));
  record(event("symlinkat", "/absent", a));
  record(event("link", "/kept", a, "/linked"));
  record(event("openat", "/maybe-unchanged", a));
  const Disagreement found = compare({{"/kept", "directory", Change::created, 0}});
  EXPECT_EQ(found.absent, 2U);
  EXPECT_EQ(found.absent_paths, (std::vector<std::string>{"/absent", "/linked"}));
}

TEST_F(ReportWriteAuditTest, WhatTheScanCouldNotReadIsNotHeldAgainstIt) {
  record(event("mkdir", "/secret/x", a));
  ScanResult result;
  result.unreadable = {{"/secret", "Permission denied"}};
  EXPECT_EQ(compare({}, result).absent, 0U);
}

TEST_F(ReportWriteAuditTest, BeyondTheLimitDirectoriesStandForTheirFiles) {
  for (int i = 0; i < 100; ++i) record(event("openat", "/full/" + std::to_string(i), a));
  record(event("openat", "/more/x", b));
  record(event("openat", "/more/y", b));
  record(event("unlink", "/more/gone", a));
  EXPECT_EQ(names("/more/x"), "b*2 ");
  EXPECT_EQ(names("/more/gone"), "a*1 ");
  EXPECT_EQ(compare({{"/more/y", "file", Change::created, 1}}).unseen, 0U);
  EXPECT_EQ(compare({{"/other/y", "file", Change::created, 1}}).unseen, 1U);
}

TEST_F(ReportWriteAuditTest, BeyondAllLimitsNothingIsClaimed) {
  for (int i = 0; i < 1000; ++i) {
    record(event("mkdir", "/d" + std::to_string(i) + "/x", process("p", {"p", std::to_string(i)})));
  }
  const Disagreement found = compare({{"/never/seen", "file", Change::created, 1}});
  EXPECT_EQ(found.unseen, 0U);
  EXPECT_EQ(found.absent, 0U);
}

TEST_F(ReportWriteAuditTest, EachWriterHasItsFirstAndLastTime) {
  record(event("openat", "/x", a));     // second 1
  record(event("openat", "/x", b));     // 2
  record(event("openat", "/x", a), 2);  // 3
  const Writers writers = audit.writers_of("/x");
  ASSERT_EQ(writers.size(), 2U);
  EXPECT_EQ(writers[0].first.tv_sec, 1);
  EXPECT_EQ(writers[0].last.tv_sec, 3);
  EXPECT_EQ(writers[0].last.tv_nsec, 5);
  EXPECT_EQ(writers[1].first.tv_sec, 2);
  EXPECT_EQ(writers[1].last.tv_sec, 2);
}

TEST_F(ReportWriteAuditTest, ARenameTakesTheTimesAlong) {
  record(event("openat", "/x.tmp", a));        // second 1
  record(event("rename", "/x.tmp", a, "/x"));  // 2
  const Writers writers = audit.writers_of("/x");
  ASSERT_EQ(writers.size(), 1U);
  EXPECT_EQ(writers[0].count, 2U);
  EXPECT_EQ(writers[0].first.tv_sec, 1);
  EXPECT_EQ(writers[0].last.tv_sec, 2);
}

TEST_F(ReportWriteAuditTest, ARepetitionCountsWhereItsEventDid) {
  const WriteAudit::Place place = audit.record(event("openat", "/x", a), {1, 0});
  for (int i = 0; i < 90; ++i) record(event("openat", "/full/" + std::to_string(i), b));
  audit.repeat(place, {500, 0}, 41);
  EXPECT_EQ(names("/x"), "a*42 ");
  EXPECT_EQ(audit.writers_of("/x").front().last.tv_sec, 500);
  audit.repeat({}, {500, 0}, 1);
}

TEST_F(ReportWriteAuditTest, APathNamesAtMostSoManyWriters) {
  for (int i = 0; i < 100; ++i) record(event("openat", "/x", process("p" + std::to_string(i))));
  EXPECT_EQ(audit.writers_of("/x").size(), WriteAudit::kMaxWriters);
}

TEST_F(ReportWriteAuditTest, ManyPathsByManyProcessesFitIntoAFewMebibytes) {
  WriteAudit large{65'536};
  for (int i = 0; i < 200'000; ++i) {
    const std::string path = "/data/" + std::to_string(i % 2000) + "/" + std::to_string(i);
    large.record(event(i % 3 == 0   ? "mkdir"
                       : i % 3 == 1 ? "openat"
                                    : "unlink",
                       path, i % 10 == 0 ? process("p" + std::to_string(i)) : a),
                 {i, 0});
  }
  EXPECT_LE(large.bytes(), 8U << 20);
  // What found no room of its own is known by its directory, and not held against the scan.
  EXPECT_FALSE(large.writers_of("/data/7/198007").empty());
  large.visit({"/data/7/198007", "file", Change::created, 1});
  EXPECT_EQ(large.conclude({}).unseen, 0U);
}

TEST_F(ReportWriteAuditTest, CreationsBeyondTheLimitAreNotChecked) {
  WriteAudit large{65'536};
  for (int i = 0; i < 50'000; ++i) large.record(event("mkdir", "/d/" + std::to_string(i), a), {i, 0});
  EXPECT_EQ(large.conclude({}).absent, WriteAudit::kMaxCreations);
}

}  // namespace
}  // namespace cofferdam::report
