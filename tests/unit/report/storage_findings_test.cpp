// CD110 to CD122: realistic trees of what applications leave, and what each finding says about them.
#include "report/storage_findings.hpp"

#include <gtest/gtest.h>

#include <memory>
#include <string>

#include "report/classify.hpp"
#include "report/loss_kinds.hpp"

namespace cofferdam::report {
namespace {

ProcessRef process(std::vector<std::string> argv, std::string exe) {
  return std::make_shared<const ProcessInfo>(ProcessInfo{7, std::move(exe), std::move(argv), {}});
}
const ProcessRef kGunicorn = process({"/usr/bin/python3", "/usr/bin/gunicorn", "app.wsgi"}, "/usr/bin/python3.11");
const ProcessRef kPython = process({"python3", "tool.py"}, "/usr/bin/python3.11");
const ProcessRef kFlask = process({"/usr/bin/python3", "/usr/bin/flask", "run"}, "/usr/bin/python3.11");
const ProcessRef kPuma = process({"puma 6.0 (tcp://0.0.0.0:3000) [app]"}, "/usr/bin/ruby3.1");
const ProcessRef kRuby = process({"ruby", "bin/job"}, "/usr/bin/ruby3.1");
const ProcessRef kPhp = process({"php", "artisan", "serve"}, "/usr/bin/php8.2");
const ProcessRef kFpm = process({"php-fpm: pool www"}, "/usr/sbin/php-fpm8.2");
const ProcessRef kNode = process({"node", "server.js"}, "/usr/bin/node");
const ProcessRef kJava = process({"java", "-jar", "app.jar"}, "/usr/lib/jvm/bin/java");
const ProcessRef kGo = process({"./server"}, "/srv/app/server");

LostFile lost(const std::string& path, const ProcessRef& writer, const std::string& content = "",
              std::uint64_t bytes = 100, Change change = Change::created) {
  ScannedChange what{path, "file", change, bytes, content};
  const std::string file_class(classify(what, writer.get()));
  LostFile file;
  file.what = std::move(what);
  file.file_class = file_class;
  file.writers = {{writer, 1, {}, {}}};
  return file;
}

std::string codes(const std::vector<Counted>& findings) {
  std::string text;
  for (const auto& [finding, count] : findings) text += finding.code + "*" + std::to_string(count) + " ";
  return text;
}

const Finding* find(const std::vector<Counted>& findings, const std::string& code) {
  for (const auto& [finding, count] : findings) {
    if (finding.code == code) return &finding;
  }
  return nullptr;
}

// The fix of the only finding of `file`.
std::string fix(const LostFile& file, const Project& project = {}) {
  const std::vector<LostFile> files = {file};
  const auto findings = storage_findings(files, {}, {project, false});
  return findings.size() == 1 ? findings.front().first.fix : "not one finding: " + codes(findings);
}

TEST(StorageFindings, Django) {
  const Project project{"/srv/app", "/home/u", {Framework::django}, "DEFAULT_STORAGE_DSN"};
  const std::vector<LostFile> files = {
      lost("/srv/app/celerybeat-schedule", kPython, "gdbm"),
      lost("/srv/app/db.sqlite3", kGunicorn, "sqlite", 4096, Change::modified),
      lost("/srv/app/gunicorn.pid", kGunicorn),
      lost("/srv/app/media/2026/b.png", kGunicorn, "image"),
      lost("/srv/app/media/a.png", kGunicorn, "image"),
      lost("/srv/app/whoosh_index/_MAIN_1.toc", kGunicorn),
      lost("/home/u/.cache/matplotlib/fontlist.json", kGunicorn),
      lost("/srv/app/__pycache__/a.pyc", kGunicorn),
  };
  const auto findings = storage_findings(files, {}, {project, false});
  EXPECT_EQ(codes(findings), "CD110*2 CD111*1 CD112*1 CD114*1 CD115*1 CD116*1 ");
  const Finding& uploads = *find(findings, "CD110");
  EXPECT_EQ(uploads.message.substr(0, uploads.message.find(';')),
            "2 uploaded files (200 bytes) in /srv/app/media: 2026/b.png, a.png are lost with the instance");
  EXPECT_EQ(uploads.path, "/srv/app/media");
  EXPECT_EQ(uploads.process, kGunicorn);
  EXPECT_EQ(uploads.severity, Severity::warning);
  EXPECT_NE(uploads.fix.find("django-storages"), std::string::npos);
  EXPECT_NE(uploads.fix.find("DEFAULT_STORAGE_DSN is set already"), std::string::npos);
  EXPECT_NE(find(findings, "CD111")->fix.find("DATABASE_URL"), std::string::npos);
  EXPECT_EQ(find(findings, "CD112")->fix, "start gunicorn without --pid");
  EXPECT_NE(find(findings, "CD114")->fix.find("Haystack"), std::string::npos);
  EXPECT_NE(find(findings, "CD115")->fix.find("MPLCONFIGDIR"), std::string::npos);
  EXPECT_NE(find(findings, "CD116")->fix.find("django_celery_beat"), std::string::npos);
}

// CD113 sessions, CD117 locks and the others, for every framework that has a way of its own.
TEST(StorageFindings, TheFixIsTheFrameworksOwn) {
  const struct {
    LostFile file;
    Project project;
    const char* part;
  } cases[] = {
      {lost("/tmp/sessionid0123456789abcdefghijklmnopqrstuv", kGunicorn),
       {"", "", {Framework::django}, ""},
       "cached_db"},
      {lost("/srv/app/flask_session/ab", kGunicorn), {}, "Flask-Session"},
      {lost("/srv/app/uploads/a.png", kFlask, "image"), {}, "Flask:"},
      {lost("/srv/app/storage/ab/cd/abcdef", kPuma), {"", "", {Framework::rails}, ""}, "active_storage"},
      {lost("/srv/app/tmp/sessions/ab", kPuma), {"", "", {Framework::rails}, ""}, ":cookie_store"},
      {lost("/srv/app/tmp/pids/server.pid", kPuma), {}, "config/puma.rb"},
      {lost("/srv/app/tmp/pids/job.pid", kRuby), {"", "", {Framework::rails}, ""}, "--pid /dev/null"},
      {lost("/srv/app/storage/app/public/a.png", kPhp, "image"), {}, "FILESYSTEM_DISK"},
      {lost("/srv/app/storage/framework/sessions/Ab", kPhp), {}, "SESSION_DRIVER"},
      {lost("/srv/app/storage/u.index", kPhp, "sqlite"), {}, "SCOUT_DRIVER"},
      {lost("/srv/app/wp-content/uploads/a.jpg", kFpm, "image"), {}, "Offload"},
      {lost("/tmp/sess_0123456789abcdefghijklmnop", kFpm), {}, "session.save_handler"},
      {lost("/srv/app/uploads/8f3c", kNode), {}, "multer-s3"},
      {lost("/srv/app/sessions/a.json", kNode), {}, "connect-redis"},
      {lost("/srv/app/upload-dir/cv", kJava), {}, "MultipartFile"},
      {lost("/srv/app/data/app.mv.db", kJava, "h2"), {}, "SPRING_DATASOURCE_URL"},
      {lost("/srv/app/uploads/cv", kGo), {"", "", {Framework::go}, ""}, "gocloud.dev/blob"},
      {lost("/srv/app/uploads/cv", kGo), {}, "object store"},
      {lost("/srv/app/my.db", kGo, "bolt"), {}, "DATABASE_URL"},
      {lost("/srv/app/job.lock", kGo, "", 5), {}, "pg_advisory_lock"},
      {lost("/srv/app/node_modules/x/i.js", kNode), {}, "image is built"},
      {lost("/srv/app/app.log", kGunicorn), {}, "--error-logfile -"},
      {lost("/srv/app/app.log", kPython), {}, "StreamHandler"},
      {lost("/srv/app/app.log", kJava), {}, "ConsoleAppender"},
      // A bundler of a Django project is no Django.
      {lost("/srv/app/uploads/8f3c", kNode), {"", "", {Framework::django, Framework::express}, ""}, "multer-s3"},
  };
  for (const auto& c : cases) {
    EXPECT_NE(fix(c.file, c.project).find(c.part), std::string::npos)
        << c.file.what.path << ": " << fix(c.file, c.project) << " without " << c.part;
  }
}

TEST(StorageFindings, EveryKindHasAFixForAnyProgram) {
  for (const char* file_class :
       {"upload", "database", "pid", "session", "index", "schedule", "lock", "package", "log"}) {
    const Framework any[] = {Framework::any};
    ASSERT_NE(find_loss_kind(file_class), nullptr) << file_class;
    EXPECT_NE(fix_of(file_class, any, nullptr), "") << file_class;
  }
}

TEST(StorageFindings, OneForADirectoryWithCountsAndExamples) {
  std::vector<LostFile> files;
  for (int i = 0; i < 50; ++i) files.push_back(lost("/srv/app/uploads/" + std::to_string(i), kNode, "", 10));
  files.push_back(lost("/srv/app/node_modules/a/i.js", kNode));
  files.push_back(lost("/srv/app/node_modules/b/i.js", kNode));
  auto findings = storage_findings(files, {}, {});
  EXPECT_EQ(codes(findings), "CD110*50 CD118*2 ");
  EXPECT_EQ(findings[0].first.message.substr(0, findings[0].first.message.find(" are lost")),
            "50 uploaded files (500 bytes) in /srv/app/uploads: 0, 1, 2, ...");
  // Many directories do not make many findings.
  files.clear();
  for (int i = 0; i < 500; ++i) files.push_back(lost("/srv/" + std::to_string(i) + "/app.db", kNode, "sqlite"));
  findings = storage_findings(files, {}, {});
  EXPECT_EQ(findings.size(), kMostPlaces);
  EXPECT_EQ(findings.back().second, 500 - kMostPlaces + 1);
}

TEST(StorageFindings, WhatTheReportDoesNotNameCountsWithItsDirectory) {
  const std::vector<LostFile> files = {lost("/srv/app/media/a.png", kNode, "image", 10)};
  const std::vector<FoldedLoss> folded = {
      {{"/srv/app/media/2026", "file", Change::created, 990}, "upload", 99, {{kNode, 99, {}, {}}}},
      {{"/srv/app/media", "file", Change::deleted, 990}, "upload", 5, {}}};
  const auto findings = storage_findings(files, folded, {});
  EXPECT_EQ(codes(findings), "CD110*100 ");
  EXPECT_EQ(findings[0].first.message.substr(0, findings[0].first.message.find(" are lost")),
            "100 uploaded files (1000 bytes) in /srv/app/media: a.png, 2026/, ...");
}

TEST(StorageFindings, WhatIsNormalIsNoFinding) {
  std::vector<LostFile> files = {lost("/srv/app/__pycache__/a.pyc", kGunicorn), lost("/srv/app/.a.swp", kGunicorn),
                                 lost("/srv/app/a.py", kPython), lost("/srv/app/.git/index", kGunicorn)};
  files.push_back(lost("/srv/app/media/old.png", kGunicorn, "image", 5, Change::deleted));
  files.push_back(lost("/srv/app/media/mode.png", kGunicorn, "image", 5, Change::metadata));
  files.push_back(lost("/srv/app/media", kGunicorn));
  files.back().what.type = "directory";
  EXPECT_EQ(codes(storage_findings(files, {}, {})), "");
}

// V14: a serving process that changes the code; a generator does that for a living.
TEST(StorageFindings, ServingProcessesDoNotChangeSource) {
  const ProcessRef migrate = process({"python3", "manage.py", "makemigrations"}, "/usr/bin/python3.11");
  const ProcessRef shell = process({"sh", "-c", "echo x > a.py"}, "/usr/bin/dash");
  const ProcessRef templating = process({"envsubst"}, "/usr/bin/envsubst");
  const std::vector<LostFile> generated = {lost("/srv/app/migrations/0002.py", migrate), lost("/srv/app/a.py", shell)};
  EXPECT_EQ(codes(storage_findings(generated, {}, {})), "");
  const std::vector<LostFile> served = {lost("/srv/app/config.py", kGunicorn), lost("/srv/app/env.js", templating)};
  const auto findings = storage_findings(served, {}, {});
  EXPECT_EQ(codes(findings), "CD120*2 ");
  EXPECT_NE(findings[0].first.message.find("config.py, env.js"), std::string::npos) << findings[0].first.message;
}

TEST(StorageFindings, TemporaryFilesCountWhenTheyAreManyOrLarge) {
  std::vector<LostFile> files;
  for (std::uint64_t i = 0; i + 1 < kManyTemporaryFiles; ++i)
    files.push_back(lost("/tmp/tmp" + std::to_string(i), kNode, "", 1));
  EXPECT_EQ(codes(storage_findings(files, {}, {})), "CD102*99 ");
  files.push_back(lost("/tmp/tmpx", kNode, "", 1));
  EXPECT_EQ(codes(storage_findings(files, {}, {})), "CD121*100 ");
  files = {lost("/var/tmp/big", kNode, "", kLargeTemporaryBytes)};
  EXPECT_EQ(codes(storage_findings(files, {}, {})), "CD121*1 ");
}

TEST(StorageFindings, AOneOffLosesWhatItWrites) {
  const std::vector<LostFile> files = {lost("/srv/app/export.csv", kPython),
                                       lost("/srv/app/db.sqlite3", kPython, "sqlite"), lost("/tmp/x", kPython),
                                       lost("/srv/app/__pycache__/a.pyc", kPython)};
  const auto findings = storage_findings(files, {}, {{}, true});
  EXPECT_EQ(codes(findings), "CD111*1 CD119*2 ");
  EXPECT_NE(findings.back().first.message.find("written by a one-off"), std::string::npos);
}

TEST(StorageFindings, KeptFilesHideALoss) {
  EXPECT_TRUE(kept_findings({}).empty());
  const std::vector<ScannedChange> kept = {{"/srv/app/.next/a", "file", Change::created, 1},
                                           {"/srv/app/.next/b", "file", Change::created, 1}};
  const auto findings = kept_findings(kept);
  EXPECT_EQ(codes(findings), "CD122*2 ");
  EXPECT_EQ(findings[0].first.path, "/srv/app/.next/a");
}

TEST(Project, StorageIsKnownByTheNameOfItsVariable) {
  const auto variable = [](std::map<std::string, std::string> environment) {
    return read_project("/nonexistent", environment).storage_variable;
  };
  EXPECT_EQ(variable({{"DEFAULT_STORAGE_DSN", "s3://secret"}, {"AWS_ACCESS_KEY_ID", "x"}}), "DEFAULT_STORAGE_DSN");
  EXPECT_EQ(variable({{"AWS_STORAGE_BUCKET_NAME", "b"}}), "AWS_STORAGE_BUCKET_NAME");
  EXPECT_EQ(variable({{"GS_BUCKET_NAME", "b"}}), "GS_BUCKET_NAME");
  EXPECT_EQ(variable({{"AZURE_STORAGE_CONNECTION_STRING", "b"}}), "AZURE_STORAGE_CONNECTION_STRING");
  EXPECT_EQ(variable({{"AWS_REGION", "eu"}, {"S3_BUCKET", ""}, {"PATH", "/bin"}}), "");
}

}  // namespace
}  // namespace cofferdam::report
