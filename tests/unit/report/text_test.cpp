#include "report/text.hpp"

#include <gtest/gtest.h>

#include <algorithm>

#include "unit/report/samples.hpp"

namespace cofferdam::report {
namespace {

const TextOptions kOptions{"/srv/app", "", false};

CountedFinding sample_uploads() {
  Finding finding;
  finding.code = "CD110";
  finding.severity = Severity::warning;
  finding.message =
      "2 uploaded files (5 bytes) in /srv/app/media: a.png, b.png are lost with the instance; the next deployment ...";
  finding.fix = "django-storages";
  finding.process = sample_app();
  return {finding, 2, {1769860801, 0}, "web.1"};
}

std::size_t lines_of(const std::string& text) {
  return static_cast<std::size_t>(std::count(text.begin(), text.end(), '\n'));
}

TEST(Summary, IsEmptyWhenNothingHappened) {
  Report report = sample_report();
  report.lost.clear();
  report.findings.clear();
  EXPECT_EQ(summary(report, kOptions), "");
  report.lost = {{{"/srv/app", "directory", Change::metadata, 0}, "file", {}},
                 {{"/run/x.sock", "socket", Change::created, 0}, "file", {}}};
  EXPECT_EQ(summary(report, kOptions), "");
}

TEST(Summary, SaysWhatWasRefusedAndWhatIsLost) {
  Report report = sample_report();
  report.lost = {sample_lost("/srv/app/.git/index", "vcs", 100, Change::modified),
                 sample_lost("/srv/app/__pycache__/a.pyc", "cache", 2048),
                 sample_lost("/srv/app/a.py", "source", 10),
                 sample_lost("/srv/app/app.log", "log", 10),
                 sample_lost("/srv/app/media/a.png", "file", 1'500'000),
                 sample_lost("/var/x", "file", 1),
                 sample_lost("/srv/app/b.py", "source", 10, Change::deleted)};
  report.lost.back().writers.clear();
  EXPECT_EQ(
      summary(report, kOptions),
      "refused  psql may not connect to the database at 127.0.0.1:5432 (3 times)\n"
      "         psql -h 127.0.0.1 (pid 7, started by sh, by gunicorn); database.allow in cofferdam.yaml:3 [CD201]\n"
      "         instead: use cofferdam shell -- psql\n"
      "lost     1 source file (10 bytes); change source outside of the run; --keep-writes DIR saves it\n"
      "         a.py (10 bytes, by gunicorn)\n"
      "lost     .git (1 file, 100 bytes): the state of the repository, no commit\n"
      "lost     2 files (1.4 MiB); keep what must last in a database or an object store\n"
      "         media/a.png (1.4 MiB, by gunicorn)\n"
      "         /var/x (1 byte, by gunicorn)\n"
      "lost     1 log file (10 bytes): app.log; log to stdout or stderr instead\n"
      "lost     1 cache file (2.0 KiB), made again when needed\n"
      "web.1 exited 0; 6 files lost (1.4 MiB), 1 deletion undone, 3 refusals; full list: --report FILE\n");
}

// A report of two runs; `expected` findings of the second.
Report rehearsed(std::size_t expected) {
  Report report = sample_report();
  report.findings.clear();
  report.instances = {{"rehearsal.1", 0, std::nullopt, 0}, {"rehearsal.2", 0, std::nullopt, 0}};
  report.lost = {sample_lost("/srv/app/media/a.png", "file", 5), sample_lost("/srv/app/media/a.png", "file", 5)};
  report.lost[0].instance = "rehearsal.1";
  report.lost[1].instance = "rehearsal.2";
  report.rehearsal = Rehearsal{3, expected, {{"rehearsal.1", 0}, {"rehearsal.2", 0}}, ""};
  for (std::size_t i = 0; i < expected; ++i) {
    CountedFinding entry;
    entry.finding.code = "CD130";
    entry.finding.message = "rehearsal.2 looked for /m/" + std::to_string(i);
    entry.finding.fix = "keep it elsewhere";
    report.findings.push_back(entry);
  }
  return report;
}

TEST(Summary, LeadsWithTheResultOfARehearsal) {
  EXPECT_EQ(summary(rehearsed(1), kOptions),
            "rehearsal failed: 1 of 3 files that run 1 wrote was looked for later\n"
            "missed   rehearsal.2 looked for /m/0 [CD130]\n"
            "         instead: keep it elsewhere\n"
            "lost     1 file (5 bytes); keep what must last in a database or an object store\n"
            "         media/a.png (5 bytes, by gunicorn)\n"
            "rehearsal.1 exited 0; rehearsal.2 exited 0; 1 file lost (5 bytes); full list: --report FILE\n");
  Report report = rehearsed(0);
  report.lost.clear();
  EXPECT_TRUE(
      summary(report, kOptions).starts_with("rehearsal passed: 3 files written by run 1, none was looked for later\n"));
  report.rehearsal->stopped = "run 1 failed (exit 4)";
  EXPECT_TRUE(summary(report, kOptions).starts_with("rehearsal not carried out: run 1 failed (exit 4)\n"));
}

TEST(Summary, OfARehearsalKeepsItsFifteenLines) {
  for (std::size_t expected = 0; expected < 9; ++expected) {
    Report report = rehearsed(expected);
    for (const char* name : {"a.py", "b.py", "c.log", "d.pyc", "e", "f", "g"}) {
      const std::string kind = std::string(name).ends_with(".py")   ? "source"
                               : std::string(name).ends_with("log") ? "log"
                               : std::string(name).ends_with("pyc") ? "cache"
                                                                    : "file";
      report.lost.push_back(sample_lost(std::string("/srv/app/") + name, kind, 1));
      report.lost.back().instance = "rehearsal.1";
    }
    for (int i = 0; i < 5; ++i) report.findings.push_back(sample_refusal());
    report.logs.dropped = 1;
    EXPECT_LE(lines_of(summary(report, kOptions)), kSummaryLines) << expected;
  }
}

TEST(Summary, NeverHasMoreThanFifteenLines) {
  for (const std::size_t refusals : {0U, 1U, 3U, 7U}) {
    for (const std::size_t files : {0U, 1U, 3U, 7U}) {
      for (unsigned kinds = 0; kinds < 128; ++kinds) {
        Report report = sample_report();
        report.findings.clear();
        report.lost.clear();
        report.logs.dropped = kinds & 1U;
        for (std::size_t i = 0; i < refusals; ++i) report.findings.push_back(sample_refusal());
        for (std::size_t i = 0; i < files; ++i) {
          report.lost.push_back(sample_lost("/srv/app/f", "file", 1));
          if ((kinds & 2U) != 0) report.lost.push_back(sample_lost("/srv/app/f", "source", 1));
          if ((kinds & 4U) != 0) report.lost.push_back(sample_lost("/srv/app/f", "log", 1));
          if ((kinds & 8U) != 0) report.lost.push_back(sample_lost("/srv/app/f", "cache", 1));
        }
        for (std::size_t i = 0; (kinds & 16U) != 0 && i < files; ++i) report.findings.push_back(sample_uploads());
        if ((kinds & 32U) != 0) report.lost.push_back(sample_lost("/srv/app/.git/index", "vcs", 1));
        TextOptions options = kOptions;
        if ((kinds & 64U) != 0) options.hidden = {"/home/u/.ssh"};
        report.instances[0].code = (kinds & 64U) != 0 ? 1 : 0;
        const std::string text = summary(report, options);
        ASSERT_LE(lines_of(text), kSummaryLines) << text;
        ASSERT_EQ(text.find("hidden") != std::string::npos, (kinds & 64U) != 0) << text;
        if ((kinds & 16U) != 0 && files != 0) {
          ASSERT_NE(text.find("CD110"), std::string::npos) << text;
        }
        ASSERT_EQ(text.find("refused") != std::string::npos, refusals != 0) << text;
      }
    }
  }
}

TEST(Summary, TellsALineageOnce) {
  Report report = sample_report();
  report.lost.clear();
  report.findings.front().finding.message += " (psql <- sh <- gunicorn)";
  const std::string text = summary(report, kOptions);
  EXPECT_NE(text.find("psql -h 127.0.0.1 (pid 7); database.allow"), std::string::npos) << text;
}

TEST(Summary, NamesWhatIsMadeAgain) {
  Report report = sample_report();
  report.findings.clear();
  report.lost = {sample_lost("/srv/app/a.lock", "lock", 1)};
  EXPECT_NE(summary(report, kOptions).find("1 lock file (1 byte), made again"), std::string::npos);
  report.lost.push_back(sample_lost("/srv/app/x.pyc", "cache", 1));
  EXPECT_NE(summary(report, kOptions).find("2 cache, PID or lock files (2 bytes), made again"), std::string::npos);
}

TEST(Summary, TellsClassesCommitsHiddenPathsAndCopies) {
  Report report = sample_report();
  report.instances[0].code = 1;
  report.findings = {sample_uploads()};
  report.lost = {sample_lost("/srv/app/media/a.png", "upload", 5),
                 sample_lost("/srv/app/.git/refs/heads/main", "vcs", 41),
                 sample_lost("/srv/app/.git/objects/ab/cd", "vcs", 100),
                 sample_lost("/srv/app/new.py", "source", 1),
                 sample_lost("/srv/app/old.py", "source", 2, Change::modified),
                 sample_lost("/srv/app/web.pid", "pid", 1)};
  TextOptions options = kOptions;
  options.kept_directory = "/srv/app/copies";
  options.home = "/home/u";
  options.hidden = {"/home/u/.ssh", "/home/u/.aws"};
  EXPECT_EQ(
      summary(report, options),
      "lost     2 source files (3 bytes); change source outside of the run; copies are in copies\n"
      "         old.py (2 bytes, changed, by gunicorn)\n"
      "         new.py (1 byte, by gunicorn)\n"
      "lost     .git (2 files, 141 bytes): commits made in the run are lost: commit outside of the run or push from "
      "it; copies are in copies\n"
      "lost     2 uploaded files (5 bytes) in media: a.png, b.png, by gunicorn\n"
      "         instead: django-storages [CD110]\n"
      "lost     1 PID file (1 byte), made again when needed\n"
      "hidden   ~/.ssh, ~/.aws; to show one: {path: ~/.ssh, type: read-only} in storage.mounts\n"
      "web.1 exited 1; 6 files lost (150 bytes), copies are in copies; full list: --report FILE\n");
}

TEST(Summary, AMountThatIsNearlyFullIsALine) {
  Report report;
  report.instances = {{"web.1", 0, std::nullopt, 0, 0}};
  CountedFinding entry;
  entry.finding.code = "CD107";
  entry.finding.severity = Severity::warning;
  entry.finding.message = "storage is nearly full: /tmp has used 81 % of its 1 MiB";
  entry.finding.fix = "write size: 2MiB";
  report.findings = {entry, entry};
  EXPECT_EQ(summary(report, kOptions),
            "storage  nearly full: /tmp has used 81 % of its 1 MiB; write size: 2MiB [CD107]\n"
            "web.1 exited 0; full list: --report FILE\n");
}

TEST(Summary, AFullMountIsALineAndNoRefusal) {
  Report report;
  report.instances = {{"web.1", 0, std::nullopt, 0, 0}};
  CountedFinding nearly;
  nearly.finding.code = "CD107";
  nearly.finding.message = "storage is nearly full: /tmp";
  CountedFinding full;
  full.finding.code = "CD103";
  full.finding.severity = Severity::error;
  full.finding.message = "storage is full: /tmp";
  full.finding.fix = "write less";
  report.findings = {nearly, full};
  EXPECT_EQ(summary(report, kOptions),
            "storage  full: /tmp; write less [CD103]\n"
            "web.1 exited 0; full list: --report FILE\n");
}

TEST(Summary, ALimitThatWasReachedIsALineWithTheLastFigures) {
  Report report;
  report.instances = {{"web.1", 0, std::nullopt, 0, 0}};
  CountedFinding first;
  first.finding.code = "CD521";
  first.finding.severity = Severity::error;
  first.finding.message = "no process (1 time)";
  first.finding.fix = "start fewer";
  CountedFinding last = first;
  last.finding.message = "no process (9 times)";
  CountedFinding memory = first;
  memory.finding.code = "CD520";
  memory.finding.message = "out of memory";
  report.findings = {first, memory, last};
  EXPECT_EQ(summary(report, kOptions),
            "limit    out of memory; start fewer [CD520]\n"
            "limit    no process (9 times); start fewer [CD521]\n"
            "web.1 exited 0; full list: --report FILE\n");
}

TEST(Summary, ARefusedCallIsNotSaidTwice) {
  Report report;
  report.findings.assign(1, sample_refusal(1));
  report.findings.front().finding.message = "openat refused: /etc/x is not in the instance's writable storage";
  EXPECT_TRUE(summary(report, {}).starts_with("refused  /etc/x is not in the instance's writable storage\n"));
}

TEST(Summary, CountsWhatItDoesNotName) {
  Report report = sample_report();
  report.findings.assign(9, sample_refusal(1));
  report.lost.assign(40, sample_lost("/srv/app/f", "file", 1));
  const std::string text = summary(report, kOptions);
  EXPECT_NE(text.find("and 6 other refusals"), std::string::npos) << text;
  EXPECT_NE(text.find(", and 37 more"), std::string::npos) << text;
}

TEST(Summary, ARowToPasteIsWhole) {
  Report report;
  report.findings.assign(1, sample_refusal(1));
  const std::string row = "{exe: \"/usr/bin/python3\", argv: [\"*\", \"-c\", \"" + std::string(250, 'x') + "*\"]}";
  report.findings.front().finding.fix = "if it is the app's worker, add this row to app.also: " + row;
  EXPECT_NE(summary(report, {}).find(row), std::string::npos);
}

TEST(Summary, FoldedLossesCountAsTheirFiles) {
  Report report = sample_report();
  report.findings.clear();
  report.lost = {sample_lost("/srv/app/f", "file", 24)};
  report.folded = {sample_folded("/srv/app/data", "file", 100'000), sample_folded("/srv/app/x", "cache", 50),
                   sample_folded("/srv/app/logs", "log", 7)};
  report.folded.push_back(sample_folded("/srv/app/old", "file", 30));
  report.folded.back().what.change = Change::deleted;
  report.folded.push_back(sample_folded("/srv/app", "file", 2000));
  report.folded.back().what.type = "directory";
  const std::string text = summary(report, kOptions);
  EXPECT_NE(text.find("100001 files (977 KiB); keep"), std::string::npos) << text;
  EXPECT_NE(text.find("and 100000 more"), std::string::npos) << text;
  EXPECT_NE(text.find("50 cache files (500 bytes)"), std::string::npos) << text;
  EXPECT_NE(text.find("7 log files (70 bytes): ..."), std::string::npos) << text;
  EXPECT_NE(text.find("100058 files lost"), std::string::npos) << text;
  EXPECT_NE(text.find("30 deletions undone"), std::string::npos) << text;
}

TEST(Summary, NamesOfTheAppCannotCommandTheTerminal) {
  Report report = sample_report();
  report.findings[0].finding.message = "a\x1b[2Jb\nc";
  report.lost = {sample_lost("/srv/app/x\x1b]0;t\x07\n", "file", 1)};
  const std::string text = summary(report, kOptions);
  EXPECT_EQ(text.find('\x1b'), std::string::npos);
  EXPECT_NE(text.find("x\\x1b]0;t\\x07\\n"), std::string::npos) << text;
}

TEST(Summary, ColourAndReportFile) {
  const std::string text = summary(sample_report(), {"/srv/app", "/srv/app/r.json", true});
  EXPECT_NE(text.find("\x1b[1;31mrefused\x1b[0m  psql"), std::string::npos);
  EXPECT_NE(text.find("full list: r.json\n"), std::string::npos);
}

TEST(Summary, SaysHowInstancesEnded) {
  Report report = sample_report();
  report.instances = {{"web.1", std::nullopt, 9, 0}, {"web.2", 3, std::nullopt, 0}};
  EXPECT_NE(summary(report, kOptions).find("web.1 was ended by SIGKILL; web.2 exited 3; "), std::string::npos);
}

}  // namespace
}  // namespace cofferdam::report
