#include "supervise/script.hpp"

#include <algorithm>
#include <array>

namespace cofferdam::supervise {

namespace {

// One row an interpreter: the options that end its own arguments, and those that take a value of their own.
// `flags` are the short options without a value: those that stand before a -c or -m in one word (sh -ec, python -um).
struct Interpreter {
  std::string_view prefix;         // of the executable's name: python3.11, php8.2
  std::string_view code_options;   // "-c": the next argument is the program
  std::string_view module_option;  // "-m"
  std::string_view valued;         // options whose value is the next argument, separated by blanks
  std::string_view flags;
};
constexpr std::string_view kJava = "java";
constexpr std::array<Interpreter, 9> kInterpreters = {{
    {"python", "-c", "-m", "-W -X --check-hash-based-pycs", "bBdEhiIOPqRsSuvx"},
    {"pypy", "-c", "-m", "-W -X", "bBdEhiIOPqRsSuvx"},
    {"node", "-e --eval -p --print -pe", "", "-r --require --import --loader --experimental-loader -C --conditions",
     ""},
    {"ruby", "-e", "", "-r -I -C -E", "alnpsSvw"},
    {"perl", "-e -E", "", "-I", "acfnpsStTuUvwWX"},
    {"php", "-r", "", "-d -c -z -S -t", "nq"},
    {"java", "", "",
     "-cp -classpath --class-path -p --module-path --upgrade-module-path --add-modules --add-reads --add-exports "
     "--add-opens --patch-module --limit-modules --enable-native-access --source",
     ""},
    {"bash", "-c", "", "-o -O --rcfile --init-file", "abefhiklmnprstuvxBCEHPT"},
    {"sh", "-c", "", "-o", "abefhilmnsuvxCEV"},
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

// "-um" as "-m": the option that the flags before it in one word lead to. `spelled` holds the result.
std::string_view without_flags(const Interpreter& row, std::string_view argument, std::string& spelled) {
  if (argument.size() < 3 || argument[1] == '-') return argument;
  const std::size_t option = argument.find_first_not_of(row.flags, 1);
  if (option == std::string_view::npos || option == 1) return argument;
  spelled = "-" + std::string(argument.substr(option));
  return spelled;
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

bool is_java(std::string_view executable_name) {
  return executable_name == kJava;
}

bool is_interpreter(std::string_view executable_name) {
  return find(executable_name) != nullptr;
}

ScriptArgument script_argument(std::string_view executable_name, const std::vector<std::string>& argv) {
  const Interpreter* row = find(executable_name);
  if (row == nullptr) return {};
  using Kind = ScriptArgument::Kind;
  for (std::size_t i = 1; i < argv.size(); ++i) {
    const std::string_view argument = argv[i];
    std::string spelled;
    if (argument == "--")
      return i + 1 < argv.size() ? ScriptArgument{Kind::file, argv[i + 1], i + 2} : ScriptArgument{};
    if (row->prefix == kJava && argument.starts_with('@')) continue;  // a file with more options
    if (!argument.starts_with('-') || argument == "-") {
      const bool is_class = row->prefix == kJava && argv[i - 1] != "-jar" && !argument.ends_with(".java");
      return {is_class ? Kind::module : Kind::file, argv[i], i + 1};
    }
    const std::string_view option = without_flags(*row, argument, spelled);
    bool has_next = i + 1 < argv.size();
    if (listed(row->code_options, option)) {
      // glibc's system(3) writes `sh -c -- LINE`.
      if (row->prefix.ends_with("sh") && has_next && argv[i + 1] == "--") has_next = ++i + 1 < argv.size();
      return has_next ? ScriptArgument{Kind::code, argv[i + 1], i + 2} : ScriptArgument{};
    }
    if (!row->module_option.empty() && option == row->module_option) {
      return has_next ? ScriptArgument{Kind::module, argv[i + 1], i + 2} : ScriptArgument{};
    }
    if (!row->module_option.empty() && option.starts_with("-m") && option.size() > 2) {
      return {Kind::module, std::string(option.substr(2)), i + 1};
    }
    if (listed(row->valued, option)) ++i;
  }
  return {};
}

}  // namespace cofferdam::supervise
