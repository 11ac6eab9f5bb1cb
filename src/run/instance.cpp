#include "run/instance.hpp"

#include <sys/resource.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <cstring>
#include <set>

#include "base/redact.hpp"
#include "base/text.hpp"
#include "kernel/process.hpp"
#include "kernel/procfs.hpp"
#include "logs/sinks/open.hpp"
#include "plan/limits.hpp"
#include "plan/memory.hpp"
#include "run/required_sinks.hpp"

namespace cofferdam::run {

namespace {

constexpr int kStragglerGraceMs = 2000;
constexpr const char* kDevLog = "/dev/log";

supervise::InstanceView view_of(const plan::Plan& plan, const launch::Launched& launched) {
  supervise::InstanceView view;
  view.container = plan.mode == Mode::container;
  view.landlock = plan.host.landlock_abi > 0;
  view.root = view.container ? -1 : launched.root.get();
  for (std::size_t i = 0; i < plan.mounts.size(); ++i) {
    const launch::Launched::Mount& mount = launched.mounts[i];
    view.mounts.push_back({&plan.mounts[i], mount.mount_id, mount.root.get(), mount.layer.get(), mount.filesystem.get(),
                           mount.stage.get()});
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

// See InstanceResult::memory_peak.
std::uint64_t memory_peak(const plan::Plan& plan, const LimitWatch& limits, const MemoryUse& measured) {
  if (const auto peak = limits.memory_peak()) return *peak;
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

// The container's own /dev is used as it is.
DevLog bind_dev_log(int socket, std::vector<Finding>& findings) {
  if (const int error = kernel::bind_unix(socket, kDevLog); error != 0) {
    Finding finding;
    finding.code = "CD306";
    finding.severity = Severity::warning;
    finding.message = std::string("/dev/log can't be made: ") + std::strerror(error);
    finding.fix = error == EADDRINUSE ? "remove what the image or a volume put there"
                                      : "run the container as root, with a /dev that can be written, or log to stdout";
    finding.policy.key = "logs.syslog_socket";
    findings.push_back(std::move(finding));
    return {};
  }
  (void)chmod(kDevLog, 0666);
  return DevLog(true);
}

std::string host_name() {
  std::array<char, 256> name{};
  return gethostname(name.data(), name.size() - 1) == 0 ? name.data() : "";
}

std::vector<EventSink*> sinks_of(const Session& session, EventSink* also, EventSink& own) {
  std::vector<EventSink*> sinks = session.sinks();
  if (also != nullptr) sinks.push_back(also);
  sinks.push_back(&own);
  return sinks;
}

}  // namespace

DevLog::~DevLog() {
  if (made_) (void)unlink(kDevLog);
}

Instance::Instance(Session& session, const RunRequest& request, Preparation prepared, const InstanceOptions& options)
    : session_(session),
      name_(request.instance),
      parent_pipe_(request.parent_pipe),
      prepared_(std::move(prepared)),
      events_(name_, sinks_of(session, options.also, own_records_), &session.event_counter()) {}

Result<std::unique_ptr<Instance>> Instance::start(Session& session, const RunRequest& request, Preparation prepared,
                                                  InstanceOptions options) {
  std::unique_ptr<Instance> instance(new Instance(session, request, std::move(prepared), options));
  if (auto launched = instance->launch(request, std::move(options)); !launched) {
    return std::unexpected(launched.error());
  }
  return instance;
}

Result<void> Instance::launch(const RunRequest& request, InstanceOptions options) {
  plan::Plan& plan = prepared_.plan;
  plan.sees_reads = options.sees_reads || !options.leftovers.empty();
  launch::Stdio stdio;
  if (request.shell) {
    stdio.in = options.input;
    stdio.out = options.output;
    stdio.err = options.error;
    stdio.terminal = stdio.in < 0 || stdio.out < 0 || stdio.err < 0;
  } else {
    auto sinks = logs::open_sinks(prepared_.policy.logs.sinks);
    if (!sinks) return std::unexpected(sinks.error());
    logs::PumpConfig config;
    config.instance = name_;
    config.name_width = options.name_width;
    config.format = request.format;
    config.colour = request.colour;
    config.sinks = std::move(*sinks);
    config.context = {name_, std::string(base::base_name(plan.program.path)), host_name()};
    config.secrets = prepared_.log_secrets;
    if (auto reached = reach_required_sinks(config, session_.signals()); !reached) {
      return std::unexpected(reached.error());
    }
    auto made = PumpProcess::make(std::move(config), prepared_.policy.logs, plan.identity.uid, plan.identity.gid);
    if (!made) return std::unexpected(made.error());
    pump_.emplace(std::move(*made));
    own_records_.tell_to(&*pump_);
    sink_watch_.emplace(pump_->config(), events_);
    stdio = {options.input, pump_->out(), pump_->err(), pump_->syslog(), false};
    if (plan.mode == Mode::container && stdio.syslog >= 0) dev_log_ = bind_dev_log(stdio.syslog, plan.findings);
  }
  // The owner of an undumpable process's files in /proc is root, and the maps of the child are written there.
  (void)kernel::set_dumpable(true);
  if (const auto limits = plan::cgroup_limits(plan.limits); plan.mode == Mode::local && limits.any()) {
    auto cgroup = prepared_.cgroups->make(name_, limits);
    if (!cgroup) return fail("limits: can't make a cgroup: " + cgroup.error().message, cgroup.error().errnum);
    cgroup_.emplace(std::move(*cgroup));
  }
  auto launched = launch::launch(plan, stdio, session_.inherited(), cgroup_ ? &*cgroup_ : nullptr, kStragglerGraceMs,
                                 [&]() -> Result<void> { return pump_ ? pump_->start() : Result<void>{}; });
  // The app has the launcher's uid: nothing of us is to be read or traced by it.
  (void)kernel::set_dumpable(false);
  if (!launched) return std::unexpected(launched.error());
  launched_ = std::move(*launched);
  if (stdio.terminal) terminal_.emplace(std::move(launched_.terminal));
  events_.emit(started_event(plan));
  for (const Finding& finding : plan.findings) events_.emit(finding);

  supervise::SupervisorOptions supervised;
  supervised.role = request.shell ? supervise::Role::one_off : supervise::Role::app;
  supervised.audit_ignore = prepared_.policy.storage.audit_ignore;
  supervised.storage_policy = {"storage.mounts", prepared_.policy.name, 0};
  supervised.broker = plan.broker;
  supervised.leftovers = std::move(options.leftovers);
  if (options.ports != nullptr) {
    supervised.ports = options.ports;
    supervised.instance = name_;
    options.ports->join(name_, options.open, [init = launched_.init_pid] {
      const auto processes = kernel::descendants_of(init);
      return std::set<pid_t>(processes.begin(), processes.end());
    });
  }
  supervise::InstanceView view = view_of(plan, launched_);
  if (stdio.syslog >= 0 && !view.container) {
    if (auto socket = kernel::identify(launched_.root.get(), "dev/log")) view.syslog = *socket;
  }
  supervisor_.emplace(plan, std::move(view), std::move(launched_.listener), launched_.app_pid,
                      std::move(prepared_.connects), events_, std::move(supervised));
  limits_.emplace(cgroup_ ? cgroup_->view() : plan.host.limits.own, plan, *supervisor_, events_);
  loop_.emplace(LoopParts{prepared_.policy, launched_, *supervisor_, events_, &session_.collector(), session_.stream(),
                          pump_ ? &*pump_ : nullptr, terminal_ ? &*terminal_ : nullptr,
                          sink_watch_ ? &*sink_watch_ : nullptr, &*limits_, parent_pipe_});
  return {};
}

void Instance::conclude(const supervise::ChangeVisitor& visit) {
  if (terminal_) terminal_->restore();
  supervisor_->measure_storage();
  supervisor_->end_watch();
  limits_->finish(loop_->ending().status);
  events_.emit(exited_event(loop_->ending().status));
  report::Collector& collector = session_.collector();
  const ScanResult scan = supervisor_->scan([&](const ScannedChange& change) {
    collector.visit(name_, change);
    if (visit) visit(change);
  });
  for (const Finding& finding : collector.finish(name_, scan, memory_peak(prepared_.plan, *limits_, scan.memory))) {
    own_records_.tell(finding);
  }
  if (pump_ && pump_->listens()) loop_->await_pump();
}

void Instance::close() {
  if (sink_watch_) sink_watch_->finish();
  if (!pump_) return;
  loop_->sample_output();
  session_.collector().add_logs(pump_->counts());
}

void Instance::finish(const supervise::ChangeVisitor& visit) {
  conclude(visit);
  Loop* const loop = &*loop_;
  serve({&loop, 1}, session_.signals(), [&] { return loop->done(); });
  close();
}

int Instance::exit_code() const {
  if (const auto failed = failure()) return failed->exit_code;
  const int status = loop_->ending().status;
  return WIFSIGNALED(status) ? 128 + WTERMSIG(status) : WEXITSTATUS(status);
}

std::optional<Error> Instance::failure() const {
  if (static_cast<launch::Step>(launched_.page->failed_step.load()) == launch::Step::none) return std::nullopt;
  return launch::step_error(prepared_.plan, *launched_.page);
}

}  // namespace cofferdam::run
