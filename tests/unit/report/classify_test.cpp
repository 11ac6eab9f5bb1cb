#include "report/classify.hpp"

#include <gtest/gtest.h>

namespace cofferdam::report {
namespace {

TEST(Classify, ByNameAndPlace) {
  const std::pair<const char*, const char*> cases[] = {{"/srv/app/.git/index", "vcs"},
                                                       {"/srv/app/.git/logs/HEAD", "vcs"},
                                                       {"/srv/app/.svn/wc.db", "vcs"},
                                                       {"/srv/app/src/main.py", "source"},
                                                       {"/srv/app/package.json", "source"},
                                                       {"/srv/app/poetry.lock", "source"},
                                                       {"/srv/app/app/migrations/0002_x.py", "source"},
                                                       {"/srv/app/templates/a.html", "source"},
                                                       {"/srv/app/Dockerfile", "source"},
                                                       {"/srv/app/.env", "source"},
                                                       {"/srv/app/.env.local", "source"},
                                                       {"/srv/app/src/logs/pump.cpp", "source"},
                                                       {"/srv/app/app.log", "log"},
                                                       {"/srv/app/app.log.3.gz", "log"},
                                                       {"/srv/app/log/development.json", "log"},
                                                       {"/var/log/nginx/access", "log"},
                                                       {"/srv/app/__pycache__/a.cpython-312.pyc", "cache"},
                                                       {"/srv/app/node_modules/.cache/x.json", "cache"},
                                                       {"/srv/app/node_modules/.vite/deps/x.js", "cache"},
                                                       {"/srv/app/.pytest_cache/README.md", "cache"},
                                                       {"/home/u/.cache/pip/x", "cache"},
                                                       {"/srv/app/node_modules/x/index.js", "file"},
                                                       {"/usr/lib/python3/site-packages/a.py", "file"},
                                                       {"/tmp/x.py", "file"},
                                                       {"/srv/app/media/a.png", "file"},
                                                       {"/srv/app/catalog", "file"},
                                                       {"/srv/app/x.logic", "file"},
                                                       {"/", "file"},
                                                       {"", "file"}};
  for (const auto& [path, kind] : cases) EXPECT_EQ(classify(path), kind) << path;
}

}  // namespace
}  // namespace cofferdam::report
