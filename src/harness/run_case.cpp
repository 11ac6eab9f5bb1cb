#include "harness/run_case.hpp"

#include <fcntl.h>
#include <poll.h>

#include <algorithm>
#include <csignal>
#include <memory>
#include <utility>

#include "base/text.hpp"
#include "harness/child.hpp"
#include "harness/policy_text.hpp"
#include "harness/readiness.hpp"
#include "harness/workspace.hpp"
#include "report/json_reader.hpp"

namespace cofferdam::harness {
namespace {

using Environment = std::map<std::string, std::string>;

constexpr std::size_t kLargestReport = 64U << 20;
// From the wish to end to the end: the second interrupt makes cofferdam kill the instance, which it does at once.
constexpr std::chrono::milliseconds kBetweenInterrupts{300};
constexpr std::chrono::seconds kLastWait{5};

Environment environment_of(const TestCase& test, const RunContext& context) {
  Environment environment;
  std::vector<std::string> names = {"PATH", "HOME", "USER", "LOGNAME", "LANG", "TZ"};
  names.insert(names.end(), test.inherit.begin(), test.inherit.end());
  for (const std::string& name : names) {
    if (const auto found = context.environment.find(name); found != context.environment.end())
      environment.insert(*found);
  }
  for (const auto& [name, value] : test.environment) environment[name] = value;
  return environment;
}

std::string path_of(const Environment& environment) {
  const auto found = environment.find("PATH");
  return found != environment.end() ? found->second : "/usr/local/bin:/usr/bin:/bin";
}

// Everything of one case; what it started ends with it.
class Runner {
 public:
  Runner(const TestCase& test, const RunContext& context, const Workspace& space)
      : test_(test), context_(context), space_(space), environment_(environment_of(test, context)) {
    outcome_.directory = space.work();
  }

  Outcome run() {
    const Clock::time_point deadline = Clock::now() + test_.timeout;
    if (prepare() && start_services(deadline)) {
      const Snapshot before = take_snapshot(space_.work());
      if (start_app()) {
        if (!test_.drive.empty()) drive(deadline);
        finish(deadline);
        outcome_.host_changes = differences(before, take_snapshot(space_.work()));
      }
    }
    for (const auto& service : services_) outcome_.service_output.push_back(service->out() + service->err());
    return std::move(outcome_);
  }

 private:
  bool trouble(std::string why) {
    if (!outcome_.trouble) outcome_.trouble = std::move(why);
    return false;
  }

  bool prepare() {
    if (!test_.directory.empty()) {
      if (const auto copied = space_.copy(test_.directory); !copied) return trouble(copied.error().message);
    }
    if (const auto written = space_.write(test_.files); !written) return trouble(written.error().message);
    policy_ = test_.policy;
    if (!test_.with.empty()) {
      policy_ = space_.out() + "/policy.yaml";
      if (!write(policy_, policy_file(test_.with, test_.policy))) return false;
    }
    return test_.stdin_text.empty() || write(space_.out() + "/stdin", test_.stdin_text);
  }

  bool write(const std::string& path, const std::string& text) {
    auto file = kernel::open_file(path, O_WRONLY | O_CREAT | O_TRUNC, 0600);
    return (file && kernel::write_all(file->get(), text)) || trouble("can't write " + path);
  }

  bool start_services(Clock::time_point deadline) {
    for (const Service& service : test_.services) {
      ChildRequest request{.argv = service.command, .environment = environment_, .directory = space_.work()};
      for (const auto& [name, value] : service.environment) request.environment[name] = value;
      request.program = find_program(service.command.front(), path_of(request.environment));
      const std::string name = "the service " + base::shell_quote(service.command).substr(0, 80);
      if (request.program.empty()) return trouble(name + " is not there: " + service.command.front());
      auto child = Child::start(request);
      if (!child) return trouble(child.error().message);
      services_.push_back(std::move(*child));
      if (!service.ready) continue;
      Child& started = *services_.back();
      if (wait_ready(*service.ready, started, deadline)) continue;
      return trouble(name +
                     (started.ended() ? " ended with " + std::to_string(started.code()) + " before it was ready"
                                      : " was not ready in time") +
                     "; it printed: " + base::printable((started.out() + started.err()).substr(0, 2000)));
    }
    return true;
  }

  bool start_app() {
    ChildRequest request{.program = context_.program,
                         .argv = {"cofferdam", "run", "--policy", policy_, "--policy-base", space_.work(), "--format",
                                  "json", "--report", space_.out() + "/report.json"},
                         .environment = environment_,
                         .directory = space_.work(),
                         .stdin_file = test_.stdin_text.empty() ? "" : space_.out() + "/stdin"};
    if (!test_.drive.empty()) request.argv.insert(request.argv.end(), {"--events", events_file()});
    if (test_.replicas) {
      request.argv.insert(request.argv.end(), {"--replicas", std::to_string(*test_.replicas)});
    }
    request.argv.emplace_back("--");
    request.argv.insert(request.argv.end(), test_.command.begin(), test_.command.end());
    begin_ = Clock::now();
    auto child = Child::start(request);
    if (!child) return trouble(child.error().message);
    app_ = std::move(*child);
    return true;
  }

