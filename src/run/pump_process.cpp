#include "run/pump_process.hpp"

#include <fcntl.h>
#include <sys/eventfd.h>
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

#include "kernel/confine.hpp"
#include "kernel/process.hpp"
#include "logs/process/plain.hpp"
#include "logs/queue/sink_queue.hpp"
#include "logs/queue/spill.hpp"

namespace cofferdam::run {

namespace {
constexpr int kNotConfined = 125;
constexpr std::uint64_t kDacOverride = 1ULL << 1;  // CAP_DAC_OVERRIDE

// The pump reads what strangers wrote. It keeps what its sinks need, and no way to the app.
int confine_pump(const logs::PumpConfig& config) {
  std::vector<int> allowed;
  if (config.spill_fd >= 0) allowed.push_back(config.spill_fd);
  kernel::Confinement confinement;
  for (const logs::OpenSink& sink : config.sinks) {
    const bool local = sink.sink.type == LogSink::Type::console || sink.sink.type == LogSink::Type::file;
    confinement.network = confinement.network || !local;
    if (sink.place.directory) allowed.push_back(sink.place.directory.get());
  }
  confinement.directories = allowed;
  // Root makes files in directories of others.
  if (!allowed.empty()) confinement.capabilities = kDacOverride;
  return kernel::confine(confinement);
}
}  // namespace

Result<PumpProcess::SharedMemory> PumpProcess::SharedMemory::map(std::size_t size) {
  void* memory = mmap(nullptr, size, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);
  if (memory == MAP_FAILED) return fail(std::string("can't map memory: ") + std::strerror(errno), errno);
  SharedMemory mapped;
  mapped.bytes_ = {static_cast<std::byte*>(memory), size};
  return mapped;
}

PumpProcess::SharedMemory::~SharedMemory() {
  if (!bytes_.empty()) (void)munmap(bytes_.data(), bytes_.size());
}

Result<PumpProcess> PumpProcess::make(logs::PumpConfig config, const Logs& logs, uid_t uid, gid_t gid) {
  PumpProcess pump;
  auto memory = SharedMemory::map(sizeof(logs::PumpMemory));
  if (!memory) return std::unexpected(memory.error());
  pump.memory_ = std::move(*memory);
  for (const logs::OpenSink& sink : config.sinks) {
    if (!sink.is_queued()) {
      pump.queues_.emplace_back();
      continue;
    }
    auto queue = SharedMemory::map(logs::queue_memory(sink.sink.buffer));
    if (!queue) return std::unexpected(queue.error());
    pump.queues_.push_back(std::move(*queue));
  }
  if (!logs.spill.path.empty()) {
    auto spill = logs::open_spill(logs.spill.path);
    if (!spill) return std::unexpected(spill.error());
    pump.spill_ = std::move(*spill);
  }
  auto capture = make_capture(logs, uid, gid);
  if (!capture) return std::unexpected(capture.error());
  pump.capture_ = std::move(*capture);
  auto control = kernel::make_pipe();
  if (!control) return std::unexpected(control.error());
  pump.control_ = std::move(*control);
  const bool listens = std::ranges::any_of(config.sinks, [](const logs::OpenSink& sink) {
    return std::ranges::find(sink.sink.match.streams, LogStream::own) != sink.sink.match.streams.end();
  });
  if (listens) {
    auto own = OwnChannel::open();
    if (!own) return std::unexpected(own.error());
    pump.own_ = std::move(*own);
  }
  if (std::ranges::any_of(config.sinks, &logs::OpenSink::is_queued)) {
    pump.news_.reset(eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK));
    if (!pump.news_) return fail(std::string("can't make an eventfd: ") + std::strerror(errno), errno);
  }
  config.news_fd = pump.news_.get();
  config.out_fd = pump.capture_.out.read.get();
  config.err_fd = pump.capture_.err.read.get();
  config.syslog_fd = pump.capture_.syslog.get();
  config.own_fd = pump.own_.reader();
  config.control_fd = pump.control_.read.get();
  // Zero as the kernel gives it: pages that nothing is written to shall not exist.
  config.memory = reinterpret_cast<logs::PumpMemory*>(pump.memory_.bytes().data());
  for (const SharedMemory& queue : pump.queues_) config.queues.push_back(queue.bytes());
  config.spill_fd = pump.spill_.get();
  config.spill_size = logs.spill.size;
  config.parse = logs.parse;
  config.max_record = logs.max_record;
  config.shutdown_timeout = logs.shutdown_timeout;
  pump.config_ = std::make_unique<logs::PumpConfig>(std::move(config));
  return pump;
}

