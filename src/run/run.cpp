#include "run/run.hpp"

#include <fcntl.h>
#include <sys/resource.h>
#include <sys/signalfd.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include <array>
#include <cerrno>
#include <csignal>
#include <cstring>

#include "base/redact.hpp"
#include "base/text.hpp"
#include "kernel/process.hpp"
#include "launch/launcher.hpp"
#include "logs/sinks/open.hpp"
#include "plan/memory.hpp"
#include "report/collector.hpp"
#include "report/event_stream.hpp"
#include "report/json.hpp"
#include "run/loop.hpp"
#include "run/prepare.hpp"
#include "run/pump_process.hpp"
#include "run/terminal.hpp"

namespace cofferdam::run {

namespace {

constexpr int kStragglerGraceMs = 2000;

// Files that the run writes on the host: opened before the start, so that a mistake is told while it can be mended.
struct Outputs {
  kernel::Fd report;
  kernel::Fd events;
};

Result<Outputs> open_outputs(const RunRequest& request) {
  Outputs outputs;
  const auto open_one = [](const char* option, const std::string& path, kernel::Fd& into) -> Result<void> {
    if (path.empty()) return {};
    auto fd = kernel::open_file(path, O_WRONLY | O_CREAT | O_TRUNC, 0644);
    if (!fd)
      return fail(std::string(option) + ": can't write " + base::printable(fd.error().message), fd.error().errnum);
    auto above = kernel::above_stdio(std::move(*fd));
    if (!above) return std::unexpected(above.error());
    into = std::move(*above);
    return {};
  };
  if (auto opened = open_one("--report", request.report_file, outputs.report); !opened)
    return std::unexpected(opened.error());
  if (auto opened = open_one("--events", request.events_file, outputs.events); !opened)
    return std::unexpected(opened.error());
  if (!request.keep_writes.empty() && mkdir(request.keep_writes.c_str(), 0755) != 0 && errno != EEXIST) {
    return fail("--keep-writes: can't make " + request.keep_writes + ": " + std::strerror(errno), errno);
  }
  if (!request.keep_writes.empty() && access(request.keep_writes.c_str(), W_OK | X_OK) != 0) {
    return fail("--keep-writes: can't write into " + request.keep_writes + ": " + std::strerror(errno), errno);
  }
  return outputs;
}

// The content of a file, through a pipe: the descriptor itself would let the app change the file's mode and times, and,
// opened for writing, the file. The feeder ends with the file, or when nobody reads.
Result<kernel::Fd> feed_file(pid_t& feeder) {
  auto pipe = kernel::make_pipe();
  if (!pipe) return std::unexpected(pipe.error());
  feeder = kernel::clone_process(0, nullptr);
  if (feeder < 0) return fail(std::string("can't start a process: ") + std::strerror(-feeder), -feeder);
  if (feeder == 0) {
    std::array<int, 2> kept = {STDIN_FILENO, pipe->write.get()};
    (void)signal(SIGPIPE, SIG_DFL);
    if (kernel::die_with_parent() != 0 || kernel::close_all_but(kept) != 0) _exit(125);
    while (splice(STDIN_FILENO, nullptr, pipe->write.get(), nullptr, 1 << 16, 0) > 0) {
    }
    _exit(0);
  }
  return kernel::above_stdio(std::move(pipe->read));
}

// A pipe or a file is the app's; a terminal is not (no server has one): it is read from nowhere, with a hint.
Result<kernel::Fd> standard_input(Say say, pid_t& feeder) {
  struct stat status{};
  if (fstat(STDIN_FILENO, &status) == 0 && S_ISREG(status.st_mode)) return feed_file(feeder);
  if (isatty(STDIN_FILENO) == 0) {
    const int copy = fcntl(STDIN_FILENO, F_DUPFD_CLOEXEC, 3);
    if (copy >= 0) return kernel::Fd(copy);
  } else {
    say(Severity::note,
        "stdin is not passed on from a terminal; for an interactive program use: cofferdam shell -- COMMAND");
  }
  auto nowhere = kernel::open_file("/dev/null", O_RDONLY);
  if (!nowhere) return nowhere;
  return kernel::above_stdio(std::move(*nowhere));
}

void discard_empty(const std::string& path) {
  struct stat status{};
  if (!path.empty() && stat(path.c_str(), &status) == 0 && S_ISREG(status.st_mode) && status.st_size == 0) {
    (void)unlink(path.c_str());
  }
}

supervise::InstanceView view_of(const plan::Plan& plan, const launch::Launched& launched) {
  supervise::InstanceView view;
  view.container = plan.mode == Mode::container;
  view.landlock = plan.host.landlock_abi > 0;
  view.root = view.container ? -1 : launched.root.get();
  for (std::size_t i = 0; i < plan.mounts.size(); ++i) {
    const launch::Launched::Mount& mount = launched.mounts[i];
    view.mounts.push_back({&plan.mounts[i], mount.mount_id, mount.root.get(), mount.layer.get(), mount.filesystem.get()});
  }
  for (const plan::PlannedBind& bind : plan.binds) view.binds.push_back(bind.path);
  for (const auto& entry : plan.host.mounts) {
    const bool ours = view.find(entry.id) != nullptr;
    if (ours) continue;
    view.foreign.push_back(entry.id);
    if (entry.read_only) view.read_only.push_back(entry.id);
  }
  return view;
}

void raise_descriptor_limit() {
  rlimit limit{};
  if (getrlimit(RLIMIT_NOFILE, &limit) != 0) return;
  limit.rlim_cur = limit.rlim_max;
  setrlimit(RLIMIT_NOFILE, &limit);
}

// See InstanceResult::memory_peak.
std::uint64_t memory_peak(const plan::Plan& plan, const MemoryUse& measured) {
  if (const auto peak = plan::container_memory_peak(plan)) return *peak;
  rusage usage{};
  // The app and all that it waited for; the launcher itself is not in it.
  if (getrusage(RUSAGE_CHILDREN, &usage) != 0 || usage.ru_maxrss <= 0) return measured.bytes;
  return std::max(measured.bytes, static_cast<std::uint64_t>(usage.ru_maxrss) * 1024);
}

StartedEvent started_event(const plan::Plan& plan) {
  StartedEvent started;
  started.mode = plan.mode == Mode::local ? "local" : "container";
  started.command = base::redact_argv(plan.argv);
  started.enforcement = plan.enforcement;
  started.notices = plan.notices;
  return started;
}

ExitedEvent exited_event(int status) {
  ExitedEvent exited;
  if (WIFEXITED(status)) exited.code = WEXITSTATUS(status);
  if (WIFSIGNALED(status)) exited.signal = WTERMSIG(status);
  return exited;
}

std::vector<std::string> hidden_paths(const plan::Plan& plan) {
  std::vector<std::string> paths;
  for (const plan::PlannedMount& mount : plan.mounts) {
    if (mount.type == MountType::hidden) paths.push_back(mount.path);
    for (const std::string& name : mount.hidden) paths.push_back(mount.path + "/" + name);
  }
  return paths;
}

// Of the app, after what the policy sets and drops.
std::map<std::string, std::string> variables_of(const plan::Plan& plan) {
  std::map<std::string, std::string> variables;
  for (const std::string& variable : plan.environment) {
    const std::size_t equals = variable.find('=', 1);
    if (equals != std::string::npos) variables.emplace(variable.substr(0, equals), variable.substr(equals + 1));
  }
  return variables;
}

int exit_code_of(int status) {
  return WIFSIGNALED(status) ? 128 + WTERMSIG(status) : WEXITSTATUS(status);
}

}  // namespace

Result<RunResult> run(const RunRequest& request, Say say) {
  const launch::Inherited inherited = launch::take_inherited();
  auto prepared = prepare(request, say);
  if (!prepared) return std::unexpected(prepared.error());
  const plan::Plan& plan = prepared->plan;
  auto outputs = open_outputs(request);
  if (!outputs) return std::unexpected(outputs.error());
  auto sinks = logs::open_sinks(prepared->policy.sinks);
  if (!sinks) return std::unexpected(sinks.error());

  // From here on signals are read, not taken; the app gets the state that we were started with.
  const sigset_t signals = forwarded_signals();
  sigprocmask(SIG_BLOCK, &signals, nullptr);
  (void)signal(SIGPIPE, SIG_IGN);
  const kernel::Fd signal_fd(signalfd(-1, &signals, SFD_CLOEXEC | SFD_NONBLOCK));
  raise_descriptor_limit();
  if (plan.mode == Mode::container && !plan.host.is_pid_1) (void)kernel::become_subreaper();

  std::optional<PumpProcess> pump;
  std::optional<Terminal> terminal;
  launch::Stdio stdio;
  kernel::Fd input;
  pid_t feeder = 0;
  if (request.shell) {
    stdio.terminal = true;
  } else {
    auto opened = standard_input(say, feeder);
    if (!opened) return std::unexpected(opened.error());
    input = std::move(*opened);
    logs::PumpConfig config;
    config.instance = "web.1";
    config.format = request.format;
    config.colour = request.colour;
    config.sinks = std::move(*sinks);
    auto made = PumpProcess::make(std::move(config), plan.identity.uid, plan.identity.gid);
    if (!made) return std::unexpected(made.error());
    pump.emplace(std::move(*made));
    stdio = {input.get(), pump->out(), pump->err(), false};
  }

  auto launched = launch::launch(plan, stdio, inherited, kStragglerGraceMs,
                                 [&]() -> Result<void> { return pump ? pump->start() : Result<void>{}; });
  if (!launched) {
    // Nothing has run, so there is nothing to report: no empty file is left that looks like a report.
    discard_empty(request.report_file);
    discard_empty(request.events_file);
    return std::unexpected(launched.error());
  }
  input.reset();
  if (request.shell) terminal.emplace(std::move(launched->terminal));
  // The app has the launcher's uid: nothing of us is to be read or traced by it.
  (void)kernel::set_undumpable();

  report::Collector collector(
      {.policy = prepared->policy.name,
       .audit_ignore = prepared->policy.storage.audit_ignore,
       .losses = {report::read_project(plan.working_directory, variables_of(plan)), request.shell}});
  std::optional<report::EventStream> stream;
  std::vector<EventSink*> event_sinks = {&collector};
  if (outputs->events) event_sinks.push_back(&stream.emplace(outputs->events.get()));
  event_sinks.insert(event_sinks.end(), request.sinks.begin(), request.sinks.end());
  const std::string instance = request.shell ? "shell.1" : "web.1";
  supervise::EventLog events(instance, event_sinks);
  events.emit(started_event(plan));
  for (const Finding& finding : plan.findings) events.emit(finding);

  supervise::SupervisorOptions options;
  options.role = request.shell ? supervise::Role::one_off : supervise::Role::app;
  options.audit_ignore = prepared->policy.storage.audit_ignore;
  options.storage_policy = {"storage.mounts", prepared->policy.name, 0};
  options.broker = plan.mode == Mode::container;
  supervise::Supervisor supervisor(plan, view_of(plan, *launched), std::move(launched->listener), launched->app_pid,
                                   std::move(prepared->connects), events, std::move(options));

  const Ending ending = run_loop({prepared->policy, *launched, supervisor, events, pump ? &*pump : nullptr,
                                  terminal ? &*terminal : nullptr, signal_fd.get()});
  if (terminal) terminal->restore();

  supervisor.measure_storage();
  events.emit(exited_event(ending.status));
  const ScanResult scan = supervisor.scan([&](const ScannedChange& change) { collector.visit(instance, change); });
  collector.finish(instance, scan, pump ? pump->counts() : LogCount{}, memory_peak(plan, scan.memory));
  if (feeder > 0) {
    kill(feeder, SIGKILL);
    waitpid(feeder, nullptr, __WALL);
  }
  RunResult result;
  result.exit_code = exit_code_of(ending.status);
  if (static_cast<launch::Step>(launched->page->failed_step.load()) != launch::Step::none) {
    result.failure = launch::step_error(plan, *launched->page);
    result.exit_code = result.failure->exit_code;
  }
  if (stream) {
    if (auto flushed = stream->flush(); !flushed) result.problems.push_back("--events: " + flushed.error().message);
  }
  result.report = collector.take();
  result.hidden = hidden_paths(plan);
  if (outputs->report) {
    int problem = 0;
    report::write_json(result.report, [&](std::string_view part) {
      if (problem == 0 && !kernel::write_all(outputs->report.get(), part)) problem = errno;
    });
    if (problem != 0)
      result.problems.push_back("--report: can't write " + request.report_file + ": " + std::strerror(problem));
  }
  if (!request.keep_writes.empty()) {
    for (std::string& problem : supervisor.keep_writes(request.keep_writes)) {
      result.problems.push_back("--keep-writes: " + std::move(problem));
    }
  }
  return result;
}

}  // namespace cofferdam::run
