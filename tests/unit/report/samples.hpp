// A report with something of everything, for the tests of its writers.
#pragma once

#include <memory>
#include <string>

#include "cofferdam/report.hpp"

namespace cofferdam::report {

inline ProcessRef sample_psql() {
  return std::make_shared<const ProcessInfo>(
      ProcessInfo{7, "/usr/bin/psql", {"psql", "-h", "127.0.0.1"}, {"psql", "sh", "gunicorn"}});
}

inline ProcessRef sample_app() {
  return std::make_shared<const ProcessInfo>(ProcessInfo{1, "/usr/bin/gunicorn", {"gunicorn", "app"}, {"gunicorn"}});
}

inline CountedFinding sample_refusal(std::uint64_t count = 3) {
  Finding finding;
  finding.code = "CD201";
  finding.message = "psql may not connect to the database at 127.0.0.1:5432";
  finding.fix = "use cofferdam shell -- psql";
  finding.policy = {"database.allow", "/srv/app/cofferdam.yaml", 3};
  finding.process = sample_psql();
  finding.destination = "127.0.0.1:5432";
  return {finding, count, {1769860801, 0}, "web.1"};
}

inline LostFile sample_lost(const std::string& path, const std::string& file_class, std::uint64_t bytes,
                            Change change = Change::created) {
  return {{path, "file", change, bytes}, file_class, {{sample_app(), 2, {1769860801, 3}, {1769860802, 4}}}, "web.1"};
}

inline FoldedLoss sample_folded(const std::string& directory, const std::string& file_class, std::uint64_t count) {
  return {{directory, "file", Change::created, count * 10},
          file_class,
          count,
          {{sample_app(), count, {1769860801, 3}, {1769860803, 0}}},
          "web.1"};
}

inline Report sample_report() {
  Report report;
  report.command = {"gunicorn", "app"};
  report.policy = "twelve-factor";
  report.directory = "/srv/shop";
  report.mode = "local";
  report.started = {1769860800, 1};
  report.ended = {1769860810, 2};
  report.instances = {{"web.1", 0, std::nullopt, 2, 1024, 512}};
  report.enforcement = {{"storage", Level::full, "mount namespace", ""}, {"logs", Level::none, "none", "use a pipe"}};
  report.lost = {sample_lost("/srv/app/media/a.png", "file", 5)};
  report.kept = {{"/srv/app/.next/x", "file", Change::created, 9}};
  report.findings = {sample_refusal()};
  report.connections = {{{"127.0.0.1:5432", "postgres", true, true, 0, sample_app()}, 4, "web.1"},
                        {{"10.0.0.1:80", "", true, false, 111, nullptr}, 1, "web.1"}};
  report.logs.out = {2, 40};
  report.logs.err = {1, 7};
  report.logs.sinks = {{.type = "console", .name = "console", .records = 3, .delivered = 3},
                       {.type = "otlp",
                        .name = "main",
                        .records = 9,
                        .adopted = 1,
                        .delivered = 2,
                        .pending = 3,
                        .spilled = 3,
                        .dropped = 5,
                        .rejected = 2,
                        .saved = 4}};
  report.storage = {{"/tmp", 268435456, 4096, 65536, 7}};
  report.audit_events = 12;
  return report;
}

}  // namespace cofferdam::report
