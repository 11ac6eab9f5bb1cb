// What code scanning services read.
#include "report/sarif.hpp"

#include <gtest/gtest.h>

#include <nlohmann/json.hpp>

#include "report/junit.hpp"

namespace cofferdam::report {
namespace {

using json = nlohmann::json;

CountedFinding found(const std::string& code, Severity severity, const std::string& path,
                     const std::string& destination) {
  CountedFinding counted;
  counted.finding.code = code;
  counted.finding.severity = severity;
  counted.finding.message = "what <was> done & \"how\"";
  counted.finding.fix = "do it otherwise";
  counted.finding.path = path;
  counted.finding.destination = destination;
  counted.finding.policy = {.key = "database.allow", .file = "cofferdam.yaml", .line = 7};
  auto process = std::make_shared<ProcessInfo>();
  process->exe = "/usr/bin/psql";
  process->argv = {"psql", "-c", "x"};
  counted.finding.process = process;
  return counted;
}

json sarif_of(const Report& report) {
  return json::parse(to_sarif(sarif_results(report), "/work/shop"));
}

TEST(Sarif, ADocumentWithItsRules) {
  Report report;
  report.findings = {found("CD201", Severity::error, "", "127.0.0.1:5432"),
                     found("CD110", Severity::note, "/work/shop/media/a b.png", "")};
  const json document = sarif_of(report);
  EXPECT_EQ(document["version"], "2.1.0");
  const json& run = document["runs"][0];
  EXPECT_EQ(run["tool"]["driver"]["rules"][0]["id"], "CD110");
  EXPECT_FALSE(run["tool"]["driver"]["rules"][1]["shortDescription"]["text"].get<std::string>().empty());
  EXPECT_EQ(run["originalUriBaseIds"]["PROJECT"]["uri"], "file:///work/shop/");
  const json& refused = run["results"][0];
  EXPECT_EQ(refused["ruleId"], "CD201");
  EXPECT_EQ(refused["ruleIndex"], 1);
  EXPECT_EQ(refused["level"], "error");
  const json& place = refused["locations"][0]["physicalLocation"];
  EXPECT_EQ(place["artifactLocation"]["uri"], "cofferdam.yaml");
  EXPECT_EQ(place["region"]["startLine"], 7);
  const json& lost = run["results"][1]["locations"][0]["physicalLocation"];
  EXPECT_EQ(lost["artifactLocation"]["uri"], "media/a%20b.png");
  EXPECT_FALSE(lost.contains("region"));
}

TEST(Sarif, WhatLiesElsewhereAndWhatIsBuiltIn) {
  Report report;
  report.findings = {found("CD101", Severity::error, "/work/shopping/x", ""),
                     found("CD201", Severity::error, "", "h:1")};
  report.findings[1].finding.policy.file = "twelve-factor (built in)";
  const json results = sarif_of(report)["runs"][0]["results"];
  const json& artifact = results[0]["locations"][0]["physicalLocation"]["artifactLocation"];
  EXPECT_EQ(artifact["uri"], "file:///work/shopping/x");
  EXPECT_FALSE(artifact.contains("uriBaseId"));
  EXPECT_EQ(results[1]["locations"][0]["physicalLocation"]["artifactLocation"]["uri"], ".");
}

TEST(Sarif, InTheRootDirectory) {
  Report report;
  report.findings = {found("CD101", Severity::error, "/srv/app/x", "")};
  const json document = json::parse(to_sarif(sarif_results(report), "/"));
  EXPECT_EQ(document["runs"][0]["originalUriBaseIds"]["PROJECT"]["uri"], "file:///");
  const json& place = document["runs"][0]["results"][0]["locations"][0]["physicalLocation"];
  EXPECT_EQ(place["artifactLocation"]["uri"], "srv/app/x");
}

TEST(Sarif, FingerprintsOutliveARun) {
  const auto print = [](const CountedFinding& finding) {
    Report report;
    report.findings = {finding};
    return sarif_of(report)["runs"][0]["results"][0]["partialFingerprints"]["cofferdam/v1"];
  };
  CountedFinding first = found("CD201", Severity::error, "", "127.0.0.1:5432");
  CountedFinding again = first;
  again.finding.message = "another text, with another pid";
  CountedFinding other = found("CD201", Severity::error, "", "127.0.0.1:6379");
  EXPECT_EQ(print(first), print(again));
  EXPECT_NE(print(first), print(other));
}

TEST(Sarif, WhatEachInstanceHasIsToldOnce) {
  Report report;
  report.findings = {found("CD201", Severity::error, "", "h:1"), found("CD201", Severity::error, "", "h:1")};
  report.findings[1].instance = "web.2";
  EXPECT_EQ(sarif_of(report)["runs"][0]["results"].size(), 1U);
}

TEST(Sarif, FingerprintsLeaveOutWhatEachRunMakesUp) {
  Report report;
  report.directory = "/work/shop";
  report.findings = {found("CD101", Severity::error, "/work/shop/run/app.17.pid", ""),
                     found("CD101", Severity::error, "/work/shop/run/app.18.pid", "")};
  const json results = sarif_of(report)["runs"][0]["results"];
  ASSERT_EQ(results.size(), 2U);
  EXPECT_EQ(results[0]["partialFingerprints"], results[1]["partialFingerprints"]);
}

TEST(Sarif, NothingFoundIsADocumentToo) {
  const json document = sarif_of({});
  EXPECT_TRUE(document["runs"][0]["results"].is_array());
  EXPECT_TRUE(document["runs"][0]["results"].empty());
}

TEST(Sarif, OfDiagnostics) {
  const std::vector<Diagnostic> diagnostics = {
      {Severity::warning, {"p.yaml", 3, 5}, "CD950", "does nothing", "take it out"}};
  const json result = json::parse(to_sarif(sarif_results(diagnostics), "/"))["runs"][0]["results"][0];
  EXPECT_EQ(result["level"], "warning");
  EXPECT_EQ(result["locations"][0]["physicalLocation"]["region"]["startColumn"], 5);
}

TEST(Junit, ATestForEachRule) {
  Report report;
  report.command = {"sh", "-c", "a < b"};
  report.findings = {found("CD201", Severity::error, "", "h:1"), found("CD201", Severity::error, "", "h:2"),
                     found("CD110", Severity::note, "/x", "")};
  const std::string xml = to_junit(report);
  EXPECT_NE(xml.find("tests=\"7\" failures=\"1\""), std::string::npos) << xml;
  EXPECT_NE(xml.find("name=\"sh -c a &lt; b\""), std::string::npos) << xml;
  EXPECT_NE(xml.find("message=\"what &lt;was&gt; done &amp; &quot;how&quot;\" type=\"CD201\""), std::string::npos)
      << xml;
  EXPECT_NE(xml.find("instead: do it otherwise"), std::string::npos);
  EXPECT_NE(xml.find("<system-out>CD110"), std::string::npos);
  EXPECT_EQ(to_junit({}).find("<failure"), std::string::npos);
}

}  // namespace
}  // namespace cofferdam::report
