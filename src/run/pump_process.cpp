#include "run/pump_process.hpp"

#include <fcntl.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <csignal>
#include <cstring>
#include <new>
#include <utility>
#include <vector>

#include "kernel/process.hpp"

namespace cofferdam::run {

namespace {
constexpr int kMostCrashes = 5;
}

void PumpProcess::MemoryDeleter::operator()(logs::PumpMemory* memory) const noexcept {
  munmap(memory, sizeof *memory);
}

Result<PumpProcess> PumpProcess::make(logs::PumpConfig config, uid_t uid, gid_t gid) {
  PumpProcess pump;
  void* memory = mmap(nullptr, sizeof(logs::PumpMemory), PROT_READ | PROT_WRITE,
                      MAP_SHARED | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);
  if (memory == MAP_FAILED) return fail(std::string("can't map memory: ") + std::strerror(errno), errno);
  // Zero as the kernel gives it: pages that nothing is written to shall not exist.
  pump.memory_.reset(static_cast<logs::PumpMemory*>(memory));
  for (kernel::Pipe* pipe : {&pump.out_, &pump.err_, &pump.control_}) {
    auto made = kernel::make_pipe();
    if (!made) return std::unexpected(made.error());
    *pipe = std::move(*made);
  }
  for (const kernel::Pipe* pipe : {&pump.out_, &pump.err_}) {
    // Another user may be allowed to write, as with Docker's pipes: an app that changes user reopens them.
    if (uid != geteuid()) (void)!fchown(pipe->write.get(), uid, gid);
    (void)fchmod(pipe->write.get(), 0622);
  }
  config.out_fd = pump.out_.read.get();
  config.err_fd = pump.err_.read.get();
  config.control_fd = pump.control_.read.get();
  config.memory = pump.memory_.get();
  pump.config_ = std::make_unique<logs::PumpConfig>(std::move(config));
  return pump;
}

Result<void> PumpProcess::start() {
  // A copy of the listener or of a write end here would outlive the launcher, or hide the end of the streams.
  std::vector<int> kept = {1, 2, config_->out_fd, config_->err_fd, config_->control_fd};
  for (const logs::OpenSink& sink : config_->sinks) {
    if (sink.fd() >= 0) kept.push_back(sink.fd());
  }
  std::ranges::sort(kept);
  int pidfd = -1;
  const pid_t child = kernel::clone_process(0x1000 /* CLONE_PIDFD */, &pidfd);
  if (child < 0) return fail(std::string("can't start the log pump: ") + std::strerror(-child), -child);
  if (child == 0) {
    if (kernel::close_all_but(kept) != 0) _exit(125);
    (void)open("/dev/null", O_RDONLY | O_CLOEXEC);  // takes the place of stdin
    _exit(logs::run_pump(*config_));
  }
  pid_ = child;
  pidfd_.reset(pidfd);
  return {};
}

// The process has one owner: the one that was moved from must not wait for it.
PumpProcess::PumpProcess(PumpProcess&& other) noexcept
    : config_(std::move(other.config_)),
      memory_(std::move(other.memory_)),
      out_(std::move(other.out_)),
      err_(std::move(other.err_)),
      control_(std::move(other.control_)),
      pidfd_(std::move(other.pidfd_)),
      pid_(std::exchange(other.pid_, 0)),
      crashes_(other.crashes_),
      draining_(other.draining_),
      killed_(other.killed_) {}

PumpProcess::~PumpProcess() {
  if (pid_ > 0) {
    kill();
    (void)on_end();
  }
}

std::string PumpProcess::on_end() {
  int status = 0;
  while (waitpid(pid_, &status, __WALL) < 0 && errno == EINTR) {
  }
  pid_ = 0;
  pidfd_.reset();
  if (WIFEXITED(status) && WEXITSTATUS(status) == logs::kPumpDone) return {};
  if (WIFEXITED(status) && WEXITSTATUS(status) == logs::kPumpConsoleGone) {
    out_.read.reset();
    err_.read.reset();
    return {};
  }
  if (killed_) return {};  // by us, because nobody reads the console any more
  const std::string why = WIFSIGNALED(status) ? "signal " + std::to_string(WTERMSIG(status))
                                              : "status " + std::to_string(WEXITSTATUS(status));
  if (draining_ || ++crashes_ > kMostCrashes) {
    out_.read.reset();
    err_.read.reset();
    return "the log pump ended with " + why + "; output after this is lost";
  }
  if (auto spawned = start(); !spawned) return spawned.error().message;
  return "the log pump ended with " + why + " and was started again";
}

void PumpProcess::drain() {
  draining_ = true;
  out_.write.reset();
  err_.write.reset();
  control_.write.reset();
}

void PumpProcess::kill() {
  killed_ = true;
  kernel::send_signal(pidfd_.get(), SIGKILL);
}

LogCount PumpProcess::counts() const {
  LogCount count;
  const logs::PumpCounters& counters = memory_->counters;
  const auto stream = [&](logs::Stream which) {
    const auto& of = counters.streams[logs::index_of(which)];
    return StreamCount{of.records, of.bytes};
  };
  count.out = stream(logs::Stream::out);
  count.err = stream(logs::Stream::err);
  for (std::size_t i = 0; i < config_->sinks.size(); ++i) {
    const auto& sink = counters.sinks.at(i);
    count.dropped += sink.dropped;
    count.sinks.push_back({logs::to_string(config_->sinks[i].type()), sink.delivered, sink.pending});
  }
  return count;
}

}  // namespace cofferdam::run
