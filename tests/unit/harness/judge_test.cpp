#include "harness/judge.hpp"

#include <gtest/gtest.h>

#include <memory>

namespace cofferdam::harness {
namespace {

CountedFinding finding(const char* code, Severity severity = Severity::error) {
  CountedFinding entry;
  entry.finding.code = code;
  entry.finding.severity = severity;
  entry.finding.message = "a message";
  entry.finding.fix = "a fix";
  entry.finding.process = std::make_shared<const ProcessInfo>(
      ProcessInfo{.pid = 7, .exe = "/usr/bin/dash", .argv = {"sh", "-c", "x"}, .lineage = {"sh"}});
  entry.count = 2;
  return entry;
}

class Judge : public testing::Test {
 protected:
  Judge() {
    outcome_.directory = "/case";
    outcome_.report.emplace();
    outcome_.report->enforcement = {{"storage", Level::full, "a mount namespace", ""}};
    test_.where = {"a.test.yaml", 4, 5};
    test_.expect.where = test_.where;
  }
  [[nodiscard]] std::vector<std::string> messages() const {
    std::vector<std::string> out;
    for (const Problem& problem : judge(test_, outcome_)) out.push_back(problem.message);
    return out;
  }

  TestCase test_;
  Outcome outcome_;
};

TEST_F(Judge, ACleanRunPasses) {
  EXPECT_TRUE(messages().empty());
}

TEST_F(Judge, ARuleThatIsNotEnforcedInFullFailsWhateverElseHolds) {
  for (const Level level : {Level::partial, Level::none}) {
    outcome_.report->enforcement.front().level = level;
    EXPECT_EQ(messages().size(), 1U);
  }
  test_.expect.enforcement = {{"storage", "none"}};
  EXPECT_TRUE(messages().empty());
  test_.expect.enforcement = {{"storage", "partial"}};
  EXPECT_EQ(messages().size(), 1U);
  test_.expect.enforcement = {{"storage", "none"}, {"storrage", "none"}};
  EXPECT_EQ(messages().size(), 1U);
}

TEST_F(Judge, WithoutAReportNothingPassesThatDoesNotSayWhy) {
  outcome_.report.reset();
  outcome_.exit = 125;
  outcome_.messages = "cofferdam: SHOP_KEY is not set\n";
  EXPECT_EQ(messages().size(), 1U);
  test_.expect.exit = 125;
  EXPECT_EQ(messages().size(), 1U);
  test_.expect.messages.emplace().contains = {"SHOP_KEY"};
  EXPECT_TRUE(messages().empty());
  test_.expect.messages->contains = {"another reason"};
  EXPECT_EQ(messages().size(), 1U);
}

TEST_F(Judge, NotesFailNothingAndWarningsDo) {
  outcome_.report->findings = {finding("CD102", Severity::note)};
  EXPECT_TRUE(messages().empty());
  outcome_.report->findings = {finding("CD201", Severity::warning)};
  EXPECT_EQ(messages(), std::vector<std::string>{"not expected: CD201 (warning) by sh, 2 times: a message"});
}

TEST_F(Judge, CountsAreExactWhereGiven) {
  outcome_.report->findings = {finding("CD201"), finding("CD201")};
  test_.expect.findings = {{.where = {}, .code = "CD201", .count = 4}};
  EXPECT_TRUE(messages().empty());
  test_.expect.findings.front().count = 2;
  EXPECT_EQ(messages(), std::vector<std::string>{"CD201 came 4 times, expected 2"});
}

TEST_F(Judge, FoldedLossesStandForTheFilesBelow) {
  outcome_.report->folded.push_back({{"/case/media", "file", Change::created, 9, {}}, "upload", 900, {}, "web.1"});
  test_.expect.lost = {{{}, "media/*"}};
  test_.expect.other_losses = false;
  EXPECT_TRUE(messages().empty());
  test_.expect.lost = {{{}, "static/*"}};
  EXPECT_EQ(messages().size(), 2U);
}

TEST_F(Judge, OurOwnStopSignalCountsAsExitZeroUnlessTheCaseNamesAStatus) {
  outcome_.stopped = true;
  outcome_.exit = 143;
  EXPECT_TRUE(messages().empty());
  test_.expect.exit = 0;
  EXPECT_EQ(messages().size(), 1U);
  test_.expect.exit = 143;
  EXPECT_TRUE(messages().empty());
}

TEST_F(Judge, TimeAndInterruptsAreNeverAPass) {
  outcome_.timed_out = true;
  EXPECT_EQ(messages().size(), 1U);
  outcome_.interrupted = true;
  EXPECT_EQ(messages(), std::vector<std::string>{"interrupted"});
}

}  // namespace
}  // namespace cofferdam::harness
