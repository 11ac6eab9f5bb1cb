#include "supervise/script.hpp"

#include <algorithm>
#include <array>

namespace cofferdam::supervise {

namespace {

// One row an interpreter: the options that end its own arguments, and those that take a value of their own.
struct Interpreter {
  std::string_view prefix;         // of the executable's name: python3.11, php8.2
  std::string_view code_options;   // "-c": the next argument is the program
  std::string_view module_option;  // "-m"
  std::string_view valued;         // options whose value is the next argument, separated by blanks
};
constexpr std::array<Interpreter, 8> kInterpreters = {{
    {"python", "-c", "-m", "-W -X --check-hash-based-pycs"},
    {"pypy", "-c", "-m", "-W -X"},
    {"node", "-e --eval -p --print -pe", "", "-r --require --import --loader --experimental-loader -C --conditions"},
    {"ruby", "-e", "", "-r -I -C -E"},
    {"perl", "-e -E", "", "-I"},
    {"php", "-r", "", "-d -c -z -S -t"},
    {"bash", "-c", "", "-o -O --rcfile --init-file"},
    {"sh", "-c", "", "-o"},
}};

bool listed(std::string_view list, std::string_view word) {
  while (!list.empty()) {
    const std::size_t blank = list.find(' ');
    if (list.substr(0, blank) == word) return true;
    if (blank == std::string_view::npos) return false;
    list.remove_prefix(blank + 1);
  }
  return false;
}

const Interpreter* find(std::string_view name) {
  const auto matches = [&](const Interpreter& row) {
    if (!name.starts_with(row.prefix)) return false;
    // "python3.11" and "php8.2", but not "shuf" for "sh" nor "nodemon" for "node".
    return name.find_first_not_of("0123456789.-", row.prefix.size()) == std::string_view::npos;
  };
  const auto* row = std::ranges::find_if(kInterpreters, matches);
  if (row != kInterpreters.end()) return row;
  if (name == "dash" || name == "ash") return find("sh");
  if (name == "nodejs") return find("node");
  return nullptr;
}

}  // namespace

bool is_interpreter(std::string_view executable_name) {
  return find(executable_name) != nullptr;
}

ScriptArgument script_argument(std::string_view executable_name, const std::vector<std::string>& argv) {
  const Interpreter* row = find(executable_name);
  if (row == nullptr) return {};
  using Kind = ScriptArgument::Kind;
  for (std::size_t i = 1; i < argv.size(); ++i) {
    const std::string_view argument = argv[i];
    if (argument == "--")
      return i + 1 < argv.size() ? ScriptArgument{Kind::file, argv[i + 1], i + 2} : ScriptArgument{};
    if (!argument.starts_with('-') || argument == "-") return {Kind::file, argv[i], i + 1};
    const bool has_next = i + 1 < argv.size();
    if (listed(row->code_options, argument)) {
      return has_next ? ScriptArgument{Kind::code, argv[i + 1], i + 2} : ScriptArgument{};
    }
    if (!row->module_option.empty() && argument == row->module_option) {
      return has_next ? ScriptArgument{Kind::module, argv[i + 1], i + 2} : ScriptArgument{};
    }
    if (!row->module_option.empty() && argument.starts_with("-m") && argument.size() > 2) {
      return {Kind::module, std::string(argument.substr(2)), i + 1};
    }
    if (listed(row->valued, argument)) ++i;
  }
  return {};
}

}  // namespace cofferdam::supervise
