#include "supervise/identity.hpp"

#include <fcntl.h>
#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <sys/prctl.h>
#include <sys/stat.h>
#include <unistd.h>

#include <deque>
#include <filesystem>

#include "base/text.hpp"
#include "cofferdam/policy.hpp"
#include "support/child_process.hpp"
#include "support/temporary_directory.hpp"

namespace cofferdam::supervise {
namespace {

using testing::ElementsAre;
using testing::IsEmpty;

ExecRecord record(std::vector<std::string> argv, const std::string& executable = "/usr/bin/python3.11") {
  ExecRecord record;
  record.tuple.device = 1;
  record.tuple.inode = 2;
  record.executable = executable;
  record.argv = std::move(argv);
  record.script = script_argument(executable.substr(executable.rfind('/') + 1), record.argv);
  if (record.script.kind == ScriptArgument::Kind::file) {
    record.script_words = "/srv/" + record.script.text;
    record.script_path = base::normalise_path(record.script_words);
  }
  record.home.place = "/usr/bin";
  record.of_app = true;
  return record;
}

TEST(SameProgram, IsTheSameExecutableScriptAndArguments) {
  const ExecRecord app = record({"python3", "manage.py", "runserver"});
  EXPECT_TRUE(same_program(app, record({"/venv/bin/python", "-W", "error", "-u", "manage.py", "runserver"})));
  EXPECT_TRUE(same_program(app, record({"python3", "./manage.py", "runserver"})));  // the same place
  EXPECT_FALSE(same_program(app, record({"python3", "manage.py", "dbshell"})));
  EXPECT_FALSE(same_program(app, record({"python3", "-cimport evil", "manage.py", "runserver"})));
  EXPECT_FALSE(same_program(app, record({"python3", "-W", "error::evil.Category", "manage.py", "runserver"})));
  EXPECT_FALSE(same_program(app, record({"python3", "-i", "manage.py", "runserver"})));
  EXPECT_FALSE(same_program(app, record({"python3", "manage.py", "runserver", "x"})));
  EXPECT_FALSE(same_program(app, record({"python3", "manage.py"})));
  EXPECT_FALSE(same_program(app, record({"python3", "-m", "manage.py", "runserver"})));
  EXPECT_FALSE(same_program(app, record({"python3", "-c", "manage.py", "runserver"})));

  ExecRecord other = app;
  other.script_path = "/tmp/manage.py";
  EXPECT_FALSE(same_program(app, other));
  other.script_path.clear();
  EXPECT_FALSE(same_program(app, other));
  EXPECT_FALSE(same_program(other, other));  // two unreadable scripts are not one
  other = app;
  other.tuple.inode = 3;
  EXPECT_FALSE(same_program(app, other));
  other = app;
  other.tuple.device = 3;
  EXPECT_FALSE(same_program(app, other));
  other = app;
  other.tuple.vector.random = 77;  // each exec has its own
  EXPECT_TRUE(same_program(app, other));
}

TEST(SameProgram, PythonsOwnOptionsAreNoDifferenceUnlessTheyLoadCode) {
  const ExecRecord app = record({"python3", "-X", "dev", "manage.py", "runserver"});
  // As Django's reloader spells them again.
  EXPECT_TRUE(same_program(app, record({"python3", "-Xdev", "manage.py", "runserver"})));
  EXPECT_TRUE(same_program(app, record({"python3", "-Werror::DeprecationWarning", "-bb", "manage.py", "runserver"})));
  EXPECT_TRUE(same_program(app, record({"python3", "-W", "error::DeprecationWarning", "manage.py", "runserver"})));
  EXPECT_FALSE(same_program(app, record({"python3", "-Werror::evil.Category", "manage.py", "runserver"})));
  EXPECT_FALSE(same_program(app, record({"python3", "-X", "presite=evil", "manage.py", "runserver"})));
  EXPECT_FALSE(same_program(app, record({"python3", "-Xpycache_prefix=/tmp/evil", "manage.py", "runserver"})));
  EXPECT_FALSE(same_program(app, record({"python3", "-m", "-X", "dev", "manage.py", "runserver"})));
}

TEST(SameProgram, ModulesAndCodeAreComparedByTheirText) {
  const ExecRecord module = record({"python3", "-m", "flask", "run"});
  EXPECT_TRUE(same_program(module, record({"python3", "-mflask", "run"})));
  EXPECT_FALSE(same_program(module, record({"python3", "-m", "flask", "shell"})));
  EXPECT_FALSE(same_program(module, record({"python3", "-m", "django", "run"})));
  const ExecRecord code = record({"sh", "-c", "exec app"}, "/usr/bin/dash");
  // An option that the app itself was not started with may run code of its own.
  EXPECT_FALSE(same_program(code, record({"/bin/sh", "-e", "-c", "exec app"}, "/usr/bin/dash")));
  EXPECT_FALSE(same_program(code, record({"sh", "-c", "exec app "}, "/usr/bin/dash")));
}

TEST(SameProgram, AProgramThatIsNoInterpreterIsToldByAllItsArguments) {
  const ExecRecord app = record({"app", "serve"}, "/srv/app");
  EXPECT_TRUE(same_program(app, record({"/srv/app", "serve"}, "/srv/app")));
  EXPECT_FALSE(same_program(app, record({"app", "migrate"}, "/srv/app")));
  EXPECT_TRUE(same_program(record({}, "/srv/app"), record({"app"}, "/srv/app")));  // an empty argv is possible
}

plan::AlsoProgram row(std::vector<std::string> argv, bool script = false) {
  plan::AlsoProgram row;
  row.program = plan::Program{};
  row.program->executable_identity = {.device = 1, .inode = 2};
  if (script) {
    row.program->script = "/srv/manage.py";
    row.program->script_target = "/opt/manage.py";
  }
  row.argv = std::move(argv);
  row.written = "python3";
  return row;
}

ExecRecord unrelated() {
  ExecRecord app = record({"sh", "-c", "x"}, "/usr/bin/dash");
  app.tuple.inode = 99;
  return app;
}

TEST(MatchesRow, TheExecutableAndThePatterns) {
  const ExecRecord worker = record({"python3", "-m", "celery", "worker", "-l", "info"});
  EXPECT_TRUE(matches_row(row({}), worker, worker));
  EXPECT_TRUE(matches_row(row({"*", "-m", "celery"}), worker, worker));  // what follows is free
  EXPECT_TRUE(matches_row(row({"python?", "-[mc]", "cel*", "worker", "*", "info"}), worker, worker));
  EXPECT_FALSE(matches_row(row({"*", "-m", "celery", "beat"}), worker, worker));
  EXPECT_FALSE(matches_row(row({"-m", "celery"}), worker, worker));  // argv[0] has a pattern too
  EXPECT_FALSE(matches_row(row({"*", "*", "*", "*", "*", "*", "*"}), worker, worker));
  EXPECT_FALSE(matches_row(row({"", "-m"}), worker, worker));
  plan::AlsoProgram other = row({});
  other.program->executable_identity.inode = 3;
  EXPECT_FALSE(matches_row(other, worker, unrelated()));
  other.program.reset();  // not installed here
  EXPECT_FALSE(matches_row(other, worker, unrelated()));
}

TEST(MatchesRow, OptionsThatLoadNoCodeNeedNotBeInTheRow) {
  const ExecRecord app = record({"python3", "-X", "presite=mine", "app.py"});
  const plan::AlsoProgram spawn = row({"*", "-c", "from multiprocessing.spawn import *", "--fork"});
  EXPECT_TRUE(matches_row(spawn, record({"py", "-B", "-c", "from multiprocessing.spawn import x", "--fork"}), app));
  EXPECT_TRUE(matches_row(
      spawn, record({"py", "-X", "dev", "-Werror::UserWarning", "-c", "from multiprocessing.spawn import x", "--fork"}),
      app));
  // The app's own are known, whatever they do.
  EXPECT_TRUE(matches_row(
      spawn, record({"py", "-X", "presite=mine", "-c", "from multiprocessing.spawn import x", "--fork"}), app));
  EXPECT_FALSE(matches_row(
      spawn, record({"py", "-X", "presite=evil", "-c", "from multiprocessing.spawn import x", "--fork"}), app));
  EXPECT_FALSE(matches_row(spawn, record({"py", "-i", "-c", "from multiprocessing.spawn import x", "--fork"}), app));
  EXPECT_FALSE(matches_row(spawn, record({"py", "-B", "-c", "evil", "--fork"}), app));
  EXPECT_FALSE(matches_row(spawn, record({"py", "-B", "evil.py", "-c", "from multiprocessing.spawn import x"}), app));
  EXPECT_TRUE(matches_row(row({"*", "job.py"}), record({"python3", "-B", "job.py", "now"}), app));
  EXPECT_FALSE(matches_row(row({"*", "job.py"}), record({"python3", "-B", "evil.py", "job.py"}), app));
}

TEST(MatchesRow, AScriptIsPartOfTheProgram) {
  ExecRecord worker = record({"python3", "/srv/manage.py", "work"});
  EXPECT_TRUE(matches_row(row({}, true), worker, worker));
  EXPECT_TRUE(matches_row(row({}), worker, worker));
  // The row's own words, or where they lead for good.
  worker.script_words = "/bin/manage";
  EXPECT_FALSE(matches_row(row({}, true), worker, unrelated()));
  worker.script_path = "/opt/manage.py";
  EXPECT_TRUE(matches_row(row({}, true), worker, unrelated()));
  worker.script_words = "/srv/manage.py";
  worker.script_path.clear();  // there is no such file
  EXPECT_FALSE(matches_row(row({}, true), worker, unrelated()));
}

TEST(MatchesRow, AnInterpretersNameIsAlsoTheOneThatTheAppRunsOn) {
  const ExecRecord app = record({"python", "manage.py"}, "/home/dev/.pyenv/versions/3.12/bin/python3.12");
  const ExecRecord worker = record({"python", "-m", "celery"}, app.executable);
  plan::AlsoProgram shim = row({"*", "-m", "celery"}, true);  // what PATH leads to is a script
  shim.program->executable_identity.inode = 3;
  EXPECT_TRUE(matches_row(shim, worker, app));
  EXPECT_FALSE(matches_row(shim, worker, unrelated()));
  EXPECT_FALSE(matches_row(shim, record({"python", "-m", "evil"}, app.executable), app));
  shim.written = "python";
  EXPECT_TRUE(matches_row(shim, worker, app));
  for (const char* other : {"/usr/bin/python3", "python3.11", "py", "celery", ""}) {
    shim.written = other;
    EXPECT_FALSE(matches_row(shim, worker, app)) << other;
  }
}

TEST(MatchesRow, BelowAnOverlayAProgramIsKnownByItsPath) {
  ExecRecord engine = record({"engine"}, "/srv/node_modules/engine");
  plan::AlsoProgram named = row({});
  named.program->executable_identity = {.device = 7, .inode = 7};  // as the host has it
  EXPECT_FALSE(matches_row(named, engine, unrelated()));
  named.program->executable_target = "/srv/node_modules/engine";
  EXPECT_TRUE(matches_row(named, engine, unrelated()));
  engine.executable = "/srv/node_modules/engine (deleted)";
  EXPECT_FALSE(matches_row(named, engine, unrelated()));
  engine.executable.clear();
  named.program->executable_target.clear();
  EXPECT_FALSE(matches_row(named, engine, unrelated()));
}

TEST(MatchesRow, APatternOfPathsIsComparedWithTheExecutable) {
  plan::AlsoProgram place;
  place.place = "/tmp/go-build*/b*/exe/*";
  EXPECT_TRUE(matches_row(place, record({"x"}, "/tmp/go-build77/b001/exe/main"), unrelated()));
  EXPECT_FALSE(matches_row(place, record({"x"}, "/tmp/go-build77/b001/exe/sub/main"), unrelated()));
  EXPECT_FALSE(matches_row(place, record({"x"}, "/tmp/go-build77/b001/exe/psql"), unrelated()));
  EXPECT_FALSE(matches_row(place, record({"x"}, "/tmp/x/go-build77/b001/exe/main"), unrelated()));
  EXPECT_FALSE(matches_row(place, record({"/tmp/go-build77/b001/exe/main"}, "/usr/bin/psql"), unrelated()));
}

TEST(MatchesRow, ArgumentsOfALateRecordAdmitNothing) {
  ExecRecord late = record({"server", "work"}, "/srv/server");
  late.late = true;
  EXPECT_TRUE(matches_row(row({}), late, unrelated()));
  EXPECT_FALSE(matches_row(row({"*", "work"}), late, unrelated()));
  EXPECT_TRUE(same_program(late, late));
  ExecRecord other = late;
  other.late = false;
  EXPECT_FALSE(same_program(late, other));
  EXPECT_FALSE(same_program(other, late));
  other = late;
  other.tuple.inode = 3;
  EXPECT_FALSE(same_program(late, other));
}

TEST(SameProgram, JavaIsToldByItsOptionsAndItsClass) {
  const char* const java = "/usr/lib/jvm/java-17/bin/java";
  const ExecRecord app = record({"java", "-Xmx1g", "-cp", "a.jar", "app.Server", "run"}, java);
  EXPECT_TRUE(same_program(app, record({"/opt/java", "-Xmx1g", "-cp", "a.jar", "app.Server", "run"}, java)));
  EXPECT_FALSE(same_program(app, record({"java", "-Xmx1g", "-cp", "a.jar", "app.Tool", "run"}, java)));
  EXPECT_FALSE(same_program(app, record({"java", "-Xmx1g", "-cp", "b.jar", "app.Server", "run"}, java)));
  EXPECT_FALSE(same_program(app, record({"java", "-Xmx1g", "app.Server", "run"}, java)));
  EXPECT_FALSE(
      same_program(app, record({"java", "-Xmx1g", "-javaagent:x.jar", "-cp", "a.jar", "app.Server", "run"}, java)));
}

// The entry is a shell that runs the lines it is given, so that a test says who starts whom. Children read a FIFO
// that nobody writes, and stay.
class LiveIdentities : public testing::Test {
 protected:
  static constexpr const char* kLoop = "while read -r line; do eval \"$line\"; done";
  // Lines for the entry: each prints the pid of what it started.
  static constexpr const char* kAgain = "sh -c \"$LOOP\" <\"$FIFO\" & echo $!";