  void drive(Clock::time_point deadline) {
    // A launcher that is asked to stop before it listens to signals just ends.
    wait(nullptr, deadline, [&] { return app_->ended() || has_content(events_file()); });
    if (test_.ready && !wait_ready(*test_.ready, *app_, deadline)) {
      if (!app_->ended()) trouble("the command was not ready for its driver in time");
      return app_->signal(SIGTERM);
    }
    auto driver = Child::start({.program = "/bin/sh",
                                .argv = {"sh", "-c", test_.drive},
                                .environment = environment_,
                                .directory = space_.work(),
                                .stdin_file = {}});
    if (!driver) return (void)trouble(driver.error().message);
    wait(driver->get(), deadline, [&] { return (*driver)->ended(); });
    outcome_.drive_output = (*driver)->out() + (*driver)->err();
    if ((*driver)->ended()) outcome_.drive_exit = (*driver)->code();
    // Not when time is up: then it is a matter of finish().
    if ((*driver)->ended()) app_->signal(SIGTERM);
  }

  void finish(Clock::time_point deadline) {
    const auto ended = [&] { return app_->ended(); };
    if (!wait(nullptr, deadline, ended)) {
      outcome_.interrupted = is_interrupted();
      outcome_.timed_out = !outcome_.interrupted;
      for (int times = 0; times < 2 && !app_->ended(); ++times) {
        app_->signal(SIGINT);
        wait_regardless(Clock::now() + kBetweenInterrupts, ended);
      }
      wait_regardless(Clock::now() + kLastWait, ended);
    }
    outcome_.duration = std::chrono::duration_cast<Milliseconds>(Clock::now() - begin_);
    outcome_.stopped = app_->stopped_by_us();
    if (app_->ended()) outcome_.exit = app_->code();
    outcome_.records = read_records(app_->out());
    outcome_.messages = original_places(app_->err());
    if (auto text = kernel::read_file(space_.out() + "/report.json", kLargestReport)) {
      if (auto report = report::from_json(original_places(std::move(*text)))) outcome_.report = std::move(*report);
    }
  }

  // The policy that was made of `with` has its keys on the lines of the test file.
  [[nodiscard]] std::string original_places(std::string text) const {
    if (test_.with.empty()) return text;
    for (std::size_t at = text.find(policy_); at != std::string::npos; at = text.find(policy_, at))
      text.replace(at, policy_.size(), test_.where.file);
    return text;
  }

  bool wait_ready(const Ready& ready, Child& child, Clock::time_point deadline) {
    ReadyProbe probe(ready);
    const auto until = std::min(deadline, Clock::now() + ready.timeout);
    bool good = false;
    wait(&child, until, [&] {
      good = probe.passes(&child == app_.get() ? lines_of_app() : child.out() + child.err());
      return good || child.ended();
    });
    return good;
  }
  // What it wrote, without the records around it.
  [[nodiscard]] std::string lines_of_app() const {
    const std::vector<Record> records = read_records(app_->out());
    return stream_text(records, "stdout") + stream_text(records, "stderr");
  }

  [[nodiscard]] std::string events_file() const { return space_.out() + "/events.jsonl"; }
  static bool has_content(const std::string& file) {
    const auto text = kernel::read_file(file, 1);
    return text && !text->empty();
  }

  // `beside`: one more child, or null.
  bool wait(Child* beside, Clock::time_point until, const std::function<bool()>& done) {
    return wait_until(children(beside), until, context_.interrupt, done);
  }
  void wait_regardless(Clock::time_point until, const std::function<bool()>& done) {
    (void)wait_until(children(nullptr), until, -1, done);
  }
  [[nodiscard]] std::vector<Child*> children(Child* beside) const {
    std::vector<Child*> all;
    for (const auto& service : services_) all.push_back(service.get());
    if (app_) all.push_back(app_.get());
    if (beside != nullptr && std::ranges::find(all, beside) == all.end()) all.push_back(beside);
    return all;
  }
  [[nodiscard]] bool is_interrupted() const {
    pollfd polled = {context_.interrupt, POLLIN, 0};
    return poll(&polled, 1, 0) > 0;
  }

  const TestCase& test_;
  const RunContext& context_;
  const Workspace& space_;
  Environment environment_;
  std::string policy_;
  Outcome outcome_;
  std::vector<std::unique_ptr<Child>> services_;
  std::unique_ptr<Child> app_;
  Clock::time_point begin_;
};

}  // namespace

CaseRun run_case(const WrittenCase& written, const RunContext& context) {
  CaseRun result;
  result.test = written.shown();
  result.skipped = result.test.skip;
  const std::string search = path_of(environment_of(result.test, context));
  for (const std::string& program : result.test.needs) {
    if (result.skipped.empty() && find_program(program, search).empty()) result.skipped = "there is no " + program;
  }
  if (!result.skipped.empty()) return result;
  const auto space = Workspace::make(workspace_parent(context.environment));
  if (!space) {
    result.outcome.trouble = space.error().message;
    return result;
  }
  Variables variables(space->work(), space->scratch());
  result.test = written.read(variables);
  result.outcome = Runner(result.test, context, *space).run();
  return result;
}

}  // namespace cofferdam::harness
