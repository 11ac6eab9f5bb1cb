#include "report/json.hpp"

#include <gtest/gtest.h>

#include <nlohmann/json.hpp>

#include "unit/report/samples.hpp"

namespace cofferdam::report {
namespace {

using nlohmann::ordered_json;

TEST(ReportJson, IsTheDocumentOfTheDesign) {
  const char* const expected = R"({
    "v":1, "cofferdam":"VERSION", "command":["gunicorn","app"], "policy":"twelve-factor", "mode":"local",
    "started":"2026-01-31T12:00:00.000000001Z", "ended":"2026-01-31T12:00:10.000000002Z",
    "instances":[{"name":"web.1","exit":{"code":0,"signal":null},"restarts":0,"memory_peak":1024}],
    "enforcement":[{"rule":"storage","level":"full","mechanism":"mount namespace"},
                   {"rule":"logs","level":"none","mechanism":"none","advice":"use a pipe"}],
    "lost":[{"instance":"web.1","path":"/srv/app/media/a.png","type":"file","change":"created","bytes":5,"class":"file",
      "writers":[{"pid":1,"exe":"/usr/bin/gunicorn","argv":["gunicorn","app"],"lineage":["gunicorn"],"count":2}]}],
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
      "sinks":[{"type":"console","delivered":3,"pending":0}]},
    "storage":[{"path":"/tmp","size":268435456,"peak":4096}], "audit":{"events":12,"disagreements":0}})";
  ordered_json document = ordered_json::parse(expected);
  document["cofferdam"] = COFFERDAM_VERSION;
  const std::string text = to_json(sample_report());
  EXPECT_EQ(text, document.dump() + "\n");
}

TEST(ReportJson, AnEmptyReportHasAllKeys) {
  const ordered_json document = ordered_json::parse(to_json({}));
  for (const char* key : {"v", "cofferdam", "command", "policy", "mode", "started", "ended", "instances", "enforcement",
                          "lost", "kept", "findings", "connections", "logs", "storage", "audit"}) {
    EXPECT_TRUE(document.contains(key)) << key;
  }
}

}  // namespace
}  // namespace cofferdam::report