  void SetUp() override {
    ASSERT_EQ(::mkfifo(directory_("fifo").c_str(), 0600), 0);
    start({"sh", "-c", kLoop});
  }
  void TearDown() override {
    for (const pid_t pid : started_) (void)::kill(pid, SIGKILL);
  }

  // Starts the entry command. The FIFO is kept open so that its readers get past their open.
  void start(const std::vector<std::string>& argv) {
    fifo_ = kernel::Fd(::open(directory_("fifo").c_str(), O_RDWR | O_CLOEXEC));
    commands_ = kernel::make_pipe().value();
    answers_ = kernel::make_pipe().value();
    entry_.emplace([&] {
      (void)::dup2(commands_.read.get(), 0);
      (void)::dup2(answers_.write.get(), 1);
      (void)::setenv("LOOP", kLoop, 1);
      (void)::setenv("FIFO", directory_("fifo").c_str(), 1);
      (void)::setenv("DIRECTORY", directory_.path().c_str(), 1);
      for (const char* name : {"LD_PRELOAD", "LD_LIBRARY_PATH", "PYTHONPATH", "BASH_ENV"}) (void)::unsetenv(name);
      std::vector<char*> words;
      for (const std::string& word : argv) words.push_back(const_cast<char*>(word.c_str()));
      words.push_back(nullptr);
      ::execv("/bin/sh", words.data());
      return 127;
    });
    identities_.emplace(plan_, entry_->pid(), Role::app);
    EXPECT_EQ(ask("echo up"), "up");
  }

