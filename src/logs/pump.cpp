#include "logs/pump.hpp"

#include <fcntl.h>
#include <poll.h>
#include <sys/ioctl.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <csignal>
#include <ctime>

#include "logs/framer.hpp"
#include "logs/outlet.hpp"
#include "logs/stages.hpp"

namespace cofferdam::logs {

namespace {

constexpr std::int64_t kPartialAfter = 200;  // milliseconds
constexpr int kPipeSize = 1 << 20;

// Reads of single lines cost more than the lines. A 1 MiB pipe takes what a fast writer has within a nap.
constexpr std::size_t kShortRead = 16 << 10;
constexpr std::int64_t kHasteWithin = 500;  // microseconds
constexpr int kHasty = 3;
constexpr long kNap = 500'000;  // nanoseconds

std::int64_t milliseconds() {
  std::timespec now{};
  (void)clock_gettime(CLOCK_MONOTONIC, &now);
  return std::int64_t{now.tv_sec} * 1000 + now.tv_nsec / 1'000'000;
}

struct Input {
  Input(Stream which, int descriptor, FramerMemory& memory) : stream(which), fd(descriptor), framer(which, memory) {}

  Stream stream;
  int fd;  // -1 once the stream has ended
  Framer framer;
  std::int64_t last_read = 0;
  bool prompt_shown = false;  // since the last read
  std::uint64_t owed = 0;     // bytes that were in the pipe when the app went, and are not read yet
};

class Pump {
 public:
  explicit Pump(PumpConfig& config)
      : config_(config),
        outlet_(config),
        stamper_(config.max_record, JsonEncoder(config.instance).overhead()),
        stages_(config.parse, stamper_, outlet_),
        out_(Stream::out, config.out_fd, config.memory->streams[0]),
        err_(Stream::err, config.err_fd, config.memory->streams[1]) {}

  int run() {
    for (Input* input : {&out_, &err_}) prepare(input->fd);
    recover();
    while (is_open() && !outlet_.all_gone()) {
      if (!step()) break;
    }
    for (Input* input : {&out_, &err_}) end(*input);
    return outlet_.all_gone() ? kPumpConsoleGone : kPumpDone;
  }

 private:
  static void prepare(int fd) {
    if (fd < 0) return;
    (void)fcntl(fd, F_SETFL, fcntl(fd, F_GETFL) | O_NONBLOCK);
    // Fewer, larger reads, and cheaper writes for the app. Refused beyond the user's limit, which is no harm.
    (void)fcntl(fd, F_SETPIPE_SZ, kPipeSize);
  }

  // What a pump before us had read and could not deliver any more.
  void recover() {
    const PumpMemory& memory = *config_.memory;
    const Checkpoint& last = memory.checkpoints[memory.current.load(std::memory_order_acquire)];
    stamper_.restore(last.stamp);
    for (Input* input : {&out_, &err_}) {
      const std::size_t size = input->framer.recover(last.marks[index_of(input->stream)]);
      if (size != 0 || !input->framer.tail().empty()) carry(*input, size);
    }
  }

  void save() {
    PumpMemory& memory = *config_.memory;
    const std::uint32_t other = 1 - memory.current.load(std::memory_order_relaxed);
    memory.checkpoints[other] = {{out_.framer.mark(), err_.framer.mark()}, stamper_.state()};
    memory.current.store(other, std::memory_order_release);
  }

  [[nodiscard]] bool is_open() const { return out_.fd >= 0 || err_.fd >= 0; }

  // False when draining is over.
  bool step() {
    if (hasty_ >= kHasty) {
      // Somebody writes line by line, faster than it is worth waking up for each: the next read shall find more.
      const std::timespec nap{0, kNap};
      (void)nanosleep(&nap, nullptr);
    }
    std::array<pollfd, 3> ready{{{out_.fd, POLLIN, 0}, {err_.fd, POLLIN, 0}, {draining_ ? -1 : control(), POLLIN, 0}}};
    const int count = ::poll(ready.data(), ready.size(), timeout());
    if (count < 0 && errno != EINTR) return false;
    if (count > 0) {
      if (ready[2].revents != 0) start_draining();
      if (ready[0].revents != 0) take(out_);
      if (ready[1].revents != 0) take(err_);
    }
    if (has_prompt()) show_prompts();
    return !is_drained();
  }

  [[nodiscard]] int control() const { return config_.control_fd; }

  [[nodiscard]] bool has_prompt() const { return has_prompt(out_) || has_prompt(err_); }
  [[nodiscard]] bool has_prompt(const Input& input) const {
    return outlet_.shows_partial() && input.fd >= 0 && !input.prompt_shown && !input.framer.tail().empty();
  }

