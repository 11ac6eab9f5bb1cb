#include "supervise/identity.hpp"

#include <fcntl.h>

#include <algorithm>

#include "base/redact.hpp"
#include "base/text.hpp"
#include "policy/engines.hpp"
#include "supervise/loader_values.hpp"
#include "supervise/refusal.hpp"

namespace cofferdam::supervise {

namespace {

constexpr std::size_t kLongestLineage = 16;
constexpr std::size_t kLongestName = 64;

std::optional<ImageTuple> read_tuple(const kernel::ThreadView& thread, std::string* why) {
  const auto executable = thread.executable_identity();
  const auto vector = thread.auxiliary_vector();
  if (!executable || !vector) {
    if (why != nullptr) *why = (!executable ? executable.error() : vector.error()).message;
    return std::nullopt;
  }
  return ImageTuple{executable->device, executable->inode, *vector};
}

// The script file as the process would open it: relative to its own working directory and root (an absolute link on the
// way must not be followed in ours).
void identify_script(const kernel::Fd& root, ExecRecord& record, Changeable changeable) {
  const std::string& path = record.script.text;
  if (!path.starts_with('/') && record.directory.empty()) return;
  record.script_words = path.starts_with('/') ? path : record.directory + "/" + path;
  if (kernel::open_resolved(root.get(), record.script_words.c_str(), O_PATH, kernel::kInRoot)) {
    record.script_path = settled_path(root, record.script_words, changeable);
  }
}

// As the instance names it; empty when it can't be read.
std::string working_directory(const kernel::ThreadView& thread) {
  return kernel::read_link_at(thread.directory(), "cwd").value_or("");
}

void add_name(std::vector<std::string>& lineage, std::string name) {
  if (lineage.size() >= kLongestLineage) return;
  if (name.size() > kLongestName) name.resize(kLongestName);
  lineage.push_back(std::move(name));
}

}  // namespace

Identities::Identities(const plan::Plan& plan, pid_t entry, Role role)
    : plan_(plan),
      entry_(entry),
      role_(role),
      changeable_{.tmpfs_only = plan.mode == Mode::container && plan.host.landlock_abi > 0} {
  if (const auto view = kernel::ThreadView::open(entry)) {
    if (const auto status = view->status()) init_ = status->ppid;
  }
}

void Identities::grant(ExecRecord& record, bool parent_is_app) const {
  if (!app_ || !record.of_app) return;
  // Of a late script the executable, which is all that is known then, says too little.
  const bool late_script =
      record.late && is_image_of(plan_.program, record.tuple, record.executable) && !plan_.program.script.empty();
  const bool again = (parent_is_app || record.late) && !late_script && same_program(*app_, record);
  const auto row = std::ranges::find_if(plan_.also, [&](const plan::AlsoProgram& each) {
    // A row with patterns says itself which options it admits.
    return matches_row(each, record, *app_) && (!each.argv.empty() || safe_options(record, *app_));
  });
  if (!again && row == plan_.also.end()) return;
  record.differs = first_difference(record.loader_values, app_->loader_values);
  record.is_app = record.differs.empty();
  if (record.is_app && !again) record.row = row->written;
}

RecordRef Identities::take_record(const kernel::ThreadView& thread, const kernel::ThreadStatus& status,
                                  const RecordRef& before) {
  const auto tuple = read_tuple(thread, nullptr);
  if (!tuple) return nullptr;
  if (RecordRef known = records_.look_up(*tuple)) return known;
  // No first call of a new image, but another one of an image whose arguments may be anything by now.
  if (records_.is_barred(*tuple)) return nullptr;
  RecordRef record = take(thread, status, *tuple, before, false);
  if (record == nullptr) records_.bar(*tuple);
  return record;
}

RecordRef Identities::take(const kernel::ThreadView& thread, const kernel::ThreadStatus& status,
                           const ImageTuple& tuple, const RecordRef& before, bool late) {
  constexpr std::size_t kMostShown = 1024;
  auto executable = thread.executable_path();
  auto argv = thread.arguments();
  auto environment = thread.environment();
  if (!executable || !argv || !environment) return nullptr;

  auto record = std::make_shared<ExecRecord>();
  record->tuple = tuple;
  record->late = late;
  record->executable = std::move(*executable);
  record->argv = std::move(*argv);
  // Redacted before it is cut: half of a secret is not known for one.
  std::vector<std::string> redacted = base::redact_argv(record->argv);
  record->loader_values = loader_values(*environment, plan_.working_directory);
  record->directory = working_directory(thread);
  if (!late) {
    record->script = script_argument(has_many_names(*record) ? called_as(*record) : base::base_name(record->executable),
                                     record->argv);
  }
  const std::size_t of_program = std::min(record->script.next, record->argv.size());
  record->secret =
      !std::equal(redacted.begin(), redacted.begin() + static_cast<std::ptrdiff_t>(of_program), record->argv.begin());
  record->shown = cut_arguments(std::move(redacted), kMostShown);
  const kernel::Fd root = thread.pin_root();
  if (root && record->script.kind == ScriptArgument::Kind::file) identify_script(root, *record, changeable_);
  if (root && has_home(*record) && !record->argv.empty()) {
    record->home = interpreter_home(root, record->directory, record->argv.front(), *environment, changeable_);
  }
  add_name(record->lineage, program_name(*record));

  if (status.tgid == entry_) {
    record->of_app = true;
    // A database client that the entry command turns into is no application (`sh -c "exec psql"`).
    record->is_app = !settled_ && !policy::is_client_program(record->lineage.front()) &&
                     (!late || app_ != nullptr || is_entry_file(thread, tuple));
    if (record->is_app) become_app(record);
    // No hand-over any more, but a server that reloads executes itself in its own place.
    if (settled_) grant(*record, entry_image_ != nullptr && entry_image_->is_app);
    entry_image_ = record;
  } else {
    judge(*record, thread, status, before);
  }
  record->loads_as_app = app_ != nullptr && record->loader_values == app_->loader_values;
  if (record != app_) shorten(*record);
  records_.remember(record, app_);
  return record;
}

void Identities::judge(ExecRecord& record, const kernel::ThreadView& thread, const kernel::ThreadStatus& status,
                       const RecordRef& before) {
  if (app_ == nullptr || record.late) recognise_entry();
  const auto parent_view = kernel::ThreadView::open(status.ppid);
  const RecordRef parent = parent_view ? record_of(*parent_view) : nullptr;
  // An entry that makes no set_tid_address call (static Go) has no record; it is known by its pid.
  const bool child_of_entry = parent == nullptr && status.ppid == entry_;
  const RecordRef& known = parent != nullptr ? parent : before;
  // By the time of a late record its parent may have ended; whatever runs in the instance came from its entry.
  record.of_app = record.late || child_of_entry || (known != nullptr && known->of_app);
  for (const std::string& name : known != nullptr && !child_of_entry ? known->lineage : ancestors(status.ppid)) {
    add_name(record.lineage, name);
  }
  // What executes itself in its own place may have lost its parent long ago (a daemon).
  const bool from_app = parent != nullptr && parent->is_app ? starts_where_the_app_does(record, *parent_view)
                                                            : before != nullptr && before->is_app && app_ != nullptr &&
                                                                  record.directory == app_->directory;
  // A parent that has ended meanwhile may have left its number to another process.
  const auto now = from_app ? thread.status() : fail("", ESRCH);
  grant(record, now && now->ppid == status.ppid);
}

// Modules are looked for in the working directory (python -m, gunicorn, node's package.json): elsewhere the same words
// start something else. The parent is the app itself, so where it has gone is where the app has gone.
bool Identities::starts_where_the_app_does(const ExecRecord& record, const kernel::ThreadView& parent) const {
  if (app_ == nullptr || record.directory.empty()) return false;
  return record.directory == app_->directory || record.directory == working_directory(parent);
}

std::vector<std::string> Identities::ancestors(pid_t parent) const {
  std::vector<std::string> names;
  for (pid_t at = parent; at > 0 && at != init_ && names.size() < kLongestLineage;) {
    const auto view = kernel::ThreadView::open(at);
    if (!view) break;
    if (const RecordRef record = record_of(*view)) {
      for (const std::string& name : record->lineage) add_name(names, name);
      return names;
    }
    const auto executable = view->executable_path();
    const auto status = view->status();
    if (!executable || !status) break;
    add_name(names, base::base_name(*executable));
    if (at == entry_) return names;
    at = status->ppid;
  }
  // Whatever runs in the instance came from its entry.
  add_name(names, app_ != nullptr ? app_->lineage.front() : base::base_name(plan_.program.path));
  return names;
}

// An entry without a first call has no record until somebody needs one.
void Identities::recognise_entry() {
  const auto view = kernel::ThreadView::open(entry_);
  const auto status = view ? view->status() : fail("gone");
  const auto tuple = view ? read_tuple(*view, nullptr) : std::nullopt;
  if (!status || !tuple || tuple->vector.base != 0 || records_.look_up(*tuple)) return;
  if (app_ == nullptr && !is_entry_file(*view, *tuple)) return;  // it has not been executed yet
  take(*view, *status, *tuple, nullptr, true);
}

bool Identities::is_entry_file(const kernel::ThreadView& thread, const ImageTuple& tuple) const {
  return is_image_of(plan_.program, tuple, thread.executable_path().value_or(""));
}

void Identities::settle(pid_t process) {
  if (settled_ || process != entry_) return;
  recognise_entry();
  settled_ = true;
}

// The one that others are compared with is kept whole.
void Identities::become_app(const std::shared_ptr<ExecRecord>& record) {
  if (app_ != nullptr) shorten(*app_);
  app_ = record;
}

RecordRef Identities::record_of(const kernel::ThreadView& thread) const {
  const auto tuple = read_tuple(thread, nullptr);
  return tuple ? records_.look_up(*tuple) : nullptr;
}

Caller Identities::identify(const kernel::ThreadView& thread, const kernel::ThreadStatus& status) {
  Caller caller;
  const auto tuple = read_tuple(thread, &caller.why_unknown);
  if (!tuple) return caller;
  // A one-off is one as a whole: who opens it types psql into its shell.
  if (role_ == Role::one_off) {
    caller.role = role_;
    caller.record = records_.look_up(*tuple);
    return caller;
  }
  RecordRef known = records_.look_up(*tuple);
  if (known == nullptr && tuple->vector.base == 0) known = take(thread, status, *tuple, nullptr, true);
  if (known != nullptr) {
    caller.record = std::move(known);
    caller.role = caller.record->is_app ? role_ : Role::other;
    return caller;
  }
  // An image with a loader whose libc made no first call: the entry process itself is known by its pid, and it executed
  // again by its executable alone.
  const bool as_entry = app_ == nullptr && is_entry_file(thread, *tuple);
  caller.role = as_entry && (status.tgid == entry_ || plan_.program.script.empty()) ? role_ : Role::other;
  return caller;
}

// The program's name where PATH leads from it to the program, else its path: the row is looked up the same way.
std::string Identities::as_typed(const ExecRecord& caller) const {
  std::map<std::string, std::string> environment;
  for (const std::string& variable : plan_.environment) {
    if (variable.starts_with("PATH=")) environment["PATH"] = variable.substr(5);
  }
  const std::string name = base::base_name(caller.executable);
  const auto found = plan::find_program(name, plan::search_path_of(environment), plan_.working_directory);
  const bool leads_there = found && found->script.empty() && is_image_of(*found, caller.tuple, caller.executable);
  return leads_there ? name : "\"" + base::printable(caller.executable) + "\"";
}

std::string Identities::row_that_admits(const ExecRecord& caller) const {
  if (!app_ || !caller.of_app || caller.is_app || policy::is_client_program(caller.lineage.front()) ||
      !caller.loads_as_app)
    return {};
  const bool same_executable = caller.tuple.device == app_->tuple.device && caller.tuple.inode == app_->tuple.inode;
  // What a shell, make or npm started is the app itself, if they only stand in its place.
  const bool in_its_place = caller.lineage.size() == 2 && only_starts_others(caller.lineage.back());
  // A program that comes with the project, as Prisma's engines do.
  const bool of_project = !plan_.working_directory.empty() && caller.script.kind == ScriptArgument::Kind::none &&
                          caller.executable.starts_with(plan_.working_directory + "/");
  if (!same_executable && !in_its_place && !of_project) return {};
  // Python starts workers with code on their command line, and shells run lines; `node -e` is somebody's tool, and so
  // is any line of code that a shell starts.
  const std::string name = base::base_name(caller.executable);
  const bool runs_lines = same_executable && (name.starts_with("python") || name.ends_with("sh"));
  if (caller.script.kind == ScriptArgument::Kind::code && !runs_lines) return {};
  const std::string exe = as_typed(caller);
  const std::size_t shown = std::min(caller.script.next, caller.argv.size());
  if (shown > 1 && caller.argv[shown - 1] == kMore) return {};  // too long to be said
  if (caller.secret) return {};
  if (caller.script.kind == ScriptArgument::Kind::none || shown < 2) {
    // An interpreter without a script runs whatever it is fed: a row would admit all of it.
    return is_interpreter(base::base_name(caller.executable)) || has_many_names(caller) ? std::string()
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
    if (code || caller.argv[i].size() == kLongestArgument) pattern += '*';
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
