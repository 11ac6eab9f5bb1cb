#include "plan/command.hpp"

#include <fcntl.h>
#include <gtest/gtest.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cerrno>

#include "support/temporary_directory.hpp"

namespace cofferdam::plan {
namespace {

class Command : public testing::Test {
 protected:
  // Programs are found in bin before other.
  [[nodiscard]] Result<Program> find(const std::string& name) const {
    return find_program(name, files_("bin") + ":" + files_("other"), files_.path());
  }
  // "126 permission denied..." or the path below the directory.
  [[nodiscard]] std::string shown(const Result<Program>& program) const {
    if (!program) return std::to_string(program.error().exit_code) + " " + program.error().message;
    return program->path.substr(files_.path().size() + 1);
  }
  void expect_refused(const Result<Program>& program, int exit_code, int error, const std::string& part) const {
    ASSERT_FALSE(program.has_value()) << program->path;
    EXPECT_EQ(program.error().exit_code, exit_code) << program.error().message;
    EXPECT_EQ(program.error().errnum, error) << program.error().message;
    EXPECT_NE(program.error().message.find(part), std::string::npos) << program.error().message;
  }
  [[nodiscard]] kernel::FileIdentity identity(const std::string& name) const {
    return kernel::identify(AT_FDCWD, files_(name).c_str()).value();
  }

  test::TemporaryDirectory files_;
};

TEST_F(Command, IsLookedUpOnPath) {
  files_.write("bin/a",
               "\x7f"
               "ELF",
               0755);
  files_.write("other/a",
               "\x7f"
               "ELF",
               0755);
  files_.write("other/b",
               "\x7f"
               "ELF",
               0755);
  EXPECT_EQ(shown(find("a")), "bin/a");
  EXPECT_EQ(shown(find("b")), "other/b");
  const Program program = find("a").value();
  EXPECT_EQ(program.executable, program.path);
  EXPECT_TRUE(program.executable_identity.same_file(identity("bin/a")));
  EXPECT_EQ(program.script, "");
}

TEST_F(Command, ANameWithASlashIsAPath) {
  files_.write("bin/a", "", 0755);
  files_.write("tools/a", "", 0755);
  EXPECT_EQ(shown(find("tools/a")), "tools/a");
  EXPECT_EQ(shown(find("./tools/a")), "./tools/a");
  EXPECT_EQ(shown(find(files_("tools/a"))), "tools/a");
  expect_refused(find("./a"), 127, ENOENT, "./a: no such file");
  expect_refused(find("tools/a/b"), 127, ENOTDIR, "no such file");
}

TEST_F(Command, AnEmptyEntryOfPathIsTheWorkingDirectory) {
  files_.write("a", "", 0755);
  files_.write("bin/b", "", 0755);
  EXPECT_EQ(shown(find_program("a", ":/nowhere", files_.path())), "a");
  EXPECT_EQ(shown(find_program("a", "/nowhere:", files_.path())), "a");
  EXPECT_EQ(shown(find_program("b", "bin", files_.path())), "bin/b");  // relative entries too
}

TEST_F(Command, WhatIsNotThereIsNotFound) {
  const auto missing = find("nothing");
  expect_refused(missing, 127, ENOENT, "nothing: command not found");
  expect_refused(missing, 127, ENOENT, "PATH=" + files_("bin"));
  expect_refused(find(""), 127, ENOENT, "empty");
  expect_refused(find("bad\nname"), 127, ENOENT, "bad\\nname");
}

TEST_F(Command, WhatIsThereAndCannotRunIsSaid) {
  files_.write("bin/plain", "x", 0644);
  files_.make_directory("bin/directory");
  ASSERT_EQ(::mkfifo((files_("bin") + "/pipe").c_str(), 0755), 0);
  expect_refused(find("plain"), 126, EACCES, "bin/plain: permission denied");
  expect_refused(find("bin/plain"), 126, EACCES, "chmod +x");
  expect_refused(find("directory"), 126, EISDIR, "it is a directory");
  expect_refused(find("bin/directory"), 126, EISDIR, "it is a directory");
  expect_refused(find("bin/pipe"), 126, EACCES, "permission denied");
  // As execvp does, the search goes on behind it.
  files_.write("other/plain", "", 0755);
  EXPECT_EQ(shown(find("plain")), "other/plain");
}

TEST_F(Command, ALinkLeadsToItsFile) {
  files_.write("lib/real", "", 0755);
  files_.make_link("bin/link", "../lib/real");
  files_.make_link("bin/dangling", "nowhere");
  const Program program = find("link").value();
  EXPECT_EQ(program.path, files_("bin/link"));
  EXPECT_TRUE(program.executable_identity.same_file(identity("lib/real")));
  expect_refused(find("dangling"), 127, ENOENT, "not found");
}

TEST_F(Command, AScriptMeansItsInterpreter) {
  files_.write("bin/python3", "", 0755);
  struct Row {
    std::string line;
    const char* interpreter;
  };
  for (const auto& [line, interpreter] : std::vector<Row>{{"#!" + files_("bin/python3"), "bin/python3"},
                                                          {"#! \t" + files_("bin/python3") + " -u", "bin/python3"},
                                                          {"#!" + files_("bin/python3") + "\r", "bin/python3"},
                                                          {"#!/usr/bin/env python3", "bin/python3"},
                                                          {"#!/usr/bin/env -S python3 -u", "bin/python3"},
                                                          {"#!/usr/bin/env -S -i A=1 python3 -u", "bin/python3"}}) {
    files_.write("bin/script", line + "\nprint(1)\n", 0755);
    const auto program = find("script");
    ASSERT_TRUE(program.has_value()) << line << ": " << program.error().message;
    EXPECT_EQ(program->path, files_("bin/script"));
    EXPECT_EQ(program->executable, files_(interpreter)) << line;
    EXPECT_TRUE(program->executable_identity.same_file(identity(interpreter))) << line;
    EXPECT_EQ(program->script, files_("bin/script"));
    EXPECT_TRUE(program->script_identity.same_file(identity("bin/script")));
  }
}

TEST_F(Command, AScriptWithoutAnEndOfLineIsStillOne) {
  files_.write("bin/script", "#!" + files_("bin/sh"), 0755);
  files_.write("bin/sh", "", 0755);
  EXPECT_EQ(find("script").value().executable, files_("bin/sh"));
}

TEST_F(Command, AnInterpreterThatIsMissingIsNamed) {
  files_.write("bin/script", "#!/nowhere/python3\n", 0755);
  expect_refused(find("script"), 126, ENOENT, "its interpreter /nowhere/python3 does not exist");
  files_.write("bin/hostile", "#!/nowhere/\x1b[31m\n", 0755);
  expect_refused(find("hostile"), 126, ENOENT, "/nowhere/\\x1b[31m");
}

TEST_F(Command, WhatIsNoScriptIsAProgram) {
  for (const char* text : {"", "#", "# !/bin/sh",
                           "\x7f"
                           "ELF",
                           " #!/bin/sh\n", "#!\n", "#!  \n"}) {
    files_.write("bin/program", text, 0755);
    const Program program = find("program").value();
    EXPECT_EQ(program.executable, files_("bin/program")) << text;
    EXPECT_EQ(program.script, "") << text;
  }
}

TEST_F(Command, TheSearchPathIsTheEnvironments) {
  EXPECT_EQ(search_path_of({{"PATH", "/x"}}), "/x");
  EXPECT_EQ(search_path_of({{"PATH", ""}}), "");
  EXPECT_NE(search_path_of({}).find("/usr/bin"), std::string::npos);
}

}  // namespace
}  // namespace cofferdam::plan
