#include "report/classify.hpp"

#include <gtest/gtest.h>

#include <string>

namespace cofferdam::report {
namespace {

struct Case {
  const char* path;
  const char* file_class;
  const char* content = "";
  std::uint64_t bytes = 1000;
  Change change = Change::created;
};

std::string class_of(const Case& c, const ProcessInfo* writer = nullptr) {
  return std::string(classify({c.path, "file", c.change, c.bytes, c.content}, writer));
}

template <std::size_t N>
void expect_all(const Case (&cases)[N]) {
  for (const Case& c : cases) EXPECT_EQ(class_of(c), c.file_class) << c.path << " " << c.content;
}

TEST(Classify, SourceVersionControlLogsAndCaches) {
  expect_all({{"/srv/app/.git/index", "vcs"},
              {"/srv/app/.git/logs/HEAD", "vcs"},
              {"/srv/app/.git/index.lock", "vcs"},
              {"/srv/app/.svn/wc.db", "vcs", "sqlite"},
              {"/srv/app/src/main.py", "source"},
              {"/srv/app/package.json", "source"},
              {"/srv/app/package-lock.json", "source"},
              {"/srv/app/poetry.lock", "source", "", 40},
              {"/srv/app/app/migrations/0002_x.py", "source"},
              {"/srv/app/src/__snapshots__/a.test.js.snap", "source"},
              {"/srv/app/templates/a.html", "source"},
              {"/srv/app/Dockerfile", "source"},
              {"/srv/app/.env", "source"},
              {"/srv/app/.env.local", "source"},
              {"/srv/app/src/logs/pump.cpp", "source"},
              {"/srv/app/app.log", "log"},
              {"/srv/app/app.log.3.gz", "log", "gzip"},
              {"/srv/app/log/development.json", "log"},
              {"/var/log/nginx/access", "log"},
              {"/srv/app/__pycache__/a.cpython-312.pyc", "cache"},
              {"/srv/app/node_modules/.cache/x.json", "cache"},
              {"/srv/app/node_modules/.vite/deps/x.js", "cache"},
              {"/srv/app/.pytest_cache/README.md", "cache"},
              {"/srv/app/.coverage", "cache", "sqlite"},
              {"/srv/app/.main.py.swp", "cache"},
              {"/srv/app/main.py~", "cache"},
              {"/home/u/.cache/pip/x", "cache"},
              {"/tmp/x.py", "temporary"},
              {"/tmp/pip-build-1/wheel.zip", "temporary", "zip"},
              {"/srv/app/catalog", "file"},
              {"/srv/app/x.logic", "file"},
              {"/", "file"},
              {"", "file"}});
}

TEST(Classify, Django) {
  expect_all({{"/srv/app/media/2026/a.png", "upload", "image"},
              {"/srv/app/media/cv.html", "upload"},
              {"/srv/app/media/views.py", "source"},
              {"/srv/app/media/CACHE/images/a.jpg", "cache", "image"},
              {"/srv/app/staticfiles/admin/img/a.png", "file", "image"},
              {"/srv/app/db.sqlite3", "database", "sqlite"},
              {"/srv/app/db.sqlite3-journal", "database"},
              {"/srv/app/cache.dat", "database", "sqlite"},
              {"/srv/app/celerybeat-schedule", "schedule", "gdbm"},
              {"/srv/app/celerybeat-schedule.db", "schedule"},
              {"/srv/app/celerybeat.pid", "pid"},
              {"/srv/app/whoosh_index/_MAIN_1.toc", "index"},
              {"/srv/app/search/MAIN_abc.seg", "index"},
              {"/tmp/sessionid0123456789abcdefghijklmnopqrstuv", "session"},
              {"/tmp/tmpab12cd.upload.zip", "temporary", "zip"},
              {"/srv/app/uploads/views.py", "source", "", 10, Change::modified},
              {"/srv/app/uploads/templates/form.html", "source", "", 10, Change::modified}});
}

TEST(Classify, FlaskAndPlainPython) {
  expect_all({{"/srv/app/flask_session/2029240f6d1128be89ddc32729463129", "session"},
              {"/srv/app/instance/app.db", "database", "sqlite"},
              {"/srv/app/instance/app.db-wal", "database", "sqlite-wal"},
              {"/srv/app/uploads/3f2a", "upload"},
              {"/srv/app/static/uploads/a.jpg", "upload", "image"},
              {"/srv/app/report.pdf", "upload", "pdf"},
              {"/srv/app/env.lmdb/data.mdb", "database", "lmdb"},
              {"/srv/app/.venv/lib/python3/site-packages/a.py", "package"},
              {"/home/u/.local/lib/python3.11/site-packages/a.py", "package"}});
}

TEST(Classify, Rails) {
  expect_all({{"/srv/app/storage/x1/y2/x1y2abcdefghijklmnopqrstuvwx", "upload"},
              {"/srv/app/public/uploads/user/1/a.png", "upload", "image"},
              {"/srv/app/public/system/users/a.png", "upload", "image"},
              {"/srv/app/storage/development.sqlite3", "database", "sqlite"},
              {"/srv/app/log/development.log", "log"},
              {"/srv/app/tmp/pids/server.pid", "pid"},
              {"/srv/app/tmp/cache/bootsnap/load-path-cache", "cache"},
              {"/srv/app/tmp/cache/assets/a", "cache"},
              {"/srv/app/tmp/sessions/ab12", "session"},
              {"/srv/app/app/views/sessions/new.html.erb", "source"},
              {"/srv/app/vendor/bundle/ruby/3.1.0/gems/a.rb", "package"},
              {"/srv/app/Gemfile.lock", "source", "", 100},
              {"/srv/app/config/credentials.yml", "source"}});
}

TEST(Classify, PhpLaravelAndWordPress) {
  expect_all({{"/tmp/sess_0123456789abcdefghijklmnop", "session"},
              {"/var/lib/php/sessions/sess_0123456789abcdefghijklmnop", "session"},
              {"/srv/app/storage/framework/sessions/Ab12", "session"},
              {"/srv/app/storage/framework/views/ab12.php", "cache"},
              {"/srv/app/storage/framework/cache/data/1", "cache"},
              {"/srv/app/storage/app/public/a.png", "upload", "image"},
              {"/srv/app/storage/app/private/b", "upload"},
              {"/srv/app/storage/logs/laravel.log", "log"},
              {"/srv/app/bootstrap/cache/services.php", "cache"},
              {"/srv/app/storage/users.index", "index", "sqlite"},
              {"/srv/app/wp-content/uploads/2026/01/a.jpg", "upload", "image"},
              {"/srv/app/wp-content/cache/page.html", "cache"},
              {"/srv/app/wp-content/plugins/x/x.php", "source"},
              {"/srv/app/vendor/composer/installed.json", "package"},
              {"/srv/app/composer.lock", "source", "", 100}});
}

TEST(Classify, NodeSpringAndGo) {
  expect_all({{"/srv/app/uploads/8f3c2b1a", "upload"},
              {"/srv/app/sessions/aB-12.json", "session"},
              {"/srv/app/node_modules/x/index.js", "package"},
              {"/srv/app/node_modules/x/x.sqlite", "package", "sqlite"},
              {"/srv/app/.next/static/media/a.png", "cache", "image"},
              {"/srv/app/.next/server/app.js", "cache"},
              {"/srv/app/dist/main.js", "file"},
              {"/srv/app/dist/main.js", "source", "", 10, Change::modified},
              {"/srv/app/dist/media/a.png", "file", "image"},
              {"/srv/app/public/logo.png", "file", "image"},
              {"/tmp/puppeteer_dev_chrome_profile-x/Default/History", "temporary", "sqlite"},
              {"/srv/app/data/level/CURRENT", "database", "leveldb"},
              {"/srv/app/data/level/MANIFEST-000004", "database"},
              {"/srv/app/data/level/000005.log", "database"},
              {"/srv/app/data/app.mv.db", "database", "h2"},
              {"/srv/app/data/shop.script", "database", "hsqldb"},
              {"/srv/app/data/shop.properties", "database", "hsqldb"},
              {"/srv/app/data/shop.properties", "source"},
              {"/srv/app/upload-dir/cv", "upload"},
              {"/tmp/tomcat.8080.1/work/Tomcat/localhost/ROOT/upload_1.tmp", "temporary"},
              {"/tmp/tomcat.8080.1/SESSIONS.ser", "session"},
              {"/srv/app/index/_0.cfs", "index", "lucene"},
              {"/srv/app/my.bolt", "database", "bolt"},
              {"/srv/app/my.duckdb", "database", "duckdb"},
              {"/srv/app/dump.rdb", "database", "redis-dump"},
              {"/srv/app/job.lock", "lock", "", 5},
              {"/srv/app/yarn.lock", "source", "", 5},
              {"/srv/app/big.lock", "source", "", 5000},
              {"/srv/app/server", "file", "elf"}});
}

// Some people work below /tmp.
TEST(Classify, NothingOfTheProjectIsTemporary) {
  const ScannedChange change{"/tmp/try/main.py", "file", Change::created, 1};
  EXPECT_EQ(classify(change), "temporary");
  EXPECT_EQ(classify(change, nullptr, "/tmp/try"), "source");
  EXPECT_EQ(classify(change, nullptr, "/tmp/tr"), "temporary");
  EXPECT_EQ(classify(change, nullptr, "/"), "temporary");
}

// What an installer writes into vendor is a package; what the app writes there is not.
TEST(Classify, InstallersAreKnownByTheirCommand) {
  const ProcessInfo composer{5, "/usr/bin/php8.2", {"php", "/usr/bin/composer", "install"}, {"composer"}};
  const ProcessInfo app{5, "/usr/bin/php8.2", {"php", "artisan", "serve"}, {"php"}};
  EXPECT_EQ(class_of({"/srv/app/vendor/monolog/a.php", ""}, &composer), "package");
  EXPECT_EQ(class_of({"/srv/app/vendor/monolog/a.php", ""}, &app), "source");
  const auto installs = [](const std::vector<std::string>& argv) { return is_installer({1, "", argv, {}}); };
  EXPECT_TRUE(installs({"/usr/bin/python3", "-m", "pip", "install", "x"}));
  EXPECT_TRUE(installs({"npm ci"}));
  EXPECT_TRUE(installs({"/usr/bin/node", "/usr/lib/node_modules/npm/bin/npm-cli.js", "install"}));
  EXPECT_TRUE(installs({"apt-get", "-y", "install", "x"}));
  EXPECT_FALSE(installs({"npm", "run", "install-hooks"}));
  EXPECT_FALSE(installs({"npm", "start"}));
  EXPECT_FALSE(installs({"python3", "install.py"}));
  EXPECT_FALSE(installs({}));
}

TEST(Classify, PlacesAreTheDirectoriesThatMadeTheClass) {
  EXPECT_EQ(place_of_class("/srv/app/media/2026/a.png", "upload"), "/srv/app/media");
  EXPECT_EQ(place_of_class("/srv/app/storage/app/public/a.png", "upload"), "/srv/app/storage/app");
  EXPECT_EQ(place_of_class("/srv/app/storage/x1/y2/x1y2a", "upload"), "/srv/app/storage");
  EXPECT_EQ(place_of_class("/srv/app/report.pdf", "upload"), "/srv/app");
  EXPECT_EQ(place_of_class("/srv/app/node_modules/a/node_modules/b/c.js", "package"), "/srv/app/node_modules");
  EXPECT_EQ(place_of_class("/srv/app/.git/objects/ab/cd", "vcs"), "/srv/app/.git");
  EXPECT_EQ(place_of_class("/app.db", "database"), "/");
  EXPECT_EQ(place_of_class("", "database"), "");
}

}  // namespace
}  // namespace cofferdam::report
