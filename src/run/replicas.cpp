#include "run/replicas.hpp"

#include <sys/epoll.h>
#include <sys/stat.h>
#include <sys/wait.h>

#include <algorithm>
#include <csignal>
#include <deque>
#include <memory>
#include <set>
#include <string>
#include <utility>
#include <vector>

#include "run/instance.hpp"
#include "run/prober.hpp"
#include "run/rehearsal_findings.hpp"
#include "run/replica_findings.hpp"
#include "run/shared_state.hpp"

namespace cofferdam::run {

namespace {

using std::chrono::milliseconds;

constexpr milliseconds kFirstDelay{100};  // as Docker's restart policy: doubled up to a minute,
constexpr milliseconds kLongestDelay{60'000};
constexpr milliseconds kProvenAfter{10'000};  // and forgotten after so long a life
// An instance that listens nowhere is taken for ready when it has lived so long.
constexpr milliseconds kQuietlyReady{3000};
// A connection whose handshake is under way when an instance is closed arrives within so long.
constexpr milliseconds kDrainAtLeast{200};
constexpr milliseconds kDrainAtMost{2000};
constexpr milliseconds kDrainLook{10};
constexpr std::size_t kNameWidth = 6;  // of "web.12"; a wider one takes its room

struct Replica {
  enum class State {
    starting,  // not ready yet
    ready,
    draining,  // gets no connections any more, and is asked to stop when those that wait are taken
    stopping,  // was asked to stop
    flushing,  // has ended; its records are delivered
    waiting,   // to be started again
    ended
  };
  unsigned number = 0;
  std::string name;
  State state = State::waiting;
  std::unique_ptr<Instance> instance;  // null while waiting, and after the end
  std::unique_ptr<Prober> prober;      // while starting, where the policy says how to ask
  Clock::time_point started;
  Clock::time_point due;  // by state: to be started, to look whether it is drained
  Clock::time_point until;
  milliseconds delay = kFirstDelay;
  unsigned replaces = 0;  // the number of the one that it takes over from, 0: none
  bool given_up = false;  // it is not started again, and how it ends is nobody's failure
  bool failed = false;    // however it ends: it was not ready in time
  bool again = false;     // it is
  bool left = false;      // its processes have ended; its last records may still be under way
  int exit_code = 0;
};

class Replicas {
 public:
  Replicas(const RunRequest& request, const Preparation& prepared, Session& session, int nowhere, Say say);
  Result<RunResult> run();

 private:
  using State = Replica::State;

  [[nodiscard]] Result<void> start(Replica& replica);
  void add(unsigned replaces);
  // What is due for one of them, and for all.
  void step(Replica& replica);
  void replace_next();

  void look_whether_ready(Replica& replica);
  void become_ready(Replica& replica);
  void drain(Replica& replica);
  void stop(Replica& replica);
  void on_end(Replica& replica);
  void retire(Replica& replica);
  void wait_to_start(Replica& replica);
  void give_up_replacement(Replica& replica, const std::string& why);
  [[nodiscard]] bool starts_again(const Replica& replica, int code) const;
  [[nodiscard]] Replica* find(unsigned number);

  [[nodiscard]] bool needs_a_step(const Replica& replica) const;
  [[nodiscard]] Clock::time_point next_due() const;
  void serve_until_next();

  const RunRequest& request_;
  const Preparation& prepared_;
  Session& session_;
  int nowhere_;
  Say say_;
  Restart restart_;
  bool several_;
  supervise::SharedPorts ports_;
  SharedState state_;
  std::deque<Replica> replicas_;  // by number
  unsigned last_number_ = 0;
  kernel::Fd probes_;  // epoll
  std::vector<pid_t> zombies_;
  std::deque<unsigned> to_replace_;
  Clock::time_point next_look_;
  bool reload_asked_ = false;
  bool any_ready_ = false;  // so far
  bool ending_ = false;     // nobody is started any more
  bool interrupted_ = false;
  std::optional<Error> failure_;
  std::vector<std::string> problems_;
};

Restart restart_of(const RunRequest& request, const Policy& policy) {
  const bool several = request.replicas.value_or(policy.run.replicas) > 1;
  return policy.run.restart.value_or(several ? Restart::on_failure : Restart::never);
}

Preparation prepared_for(const Preparation& prepared, const std::string& name) {
  Preparation own = prepared;
  constexpr std::string_view kVariable = "COFFERDAM_INSTANCE=";
  for (std::string& variable : own.plan.environment) {
    if (variable.starts_with(kVariable)) variable = std::string(kVariable) + name;
  }
  return own;
}

Replicas::Replicas(const RunRequest& request, const Preparation& prepared, Session& session, int nowhere, Say say)
    : request_(request),
      prepared_(prepared),
      session_(session),
      nowhere_(nowhere),
      say_(say),
      restart_(restart_of(request, prepared.policy)),
      several_(request.replicas.value_or(prepared.policy.run.replicas) > 1),
      probes_(epoll_create1(EPOLL_CLOEXEC)) {}

Result<RunResult> Replicas::run() {
  const std::uint32_t count = request_.replicas.value_or(prepared_.policy.run.replicas);
  for (std::uint32_t i = 0; i < count; ++i) add(0);
  for (Replica& replica : replicas_) {
    auto started = start(replica);
    if (started) continue;
    if (&replica == &replicas_.front()) return std::unexpected(started.error());
    failure_ = started.error();
    ending_ = true;
    break;
  }
  if (ending_) {
    for (Replica& replica : replicas_) stop(replica);
  }
  while (std::ranges::any_of(replicas_, [](const Replica& each) { return each.state != State::ended; })) {
    serve_until_next();
    for (Replica& replica : replicas_) step(replica);
    replace_next();
    std::erase_if(replicas_, [](const Replica& each) { return each.state == State::ended && each.exit_code == 0; });
    std::erase_if(zombies_, [](pid_t pid) { return waitpid(pid, nullptr, WNOHANG | __WALL) != 0; });
  }
  RunResult result;
  for (const Replica& replica : replicas_) {
    if (result.exit_code == 0) result.exit_code = replica.exit_code;
  }
  result.failure = failure_;
  result.problems = std::move(problems_);
  return result;
}

void Replicas::add(unsigned replaces) {
  Replica replica;
  replica.number = ++last_number_;
  replica.name = "web." + std::to_string(replica.number);
  replica.replaces = replaces;
  replica.due = Clock::now();
  replicas_.push_back(std::move(replica));
}

Result<void> Replicas::start(Replica& replica) {
  RunRequest request = request_;
  request.instance = replica.name;
  auto instance = Instance::start(session_, request, prepared_for(prepared_, replica.name),
                                  {.input = nowhere_,
                                   .leftovers = {},
                                   .sees_reads = several_,
                                   .also = &state_.listen(replica.name),
                                   .ports = &ports_,
                                   .open = !prepared_.policy.run.readiness.has_value(),
                                   .name_width = several_ ? kNameWidth : 0});
  if (!instance) {
    replica.state = State::ended;
    replica.exit_code = instance.error().exit_code;
    return std::unexpected(instance.error());
  }
  replica.instance = std::move(*instance);
  if (several_) state_.join(replica.name, replica.instance->supervisor().looks());
  replica.instance->loop().on_reload([this] { reload_asked_ = true; });
  replica.state = State::starting;
  replica.left = false;
  replica.started = Clock::now();
  const auto& readiness = prepared_.policy.run.readiness;
  replica.until = replica.started + (readiness ? readiness->timeout : kQuietlyReady);
  if (readiness) replica.prober = std::make_unique<Prober>(*readiness, ports_, replica.name, probes_.get());
  return {};
}

Replica* Replicas::find(unsigned number) {
  const auto found = std::ranges::find(replicas_, number, &Replica::number);
  return found == replicas_.end() ? nullptr : &*found;
}

// --- the loop --------------------------------------------------------------------------------------------------------

bool Replicas::needs_a_step(const Replica& replica) const {
  if (replica.instance == nullptr) return false;
  const Loop& loop = replica.instance->loop();
  if (loop.done() || (!loop.running() && !replica.left)) return true;
  if (loop.interrupted() && !interrupted_) return true;
  return replica.state == State::starting && !prepared_.policy.run.readiness && !ports_.listening(replica.name).empty();
}

Clock::time_point Replicas::next_due() const {
  // Also while nobody listens: a port may be bound at any time.
  Clock::time_point next = next_look_;
  const auto consider = [&](Clock::time_point when) { next = std::min(next, when); };
  for (const Replica& replica : replicas_) {
    const bool starting = replica.state == State::starting && !interrupted_;
    if (replica.state == State::waiting || replica.state == State::draining) consider(replica.due);
    if (starting) consider(replica.until);
    if (starting && replica.prober) consider(replica.prober->due());
  }
  return next;
}

void Replicas::serve_until_next() {
  std::vector<Loop*> loops;
  for (Replica& replica : replicas_) {
    if (replica.instance != nullptr) loops.push_back(&replica.instance->loop());
  }
  const auto needed = [&] {
    return reload_asked_ || std::ranges::any_of(replicas_, [&](const Replica& each) { return needs_a_step(each); });
  };
  bool answered = false;
  const auto until = [&] {
    epoll_event event{};
    answered = answered || epoll_wait(probes_.get(), &event, 1, 0) == 1;
    return answered || needed();
  };
  serve(loops, session_.signals(), until, next_due(), probes_.get());
  for (const Loop* loop : loops) interrupted_ = interrupted_ || loop->interrupted();
  ending_ = ending_ || interrupted_;
  if (Clock::now() < next_look_) return;
  next_look_ = Clock::now() + supervise::SharedPorts::kLook;
  ports_.look();
}

void Replicas::step(Replica& replica) {
  const auto now = Clock::now();
  const bool done = replica.instance != nullptr && replica.instance->loop().done();
  // At once: who connects now is to get to another one.
  if (replica.instance != nullptr && !replica.instance->loop().running() && !std::exchange(replica.left, true)) {
    ports_.leave(replica.name);
    replica.prober.reset();
  }
  switch (replica.state) {
    case State::waiting:
      if (ending_) {
        replica.state = State::ended;
      } else if (now >= replica.due) {
        if (auto started = start(replica); !started) {
          say_(Severity::error, replica.name + " can't be started: " + started.error().message);
          wait_to_start(replica);
        }
      }
      return;
    case State::starting:
      if (done) return on_end(replica);
      if (!replica.left) look_whether_ready(replica);
      return;
    case State::ready:
    case State::stopping:
      if (done) on_end(replica);
      return;
    case State::draining:
      if (done) return on_end(replica);
      if (now < replica.due) return;
      replica.due = now + kDrainLook;
      if (!replica.left && (ports_.waiting(replica.name) == 0 || now >= replica.until)) stop(replica);
      return;
    case State::flushing:
      if (done) retire(replica);
      return;
    case State::ended: return;
  }
}

// --- readiness -------------------------------------------------------------------------------------------------------

void Replicas::look_whether_ready(Replica& replica) {
  if (interrupted_) return;
  const auto& readiness = prepared_.policy.run.readiness;
  if (!readiness) {
    const bool listens = !ports_.listening(replica.name).empty();
    if (listens || Clock::now() >= replica.until) become_ready(replica);
    return;
  }
  if (const auto now = Clock::now(); now < replica.until) {
    if (replica.prober->step(now)) become_ready(replica);
    return;
  }
  replica.instance->events().emit(unready_finding(replica.name, *readiness, replica.prober->last_refusal()));
  replica.failed = true;
  if (replica.replaces != 0) give_up_replacement(replica, "it was not ready in time");
  stop(replica);
}

void Replicas::become_ready(Replica& replica) {
  any_ready_ = true;
  replica.state = State::ready;
  replica.prober.reset();
  replica.instance->supervisor().looks().set_driven(true);
  ports_.set_open(replica.name, true);
  if (replica.replaces == 0) return;
  if (Replica* const before = find(std::exchange(replica.replaces, 0)); before != nullptr) drain(*before);
}

// --- the end of one --------------------------------------------------------------------------------------------------

void Replicas::drain(Replica& replica) {
  replica.given_up = true;
  if (replica.state == State::waiting) replica.state = State::ended;
  if (replica.state != State::ready && replica.state != State::starting) return;
  ports_.set_open(replica.name, false);
  replica.state = State::draining;
  replica.due = Clock::now() + kDrainAtLeast;
  replica.until = Clock::now() + kDrainAtMost;
}

void Replicas::stop(Replica& replica) {
  if (replica.instance == nullptr || replica.state == State::flushing) return;
  replica.state = State::stopping;
  replica.prober.reset();
  if (replica.instance->loop().running())
    replica.instance->loop().stop(signal_number(prepared_.policy.run.stop_signal));
}

bool Replicas::starts_again(const Replica& replica, int code) const {
  if (ending_ || replica.given_up || restart_ == Restart::never) return false;
  return code != 0 || restart_ == Restart::always;
}

void Replicas::on_end(Replica& replica) {
  Instance& instance = *replica.instance;
  const bool was_ready = replica.state == State::ready;
  const bool asked = replica.state == State::stopping && !interrupted_;
  replica.exit_code = instance.exit_code();
  if (const auto failed = instance.failure(); failed && !failure_) failure_ = failed;
  // The end that was asked for is no failure, whether the app handles the signal or not.
  const bool by_us = asked && replica.exit_code == 128 + signal_number(prepared_.policy.run.stop_signal);
  if (replica.failed) {
    replica.exit_code = std::max(replica.exit_code, 1);
  } else if (by_us || replica.given_up) {
    replica.exit_code = 0;
  }
  const bool never_worked = replica.exit_code != 0 && !any_ready_ && !replica.given_up;
  if (never_worked) ending_ = true;
  if (replica.replaces != 0 && !ending_) give_up_replacement(replica, "it ended before it was ready");
  replica.again = starts_again(replica, replica.exit_code);
  if (replica.again) {
    if (Clock::now() - replica.started >= kProvenAfter) replica.delay = kFirstDelay;
    if (replica.exit_code != 0) {
      instance.events().emit(restarted_finding(replica.name, instance.loop().ending().status, was_ready));
    }
  }
  state_.leave(replica.name);
  const report::Project project = report::read_project(instance.plan().working_directory, {});
  for (Finding& finding : look_findings(instance.supervisor().looks().looked(), replica.name, Reader::replica, project,
                                        instance.policy().storage.audit_ignore)) {
    instance.events().emit(std::move(finding));
  }
  instance.conclude();
  zombies_.push_back(instance.init_pid());
  replica.state = State::flushing;
  if (never_worked) {
    for (Replica& other : replicas_) {
      if (&other != &replica) stop(other);
    }
  }
  if (instance.loop().done()) retire(replica);
}

void Replicas::retire(Replica& replica) {
  replica.instance->close();
  if (!request_.keep_writes.empty()) {
    const std::string directory = request_.keep_writes + "/" + replica.name;
    (void)mkdir(directory.c_str(), 0755);  // what fails is told for each file
    for (std::string& problem : replica.instance->supervisor().keep_writes(directory)) {
      problems_.push_back("--keep-writes: " + std::move(problem));
    }
  }
  replica.instance.reset();
  replica.state = State::ended;
  if (!std::exchange(replica.again, false) || ending_) return;
  wait_to_start(replica);
}

void Replicas::wait_to_start(Replica& replica) {
  replica.state = State::waiting;
  replica.exit_code = 0;
  replica.failed = false;
  replica.due = Clock::now() + replica.delay;
  replica.delay = std::min(2 * replica.delay, kLongestDelay);
}

// --- SIGHUP ----------------------------------------------------------------------------------------------------------

// Those that run now, one after the other: the next when the one before has gone.
void Replicas::replace_next() {
  if (std::exchange(reload_asked_, false)) {
    to_replace_.clear();
    for (const Replica& replica : replicas_) {
      if (!replica.given_up && replica.replaces == 0 && replica.state != State::ended) {
        to_replace_.push_back(replica.number);
      }
    }
  }
  if (ending_) to_replace_.clear();
  const bool under_way = std::ranges::any_of(replicas_, [](const Replica& each) {
    return each.replaces != 0 || (each.given_up && each.state != State::ended);
  });
  while (!under_way && !to_replace_.empty()) {
    const unsigned number = to_replace_.front();
    to_replace_.pop_front();
    if (find(number) == nullptr) continue;
    add(number);
    Replica& replica = replicas_.back();
    if (auto started = start(replica); !started) give_up_replacement(replica, started.error().message);
    return;
  }
}

void Replicas::give_up_replacement(Replica& replica, const std::string& why) {
  replica.given_up = true;
  replica.failed = false;
  replica.exit_code = 0;
  const unsigned number = std::exchange(replica.replaces, 0);
  to_replace_.clear();
  const std::string before = "web." + std::to_string(number);
  Replica* const kept = find(number);
  if (kept != nullptr && kept->instance != nullptr) {
    kept->instance->events().emit(kept_finding(before, replica.name, why));
  }
  say_(Severity::warning, before + " was not replaced: " + replica.name + ": " + why + "; those that run go on");
}

}  // namespace

bool wants_replicas(const RunRequest& request, const Preparation& prepared) {
  if (prepared.plan.mode == Mode::container) return false;
  const Policy& policy = prepared.policy;
  return request.replicas.value_or(policy.run.replicas) > 1 || restart_of(request, policy) != Restart::never;
}

Result<RunResult> run_replicas(const RunRequest& request, const Preparation& prepared, Session& session, int nowhere,
                               Say say) {
  return Replicas(request, prepared, session, nowhere, say).run();
}

}  // namespace cofferdam::run