Result<void> PumpProcess::start() {
  // A copy of the listener or of a write end here would outlive the launcher, or hide the end of the streams.
  std::vector<int> kept = {1,
                           2,
                           config_->out_fd,
                           config_->err_fd,
                           config_->control_fd,
                           config_->syslog_fd,
                           config_->own_fd,
                           config_->news_fd,
                           config_->spill_fd};
  for (const logs::OpenSink& sink : config_->sinks) {
    kept.push_back(sink.file.get());
    kept.push_back(sink.fallback.get());
    kept.push_back(sink.place.directory.get());
  }
  std::erase(kept, -1);
  std::ranges::sort(kept);
  int pidfd = -1;
  const pid_t child = kernel::clone_process(0x1000 /* CLONE_PIDFD */, &pidfd);
  if (child < 0) return fail(std::string("can't start the log pump: ") + std::strerror(-child), -child);
  if (child == 0) {
    if (kernel::close_all_but(kept) != 0) _exit(125);
    (void)open("/dev/null", O_RDONLY | O_CLOEXEC);  // takes the place of stdin
    if (confine_pump(*config_) != 0) _exit(kNotConfined);
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
      queues_(std::move(other.queues_)),
      spill_(std::move(other.spill_)),
      capture_(std::move(other.capture_)),
      own_(std::move(other.own_)),
      news_(std::move(other.news_)),
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
    close_reading();
    return {};
  }
  if (killed_) return {};  // by us, because nobody reads the console any more
  if (WIFEXITED(status) && WEXITSTATUS(status) == kNotConfined) {
    close_reading();
    return "the log pump could not be confined; output after this is lost";
  }
  return restart(status);
}

std::string PumpProcess::restart(int status) {
  const std::string why = WIFSIGNALED(status) ? "signal " + std::to_string(WTERMSIG(status))
                                              : "status " + std::to_string(WEXITSTATUS(status));
  const logs::PumpMemory& memory = shared();
  const bool by_itself = memory.at_work && !(WIFSIGNALED(status) && WTERMSIG(status) == SIGKILL);
  const std::uint64_t seq = memory.checkpoints.at(memory.current % 2).stamp.seq;
  const AfterCrash verdict = crashes_.on_crash(seq, by_itself, PumpCrashes::Clock::now());
  if (verdict == AfterCrash::give_up) {
    close_reading();
    return "the log pump ended with " + why + "; output after this is lost";
  }
  if (verdict == AfterCrash::simplify) config_->parse = logs::only_redacted(config_->parse);
  if (auto spawned = start(); !spawned) return spawned.error().message;
  return "the log pump ended with " + why + " and was started again" +
         (verdict == AfterCrash::simplify ? ", without logs.parse but for redaction: the same lines ended it twice"
                                          : "");
}

void PumpProcess::close_reading() {
  capture_.out.read.reset();
  capture_.err.read.reset();
}

void PumpProcess::drain() {
  draining_ = true;
  capture_.out.write.reset();
  capture_.err.write.reset();
  control_.write.reset();
}

void PumpProcess::kill() {
  killed_ = true;
  kernel::send_signal(pidfd_.get(), SIGKILL);
}

std::uint64_t PumpProcess::bytes() const {
  const auto& streams = shared().counters.streams;
  return streams[logs::index_of(LogStream::out)].bytes + streams[logs::index_of(LogStream::err)].bytes +
         streams[logs::index_of(LogStream::syslog)].bytes;
}

LogCount PumpProcess::counts() const {
  LogCount count;
  const logs::PumpCounters& counters = shared().counters;
  const auto stream = [&](logs::Stream which) {
    const auto& of = counters.streams[logs::index_of(which)];
    return StreamCount{of.records, of.bytes};
  };
  count.out = stream(logs::Stream::out);
  count.err = stream(logs::Stream::err);
  count.syslog = stream(LogStream::syslog);
  count.own = stream(LogStream::own);
  for (std::size_t i = 0; i < config_->sinks.size(); ++i) {
    const LogSink& sink = config_->sinks[i].sink;
    const logs::SinkCounters& of = counters.sinks.at(i);
    count.dropped += of.dropped;
    count.sinks.push_back({.type = logs::to_string(sink.type),
                           .name = sink.name,
                           .records = of.pushed,
                           .adopted = of.adopted,
                           .delivered = of.delivered,
                           .pending = of.pending,
                           .spilled = of.spilled,
                           .dropped = of.dropped,
                           .rejected = of.rejected,
                           .saved = of.saved});
  }
  return count;
}

}  // namespace cofferdam::run