  void tell(const std::string& line) { EXPECT_TRUE(kernel::write_all(commands_.write.get(), line + "\n")); }
  std::string ask(const std::string& line) {
    tell(line);
    std::string answer;
    for (char byte = 0; ::read(answers_.read.get(), &byte, 1) == 1 && byte != '\n';) answer += byte;
    return answer;
  }

  // Runs a line that prints a pid, and waits until that process has become `program`.
  pid_t start_child(const std::string& line, const std::string& program) {
    const pid_t pid = std::atoi(ask(line).c_str());
    EXPECT_GT(pid, 0) << line;
    started_.push_back(pid);
    await_image(pid, program);
    return pid;
  }
  static void await_image(pid_t pid, const std::string& program) {
    const auto wanted = kernel::identify(AT_FDCWD, program.c_str()).value();
    // Sleeping, for a process is in the middle of its exec as long as it runs.
    EXPECT_TRUE(test::eventually([&] {
      const auto view = kernel::ThreadView::open(pid);
      const auto identity = view ? view->executable_identity() : fail("gone");
      const auto stat = kernel::read_file("/proc/" + std::to_string(pid) + "/stat", 4096);
      return identity && identity->same_file(wanted) && view->auxiliary_vector() && stat &&
             stat->find(") S ") != std::string::npos;
    })) << pid
        << " has not become " << program;
  }

