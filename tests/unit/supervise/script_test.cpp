#include "supervise/script.hpp"

#include <gtest/gtest.h>

#include <ostream>
#include <string>
#include <vector>

namespace cofferdam::supervise {
namespace {

using Kind = ScriptArgument::Kind;

TEST(Script, InterpretersAreKnownByNameAndVersion) {
  for (const char* name : {"python", "python3", "python3.11", "python2.7", "pypy3", "node", "nodejs", "node-18", "ruby",
                           "ruby3.1", "perl", "perl5.36.0", "php", "php8.2", "bash", "bash-5.2", "sh", "dash", "ash"}) {
    EXPECT_TRUE(is_interpreter(name)) << name;
  }
  for (const char* name :
       {"", "shuf", "sha256sum", "shutdown", "nodemon", "node-gyp", "phpize", "php-fpm8.2", "pythonx", "python3-config",
        "ruby-build", "zsh", "fish", "gunicorn", "psql", "pyp", "Python", "busybox"}) {
    EXPECT_FALSE(is_interpreter(name)) << name;
  }
}

struct Row {
  const char* executable;
  std::vector<std::string> argv;
  Kind kind;
  const char* text;
  std::size_t next;
};

void PrintTo(const Row& row, std::ostream* out) {
  *out << row.executable;
  for (const std::string& argument : row.argv) *out << " '" << argument << "'";
}

class ScriptForms : public testing::TestWithParam<Row> {};

TEST_P(ScriptForms, AreTakenApart) {
  const Row& row = GetParam();
  const ScriptArgument found = script_argument(row.executable, row.argv);
  EXPECT_EQ(found.kind, row.kind);
  EXPECT_EQ(found.text, row.text);
  EXPECT_EQ(found.next, row.next);
}

INSTANTIATE_TEST_SUITE_P(
    Python, ScriptForms,
    testing::Values(
        Row{"python3.11", {"python3", "manage.py", "runserver"}, Kind::file, "manage.py", 2},
        Row{"python3.11", {"python3", "-u", "-B", "manage.py", "-c"}, Kind::file, "manage.py", 4},
        Row{"python3", {"python3", "-m", "flask", "run"}, Kind::module, "flask", 3},
        Row{"python3", {"python3", "-mflask", "run"}, Kind::module, "flask", 2},
        Row{"python3", {"python3", "-W", "error", "-m", "http.server"}, Kind::module, "http.server", 5},
        Row{"python3", {"python3", "-W", "-m", "app.py"}, Kind::file, "app.py", 4},
        Row{"python3", {"python3", "-Werror", "app.py"}, Kind::file, "app.py", 3},
        Row{"python3", {"python3", "-X", "dev", "app.py"}, Kind::file, "app.py", 4},
        Row{"python3", {"python3", "--check-hash-based-pycs", "always", "app.py"}, Kind::file, "app.py", 4},
        Row{"python3", {"python3", "-c", "import os", "-m", "x"}, Kind::code, "import os", 3},
        Row{"python3", {"python3", "--", "-odd.py", "x"}, Kind::file, "-odd.py", 3},
        Row{"python3", {"python3", "-"}, Kind::file, "-", 2}, Row{"python3", {"python3", "-i"}, Kind::none, "", 1},
        Row{"python3", {"python3", "-m"}, Kind::none, "", 1}, Row{"python3", {"python3", "-c"}, Kind::none, "", 1},
        Row{"python3", {"python3", "-W"}, Kind::none, "", 1}, Row{"python3", {"python3", "--"}, Kind::none, "", 1},
        Row{"python3", {"python3"}, Kind::none, "", 1}, Row{"python3", {}, Kind::none, "", 1},
        Row{"pypy3", {"pypy3", "-X", "faulthandler", "-m", "x"}, Kind::module, "x", 5}));

INSTANTIATE_TEST_SUITE_P(
    Node, ScriptForms,
    testing::Values(Row{"node", {"node", "server.js", "--require", "x"}, Kind::file, "server.js", 2},
                    Row{"node", {"node", "--require", "dotenv/config", "server.js"}, Kind::file, "server.js", 4},
                    Row{"node", {"node", "-r", "ts-node/register", "src/app.ts"}, Kind::file, "src/app.ts", 4},
                    Row{"node", {"node", "--import", "tsx", "--loader", "x", "app.ts"}, Kind::file, "app.ts", 6},
                    Row{"node", {"node", "--require=./x.js", "server.js"}, Kind::file, "server.js", 3},
                    Row{"node", {"node", "--max-old-space-size=64", "server.js"}, Kind::file, "server.js", 3},
                    Row{"node", {"node", "-C", "development", "server.js"}, Kind::file, "server.js", 4},
                    Row{"node", {"node", "-e", "1+1", "x"}, Kind::code, "1+1", 3},
                    Row{"node", {"node", "--eval", "1+1"}, Kind::code, "1+1", 3},
                    Row{"node", {"node", "-pe", "1+1"}, Kind::code, "1+1", 3},
                    // -m is python's; a module of node is a file.
                    Row{"node", {"node", "-m", "server.js"}, Kind::file, "server.js", 3},
                    Row{"nodejs", {"nodejs", "--print", "1"}, Kind::code, "1", 3}));

INSTANTIATE_TEST_SUITE_P(
    Others, ScriptForms,
    testing::Values(
        Row{"ruby3.1", {"ruby", "-I", "lib", "-r", "json", "bin/rails", "s"}, Kind::file, "bin/rails", 6},
        Row{"ruby", {"ruby", "-e", "puts 1"}, Kind::code, "puts 1", 3},
        Row{"perl", {"perl", "-w", "-I", "lib", "app.pl"}, Kind::file, "app.pl", 5},
        Row{"perl", {"perl", "-E", "say 1"}, Kind::code, "say 1", 3},
        Row{"php8.2", {"php", "-d", "memory_limit=1", "artisan", "serve"}, Kind::file, "artisan", 4},
        Row{"php", {"php", "-S", "127.0.0.1:8000", "-t", "public", "router.php"}, Kind::file, "router.php", 6},
        Row{"php", {"php", "-f", "app.php"}, Kind::file, "app.php", 3},
        Row{"php", {"php", "-r", "echo 1;"}, Kind::code, "echo 1;", 3},
        Row{"bash", {"bash", "-o", "pipefail", "run", "-c"}, Kind::file, "run", 4},
        Row{"bash", {"bash", "--rcfile", "x", "-c", "exec app"}, Kind::code, "exec app", 5},
        Row{"sh", {"sh", "-e", "-c", "app", "name", "arg"}, Kind::code, "app", 4},
        Row{"dash", {"/bin/sh", "-c", "app | cat"}, Kind::code, "app | cat", 3},
        Row{"java", {"java", "-Xmx1g", "-cp", "a.jar", "app.Main", "x"}, Kind::module, "app.Main", 5},
        Row{"java", {"java", "@options", "-m", "app/app.Main"}, Kind::module, "app/app.Main", 4},
        Row{"java", {"java", "-Dx=y", "-jar", "app.jar", "x"}, Kind::file, "app.jar", 4},
        Row{"java", {"java", "--source", "17", "Main.java"}, Kind::file, "Main.java", 4},
        Row{"java", {"java", "-version"}, Kind::none, "", 1}, Row{"dash", {"-dash"}, Kind::none, "", 1},
        Row{"ash", {"sh", "./run"}, Kind::file, "./run", 2}));

INSTANTIATE_TEST_SUITE_P(OptionsInOneWord, ScriptForms,
                         testing::Values(Row{"python3", {"python3", "-um", "flask", "run"}, Kind::module, "flask", 3},
                                         Row{"python3", {"python3", "-uBmflask", "run"}, Kind::module, "flask", 2},
                                         Row{"python3", {"python3", "-Ic", "import os"}, Kind::code, "import os", 3},
                                         Row{"python3", {"python3", "-uW", "error", "app.py"}, Kind::file, "app.py", 4},
                                         Row{"python3", {"python3", "-uB", "app.py"}, Kind::file, "app.py", 3},
                                         Row{"perl", {"perl", "-we", "1"}, Kind::code, "1", 3},
                                         Row{"bash", {"bash", "-lc", "exec app"}, Kind::code, "exec app", 3},
                                         Row{"bash", {"bash", "-eo", "pipefail", "run"}, Kind::file, "run", 4},
                                         Row{"dash", {"sh", "-ec", "app"}, Kind::code, "app", 3},
                                         // system(3) of glibc
                                         Row{"dash", {"sh", "-c", "--", "psql"}, Kind::code, "psql", 4},
                                         Row{"dash", {"sh", "-c", "--"}, Kind::none, "", 1}));

INSTANTIATE_TEST_SUITE_P(NoInterpreter, ScriptForms,
                         testing::Values(Row{"shuf", {"shuf", "-c", "x"}, Kind::none, "", 1},
                                         Row{"nodemon", {"nodemon", "server.js"}, Kind::none, "", 1},
                                         Row{"psql", {"psql", "-c", "select 1"}, Kind::none, "", 1},
                                         Row{"", {"python3", "app.py"}, Kind::none, "", 1}));

}  // namespace
}  // namespace cofferdam::supervise
