#include "report/html.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

namespace cofferdam::report {
namespace {

using testing::HasSubstr;
using testing::Not;

Report some() {
  Report report;
  report.command = {"gunicorn", "shop.wsgi"};
  report.policy = "django";
  report.mode = "local";
  report.instances = {{.name = "web.1", .code = 0}};
  return report;
}

LostFile lost(const std::string& path, std::uint64_t bytes, const std::string& file_class = "file") {
  return {{path, "file", Change::created, bytes}, file_class, {}, "web.1"};
}

TEST(Html, NeedsNothingFromOutside) {
  Report report = some();
  report.lost = {lost("/srv/a", 1)};
  const std::string html = report_html(report, false);
  EXPECT_THAT(html, HasSubstr("default-src 'none'"));
  for (const char* outside : {"<script", "http://", "https://", "@import", "url(", "<link", "<img", "<iframe"}) {
    EXPECT_THAT(html, Not(HasSubstr(outside))) << outside;
  }
}

TEST(Html, WhateverAnAppNamesIsText) {
  const std::string evil = "</style><script>alert(1)</script>\"'><img src=x onerror=alert(1)>\x1b[31m\xe2\x80\xae";
  Report report = some();
  report.command = {evil};
  report.policy = report.mode = evil;
  const auto process = std::make_shared<ProcessInfo>(ProcessInfo{1, evil, {evil}, {evil}});
  report.lost = {lost("/srv/" + evil, 1, evil)};
  report.kept = {{evil, "file", Change::created, 1}};
  Finding finding;
  finding.code = finding.message = finding.fix = finding.path = finding.destination = evil;
  finding.policy = {evil, evil, 3};
  finding.process = process;
  report.findings = {{finding, 2, {}, evil}};
  report.connections = {{{evil, evil, true, true, 0, process}, 2, evil}};
  report.storage = {{.path = evil, .size = 2, .peak = 1}};
  report.enforcement = {{evil, Level::partial, evil, evil}};
  report.logs.sinks = {{.type = evil, .name = evil}};
  report.instances = {{.name = evil, .code = 0}, {.name = "b"}};
  const std::string html = report_html(report, true);
  EXPECT_THAT(html, Not(HasSubstr("<script")));
  EXPECT_THAT(html, Not(HasSubstr("<img")));
  EXPECT_THAT(html, Not(HasSubstr("\x1b")));
  EXPECT_THAT(html, Not(HasSubstr("\xe2\x80\xae")));
  EXPECT_THAT(html, Not(HasSubstr("\"'>")));
}

TEST(Html, ShowsTheLargestOfManyFiles) {
  Report report = some();
  for (int i = 0; i < 1000; ++i)
    report.lost.push_back(lost("/srv/data/" + std::to_string(i), static_cast<std::uint64_t>(i)));
  const std::string html = report_html(report, false);
  EXPECT_THAT(html, HasSubstr("<code>999</code>"));
  EXPECT_THAT(html, Not(HasSubstr("<code>500</code>")));
  EXPECT_THAT(html, HasSubstr("and 988 more (988 files)"));
  EXPECT_THAT(report_html(report, true), HasSubstr("<code>500</code>"));
}

TEST(Html, SaysWhenThereIsNothing) {
  const std::string html = report_html(some(), false);
  EXPECT_THAT(html, HasSubstr("No findings"));
  EXPECT_THAT(html, HasSubstr("Nothing was lost"));
  EXPECT_THAT(html, Not(HasSubstr("href=\"#timeline\"")));
}

TEST(Html, TheTimelineIsATableAsWell) {
  Report report = some();
  report.timeline.width = 100;
  report.timeline.points.resize(200);
  report.timeline.points[7].writes = 5;
  report.timeline.points[150].connections = 3;
  report.timeline.points[150].refused = 1;
  const std::string html = report_html(report, false);
  EXPECT_THAT(html, HasSubstr("aria-label=\"Writes over time: 5 calls"));
  EXPECT_THAT(html, HasSubstr("3 attempts, 1 refused"));
  EXPECT_THAT(html, HasSubstr("In steps of 0.9 s"));
}

}  // namespace
}  // namespace cofferdam::report