  RecordRef take(pid_t pid) {
    const auto view = kernel::ThreadView::open(pid);
    if (!view) return nullptr;
    return identities_->take_record(*view, view->status().value());
  }
  RecordRef take_entry() {
    await_image(entry_->pid(), "/bin/sh");
    return take(entry_->pid());
  }
  [[nodiscard]] Role role(pid_t pid) {
    const auto view = kernel::ThreadView::open(pid);
    return view ? identities_->identify(*view, view->status().value()).role : Role::unknown;
  }
  void allow(const std::string& exe, std::vector<std::string> argv = {}) {
    plan::AlsoProgram also;
    also.written = exe;
    also.argv = std::move(argv);
    if (auto program = plan::find_program(exe, "/usr/bin:/bin", "/")) also.program = *program;
    EXPECT_TRUE(also.program.has_value()) << exe;
    plan_.also.push_back(std::move(also));
  }

  test::TemporaryDirectory directory_;
  kernel::Fd fifo_;
  kernel::Pipe commands_;
  kernel::Pipe answers_;
  plan::Plan plan_;
  std::optional<test::ChildProcess> entry_;
  std::optional<Identities> identities_;
  std::vector<pid_t> started_;
};

TEST_F(LiveIdentities, TheEntryIsTheApp) {
  const RecordRef app = take_entry();
  ASSERT_NE(app, nullptr);
  EXPECT_TRUE(app->is_app);
  EXPECT_TRUE(app->of_app);
  EXPECT_THAT(app->argv, ElementsAre("sh", "-c", kLoop));
  EXPECT_EQ(app->script.kind, ScriptArgument::Kind::code);
  EXPECT_EQ(app->lineage.size(), 1U);
  EXPECT_EQ(role(entry_->pid()), Role::app);
  EXPECT_EQ(take_entry(), app);  // a second call of one image changes nothing
}

TEST_F(LiveIdentities, ForkKeepsIt) {
  const RecordRef app = take_entry();
  const pid_t child = start_child("( read -r x <\"$FIFO\"; : ) & echo $!", "/bin/sh");
  EXPECT_EQ(role(child), Role::app);
  EXPECT_EQ(identities_->record_of(*kernel::ThreadView::open(child)), app);
  EXPECT_EQ(take(child), app);
}

TEST_F(LiveIdentities, ExecLosesIt) {
  ASSERT_NE(take_entry(), nullptr);
  const pid_t child = start_child("cat \"$FIFO\" & echo $!", "/bin/cat");
  EXPECT_EQ(role(child), Role::other);  // even before it has a record
  const RecordRef cat = take(child);
  ASSERT_NE(cat, nullptr);
  EXPECT_EQ(role(child), Role::other);
  EXPECT_TRUE(cat->of_app);
  EXPECT_FALSE(cat->is_app);
  ASSERT_EQ(cat->lineage.size(), 2U);
  EXPECT_EQ(cat->lineage.front(), "cat");
  // What a shell in the app's place starts may be the app itself.
  EXPECT_EQ(identities_->row_that_admits(*cat), "{exe: cat}");
}

TEST_F(LiveIdentities, AProcessWhoseParentHasEndedIsTracedToTheEntry) {
  ASSERT_EQ(::prctl(PR_SET_CHILD_SUBREAPER, 1), 0);  // as the launcher or the init of an instance is
  ASSERT_NE(take_entry(), nullptr);
  const pid_t orphan = start_child("( (exec cat \"$FIFO\") & echo $! )", "/bin/cat");
  ASSERT_TRUE(test::eventually([&] { return kernel::ThreadView::open(orphan)->status()->ppid == ::getpid(); }));
  const RecordRef cat = take(orphan);
  ASSERT_EQ(::prctl(PR_SET_CHILD_SUBREAPER, 0), 0);
  ASSERT_NE(cat, nullptr);
  EXPECT_THAT(cat->lineage, ElementsAre("cat", "sh"));
  EXPECT_FALSE(cat->is_app);
}

TEST_F(LiveIdentities, TheImageBeforeTellsWhatTheParentNoLongerCan) {
  ASSERT_EQ(::prctl(PR_SET_CHILD_SUBREAPER, 1), 0);
  const RecordRef app = take_entry();
  const pid_t orphan = start_child("( (exec cat \"$FIFO\") & echo $! )", "/bin/cat");
  ASSERT_TRUE(test::eventually([&] { return kernel::ThreadView::open(orphan)->status()->ppid == ::getpid(); }));
  ExecRecord middle;
  middle.lineage = {"worker.py", "xargs", "sh"};
  middle.of_app = true;
  const auto view = kernel::ThreadView::open(orphan);
  const RecordRef cat =
      identities_->take_record(*view, view->status().value(), std::make_shared<const ExecRecord>(middle));
  ASSERT_EQ(::prctl(PR_SET_CHILD_SUBREAPER, 0), 0);
  ASSERT_NE(cat, nullptr);
  EXPECT_THAT(cat->lineage, ElementsAre("cat", "worker.py", "xargs", "sh"));
  EXPECT_TRUE(cat->of_app);
}

TEST_F(LiveIdentities, AParentWithoutARecordIsNamedByItsExecutable) {
  ASSERT_NE(take_entry(), nullptr);
  // As a static program that makes no set_tid_address call: its image is never taken.
  const pid_t middle = start_child("sh -c 'cat \"$FIFO\" & echo $! >\"$DIRECTORY/cat\"; wait' & echo $!", "/bin/sh");
  ASSERT_TRUE(test::eventually([&] { return directory_.read("cat").ends_with('\n'); }));
  const pid_t child = std::atoi(directory_.read("cat").c_str());
  started_.push_back(child);
  await_image(child, "/bin/cat");
  const RecordRef cat = take(child);
  ASSERT_NE(cat, nullptr);
  const std::string shell = std::filesystem::canonical("/bin/sh").filename();
  EXPECT_THAT(cat->lineage, ElementsAre("cat", shell, "sh"));
  EXPECT_THAT(identities_->ancestors(middle), ElementsAre(shell, "sh"));
}

TEST_F(LiveIdentities, LongArgumentsAreRedactedAndThenCut) {
  ASSERT_NE(take_entry(), nullptr);
  const pid_t child =
      start_child("cat \"$FIFO\" postgres://u:$(printf '%0600d' 7)@h/x $(seq 1 2000) & echo $!", "/bin/cat");
  const RecordRef cat = take(child);
  ASSERT_NE(cat, nullptr);
  ASSERT_GT(cat->shown.size(), 3U);
  EXPECT_EQ(cat->shown[2], "postgres://u:***@h/x");
  EXPECT_EQ(cat->shown.back(), "...");
  EXPECT_LE(cat->shown.size(), 33U);
  EXPECT_LE(cat->argv.size(), 33U);
  EXPECT_THAT(cat->loader_values, IsEmpty());
}

TEST_F(LiveIdentities, TheSameProgramAgainGetsItBack) {
  ASSERT_NE(take_entry(), nullptr);
  const pid_t child = start_child(kAgain, "/bin/sh");
  const RecordRef again = take(child);
  ASSERT_NE(again, nullptr);
  EXPECT_TRUE(again->is_app);
  EXPECT_EQ(again->row, "");
  EXPECT_EQ(role(child), Role::app);
}

TEST_F(LiveIdentities, TheSameProgramWithAnotherLoaderDoesNot) {
  ASSERT_NE(take_entry(), nullptr);
  const pid_t child = start_child(std::string("LD_LIBRARY_PATH=/tmp ") + kAgain, "/bin/sh");
  const RecordRef again = take(child);
  ASSERT_NE(again, nullptr);
  EXPECT_FALSE(again->is_app);
  EXPECT_EQ(role(child), Role::other);
  EXPECT_EQ(identities_->row_that_admits(*again), "");  // no row would admit it
}

TEST_F(LiveIdentities, TheSameProgramBelowAnotherOneDoesNot) {
  ASSERT_NE(take_entry(), nullptr);
  const pid_t middle =
      start_child("sh -c 'sh -c \"$LOOP\" <\"$FIFO\" & echo $! >\"$DIRECTORY/pid\"; wait' & echo $!", "/bin/sh");
  const RecordRef between = take(middle);
  ASSERT_NE(between, nullptr);
  EXPECT_FALSE(between->is_app);
  ASSERT_TRUE(test::eventually([&] { return directory_.read("pid").ends_with('\n'); }));
  const pid_t child = std::atoi(directory_.read("pid").c_str());
  started_.push_back(child);
  // Its own image, not the one of the shell that it was forked from.
  ASSERT_TRUE(test::eventually([&] {
    const auto argv = kernel::ThreadView::open(child)->arguments();
    return argv && argv->size() == 3 && argv->back() == kLoop;
  }));
  await_image(child, "/bin/sh");
  const RecordRef again = take(child);
  ASSERT_NE(again, nullptr);
  EXPECT_TRUE(again->of_app);
  EXPECT_FALSE(again->is_app);
  EXPECT_EQ(again->lineage.size(), 3U);
}

TEST_F(LiveIdentities, ARowAdmitsAProgramOfTheAppsLineageAndNoOther) {
  allow("cat");
  ASSERT_NE(take_entry(), nullptr);
  const pid_t child = start_child("cat \"$FIFO\" & echo $!", "/bin/cat");
  const RecordRef cat = take(child);
  ASSERT_NE(cat, nullptr);
  EXPECT_TRUE(cat->is_app);
  EXPECT_EQ(cat->row, "cat");
  EXPECT_EQ(role(child), Role::app);

  // The same program, started by nobody of the app.
  const test::ChildProcess stranger([&] {
    ::execl("/bin/cat", "cat", directory_("fifo").c_str(), nullptr);
    return 127;
  });
  await_image(stranger.pid(), "/bin/cat");
  const RecordRef other = take(stranger.pid());
  ASSERT_NE(other, nullptr);
  EXPECT_FALSE(other->of_app);
  EXPECT_FALSE(other->is_app);
  EXPECT_EQ(role(stranger.pid()), Role::other);
  // And with another loader.
  const pid_t steered = start_child("LD_LIBRARY_PATH=/tmp cat \"$FIFO\" & echo $!", "/bin/cat");
  const RecordRef record = take(steered);
  ASSERT_NE(record, nullptr);
  EXPECT_FALSE(record->is_app);
}

TEST_F(LiveIdentities, TheEntryHandsOverInPlaceUntilItHasSettled) {
  const RecordRef app = take_entry();
  tell("exec sh -c \"$LOOP; :\"");
  EXPECT_EQ(ask("echo up"), "up");
  const RecordRef next = take_entry();
  ASSERT_NE(next, nullptr);
  EXPECT_NE(next, app);
  EXPECT_TRUE(next->is_app);
  EXPECT_EQ(role(entry_->pid()), Role::app);

  identities_->settle(entry_->pid() + 1);  // somebody else's listen says nothing
  tell("exec sh -c \"$LOOP\"");
  EXPECT_EQ(ask("echo up"), "up");
  EXPECT_TRUE(take_entry()->is_app);

  identities_->settle(entry_->pid());
  tell("exec sh -c \"$LOOP; :\"");
  EXPECT_EQ(ask("echo up"), "up");
  const RecordRef late = take_entry();
  ASSERT_NE(late, nullptr);
  EXPECT_FALSE(late->is_app);
  EXPECT_EQ(role(entry_->pid()), Role::other);
}

TEST_F(LiveIdentities, ASettledEntryMayExecuteItselfInItsOwnPlace) {
  const RecordRef app = take_entry();
  ASSERT_NE(app, nullptr);
  identities_->settle(entry_->pid());
  const auto in_place = [&](const std::string& command) {
    tell("exec " + command);
    EXPECT_EQ(ask("echo up"), "up");
    return take_entry();
  };
  for (int reload = 0; reload < 2; ++reload) {
    const RecordRef again = in_place("sh -c \"$LOOP\"");
    ASSERT_NE(again, nullptr);
    EXPECT_NE(again, app);
    EXPECT_TRUE(again->is_app);
    EXPECT_EQ(role(entry_->pid()), Role::app);
  }
  EXPECT_FALSE(in_place("env LD_LIBRARY_PATH=/tmp sh -c \"$LOOP\"")->is_app);
  // What the app has become is not the app: it can't become it again.
  EXPECT_FALSE(in_place("env -u LD_LIBRARY_PATH sh -c \"$LOOP\"")->is_app);
  EXPECT_EQ(role(entry_->pid()), Role::other);
}

TEST_F(LiveIdentities, AOneOffIsNoApp) {
  identities_.emplace(plan_, entry_->pid(), Role::one_off);
  ASSERT_NE(take_entry(), nullptr);
  EXPECT_EQ(role(entry_->pid()), Role::one_off);
  // Who opens it types psql into its shell.
  const pid_t child = start_child("cat \"$FIFO\" & echo $!", "/bin/cat");
  EXPECT_EQ(role(child), Role::one_off);
  const RecordRef cat = take(child);
  ASSERT_NE(cat, nullptr);
  EXPECT_EQ(role(child), Role::one_off);
}

TEST_F(LiveIdentities, AnEntryWithoutARecordIsKnownByItsExecutable) {
  // A program whose libc makes no set_tid_address call.
  EXPECT_EQ(role(entry_->pid()), Role::other);
  plan_.program.executable_identity = kernel::identify(AT_FDCWD, "/bin/sh").value();
  EXPECT_EQ(role(entry_->pid()), Role::app);
  const pid_t again = start_child(kAgain, "/bin/sh");
  EXPECT_EQ(role(again), Role::app);
  plan_.program.script = "/srv/script";  // the executable says too little then
  EXPECT_EQ(role(again), Role::other);
  EXPECT_EQ(role(entry_->pid()), Role::app);
  // As soon as there is a record, nothing else counts.
  plan_.program.script.clear();
  ASSERT_NE(take_entry(), nullptr);
  EXPECT_EQ(role(again), Role::other);
}

TEST_F(LiveIdentities, AProcessThatIsGoneIsUnknown) {
  ASSERT_NE(take_entry(), nullptr);
  const auto view = kernel::ThreadView::open(entry_->pid());
  const auto status = view->status().value();
  ASSERT_EQ(::kill(entry_->pid(), SIGKILL), 0);
  (void)entry_->wait();
  const Caller caller = identities_->identify(*view, status);
  EXPECT_EQ(caller.role, Role::unknown);
  EXPECT_FALSE(caller.why_unknown.empty());
  EXPECT_EQ(caller.record, nullptr);
  EXPECT_EQ(identities_->take_record(*view, status), nullptr);
}

TEST_F(LiveIdentities, AScriptIsResolvedFromItsOwnDirectory) {
  ASSERT_NE(take_entry(), nullptr);
  directory_.write("a/run", "read -r x <\"$FIFO\"\n");
  directory_.write("b/run", "read -r x <\"$FIFO\"; :\n");
  const RecordRef first = take(start_child("cd \"$DIRECTORY/a\"; sh ./run & echo $!", "/bin/sh"));
  const RecordRef second = take(start_child("cd \"$DIRECTORY/b\"; sh ./run & echo $!", "/bin/sh"));
  const RecordRef absolute = take(start_child("sh \"$DIRECTORY/a/run\" & echo $!", "/bin/sh"));
  const RecordRef missing = take(start_child("cd /; sh -c 'read -r x <\"$FIFO\"; :' & echo $!", "/bin/sh"));
  for (const RecordRef& record : {first, second, absolute, missing}) ASSERT_NE(record, nullptr);
  EXPECT_EQ(first->script_path, directory_("a/run"));
  EXPECT_EQ(absolute->script_path, directory_("a/run"));
  EXPECT_EQ(second->script_path, directory_("b/run"));
  EXPECT_EQ(missing->script_path, "");
}

TEST_F(LiveIdentities, ALinkThatMayBeExchangedIsNotTheScriptThatItLeadsTo) {
  ASSERT_NE(take_entry(), nullptr);
  directory_.write("run", "read -r x <\"$FIFO\"\n");
  std::filesystem::create_symlink("run", directory_("link"));
  const RecordRef link = take(start_child("sh \"$DIRECTORY/link\" & echo $!", "/bin/sh"));
  ASSERT_NE(link, nullptr);
  EXPECT_EQ(link->script_path, directory_("link"));
}

TEST(SameProgram, AnInterpreterWithoutAScriptRunsWhateverItIsFed) {
  EXPECT_FALSE(same_program(record({"python3"}), record({"python3"})));
  EXPECT_FALSE(same_program(record({"sh"}, "/usr/bin/dash"), record({"sh"}, "/usr/bin/dash")));
  EXPECT_FALSE(same_program(record({"sh", "-s"}, "/bin/busybox"), record({"sh", "-s"}, "/bin/busybox")));
}

TEST(SameProgram, PythonAndPhpHaveTheirHomeWhereTheAppsIs) {
  for (const char* interpreter : {"/usr/bin/python3.11", "/usr/bin/php8.2"}) {
    const ExecRecord app = record({"x", "app", "serve"}, interpreter);
    ExecRecord other = app;
    other.home.place = "/tmp/evil";
    EXPECT_FALSE(same_program(app, other));
    other.home = {.place = "/usr/bin", .search = "/tmp/evil:/usr/bin:"};  // nothing is in /tmp/evil yet
    EXPECT_FALSE(same_program(app, other));
    ExecRecord typed = app;
    typed.home.search = other.home.search;
    EXPECT_TRUE(same_program(typed, other));
    EXPECT_TRUE(same_program(typed, app));
    other.home = {};
    EXPECT_FALSE(same_program(other, other));
  }
}

TEST(SameProgram, AProgramOfManyNamesIsToldByTheOneItIsCalled) {
  EXPECT_TRUE(same_program(record({"httpd", "-f"}, "/bin/busybox"), record({"/sbin/httpd", "-f"}, "/bin/busybox")));
  EXPECT_FALSE(same_program(record({"httpd", "-f"}, "/bin/busybox"), record({"nc", "-f"}, "/bin/busybox")));
}

TEST_F(LiveIdentities, NoRowRepeatsASecret) {
  ASSERT_NE(take_entry(), nullptr);
  const std::string url = "postgresql://app:hunter2@db/app";
  const RecordRef code = take(start_child("sh -c 'u=" + url + "; read -r x <\"$FIFO\"; :' & echo $!", "/bin/sh"));
  ASSERT_NE(code, nullptr);
  EXPECT_EQ(identities_->row_that_admits(*code), "");
  // One behind the script is not in the row.
  const RecordRef behind = take(start_child("sh -c 'read -r x <\"$FIFO\"; :' " + url + " & echo $!", "/bin/sh"));
  ASSERT_NE(behind, nullptr);
  EXPECT_THAT(identities_->row_that_admits(*behind), testing::StartsWith("{exe: "));
  EXPECT_THAT(identities_->row_that_admits(*behind), testing::Not(testing::HasSubstr("hunter2")));
}

TEST_F(LiveIdentities, NoRowAdmitsAnInterpreterAsAWhole) {
  ASSERT_NE(take_entry(), nullptr);
  const RecordRef fed = take(start_child("sh <\"$FIFO\" & echo $!", "/bin/sh"));
  ASSERT_NE(fed, nullptr);
  EXPECT_EQ(identities_->row_that_admits(*fed), "");
}

TEST_F(LiveIdentities, AProgramThatPathDoesNotLeadToIsNamedByItsPath) {
  ASSERT_NE(take_entry(), nullptr);
  const RecordRef refused = take(start_child("sh -c 'read -r x <\"$FIFO\"; :' & echo $!", "/bin/sh"));
  ASSERT_NE(refused, nullptr);
  EXPECT_THAT(identities_->row_that_admits(*refused), testing::Not(testing::HasSubstr("/")));
  plan_.environment = {"PATH=/nowhere"};
  EXPECT_THAT(identities_->row_that_admits(*refused), testing::StartsWith("{exe: \"/"));
}

// What a finding prints is pasted into a policy as it is.
TEST_F(LiveIdentities, TheRowThatAdmitsIsARowOfThePolicy) {
  ASSERT_NE(take_entry(), nullptr);
  directory_.write("odd \"[na]me*\\", "read -r x <\"$FIFO\"\n");
  const std::vector<std::pair<std::string, std::string>> lines = {
      {"sh -c 'read -r x <\"$FIFO\"; :' & echo $!", "code"},
      {"sh -e -c 'f() { read -r x <\"$FIFO\"; }; f' one two & echo $!", "code with arguments"},
      {"sh \"$DIRECTORY/odd \\\"[na]me*\\\\\" argument & echo $!", "a script with an odd name"},
  };
  for (const auto& [line, what] : lines) {
    const pid_t child = start_child(line, "/bin/sh");
    const RecordRef refused = take(child);
    ASSERT_NE(refused, nullptr) << what;
    EXPECT_FALSE(refused->is_app) << what;
    const std::string row = identities_->row_that_admits(*refused);
    ASSERT_NE(row, "") << what;

    directory_.write("cofferdam.yaml", "version: 1\nextends: none\napp:\n  also:\n    - " + row + "\n");
    const auto loaded = load_policy(directory_("cofferdam.yaml"),
                                    {.working_directory = directory_.path(), .home = "", .environment = {}});
    if (!loaded) {
      ADD_FAILURE() << what << ": " << row << "\n" << format_diagnostic(loaded.error().front());
      continue;
    }
    ASSERT_EQ(loaded->policy.also.size(), 1U);
    plan::AlsoProgram also;
    also.argv = loaded->policy.also.front().argv;
    also.program = plan::find_program(loaded->policy.also.front().exe, "/usr/bin:/bin", "/").value();
    EXPECT_TRUE(matches_row(also, *refused, unrelated())) << what << ": " << row;
    // It admits that program, not the interpreter as a whole.
    ExecRecord other = *refused;
    other.argv = {"sh", "-c", "psql"};
    other.script = script_argument("sh", other.argv);
    other.script_path.clear();
    EXPECT_FALSE(matches_row(also, other, unrelated())) << what << ": " << row;
  }
}

}  // namespace
}  // namespace cofferdam::supervise
