#include "supervise/shell_call.hpp"

#include <gtest/gtest.h>

#include <vector>

namespace cofferdam::supervise {
namespace {

using Words = std::vector<std::string>;

struct Case {
  Words argv;
  bool interactive;
  bool has_script;
};

TEST(ShellCall, TellsScriptsFromShellsThatAreFed) {
  const std::vector<Case> cases = {
      {{"sh"}, false, false},
      {{}, false, false},
      {{"sh", "script"}, false, true},
      {{"sh", "-c", "line"}, false, true},
      {{"sh", "-c", "--", "line"}, false, true},
      {{"sh", "-ec", "line"}, false, true},
      {{"bash", "-lc", "line"}, false, true},
      {{"bash", "-e", "-o", "pipefail", "script", "-i"}, false, true},
      {{"bash", "-euo", "pipefail"}, false, false},
      {{"bash", "-euo", "pipefail", "script"}, false, true},
      {{"bash", "--norc", "--rcfile", "file"}, false, false},
      {{"bash", "--rcfile", "file", "script"}, false, true},
      {{"bash", "+x", "script"}, false, true},
      {{"sh", "--", "script"}, false, true},
      {{"sh", "-", "script"}, false, true},
      {{"sh", "--"}, false, false},
      {{"sh", "-"}, false, false},
      {{"sh", "/dev/stdin"}, false, false},
      {{"sh", "/dev/fd/0"}, false, false},
      {{"sh", "-s", "argument"}, false, false},
      {{"sh", "-es"}, false, false},
      {{"bash", "-i"}, true, false},
      {{"-bash"}, false, false},
      {{"bash", "-il"}, true, false},
      {{"bash", "-ic", "line"}, true, true},
      {{"dash", "-o", "interactive"}, true, false},
      {{"dash", "+o", "interactive"}, false, false},
      {{"fish", "--interactive"}, true, false},
      {{"fish", "--command", "line"}, false, true},
      {{"fish", "--command=line"}, false, true},
  };
  for (const Case& tested : cases) {
    const ShellCall call = read_shell_call(tested.argv);
    std::string words;
    for (const std::string& word : tested.argv) words += word + " ";
    EXPECT_EQ(call.interactive, tested.interactive) << words;
    EXPECT_EQ(call.has_script, tested.has_script) << words;
  }
}

TEST(ShellCall, KnowsShellsByName) {
  for (const char* name : {"sh", "bash", "-bash", "dash", "zsh", "-zsh", "fish", "ash", "mksh", "tcsh"})
    EXPECT_TRUE(is_shell(name)) << name;
  for (const char* name : {"", "-", "ssh", "shuf", "python3", "bash.real", "busybox", "psql"})
    EXPECT_FALSE(is_shell(name)) << name;
}

TEST(Login, IsAShellThatSomebodyTypesInto) {
  constexpr ShellCall kFed{.interactive = false, .has_script = false};
  constexpr ShellCall kScript{.interactive = false, .has_script = true};
  constexpr ShellCall kInteractive{.interactive = true, .has_script = false};
  constexpr ShellCall kBoth{.interactive = true, .has_script = true};
  struct Row {
    Input input;
    bool fed, script, interactive, both;
  };
  for (const Row& row : {Row{Input::nothing, false, false, false, false}, Row{Input::pipe, false, false, true, false},
                         Row{Input::network, true, false, true, true}, Row{Input::terminal, true, false, true, true}}) {
    EXPECT_EQ(is_login(kFed, row.input), row.fed);
    EXPECT_EQ(is_login(kScript, row.input), row.script);
    EXPECT_EQ(is_login(kInteractive, row.input), row.interactive);
    EXPECT_EQ(is_login(kBoth, row.input), row.both);
  }
}

}  // namespace
}  // namespace cofferdam::supervise
