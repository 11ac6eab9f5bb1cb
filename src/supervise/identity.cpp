#include "supervise/identity.hpp"

#include <fcntl.h>
#include <fnmatch.h>

#include <algorithm>
#include <array>
#include <span>

#include "base/text.hpp"
#include "policy/engines.hpp"

namespace cofferdam::supervise {

namespace {

// Exec storms must not grow the launcher: the oldest records go first.
constexpr std::size_t kMostRecords = 4096;
constexpr std::size_t kLongestLineage = 16;

std::string base_name(const std::string& path) {
  return path.substr(path.rfind('/') + 1);
}

// Programs of many names: what they do is decided by the one under which they are called.
bool has_many_names(const ExecRecord& record) {
  constexpr std::array<std::string_view, 3> kManyNames = {"busybox", "coreutils", "toybox"};
  return std::ranges::find(kManyNames, std::string_view(base_name(record.executable))) != kManyNames.end();
}

std::string called_as(const ExecRecord& record) {
  return record.argv.empty() ? base_name(record.executable) : base_name(record.argv[0]);
}

// A script shows under its own name (gunicorn, not python3.11), and a program of many names under the one that was
// called: sh, not dash.
std::string program_name(const ExecRecord& record) {
  constexpr std::array<std::string_view, 4> kManyNames = {"dash", "busybox", "coreutils", "toybox"};
  const std::string executable = base_name(record.executable);
  if (std::ranges::find(kManyNames, std::string_view(executable)) != kManyNames.end() && !record.argv.empty()) {
    const std::string called = base_name(record.argv[0]);
    const std::string name = called.starts_with('-') ? called.substr(1) : called;
    return name == executable && record.argv.size() > 1 && executable != "dash" ? base_name(record.argv[1]) : name;
  }
  if (record.script.kind == ScriptArgument::Kind::file) return base_name(record.script.text);
  if (record.script.kind == ScriptArgument::Kind::module)
    return base_name(record.executable) + " -m " + record.script.text;
  return base_name(record.executable);
}

std::optional<ImageTuple> read_tuple(const kernel::ThreadView& thread, std::string* why) {
  const auto executable = thread.executable_identity();
  const auto vector = thread.auxiliary_vector();
  if (!executable || !vector) {
    if (why != nullptr) *why = (!executable ? executable.error() : vector.error()).message;
    return std::nullopt;
  }
  return ImageTuple{executable->device, executable->inode, *vector};
}

// The script file as the process would open it: relative to its own working directory and root.
void identify_script(const kernel::ThreadView& thread, ExecRecord& record) {
  const std::string& path = record.script.text;
  // From the caller's own root: an absolute link on the way must not be followed in ours.
  const kernel::Fd root = thread.pin_root();
  std::string absolute = path;
  if (!path.starts_with('/')) {
    auto directory = kernel::read_link_at(thread.directory(), "cwd");
    if (!directory) return;
    absolute = *directory + "/" + path;
  }
  if (!root) return;
  const kernel::Fd script = kernel::open_resolved(root.get(), absolute.c_str(), O_PATH, kernel::kInRoot);
  if (!script) return;
  if (auto identity = kernel::identify(script.get(), "")) record.script_identity = *identity;
  if (auto canonical = kernel::read_link_at(AT_FDCWD, ("/proc/self/fd/" + std::to_string(script.get())).c_str())) {
    record.script_path = std::move(*canonical);
  }
}

// What is kept of the arguments once they have been judged: thousands of records must not hold megabytes.
void shorten(std::vector<std::string>& argv) {
  constexpr std::size_t kMostArguments = 32;
  constexpr std::size_t kLongestArgument = 512;
  if (argv.size() > kMostArguments) argv.resize(kMostArguments);
  for (std::string& argument : argv) {
    if (argument.size() > kLongestArgument) argument.resize(kLongestArgument);
  }
}

bool same_script(const ExecRecord& a, const ExecRecord& b) {
  if (a.script.kind != b.script.kind) return false;
  if (a.script.kind != ScriptArgument::Kind::file) return a.script.text == b.script.text;
  // The same file, or the same place: an editor that saves by rename puts another file there.
  if (!a.script_path.empty() && a.script_path == b.script_path) return true;
  return a.script_identity && b.script_identity && a.script_identity->same_file(*b.script_identity);
}

}  // namespace

std::size_t ImageTupleHash::operator()(const ImageTuple& tuple) const noexcept {
  std::size_t hash = tuple.inode;
  for (const std::uint64_t part : {tuple.device, tuple.vector.random, tuple.vector.base, tuple.vector.sysinfo_ehdr}) {
    hash = hash * 0x9e3779b97f4a7c15ULL + part;
  }
  return hash;
}

std::vector<std::string> loader_values(const std::vector<std::string>& environment) {
  constexpr std::array<std::string_view, 2> kPrefixes = {"LD_", "PYTHON"};
  constexpr std::array<std::string_view, 22> kNames = {"HOME=",
                                                       "NODE_OPTIONS=",
                                                       "NODE_PATH=",
                                                       "RUBYOPT=",
                                                       "RUBYLIB=",
                                                       "PERL5OPT=",
                                                       "PERL5LIB=",
                                                       "PHPRC=",
                                                       "PHP_INI_SCAN_DIR=",
                                                       "JAVA_TOOL_OPTIONS=",
                                                       "_JAVA_OPTIONS=",
                                                       "JDK_JAVA_OPTIONS=",
                                                       "BASH_ENV=",
                                                       "OPENSSL_CONF=",
                                                       "OPENSSL_MODULES=",
                                                       "GCONV_PATH=",
                                                       "CLASSPATH=",
                                                       "DOTNET_STARTUP_HOOKS=",
                                                       "PERL5DB=",
                                                       "PERLLIB=",
                                                       "GEM_HOME=",
                                                       "GEM_PATH="};
  std::vector<std::string> found;
  for (const std::string& variable : environment) {
    const auto begins = [&](std::string_view start) { return variable.starts_with(start); };
    if (std::ranges::any_of(kPrefixes, begins) || std::ranges::any_of(kNames, begins)) found.push_back(variable);
  }
  std::ranges::sort(found);
  return found;
}

// Options between the interpreter and its script run code as well as the script does (-c, -r, -X presite, a module
// named by -W): those of the app itself are known, of all others only what can't.
bool safe_options(const ExecRecord& record, const ExecRecord& app) {
  constexpr std::array<std::string_view, 21> kHarmless = {
      "-u",  "-B",  "-b",        "-E",       "-I", "-O",      "-OO",    "-q",    "-s",     "-P",  "-Wd",
      "-Wi", "-We", "-Wdefault", "-Wignore", "-W", "default", "ignore", "error", "always", "once"};
  const bool python = base_name(record.executable).starts_with("python");
  const auto options = [](const ExecRecord& from) {
    const std::size_t script = std::min(from.script.next, from.argv.size());
    return std::span(from.argv).subspan(std::min<std::size_t>(1, from.argv.size()), script > 1 ? script - 2 : 0);
  };
  if (record.script.kind == ScriptArgument::Kind::none) return true;  // all arguments are compared
  return std::ranges::all_of(options(record), [&](const std::string& option) {
    const bool harmless = python && std::ranges::find(kHarmless, std::string_view(option)) != kHarmless.end();
    const bool of_app = app.tuple.device == record.tuple.device && app.tuple.inode == record.tuple.inode &&
                        std::ranges::find(options(app), option) != options(app).end();
    return harmless || of_app || option == "-m" || option == "-c";
  });
}

bool same_program(const ExecRecord& app, const ExecRecord& other) {
  if (app.tuple.device != other.tuple.device || app.tuple.inode != other.tuple.inode) return false;
  if (!same_script(app, other) || app.loader_values != other.loader_values || !safe_options(other, app)) return false;
  if (has_many_names(app) && called_as(app) != called_as(other)) return false;
  const auto rest = [](const ExecRecord& record) {
    const std::size_t from = std::min(record.script.next, record.argv.size());
    return std::vector<std::string>(record.argv.begin() + static_cast<std::ptrdiff_t>(from), record.argv.end());
  };
  return rest(app) == rest(other);
}

bool matches_row(const plan::AlsoProgram& row, const ExecRecord& record) {
  if (!row.program) return false;
  const kernel::FileIdentity& executable = row.program->executable_identity;
  if (executable.device != record.tuple.device || executable.inode != record.tuple.inode) return false;
  const bool same_place = !record.script_path.empty() && record.script_path == row.program->script;
  if (!row.program->script.empty() && !same_place &&
      (!record.script_identity || !record.script_identity->same_file(row.program->script_identity))) {
    return false;
  }
  // One pattern an argument, argv[0] included; arguments after the last pattern are free.
  if (record.argv.size() < row.argv.size()) return false;
  for (std::size_t i = 0; i < row.argv.size(); ++i) {
    if (fnmatch(row.argv[i].c_str(), record.argv[i].c_str(), 0) != 0) return false;
  }
  return true;
}

Identities::Identities(const plan::Plan& plan, pid_t entry, Role role) : plan_(plan), entry_(entry), role_(role) {}

void Identities::grant(ExecRecord& record, bool parent_is_app) const {
  if (!app_ || !record.of_app) return;
  if (parent_is_app && same_program(*app_, record)) {
    record.is_app = true;
    return;
  }
  if (record.loader_values != app_->loader_values) return;
  for (const plan::AlsoProgram& row : plan_.also) {
    // A row with patterns says itself which options it admits.
    if (matches_row(row, record) && (!row.argv.empty() || safe_options(record, *app_))) {
      record.is_app = true;
      record.row = row.written;
      return;
    }
  }
}

RecordRef Identities::take_record(const kernel::ThreadView& thread, const kernel::ThreadStatus& status) {
  const auto tuple = read_tuple(thread, nullptr);
  if (!tuple) return nullptr;
  if (const auto known = records_.find(*tuple); known != records_.end()) return *known->second;
  auto executable = thread.executable_path();
  auto argv = thread.arguments();
  auto environment = thread.environment();
  if (!executable || !argv || !environment) return nullptr;

  auto record = std::make_shared<ExecRecord>();
  record->tuple = *tuple;
  record->executable = std::move(*executable);
  record->argv = std::move(*argv);
  record->loader_values = loader_values(*environment);
  record->script =
      script_argument(has_many_names(*record) ? called_as(*record) : base_name(record->executable), record->argv);
  if (record->script.kind == ScriptArgument::Kind::file) {
    identify_script(thread, *record);
  }
  record->lineage.push_back(program_name(*record));

  if (status.tgid == entry_) {
    record->of_app = true;
    // A database client that the entry command turns into is no application (`sh -c "exec psql"`).
    record->is_app = !settled_ && !policy::is_client_program(record->lineage.front());
    if (record->is_app) app_ = record;
  } else if (const auto parent_view = kernel::ThreadView::open(status.ppid)) {
    RecordRef parent = record_of(*parent_view);
    // An entry that makes no set_tid_address call (static Go) has no record; it is known by its pid.
    const bool child_of_entry = status.ppid == entry_;
    if (parent) {
      record->of_app = parent->of_app;
      for (const std::string& name : parent->lineage) {
        if (record->lineage.size() < kLongestLineage) record->lineage.push_back(name);
      }
    } else if (child_of_entry) {
      record->of_app = true;
      record->lineage.push_back(base_name(plan_.program.path));
    }
    grant(*record, parent ? parent->is_app : child_of_entry);
  }
  if (!record->is_app) shorten(record->argv);  // the app's own are compared with (rule b)
  remember(record);
  return record;
}

void Identities::remember(const RecordRef& record) {
  order_.push_back(record);
  records_[record->tuple] = std::prev(order_.end());
  if (order_.size() <= kMostRecords) return;
  auto oldest = order_.begin();
  if (*oldest == app_) ++oldest;
  records_.erase((*oldest)->tuple);
  order_.erase(oldest);
}

RecordRef Identities::record_of(const kernel::ThreadView& thread) const {
  const auto tuple = read_tuple(thread, nullptr);
  if (!tuple) return nullptr;
  const auto known = records_.find(*tuple);
  return known == records_.end() ? nullptr : *known->second;
}

Caller Identities::identify(const kernel::ThreadView& thread, const kernel::ThreadStatus& status) const {
  Caller caller;
  const auto tuple = read_tuple(thread, &caller.why_unknown);
  if (!tuple) return caller;
  // A one-off is one as a whole: who opens it types psql into its shell.
  if (role_ == Role::one_off) {
    caller.role = role_;
    if (const auto known = records_.find(*tuple); known != records_.end()) caller.record = *known->second;
    return caller;
  }
  if (const auto known = records_.find(*tuple); known != records_.end()) {
    caller.record = *known->second;
    caller.role = caller.record->is_app ? role_ : Role::other;
    return caller;
  }
  // No record: an image whose libc makes no set_tid_address call. The entry process itself is known by its pid, and
  // a re-execution of a recordless entry by its executable alone (a static Go program).
  const kernel::FileIdentity& entry = plan_.program.executable_identity;
  const bool entry_file = tuple->device == entry.device && tuple->inode == entry.inode;
  const bool entry_is_recordless = app_ == nullptr;
  if (entry_is_recordless && entry_file && status.tgid == entry_) {
    caller.role = role_;
  } else if (entry_is_recordless && entry_file && plan_.program.script.empty()) {
    caller.role = role_;
  } else {
    caller.role = Role::other;
  }
  return caller;
}

// The program's name where PATH leads from it to the program, else its path: the row is looked up the same way.
std::string Identities::as_typed(const ExecRecord& caller) const {
  std::map<std::string, std::string> environment;
  for (const std::string& variable : plan_.environment) {
    if (variable.starts_with("PATH=")) environment["PATH"] = variable.substr(5);
  }
  const std::string name = base_name(caller.executable);
  const auto found = plan::find_program(name, plan::search_path_of(environment), plan_.working_directory);
  const bool leads_there = found && found->script.empty() && found->executable_identity.device == caller.tuple.device &&
                           found->executable_identity.inode == caller.tuple.inode;
  return leads_there ? name : "\"" + base::printable(caller.executable) + "\"";
}

std::string Identities::row_that_admits(const ExecRecord& caller) const {
  if (!app_ || !caller.of_app || caller.is_app || policy::is_client_program(caller.lineage.front()) ||
      caller.loader_values != app_->loader_values)
    return {};
  const bool same_executable = caller.tuple.device == app_->tuple.device && caller.tuple.inode == app_->tuple.inode;
  if (!same_executable) return {};
  const std::string exe = as_typed(caller);
  const std::size_t shown = std::min(caller.script.next, caller.argv.size());
  if (caller.script.kind == ScriptArgument::Kind::none || shown < 2) {
    // An interpreter without a script runs whatever it is fed: a row would admit all of it.
    return is_interpreter(base_name(caller.executable)) || has_many_names(caller) ? std::string()
                                                                                  : "{exe: " + exe + "}";
  }
  std::string row = "{exe: " + exe + ", argv: [\"*\"";
  for (std::size_t i = 1; i < shown; ++i) {
    // Code on the command line changes from call to call (file descriptors): its beginning is what stays.
    const bool code = caller.script.kind == ScriptArgument::Kind::code && i + 1 == shown;
    std::string pattern;
    for (const char c : code ? caller.argv[i].substr(0, caller.argv[i].find_first_of("(\n")) : caller.argv[i]) {
      if (std::string_view("*?[\\").contains(c)) pattern += '\\';  // as it stands, not as a pattern (fnmatch)
      pattern += c;
    }
    if (code) pattern += '*';
    std::string quoted;
    for (const char c : pattern) {
      if (c == '"' || c == '\\') quoted += '\\';
      quoted += c;
    }
    row += ", \"" + base::printable(quoted) + "\"";
  }
  return row + "]}";
}

}  // namespace cofferdam::supervise
