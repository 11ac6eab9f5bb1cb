#include "supervise/exec_record.hpp"

#include <fnmatch.h>

#include <algorithm>
#include <array>
#include <iterator>
#include <span>
#include <string_view>

#include "base/text.hpp"
#include "policy/engines.hpp"

namespace cofferdam::supervise {

namespace {

bool same_executable(const ExecRecord& a, const ExecRecord& b) {
  return a.tuple.device == b.tuple.device && a.tuple.inode == b.tuple.inode;
}

bool runs_program(const plan::AlsoProgram& row, const ExecRecord& record) {
  if (!row.program) return false;
  if (!is_image_of(*row.program, record.tuple, record.executable)) return false;
  if (row.program->script.empty()) return true;
  // Where the row says, or the file that the row's own link leads to.
  return !record.script_path.empty() &&
         (record.script_words == row.program->script || record.script_path == row.program->script_target);
}

// A pattern of paths is for what the app builds, so no client of a database is meant by it.
bool stands_in_place(const plan::AlsoProgram& row, const ExecRecord& record) {
  return !row.place.empty() && fnmatch(row.place.c_str(), record.executable.c_str(), FNM_PATHNAME) == 0 &&
         !policy::is_client_program(base::base_name(record.executable));
}

// "python3" of a row is also the app's own python3.12.
bool runs_interpreter_of(const ExecRecord& app, const plan::AlsoProgram& row, const ExecRecord& record) {
  if (!same_executable(app, record) || !is_interpreter(row.written)) return false;
  const std::string name = base::base_name(app.executable);
  return name.starts_with(row.written) &&
         name.find_first_not_of("0123456789.", row.written.size()) == std::string::npos;
}

bool same_script(const ExecRecord& a, const ExecRecord& b) {
  if (a.script.kind != b.script.kind) return false;
  if (a.script.kind != ScriptArgument::Kind::file) return a.script.text == b.script.text;
  // The same place: an editor that saves by rename puts another file there, and a file may have a name elsewhere, with
  // somebody else's modules beside it.
  return !a.script_path.empty() && a.script_path == b.script_path;
}

// What stands between the interpreter and its script, -c and -m included.
std::span<const std::string> options_of(const ExecRecord& record) {
  const std::size_t script = std::min(record.script.next, record.argv.size());
  return std::span(record.argv).subspan(std::min<std::size_t>(1, record.argv.size()), script > 1 ? script - 2 : 0);
}

std::vector<std::string> without_options(const ExecRecord& record) {
  const std::span<const std::string> options = options_of(record);
  if (options.empty()) return record.argv;
  std::vector<std::string> argv = {record.argv.front()};
  if (options.back() == "-c" || options.back() == "-m") argv.push_back(options.back());
  argv.insert(argv.end(), record.argv.begin() + 1 + static_cast<std::ptrdiff_t>(options.size()), record.argv.end());
  return argv;
}

// How many words at the front of Python's options are one that loads no code; 0: any other option.
std::size_t harmless_words(std::span<const std::string> options) {
  constexpr std::array<std::string_view, 11> kFlags = {"-u", "-B",  "-b", "-bb", "-E", "-I",
                                                       "-O", "-OO", "-q", "-s",  "-P"};
  constexpr std::array<std::string_view, 9> kModes = {"dev",
                                                      "utf8",
                                                      "utf8=0",
                                                      "utf8=1",
                                                      "faulthandler",
                                                      "tracemalloc",
                                                      "importtime",
                                                      "no_debug_ranges",
                                                      "warn_default_encoding"};
  const std::string_view option = options.front();
  if (std::ranges::find(kFlags, option) != kFlags.end()) return 1;
  const bool apart = option.size() == 2;
  if ((!option.starts_with("-W") && !option.starts_with("-X")) || (apart && options.size() < 2)) return 0;
  const std::string_view value = apart ? std::string_view(options[1]) : option.substr(2);
  // -W action:message:category:...: a category with a dot is imported.
  const bool harmless = option[1] == 'W' ? !value.contains('.') : std::ranges::find(kModes, value) != kModes.end();
  return !harmless ? 0 : apart ? 2 : 1;
}

// One pattern an argument, argv[0] included; arguments after the last pattern are free.
bool matches_patterns(const std::vector<std::string>& patterns, const std::vector<std::string>& argv) {
  return argv.size() >= patterns.size() && std::ranges::equal(patterns, std::span(argv).first(patterns.size()),
                                                              [](const std::string& pattern, const std::string& word) {
                                                                return fnmatch(pattern.c_str(), word.c_str(), 0) == 0;
                                                              });
}

}  // namespace

bool is_image_of(const plan::Program& program, const ImageTuple& tuple, const std::string& executable) {
  const kernel::FileIdentity& file = program.executable_identity;
  return (file.device == tuple.device && file.inode == tuple.inode) ||
         (!executable.empty() && executable == program.executable_target);
}

bool has_many_names(const ExecRecord& record) {
  constexpr std::array<std::string_view, 3> kManyNames = {"busybox", "coreutils", "toybox"};
  return std::ranges::find(kManyNames, std::string_view(base::base_name(record.executable))) != kManyNames.end();
}

bool has_home(const ExecRecord& record) {
  const std::string name = base::base_name(record.executable);
  return is_interpreter(name) && (name.starts_with("py") || name.starts_with("php"));
}

std::string called_as(const ExecRecord& record) {
  return record.argv.empty() ? base::base_name(record.executable) : base::base_name(record.argv[0]);
}

std::string program_name(const ExecRecord& record) {
  if (record.script.kind == ScriptArgument::Kind::file) return base::base_name(record.script.text);
  constexpr std::array<std::string_view, 4> kManyNames = {"dash", "busybox", "coreutils", "toybox"};
  const std::string executable = base::base_name(record.executable);
  if (std::ranges::find(kManyNames, std::string_view(executable)) != kManyNames.end() && !record.argv.empty()) {
    const std::string called = base::base_name(record.argv[0]);
    const std::string name = called.starts_with('-') ? called.substr(1) : called;
    return name == executable && record.argv.size() > 1 && executable != "dash" ? base::base_name(record.argv[1])
                                                                                : name;
  }
  if (record.script.kind == ScriptArgument::Kind::module)
    return executable + (is_java(executable) ? " " : " -m ") + record.script.text;
  return executable;
}

std::size_t ImageTupleHash::operator()(const ImageTuple& tuple) const noexcept {
  std::size_t hash = tuple.inode;
  for (const std::uint64_t part : {tuple.device, tuple.vector.random, tuple.vector.base, tuple.vector.sysinfo_ehdr}) {
    hash = hash * 0x9e3779b97f4a7c15ULL + part;
  }
  return hash;
}

// Options between the interpreter and its script run code as well as the script does (-c, -r, -X presite, a module
// named by -W): those of the app itself are known, of all others only what can't.
bool safe_options(const ExecRecord& record, const ExecRecord& app) {
  if (record.script.kind == ScriptArgument::Kind::none) return true;  // all arguments are compared
  const std::span<const std::string> options = options_of(record);
  const std::span<const std::string> known = options_of(app);
  // Java's class path is an option: less of it is other code, too.
  if (is_java(base::base_name(record.executable))) return std::ranges::equal(options, known);
  const bool python = base::base_name(record.executable).starts_with("python");
  for (std::size_t i = 0; i < options.size();) {
    if (const std::size_t words = python ? harmless_words(options.subspan(i)) : 0; words > 0) {
      i += words;
      continue;
    }
    const bool of_app = same_executable(app, record) && std::ranges::find(known, options[i]) != known.end();
    if (!of_app && options[i] != "-m" && options[i] != "-c") return false;
    ++i;
  }
  return true;
}

bool same_program(const ExecRecord& app, const ExecRecord& other) {
  if (app.late || other.late) return app.late && other.late && same_executable(app, other);
  if (!same_executable(app, other)) return false;
  if (!same_script(app, other) || !safe_options(other, app)) return false;
  if (has_many_names(app) && called_as(app) != called_as(other)) return false;
  if (has_home(app) && !same_home(app.home, other.home)) return false;
  // An interpreter without a script runs whatever it is fed.
  const bool runs_anything = is_interpreter(has_many_names(app) ? called_as(app) : base::base_name(app.executable));
  if (runs_anything && other.script.kind == ScriptArgument::Kind::none) return false;
  const auto rest = [](const ExecRecord& record) {
    const std::size_t from = std::min(record.script.next, record.argv.size());
    return std::vector<std::string>(record.argv.begin() + static_cast<std::ptrdiff_t>(from), record.argv.end());
  };
  return rest(app) == rest(other);
}

bool matches_row(const plan::AlsoProgram& row, const ExecRecord& record, const ExecRecord& app) {
  if (!stands_in_place(row, record) && !runs_program(row, record) && !runs_interpreter_of(app, row, record))
    return false;
  if (record.late && !row.argv.empty()) return false;
  // Python and Node.js hand their own options on to their workers (-B, -X dev): a row need not list them.
  return matches_patterns(row.argv, record.argv) ||
         (safe_options(record, app) && matches_patterns(row.argv, without_options(record)));
}

std::vector<std::string> cut_arguments(std::vector<std::string> argv, std::size_t most_bytes) {
  constexpr std::size_t kMostArguments = 32;
  std::size_t bytes = 0;
  for (std::size_t i = 0; i < argv.size(); ++i) {
    if (argv[i].size() > kLongestArgument) argv[i].resize(kLongestArgument);
    bytes += argv[i].size();
    if (i < kMostArguments && bytes <= most_bytes) continue;
    argv.resize(i);
    argv.emplace_back(kMore);
    break;
  }
  argv.shrink_to_fit();
  for (std::string& argument : argv) argument.shrink_to_fit();
  return argv;
}

void shorten(ExecRecord& record) {
  constexpr std::size_t kMostBytes = 2048;
  constexpr std::size_t kLongestScript = 256;
  record.argv = cut_arguments(std::move(record.argv), kMostBytes);
  record.loader_values = {};
  record.directory = {};
  record.home = {};
  record.script_words = {};
  if (record.script.text.size() > kLongestScript) record.script.text.resize(kLongestScript);
  record.script.text.shrink_to_fit();
}

void ExecRecords::remember(const RecordRef& record, const RecordRef& kept) {
  std::list<RecordRef>& order = record->is_app ? apps_ : others_;
  order.push_back(record);
  records_[record->tuple] = std::prev(order.end());
  if (order.size() <= (record->is_app ? kMostApps : kMostOthers)) return;
  auto oldest = order.begin();
  if (*oldest == kept) ++oldest;
  bar((*oldest)->tuple);
  records_.erase((*oldest)->tuple);
  order.erase(oldest);
}

void ExecRecords::bar(const ImageTuple& tuple) {
  barred_.insert(ImageTupleHash()(tuple));
}

RecordRef ExecRecords::look_up(const ImageTuple& tuple) const {
  const auto known = records_.find(tuple);
  if (known == records_.end()) return nullptr;
  const auto place = known->second;
  std::list<RecordRef>& order = (*place)->is_app ? apps_ : others_;
  order.splice(order.end(), order, place);
  return *place;
}

}  // namespace cofferdam::supervise
