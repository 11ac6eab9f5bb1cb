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

ScanResult scan(std::vector<ScannedChange> changes) {
  ScanResult result;
  result.changes = std::move(changes);
  return result;
}

class ReportWriteAuditTest : public ::testing::Test {
 protected:
  void record(const WriteEvent& write, std::uint64_t count = 1) { audit.record(++seq, write, count); }
  std::string names(const std::string& path) const {
    std::string text;
    for (const auto& [writer, count] : audit.writers_of(path)) text += writer->exe + "*" + std::to_string(count) + " ";
    return text;
  }
  WriteAudit audit{100};
  std::uint64_t seq = 0;
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
  EXPECT_EQ(audit.compare(scan({{"/x", "file", Change::created, 1}})).unseen, 0U);
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
  const Disagreement found = audit.compare(scan({{"/x", "file", Change::modified, 1}}));
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
  EXPECT_EQ(audit.compare(scan({{"/x", "file", Change::modified, 1}})).unseen, 0U);
  EXPECT_EQ(audit.compare(scan({{"/y", "file", Change::modified, 1}})).unseen, 1U);
}

TEST_F(ReportWriteAuditTest, DirectoriesNeedNoEvent) {
  EXPECT_EQ(audit.compare(scan({{"/d", "directory", Change::metadata, 0}})).unseen, 0U);
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
  const Disagreement found = audit.compare(scan({{"/kept", "directory", Change::created, 0}}));
  EXPECT_EQ(found.absent, 2U);
  EXPECT_EQ(found.absent_paths, (std::vector<std::string>{"/absent", "/linked"}));
}

TEST_F(ReportWriteAuditTest, WhatTheScanCouldNotReadIsNotHeldAgainstIt) {
  record(event("mkdir", "/secret/x", a));
  ScanResult result;
  result.unreadable = {"/secret"};
  EXPECT_EQ(audit.compare(result).absent, 0U);
}

TEST_F(ReportWriteAuditTest, BeyondTheLimitDirectoriesStandForTheirFiles) {
  for (int i = 0; i < 100; ++i) record(event("openat", "/full/" + std::to_string(i), a));
  record(event("openat", "/more/x", b));
  record(event("openat", "/more/y", b));
  record(event("unlink", "/more/gone", a));
  EXPECT_EQ(names("/more/x"), "b*2 ");
  EXPECT_EQ(names("/more/gone"), "a*1 ");
  EXPECT_EQ(audit.compare(scan({{"/more/y", "file", Change::created, 1}})).unseen, 0U);
  EXPECT_EQ(audit.compare(scan({{"/other/y", "file", Change::created, 1}})).unseen, 1U);
}

TEST_F(ReportWriteAuditTest, BeyondAllLimitsNothingIsClaimed) {
  for (int i = 0; i < 1000; ++i) {
    record(event("mkdir", "/d" + std::to_string(i) + "/x", process("p", {"p", std::to_string(i)})));
  }
  const Disagreement found = audit.compare(scan({{"/never/seen", "file", Change::created, 1}}));
  EXPECT_EQ(found.unseen, 0U);
  EXPECT_EQ(found.absent, 0U);
}

}  // namespace
}  // namespace cofferdam::report
