#include "report/json.hpp"

#include <gtest/gtest.h>

#include <algorithm>
#include <nlohmann/json.hpp>
#include <string>

#include "unit/report/samples.hpp"

namespace cofferdam::report {
namespace {

using nlohmann::ordered_json;

TEST(ReportJson, IsTheDocumentOfTheDesign) {
  const char* const expected = R"({
    "v":1, "cofferdam":"VERSION", "command":["gunicorn","app"], "policy":"twelve-factor", "directory":"/srv/shop", "mode":"local",
    "started":"2026-01-31T12:00:00.000000001Z", "ended":"2026-01-31T12:00:10.000000002Z",
    "instances":[{"name":"web.1","exit":{"code":0,"signal":null},"restarts":2,"memory_peak":1024,"memory_tmpfs_peak":512}],
    "enforcement":[{"rule":"storage","level":"full","mechanism":"mount namespace"},
                   {"rule":"logs","level":"none","mechanism":"none","advice":"use a pipe"}],
    "lost":[{"instance":"web.1","path":"/srv/app/media/a.png","type":"file","change":"created","bytes":5,"class":"file",
      "writers":[{"pid":1,"exe":"/usr/bin/gunicorn","argv":["gunicorn","app"],"lineage":["gunicorn"],"count":2,
        "first":"2026-01-31T12:00:01.000000003Z","last":"2026-01-31T12:00:02.000000004Z"}],
      "first":"2026-01-31T12:00:01.000000003Z","last":"2026-01-31T12:00:02.000000004Z"}],
    "folded":[{"instance":"web.1","path":"/srv/app/node_modules","type":"file","change":"created","bytes":120,
      "class":"file","count":12,
      "writers":[{"pid":1,"exe":"/usr/bin/gunicorn","argv":["gunicorn","app"],"lineage":["gunicorn"],"count":12,
        "first":"2026-01-31T12:00:01.000000003Z","last":"2026-01-31T12:00:03.000000000Z"}],
      "first":"2026-01-31T12:00:01.000000003Z","last":"2026-01-31T12:00:03.000000000Z"}],
    "kept":[{"path":"/srv/app/.next/x","type":"file","change":"created","bytes":9}],
    "findings":[{"code":"CD201","severity":"error","message":"psql may not connect to the database at 127.0.0.1:5432",
      "fix":"use cofferdam shell -- psql","policy":{"key":"database.allow","file":"/srv/app/cofferdam.yaml","line":3},
      "process":{"pid":7,"exe":"/usr/bin/psql","argv":["psql","-h","127.0.0.1"],"lineage":["psql","sh","gunicorn"]},
      "path":null,"destination":"127.0.0.1:5432","count":3,"first":"2026-01-31T12:00:01.000000000Z","instance":"web.1"}],
    "connections":[
      {"instance":"web.1","destination":"127.0.0.1:5432","engine":"postgres","verdict":"allowed","outcome":"connected",
       "count":4,"process":{"pid":1,"exe":"/usr/bin/gunicorn","argv":["gunicorn","app"],"lineage":["gunicorn"]}},
      {"instance":"web.1","destination":"10.0.0.1:80","engine":null,"verdict":"allowed","outcome":"failed","count":1,
       "process":null}],
    "logs":{"stdout":{"records":2,"bytes":40},"stderr":{"records":1,"bytes":7},"dropped":0,
      "sinks":[{"type":"console","name":"console","records":3,"delivered":3,"pending":0,"dropped":0},
               {"type":"otlp","name":"main","records":9,"delivered":2,"pending":3,"dropped":5,"adopted":1,"spilled":3,
                "rejected":2,"saved":4}]},
    "storage":[{"path":"/tmp","size":268435456,"peak":4096,"inodes":65536,"inodes_peak":7}], "audit":{"events":12,"disagreements":0}})";
  ordered_json document = ordered_json::parse(expected);
  document["cofferdam"] = COFFERDAM_VERSION;
  Report report = sample_report();
  report.folded = {sample_folded("/srv/app/node_modules", "file", 12)};
  const std::string text = to_json(report);
  EXPECT_EQ(text, document.dump() + "\n");
}

TEST(ReportJson, ARehearsalHasItsResult) {
  Report report;
  EXPECT_FALSE(ordered_json::parse(to_json(report)).contains("rehearsal"));
  report.rehearsal = Rehearsal{3, 1, {{"rehearsal.1", 0}, {"rehearsal.2", 22}}, ""};
  EXPECT_EQ(ordered_json::parse(to_json(report))["rehearsal"].dump(),
            R"({"written":3,"looked_for":1,"drives":[{"instance":"rehearsal.1","code":0},)"
            R"({"instance":"rehearsal.2","code":22}],"stopped":null})");
  report.rehearsal->stopped = "run 1 failed (exit 4)";
  EXPECT_EQ(ordered_json::parse(to_json(report))["rehearsal"]["stopped"], "run 1 failed (exit 4)");
}

TEST(ReportJson, AnEmptyReportHasAllKeys) {
  const ordered_json document = ordered_json::parse(to_json({}));
  for (const char* key : {"v", "cofferdam", "command", "policy", "mode", "started", "ended", "instances", "enforcement",
                          "lost", "folded", "kept", "findings", "connections", "logs", "storage", "audit"}) {
    EXPECT_TRUE(document.contains(key)) << key;
  }
}

TEST(ReportJson, AFileThatNobodyIsKnownToHaveWrittenHasNoTimes) {
  Report report = sample_report();
  report.lost.front().writers.clear();
  const ordered_json lost = ordered_json::parse(to_json(report))["lost"][0];
  EXPECT_TRUE(lost["writers"].empty());
  EXPECT_TRUE(lost["first"].is_null());
  EXPECT_TRUE(lost["last"].is_null());
}

TEST(ReportJson, ALargeReportComesInParts) {
  Report report = sample_report();
  report.lost.assign(5000, sample_lost("/srv/app/x", "file", 1));
  std::size_t parts = 0;
  std::size_t largest = 0;
  std::string text;
  write_json(report, [&](std::string_view part) {
    ++parts;
    largest = std::max(largest, part.size());
    text += part;
  });
  EXPECT_GT(parts, 10U);
  EXPECT_LT(largest, 80'000U);
  EXPECT_EQ(text, to_json(report));
  EXPECT_EQ(ordered_json::parse(text)["lost"].size(), 5000U);
}

}  // namespace
}  // namespace cofferdam::report
