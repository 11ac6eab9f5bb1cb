#include "supervise/loader_values.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

namespace cofferdam::supervise {
namespace {

using testing::ElementsAre;
using testing::IsEmpty;

TEST(LoaderValues, AreThoseThatSteerLoadersAndInterpreters) {
  EXPECT_THAT(loader_values({"PATH=/bin", "LD_PRELOAD=/x.so", "PYTHONPATH=/a", "HOME=/h", "NODE_OPTIONS=--x",
                             "RUBYOPT=-w", "PERL5OPT=-d", "JAVA_TOOL_OPTIONS=-x", "PHPRC=/p", "BASH_ENV=/b", "LDX=1",
                             "NODE_OPTIONS_X=1", "MYLD_PRELOAD=/x", "XPYTHONPATH=1", ""},
                            ""),
              ElementsAre("BASH_ENV=/b", "HOME=/h", "JAVA_TOOL_OPTIONS=-x", "LD_PRELOAD=/x.so", "NODE_OPTIONS=--x",
                          "PERL5OPT=-d", "PHPRC=/p", "PYTHONPATH=/a", "RUBYOPT=-w"));
  EXPECT_THAT(loader_values({"GUNICORN_CMD_ARGS=--config x.py", "GUNICORN_PID=7", "UVICORN_APP_DIR=/x"}, ""),
              ElementsAre("GUNICORN_CMD_ARGS=--config x.py", "UVICORN_APP_DIR=/x"));
  EXPECT_THAT(loader_values({"NODE_PRESERVE_SYMLINKS_MAIN=1", "NODE_COMPILE_CACHE=/c", "SHELLOPTS=xtrace", "PS4=$(x)",
                             "BASH_FUNC_cd%%=() { x; }", "OPENSSL_ENGINES=/e", "LIBMYSQL_PLUGINS=p", "NODE_ENV=x",
                             "SHELL=/bin/sh", "PS1=x"},
                            ""),
              ElementsAre("BASH_FUNC_cd%%=() { x; }", "LIBMYSQL_PLUGINS=p", "NODE_COMPILE_CACHE=/c",
                          "NODE_PRESERVE_SYMLINKS_MAIN=1", "OPENSSL_ENGINES=/e", "PS4=$(x)", "SHELLOPTS=xtrace"));
  EXPECT_EQ(loader_values({"LD_A=1", "LD_B=2"}, ""), loader_values({"LD_B=2", "LD_A=1"}, ""));
  EXPECT_THAT(loader_values({}, ""), IsEmpty());
}

TEST(LoaderValues, OptionsOfNodeThatLoadNothingAreLeftOut) {
  const auto kept = [](const std::string& value) { return loader_values({"NODE_OPTIONS=" + value}, ""); };
  EXPECT_THAT(kept(""), IsEmpty());
  EXPECT_THAT(kept(" --max-old-space-size=2048"), IsEmpty());
  EXPECT_THAT(kept("--enable-source-maps --no-warnings --stack-trace-limit=50"), IsEmpty());
  EXPECT_THAT(kept("--max-old-space-size=9 --require /x.js"), ElementsAre("NODE_OPTIONS=--require /x.js"));
  EXPECT_THAT(kept("--require=/x.js --no-warnings"), ElementsAre("NODE_OPTIONS=--require=/x.js"));
  for (const char* other : {"--inspect", "--max-old-space-size=1x", "--max-old-space-size=", "--no-warnings=/x",
                            "--import --no-warnings", "--no-warnings\t--inspect", "\"--no-warnings\" --inspect",
                            "--max-old-space-size=\"1 --require /x.js\"", "x\\ --no-warnings"}) {
    EXPECT_THAT(kept(other), ElementsAre("NODE_OPTIONS=" + std::string(other)));
  }
}

TEST(LoaderValues, ModulesOfTheProjectAreItsOwn) {
  const auto kept = [](const std::string& value) { return loader_values({"NODE_PATH=" + value}, "/srv/app"); };
  EXPECT_THAT(kept("/srv/app/node_modules/.pnpm/node_modules:/srv/app/node_modules/vite/node_modules"), IsEmpty());
  for (const char* other :
       {"/tmp", "/srv/app", "/srv/app/node_modules/x", "/srv/app/node_modules/../../evil/node_modules",
        "/srv/app2/node_modules/x/node_modules", "node_modules/x/node_modules"}) {
    EXPECT_THAT(kept("/srv/app/node_modules/x/node_modules:" + std::string(other)),
                ElementsAre("NODE_PATH=" + std::string(other)));
  }
  EXPECT_THAT(loader_values({"NODE_PATH=/node_modules/x/node_modules"}, ""), testing::SizeIs(1));
}

TEST(LoaderValues, TheFirstDifferenceIsNamed) {
  EXPECT_EQ(first_difference({"A=1", "B=2"}, {"A=1", "B=2"}), "");
  EXPECT_EQ(first_difference({"A=1", "B=2"}, {"A=1"}), "B");
  EXPECT_EQ(first_difference({"A=1"}, {"A=2", "B=1"}), "A");
}

}  // namespace
}  // namespace cofferdam::supervise
