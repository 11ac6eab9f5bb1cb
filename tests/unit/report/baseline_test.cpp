#include "report/baseline.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

namespace cofferdam::report {
namespace {

using testing::ElementsAre;
using testing::HasSubstr;

CountedFinding finding(const std::string& code, const std::string& path, const std::string& destination = "",
                       std::uint64_t count = 1) {
  Finding one;
  one.code = code;
  one.path = path;
  one.destination = destination;
  one.process = std::make_shared<ProcessInfo>(ProcessInfo{42, "/usr/bin/python3.11", {"gunicorn"}, {"gunicorn", "sh"}});
  return {one, count, {}, "web.1"};
}

std::string what(const CountedFinding& counted) {
  return entry_of(counted, "/home/ann/shop", "/home/ann").what;
}

TEST(Baseline, AnEntryIsTheSameInEveryRun) {
  EXPECT_EQ(entry_of(finding("CD201", "", "10.0.0.5:5432"), "", ""),
            (BaselineEntry{"CD201", "gunicorn", "10.0.0.5:5432"}));
  EXPECT_EQ(what(finding("CD201", "", "127.0.0.1:41234")), "127.0.0.1:*");
  EXPECT_EQ(what(finding("CD206", "", "[2001:db8::1]:443")), "[2001:db8::1]:443");
  EXPECT_EQ(what(finding("CD401", "", "unix:/run/user/1000/bus")), "unix:/run/user/*/bus");
  EXPECT_EQ(what(finding("CD101", "/etc/shop.conf")), "/etc/shop.conf");
  EXPECT_EQ(what(finding("CD101", "/var/lib/shop/app.1234.pid")), "/var/lib/shop/*");
  EXPECT_EQ(what(finding("CD101", "/home/ann/shop/x")), "./x");
  EXPECT_EQ(what(finding("CD101", "/home/ann/.npm/x")), "~/.npm/x");
  EXPECT_EQ(what(finding("CD102", "/home/ann/shop/visits")), "");
}

TEST(Baseline, OneLostFileAndManyAreOneEntry) {
  EXPECT_EQ(what(finding("CD110", "/home/ann/shop/media/2026/a.png")), "./media");
  EXPECT_EQ(what(finding("CD110", "/home/ann/shop/media", "", 7)), "./media");
  EXPECT_EQ(what(finding("CD111", "/home/ann/shop/db.sqlite3")), ".");
  EXPECT_EQ(what(finding("CD121", "/tmp/abc")), "/tmp");
  EXPECT_EQ(what(finding("CD121", "/tmp", "", 9)), "/tmp");
}

TEST(Baseline, IsReadBackAsItWasWritten) {
  Report report;
  report.directory = "/home/ann/shop";
  report.findings = {finding("CD201", "", "db:5432"), finding("CD110", "/home/ann/shop/media/a.png"),
                     finding("CD110", "/home/ann/shop/media/b.png"), finding("CD101", "/etc/a \"b\"\n")};
  const Baseline baseline = baseline_of(report, "/home/ann");
  EXPECT_EQ(baseline.size(), 3U);
  const std::string text = to_text(baseline);
  EXPECT_EQ(text,
            "{\"cofferdam_baseline\":1}\n"
            "{\"code\":\"CD101\",\"program\":\"gunicorn\",\"what\":\"/etc/a \\\"b\\\"\\n\"}\n"
            "{\"code\":\"CD110\",\"program\":\"gunicorn\",\"what\":\"./media\"}\n"
            "{\"code\":\"CD201\",\"program\":\"gunicorn\",\"what\":\"db:5432\"}\n");
  EXPECT_EQ(parse_baseline(text).value(), baseline);
}

TEST(Baseline, SaysWhichLineIsWrong) {
  EXPECT_THAT(parse_baseline("").error().message, HasSubstr("line 1"));
  EXPECT_THAT(parse_baseline("hello\n").error().message, HasSubstr("no baseline"));
  for (const char* line : {"x", "{}", "[]", "{\"code\":1}", "{\"code\":\"\"}"}) {
    const auto result = parse_baseline("{\"cofferdam_baseline\":1}\n\n" + std::string(line) + "\n");
    ASSERT_FALSE(result) << line;
    EXPECT_THAT(result.error().message, HasSubstr("line 3")) << line;
  }
}

TEST(Baseline, KnownFindingsGoAndVanishedEntriesAreTold) {
  Report report;
  report.directory = "/home/ann/shop";
  report.findings = {finding("CD110", "/home/ann/shop/media/b.png"), finding("CD111", "/home/ann/shop/db.sqlite3")};
  const Baseline baseline = {{"CD110", "gunicorn", "./media"}, {"CD113", "gunicorn", "./sessions"}};
  const Compared compared = take_known(report, baseline, "/home/ann");
  EXPECT_EQ(compared.known, 1U);
  EXPECT_THAT(compared.vanished, ElementsAre(BaselineEntry{"CD113", "gunicorn", "./sessions"}));
  ASSERT_EQ(report.findings.size(), 1U);
  EXPECT_EQ(report.findings[0].finding.code, "CD111");
}

}  // namespace
}  // namespace cofferdam::report