  [[nodiscard]] int timeout() const {
    if (!draining_ && !has_prompt()) return -1;
    const std::int64_t now = milliseconds();
    std::int64_t wait = draining_ ? drained_at() - now : kPartialAfter;
    for (const Input* input : {&out_, &err_}) {
      if (has_prompt(*input)) wait = std::min(wait, input->last_read + kPartialAfter - now);
    }
    return static_cast<int>(std::max<std::int64_t>(wait, 0));
  }

  void take(Input& input) {
    input.framer.make_room();
    save();
    const auto space = input.framer.space();
    save();
    const ssize_t count = ::read(input.fd, space.data(), space.size());
    if (count < 0 && (errno == EAGAIN || errno == EINTR)) return;
    // A pty whose other side is closed reads as EIO; any other error ends the stream as well.
    if (count <= 0) {
      end(input);
      return;
    }
    carry(input, static_cast<std::size_t>(count));
  }

  // Brings what was read, and the whole lines of what was carried over, to the sinks.
  void carry(Input& input, std::size_t size) {
    std::timespec now{};
    (void)clock_gettime(CLOCK_REALTIME, &now);
    note_haste(size, std::int64_t{now.tv_sec} * 1'000'000 + now.tv_nsec / 1000);
    input.owed -= std::min<std::uint64_t>(input.owed, size);
    const std::string_view before = input.framer.tail();
    outlet_.begin(input.stream);
    outlet_.take_bytes({before.data() + before.size(), size});
    if (outlet_.wants_records()) {
      stamper_.set_time(now);
      input.framer.commit(size, [this](const Piece& piece) { stages_.add(piece); });
    } else {
      input.framer.discard(size);
    }
    outlet_.flush();
    save();
    input.prompt_shown = false;
    input.last_read = last_activity_ = milliseconds();
  }

  // Three short reads in a row, each within kHasteWithin of the one before, are haste.
  void note_haste(std::size_t size, std::int64_t microseconds) {
    const bool hasty = size < kShortRead && microseconds - last_short_ < kHasteWithin;
    hasty_ = hasty ? hasty_ + 1 : hasty_ >= kHasty && size >= kShortRead ? hasty_ : 0;
    last_short_ = microseconds;
  }

  void end(Input& input) {
    if (input.fd < 0) return;
    input.fd = -1;
    outlet_.begin(input.stream);
    if (outlet_.wants_records()) input.framer.finish([this](const Piece& piece) { stages_.add(piece); });
    outlet_.end();
    save();
  }

  void show_prompts() {
    const std::int64_t now = milliseconds();
    for (Input* input : {&out_, &err_}) {
      if (!has_prompt(*input) || now - input->last_read < kPartialAfter) continue;
      outlet_.begin(input->stream);
      outlet_.show_partial(input->framer.tail());
      input->prompt_shown = true;
    }
  }

  void start_draining() {
    draining_ = true;
    drain_started_ = last_activity_ = milliseconds();
    for (Input* input : {&out_, &err_}) {
      int waiting = 0;
      if (input->fd >= 0 && ioctl(input->fd, FIONREAD, &waiting) == 0 && waiting > 0) {
        input->owed = static_cast<std::uint64_t>(waiting);
      }
    }
  }

  [[nodiscard]] bool is_drained() const {
    if (!draining_ || out_.owed != 0 || err_.owed != 0) return false;
    return milliseconds() >= drained_at();
  }
  [[nodiscard]] std::int64_t drained_at() const {
    return std::min(last_activity_ + config_.drain_idle.count(), drain_started_ + config_.drain_at_most.count());
  }

  PumpConfig& config_;
  Outlet outlet_;
  Stamper stamper_;
  Stages stages_;
  Input out_;
  Input err_;
  int hasty_ = 0;
  std::int64_t last_short_ = 0;  // microseconds
  bool draining_ = false;
  std::int64_t drain_started_ = 0;
  std::int64_t last_activity_ = 0;
};

}  // namespace

Encoding PumpConfig::encoding_of(const OpenSink& sink) const {
  switch (sink.sink().format) {
    case LogSink::Format::pretty: return Encoding::pretty;
    case LogSink::Format::json: return Encoding::json;
    case LogSink::Format::raw: return Encoding::raw;
    case LogSink::Format::automatic: break;
  }
  if (sink.type() != LogSink::Type::console || format == Format::json) return Encoding::json;
  return format == Format::raw ? Encoding::raw : Encoding::pretty;
}

int run_pump(PumpConfig& config) {
  for (const int signal : {SIGPIPE, SIGINT, SIGTERM, SIGQUIT, SIGHUP, SIGTTOU}) (void)std::signal(signal, SIG_IGN);
  return Pump(config).run();
}

}  // namespace cofferdam::logs
