// Which script an interpreter was told to run, read from its arguments alone. Pure.
#pragma once

#include <cstddef>
#include <string>
#include <string_view>
#include <vector>

namespace cofferdam::supervise {

struct ScriptArgument {
  enum class Kind { none, file, module, code };
  Kind kind = Kind::none;
  std::string text;      // path, module name, or code
  std::size_t next = 1;  // index of the first argument after it; for `none` of the first argument at all
};

// Knows python, node, ruby, perl, php, java, bash and sh (by the executable's name, versions ignored). Java's main
// class is a `module`, its jar or source a `file`. Interpreter options before the script are skipped, as are their
// values where the interpreter takes one. Any other program: none.
[[nodiscard]] ScriptArgument script_argument(std::string_view executable_name, const std::vector<std::string>& argv);

// True for a program that script_argument knows.
[[nodiscard]] bool is_interpreter(std::string_view executable_name);
[[nodiscard]] bool is_java(std::string_view executable_name);

}  // namespace cofferdam::supervise
