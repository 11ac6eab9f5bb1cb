#include "run/rehearse.hpp"

#include <algorithm>
#include <array>
#include <csignal>
#include <set>

#include "base/text.hpp"
#include "run/driver.hpp"
#include "run/instance.hpp"
#include "run/leftovers.hpp"
#include "run/redirection.hpp"
#include "run/rehearsal_findings.hpp"

namespace cofferdam::run {

namespace {

using Instances = std::vector<Instance*>;

// An app that never listens is driven all the same.
constexpr std::chrono::milliseconds kReadyWithin{30'000};
// From the call of listen() until it has taken effect, and for an app that opens more than one socket.
constexpr std::chrono::milliseconds kSettle{50};

void say_nothing(Severity /*severity*/, const std::string& /*text*/) {}

class Rehearsing {
 public:
  Rehearsing(const RehearseRequest& request, Say say) : request_(request), say_(say) {}

  Result<RunResult> run();

 private:
  [[nodiscard]] Result<std::unique_ptr<Instance>> start(const std::string& name, const std::vector<std::string>& argv,
                                                        EventSink* also);
  [[nodiscard]] Result<void> run_first();
  [[nodiscard]] Result<void> run_readers(Instance* beside);
  [[nodiscard]] Result<void> run_reader(const std::string& name, const std::string& command, Instance* beside);
  [[nodiscard]] Result<void> run_second();

  // Until the app has done its work: driven by the script, or ended by itself.
  [[nodiscard]] Result<void> work(Instance& instance, int number);
  void await_readiness(Instance& instance);
  void stop(Instance& instance);
  void wait(const Instances& instances, const std::function<bool()>& until,
            std::optional<Clock::time_point> deadline = std::nullopt, int also = -1);

  // Ends the rehearsal before its second run; the first reason is kept.
  void give_up(std::string why, int exit_code);
  [[nodiscard]] bool gave_up() const { return !outcome_.stopped.empty(); }
  // What an end of the app means that nobody has asked for; `run` is its number.
  void judge_end(const Instance& instance, const std::string& run);
  [[nodiscard]] int exit_code_of(const Instance& instance) const;
  void tell(Instance& instance, const std::string& name, bool other_role);
  void empty(Instance& instance);

  const RehearseRequest& request_;
  Say say_;
  launch::Inherited inherited_;
  std::unique_ptr<Session> session_;
  kernel::Fd nowhere_;
  Leftovers first_;  // of run 1
  std::vector<supervise::Leftover> leftovers_;
  Rehearsal outcome_;
  std::set<std::string> looked_for_;
  bool container_ = false;
  bool interrupted_ = false;
  bool driven_ = false;  // the last run was, by a driver that has ended
  int exit_code_ = 0;
};

Result<RunResult> Rehearsing::run() {
  inherited_ = launch::take_inherited();
  hold_signals_as_pid_1();
  auto nowhere = open_nowhere();
  if (!nowhere) return std::unexpected(nowhere.error());
  nowhere_ = std::move(*nowhere);

  auto done = run_first();
  if (done && !gave_up() && container_) done = run_readers(nullptr);
  if (done && !gave_up()) done = run_second();
  const bool has_run = session_ && session_->event_counter() > 0;
  if (!done && !has_run) {
    if (session_) session_->discard();
    return std::unexpected(done.error());
  }
  outcome_.looked_for = looked_for_.size();
  RunResult result;
  result.exit_code = exit_code_;
  if (!done) result.failure = done.error();  // what the runs before have found is reported all the same
  session_->close(result, outcome_);
  return result;
}

Result<std::unique_ptr<Instance>> Rehearsing::start(const std::string& name, const std::vector<std::string>& argv,
                                                    EventSink* also) {
  RunRequest request = request_.run;
  request.instance = name;
  request.argv = argv;
  // What the policy and the plan have to say is said once.
  auto prepared = prepare(request, session_ ? say_nothing : say_);
  if (!prepared) return std::unexpected(prepared.error());
  container_ = prepared->plan.mode == Mode::container;
  if (!session_) {
    auto session = Session::open(request_.run, inherited_, prepared->policy, prepared->plan);
    if (!session) return std::unexpected(session.error());
    session_ = std::move(*session);
  }
  return Instance::start(*session_, request, std::move(*prepared),
                         {.input = nowhere_.get(), .leftovers = leftovers_, .also = also});
}

Result<void> Rehearsing::run_first() {
  auto first = start("rehearsal.1", request_.run.argv, &first_);
  if (!first) return std::unexpected(first.error());
  Instance& instance = **first;
  if (auto worked = work(instance, 1); !worked) return worked;
  const bool up = instance.loop().running() && driven_ && !interrupted_;
  if (up && !container_ && !request_.readers.empty()) {
    (void)instance.supervisor().scan([&](const ScannedChange& change) { first_.visit(change); });
    leftovers_ = first_.take();
    if (auto read = run_readers(&instance); !read) return read;
  }
  stop(instance);
  if (const auto failure = instance.failure()) return std::unexpected(*failure);
  instance.finish([&](const ScannedChange& change) { first_.visit(change); });
  leftovers_ = first_.take();
  outcome_.written = count_files(leftovers_);
  if (first_.incomplete()) {
    say_(Severity::warning, "run 1 left more than " + std::to_string(Leftovers::kMostPaths) +
                                " paths: who looks for one of the others is not seen");
  }
  judge_end(instance, "run 1");
  if (driven_ && outcome_.drives.back().code != 0) {
    give_up("the driver failed in run 1 (exit " + std::to_string(outcome_.drives.back().code) +
                "), so there is nothing to compare with",
            125);
  }
  if (!gave_up() && container_) empty(instance);
  // Without a driver there is no app to run beside: its readers come now.
  if (!gave_up() && !container_ && !driven_) return run_readers(nullptr);
  return {};
}

Result<void> Rehearsing::run_readers(Instance* beside) {
  int number = 0;
  for (const std::string& command : request_.readers) {
    if (interrupted_ || gave_up()) break;
    if (auto read = run_reader("reader." + std::to_string(++number), command, beside); !read) return read;
  }
  return {};
}

Result<void> Rehearsing::run_reader(const std::string& name, const std::string& command, Instance* beside) {
  auto started = start(name, {"/bin/sh", "-c", "exec " + command}, nullptr);
  if (!started) return std::unexpected(started.error());
  Instance& reader = **started;
  Instances all = {&reader};
  if (beside != nullptr) all.push_back(beside);
  reader.supervisor().looks().set_driven(true);
  const auto ended = [&] { return reader.loop().done() || interrupted_; };
  wait(all, ended, Clock::now() + request_.reader_for);
  if (!ended()) say_(Severity::note, name + " still runs and is stopped now; --reader-for gives it longer");
  if (reader.loop().running() && !interrupted_) {
    reader.loop().stop(signal_number(reader.policy().run.stop_signal));
  }
  wait(all, [&] { return reader.loop().done(); });
  if (const auto failure = reader.failure()) return std::unexpected(*failure);
  if (const int code = exit_code_of(reader); code != 0 && !interrupted_) {
    say_(Severity::warning, name + " ended with status " + std::to_string(code));
  }
  tell(reader, name, true);
  reader.finish();
  if (container_) empty(reader);
  return {};
}

Result<void> Rehearsing::run_second() {
  auto second = start("rehearsal.2", request_.run.argv, nullptr);
  if (!second) return std::unexpected(second.error());
  Instance& instance = **second;
  driven_ = false;
  if (auto worked = work(instance, 2); !worked) return worked;
  stop(instance);
  if (const auto failure = instance.failure()) return std::unexpected(*failure);
  const int driver = driven_ ? outcome_.drives.back().code : 0;
  tell(instance, "rehearsal.2", false);
  if (driver != 0) instance.events().emit(driver_finding(driver));
  instance.finish();
  judge_end(instance, "run 2");
  if (exit_code_ == 0) exit_code_ = driver;
  return {};
}

Result<void> Rehearsing::work(Instance& instance, int number) {
  Loop& loop = instance.loop();
  if (request_.drive.empty()) {
    instance.supervisor().looks().set_driven(true);
    wait({&instance}, [&] { return loop.done(); });
    return {};
  }
  await_readiness(instance);
  if (!loop.running() || interrupted_) return {};
  instance.supervisor().looks().set_driven(true);
  auto environment = request_.run.environment;
  const std::string name = "rehearsal." + std::to_string(number);
  environment["COFFERDAM_INSTANCE"] = name;
  environment["COFFERDAM_REHEARSAL"] = std::to_string(number);
  auto driver = Driver::start(request_.drive, environment, inherited_);
  if (!driver) return std::unexpected(driver.error());
  loop.leave_alone(&(*driver)->as_child());
  wait(
      {&instance}, [&] { return (*driver)->ended() || !loop.running() || interrupted_; }, std::nullopt,
      (*driver)->pidfd());
  driven_ = (*driver)->ended();
  if (driven_) outcome_.drives.push_back({name, (*driver)->code()});
  loop.leave_alone(nullptr);
  instance.supervisor().looks().set_driven(false);
  return {};
}

void Rehearsing::await_readiness(Instance& instance) {
  Loop& loop = instance.loop();
  const auto ended = [&] { return !loop.running() || interrupted_; };
  if (request_.ready_after) return wait({&instance}, ended, Clock::now() + *request_.ready_after);
  const auto listens = [&] { return instance.supervisor().listens(); };
  wait({&instance}, [&] { return listens() || ended(); }, Clock::now() + kReadyWithin);
  if (!listens() && !ended()) {
    say_(Severity::warning, "the app has not listened for " + std::to_string(kReadyWithin.count() / 1000) +
                                " s and is driven all the same; --ready-after SECONDS waits for no socket");
  }
  wait({&instance}, ended, Clock::now() + kSettle);
}

void Rehearsing::stop(Instance& instance) {
  Loop& loop = instance.loop();
  if (loop.running() && !loop.interrupted()) loop.stop(signal_number(instance.policy().run.stop_signal));
  wait({&instance}, [&] { return loop.done(); });
}

void Rehearsing::wait(const Instances& instances, const std::function<bool()>& until,
                      std::optional<Clock::time_point> deadline, int also) {
  std::vector<Loop*> loops;
  for (Instance* instance : instances) loops.push_back(&instance->loop());
  serve(
      loops, session_->signals(),
      [&] {
        interrupted_ = interrupted_ || std::ranges::any_of(loops, &Loop::interrupted);
        return until();
      },
      deadline, also);
}

void Rehearsing::give_up(std::string why, int exit_code) {
  if (gave_up()) return;
  outcome_.stopped = std::move(why);
  exit_code_ = exit_code;
}

void Rehearsing::judge_end(const Instance& instance, const std::string& run) {
  const int code = exit_code_of(instance);
  const std::string ended = "(exit " + std::to_string(code) + ")";
  if (interrupted_) return give_up(run + " was interrupted", instance.exit_code());
  if (request_.drive.empty()) {
    if (code != 0 && run == "run 1") return give_up("run 1 failed " + ended, code);
  } else if (!instance.loop().ending().stopped) {
    const char* when = driven_ ? " after it had been driven" : " before it had been driven to the end";
    const char* hint = run == "run 2" ? "; where its log says that the address is in use, let it set SO_REUSEADDR"
                                      : "; a server must stay in the foreground";
    return give_up("the app of " + run + " ended by itself " + ended + when + hint, code != 0 ? code : 125);
  }
  if (exit_code_ == 0) exit_code_ = code;
}

// The end that we asked for is no failure of the app, whether it handles the signal or not.
int Rehearsing::exit_code_of(const Instance& instance) const {
  const int code = instance.exit_code();
  const bool asked = instance.loop().ending().stopped && !interrupted_;
  return asked && code == 128 + signal_number(instance.policy().run.stop_signal) ? 0 : code;
}

void Rehearsing::tell(Instance& instance, const std::string& name, bool other_role) {
  const report::Project project = report::read_project(instance.plan().working_directory, {});
  for (Finding& finding : look_findings(instance.supervisor().looks().looked(), name,
                                        other_role ? Reader::other_role : Reader::next_instance, project,
                                        instance.policy().storage.audit_ignore)) {
    if (finding.severity != Severity::note) looked_for_.insert(finding.path);
    instance.events().emit(std::move(finding));
  }
}

void Rehearsing::empty(Instance& instance) {
  const auto problems = instance.supervisor().empty_mounts();
  if (problems.empty()) return;
  give_up("the storage can't be emptied for the next instance: " + problems.front() +
              (problems.size() > 1 ? " (and " + std::to_string(problems.size() - 1) + " more)" : ""),
          125);
}

}  // namespace

Result<RunResult> rehearse(const RehearseRequest& request, Say say) {
  return Rehearsing(request, say).run();
}

}  // namespace cofferdam::run
