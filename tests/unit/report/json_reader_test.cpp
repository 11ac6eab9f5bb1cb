#include "report/json_reader.hpp"

#include <gtest/gtest.h>

#include "report/json.hpp"
#include "report/page.hpp"
#include "unit/report/samples.hpp"

namespace cofferdam::report {
namespace {

TEST(JsonReader, ReadsWhatTheWriterWrites) {
  Report report = sample_report();
  report.folded = {sample_folded("/srv/app/node_modules", "package", 7)};
  report.rehearsal = {.written = 3, .looked_for = 1, .drives = {{"rehearsal.1", 0}, {"rehearsal.2", 1}}, .stopped = ""};
  const std::string text = to_json(report);
  const auto read = from_json(text);
  ASSERT_TRUE(read.has_value()) << read.error().message;
  EXPECT_EQ(to_json(*read), text);
}

TEST(Page, TellsTheLossesOfEachInstanceByItself) {
  Report report = sample_report();
  report.instances.push_back(report.instances.front());
  report.instances.back().name = "web.2";
  report.lost.push_back(report.lost.front());
  report.lost.back().instance = "web.2";
  report.rehearsal = {.written = 1, .looked_for = 1, .drives = {}, .stopped = ""};
  const std::string text = report_page(report, {});
  EXPECT_NE(text.find("Lost with web.1: 1 file"), std::string::npos) << text;
  EXPECT_NE(text.find("Lost with web.2: 1 file"), std::string::npos) << text;
  EXPECT_NE(text.find("rehearsal: 1 of 1 file that run 1 wrote was looked for later"), std::string::npos) << text;
}

TEST(JsonReader, SaysWhatIsWrong) {
  const auto why = [](std::string_view text) {
    const auto read = from_json(text);
    return read.has_value() ? std::string("read") : read.error().message;
  };
  const std::string text = to_json(sample_report());
  EXPECT_NE(why("").find("empty"), std::string::npos);
  EXPECT_NE(why("hello").find("no JSON"), std::string::npos);
  EXPECT_NE(why(text.substr(0, text.size() / 2)).find("ends in the middle"), std::string::npos);
  EXPECT_NE(why("[]").find("no report"), std::string::npos);
  EXPECT_NE(why("{\"v\":1}").find("no report"), std::string::npos);
  EXPECT_NE(why(R"({"v":2,"lost":[],"instances":[]})").find("version 2"), std::string::npos);
  EXPECT_NE(why("\xff\xfe").find("no JSON"), std::string::npos);
  EXPECT_NE(why(std::string(200'000, '[')).find("ends in the middle"), std::string::npos);
}

// Keys of another release, and values of a wrong type, are no mistake.
TEST(JsonReader, IsLenientWithinAVersion) {
  const auto read =
      from_json(R"({"v":1,"lost":[{"path":7,"bytes":-1,"writers":[null,{}],"new":{}}, 5],"instances":[{"exit":3}],)"
                R"("findings":{},"logs":[],"storage":[[]],"connections":null,"later":1})");
  ASSERT_TRUE(read.has_value()) << read.error().message;
  EXPECT_EQ(read->lost.size(), 2U);
  EXPECT_NE(report_page(*read, {}), "");
}

TEST(JsonReader, JsonForATerminalKeepsEveryKey) {
  const auto text = indented_json(R"({"v":1,"later":"a\u001bb)"
                                  "\xc2\x9b"
                                  R"(","lost":[],"instances":[]})");
  ASSERT_TRUE(text.has_value());
  EXPECT_NE(text->find(R"("later": "a\u001bb\u009b")"), std::string::npos) << *text;
}

TEST(Page, HasEverySection) {
  const auto page = report_page(sample_report(), {});
  for (const char* part : {"gunicorn app\n",
                           "policy twelve-factor, mode local, 2026-01-31 12:00:00 to 2026-01-31 12:00:10 UTC",
                           "web.1 exited 0, started again 2 times, memory peak 1.0 KiB",
                           "1 finding\n",
                           "  CD201  error    psql may not",
                           "(3 times)",
                           "by       psql -h 127.0.0.1 (pid 7, started by sh, by gunicorn)",
                           "database.allow in /srv/app/cofferdam.yaml:3",
                           "instead  use cofferdam shell -- psql",
                           "Lost with the instance: 1 file, 5 bytes",
                           "/srv/app/media/a.png",
                           "Kept in persistent mounts: 1 file",
                           "127.0.0.1:5432",
                           "connected        postgres  4 times",
                           "4.0 KiB of 256 MiB (0 %)",
                           "stdout 2 records (40 bytes), stderr 1 record (7 bytes)",
                           "console: 3 delivered",
                           "storage    full     mount namespace",
                           "logs       none     none",
                           "use a pipe",
                           "Audit: 12 write events, 0 disagreements"}) {
    EXPECT_NE(page.find(part), std::string::npos) << part << " is not in\n" << page;
  }
}

TEST(Page, NamesCannotCommandTheTerminal) {
  Report report = sample_report();
  const std::string evil = "a\x1b[2J\xc2\x9b\n";
  report.command = {evil};
  report.policy = report.mode = evil;
  report.instances[0].name = evil;
  report.findings[0].finding = {evil, Severity::error, evil, evil, {evil, evil, 1}, sample_app(), evil, evil};
  report.connections[0].connection.destination = evil;
  report.lost[0].what.path = "/" + evil;
  report.lost[0].file_class = evil;
  report.storage[0].path = evil;
  report.logs.sinks[0].type = evil;
  report.enforcement[0] = {evil, Level::full, evil, evil};
  const std::string page = report_page(report, {});
  EXPECT_EQ(page.find('\x1b'), std::string::npos);
  EXPECT_EQ(page.find("\xc2\x9b"), std::string::npos) << "a C1 control is one, too";
}

}  // namespace
}  // namespace cofferdam::report
