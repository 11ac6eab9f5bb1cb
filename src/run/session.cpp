#include "run/session.hpp"

#include <fcntl.h>
#include <sys/resource.h>
#include <sys/signalfd.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cerrno>
#include <csignal>
#include <cstring>

#include "base/redact.hpp"
#include "base/text.hpp"
#include "kernel/process.hpp"
#include "report/json.hpp"
#include "run/loop.hpp"

namespace cofferdam::run {

namespace {

void discard_empty(const std::string& path) {
  struct stat status{};
  if (!path.empty() && stat(path.c_str(), &status) == 0 && S_ISREG(status.st_mode) && status.st_size == 0) {
    (void)unlink(path.c_str());
  }
}

void raise_descriptor_limit() {
  rlimit limit{};
  if (getrlimit(RLIMIT_NOFILE, &limit) != 0) return;
  limit.rlim_cur = limit.rlim_max;
  setrlimit(RLIMIT_NOFILE, &limit);
}

// What is no pipe would be readable at once, and the run over.
Result<void> take_parent_pipe(int fd) {
  if (fd < 0) return {};
  struct stat status{};
  const bool there = fstat(fd, &status) == 0;
  if (!there || !(S_ISFIFO(status.st_mode) || S_ISSOCK(status.st_mode))) {
    return fail("--parent-pipe " + std::to_string(fd) + ": " +
                (there ? "is no pipe" : "no such descriptor was inherited (Python: pass_fds, Node.js: stdio)"));
  }
  (void)fcntl(fd, F_SETFD, FD_CLOEXEC);
  return {};
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

std::vector<std::string> hidden_paths(const plan::Plan& plan) {
  std::vector<std::string> paths;
  for (const plan::PlannedMount& mount : plan.mounts) {
    if (mount.type == MountType::hidden) paths.push_back(mount.path);
    for (const std::string& name : mount.hidden) paths.push_back(mount.path + "/" + name);
  }
  return paths;
}

void hold_signals() {
  const sigset_t signals = forwarded_signals();
  sigprocmask(SIG_BLOCK, &signals, nullptr);
}

// Opening one waits for its reader, which a Ctrl-C has to be able to end.
bool is_fifo(const std::string& path) {
  struct stat status{};
  return !path.empty() && stat(path.c_str(), &status) == 0 && S_ISFIFO(status.st_mode);
}

}  // namespace

void hold_signals_as_pid_1() {
  if (getpid() == 1) hold_signals();
}

// Before the start, so that a mistake is told while it can be mended.
Result<void> Session::open_outputs() {
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
  if (auto opened = open_one("--report", request_.report_file, report_); !opened) return opened;
  if (auto opened = open_one("--events", request_.events_file, event_file_); !opened) return opened;
  if (!request_.keep_writes.empty() && mkdir(request_.keep_writes.c_str(), 0755) != 0 && errno != EEXIST) {
    return fail("--keep-writes: can't make " + request_.keep_writes + ": " + std::strerror(errno), errno);
  }
  if (!request_.keep_writes.empty() && access(request_.keep_writes.c_str(), W_OK | X_OK) != 0) {
    return fail("--keep-writes: can't write into " + request_.keep_writes + ": " + std::strerror(errno), errno);
  }
  return {};
}

Result<std::unique_ptr<Session>> Session::open(const RunRequest& request, const launch::Inherited& inherited,
                                               const Policy& policy, const plan::Plan& plan) {
  std::unique_ptr<Session> session(
      new Session(request, inherited,
                  {.policy = policy.name,
                   .directory = request.working_directory,
                   .audit_ignore = policy.storage.audit_ignore,
                   .losses = {report::read_project(plan.working_directory, variables_of(plan)), request.shell}}));
  session->hidden_ = hidden_paths(plan);
  if (auto taken = take_parent_pipe(request.parent_pipe); !taken) return std::unexpected(taken.error());
  // A signal that ended us behind the opening would leave an empty file that looks like a report.
  if (!is_fifo(request.report_file) && !is_fifo(request.events_file)) hold_signals();
  if (auto opened = session->open_outputs(); !opened) return std::unexpected(opened.error());
  session->sinks_ = {&session->collector_};
  // A reader of a pipe must not hold up the supervisor; the open file is our own.
  if (session->event_file_) (void)fcntl(session->event_file_.get(), F_SETFL, O_NONBLOCK);
  if (session->event_file_) session->sinks_.push_back(&session->stream_.emplace(session->event_file_.get()));
  session->sinks_.insert(session->sinks_.end(), request.sinks.begin(), request.sinks.end());

  // From here on signals are read, not taken; the app gets the state that we were started with.
  hold_signals();
  const sigset_t signals = forwarded_signals();
  (void)signal(SIGPIPE, SIG_IGN);
  session->signals_.reset(signalfd(-1, &signals, SFD_CLOEXEC | SFD_NONBLOCK));
  raise_descriptor_limit();
  if (plan.mode == Mode::container && !plan.host.is_pid_1) (void)kernel::become_subreaper();
  return session;
}

void Session::discard() {
  discard_empty(request_.report_file);
  discard_empty(request_.events_file);
}

void Session::close(RunResult& result, const std::optional<Rehearsal>& rehearsal) {
  if (stream_) {
    if (auto flushed = stream_->flush(); !flushed) result.problems.push_back("--events: " + flushed.error().message);
  }
  result.report = collector_.take();
  result.report.command = base::redact_argv(request_.argv);
  result.report.rehearsal = rehearsal;
  result.hidden = hidden_;
  if (!report_) return;
  int problem = 0;
  report::write_json(result.report, [&](std::string_view part) {
    if (problem == 0 && !kernel::write_all(report_.get(), part)) problem = errno;
  });
  if (problem != 0) {
    result.problems.push_back("--report: can't write " + request_.report_file + ": " + std::strerror(problem));
  }
}

}  // namespace cofferdam::run
