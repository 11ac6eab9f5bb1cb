#include "logs/pump.hpp"

#include <fcntl.h>
#include <poll.h>
#include <sys/ioctl.h>
#include <sys/socket.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <csignal>
#include <cstring>
#include <ctime>
#include <optional>

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
constexpr int kDatagrams = 64;  // at a time
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
        stages_(config, stamper_, outlet_),
        out_(Stream::out, config.out_fd, config.memory->streams[0]),
        err_(Stream::err, config.err_fd, config.memory->streams[1]),
        syslog_(config.syslog_fd),
        own_(config.own_fd) {}

  int run() {
    for (Input* input : streams()) prepare(input->fd);
    recover();
    clear_received();
    while (is_open() && !outlet_.all_gone()) {
      if (!step()) break;
    }
    for (Input* input : streams()) end(*input);
    const std::int64_t until = milliseconds() + config_.drain_at_most.count();
    while (receive(syslog_, Stream::syslog) && milliseconds() < until) {
    }
    stages_.flush(Stream::syslog);
    stages_.finish();
    // What cofferdam itself has to say comes last: findings are known when the app has ended.
    while (own_ >= 0 && !outlet_.all_gone()) {
      pollfd ready{own_, POLLIN, 0};
      if (::poll(&ready, 1, -1) > 0) (void)receive(own_, Stream::own);
    }
    outlet_.flush();
    outlet_.finish();
    save();
    return outlet_.all_gone() ? kPumpConsoleGone : kPumpDone;
  }

 private:
  [[nodiscard]] std::array<Input*, 2> streams() { return {&out_, &err_}; }
  [[nodiscard]] std::array<const Input*, 2> streams() const { return {&out_, &err_}; }

  static void prepare(int fd) {
    if (fd < 0) return;
    (void)fcntl(fd, F_SETFL, fcntl(fd, F_GETFL) | O_NONBLOCK);
    // Fewer, larger reads, and cheaper writes for the app. Refused beyond the user's limit, which is no harm.
    (void)fcntl(fd, F_SETPIPE_SZ, kPipeSize);
  }

  // What a pump before us had read and could not deliver any more.
  void recover() {
    const PumpMemory& memory = *config_.memory;
    const Checkpoint last = memory.checkpoints[memory.current.load(std::memory_order_acquire)];
    if (last.taken) {
      stamper_.restore(last.stamp);
      set_time();
      stages_.recover(last.stages, milliseconds());
      outlet_.flush();
    }
    if (memory.received.number > last.received) recover_received();
    for (Input* input : streams()) {
      const std::size_t size = input->framer.recover(last.marks[index_of(input->stream)]);
      if (size != 0 || !input->framer.tail().empty()) carry(*input, size);
    }
  }

  void save() {
    PumpMemory& memory = *config_.memory;
    const std::uint32_t other = 1 - memory.current.load(std::memory_order_relaxed);
    memory.checkpoints[other] = {
        true, {out_.framer.mark(), err_.framer.mark()}, memory.received.number, stages_.state(), stamper_.state()};
    memory.current.store(other, std::memory_order_release);
    memory.at_work.store(false, std::memory_order_release);
  }

  [[nodiscard]] bool is_open() const { return out_.fd >= 0 || err_.fd >= 0; }

  // False when draining is over.
  bool step() {
    if (hasty_ >= kHasty && !more_) {
      // Somebody writes line by line, faster than it is worth waking up for each: the next read shall find more.
      const std::timespec nap{0, kNap};
      (void)nanosleep(&nap, nullptr);
    }
    std::array<pollfd, 5> ready{{{out_.fd, POLLIN, 0},
                                 {err_.fd, POLLIN, 0},
                                 {draining_ ? -1 : config_.control_fd, POLLIN, 0},
                                 {syslog_, POLLIN, 0},
                                 {own_, POLLIN, 0}}};
    const int count = ::poll(ready.data(), ready.size(), timeout());
    if (count < 0 && errno != EINTR) return false;
    if (count > 0) {
      if (ready[2].revents != 0) start_draining();
      if (ready[0].revents != 0) take(out_);
      if (ready[1].revents != 0) take(err_);
      if (ready[3].revents != 0) (void)receive(syslog_, Stream::syslog);
      if (ready[4].revents != 0) (void)receive(own_, Stream::own);
    }
    if (has_prompt()) show_prompts();
    if (stages_.due()) on_due();
    return !is_drained();
  }

  [[nodiscard]] bool has_prompt() const { return has_prompt(out_) || has_prompt(err_); }
  [[nodiscard]] bool has_prompt(const Input& input) const {
    return outlet_.shows_partial() && input.fd >= 0 && !input.prompt_shown && !input.framer.tail().empty();
  }

  // Of poll(2): the next thing that happens without a byte, -1 when there is none.
  [[nodiscard]] int timeout() const {
    std::optional<std::int64_t> next = stages_.due();
    const auto consider = [&](std::int64_t when) { next = next ? std::min(*next, when) : when; };
    if (draining_) consider(drained_at());
    for (const Input* input : streams()) {
      if (has_prompt(*input)) consider(input->last_read + kPartialAfter);
    }
    if (!next) return -1;
    return static_cast<int>(std::max<std::int64_t>(*next - milliseconds(), 0));
  }

  void on_due() {
    const std::int64_t now = milliseconds();
    if (now < *stages_.due()) return;
    set_time();
    stages_.on_due(now);
    outlet_.flush();
    save();
  }

  std::timespec set_time() {
    std::timespec now{};
    (void)clock_gettime(CLOCK_REALTIME, &now);
    stamper_.set_time(now);
    return now;
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
    config_.memory->at_work.store(true, std::memory_order_relaxed);
    const std::timespec now = set_time();
    note_haste(size, std::int64_t{now.tv_sec} * 1'000'000 + now.tv_nsec / 1000);
    input.owed -= std::min<std::uint64_t>(input.owed, size);
    input.prompt_shown = false;
    input.last_read = last_activity_ = milliseconds();
    const std::string_view before = input.framer.tail();
    const std::string_view bytes(before.data() + before.size(), size);
    outlet_.begin(input.stream);
    outlet_.take_bytes(bytes);
    if (outlet_.wants_records()) {
      stages_.begin(input.stream, {before.data(), before.size() + size}, last_activity_);
      input.framer.commit(size, [this](const Piece& piece) { stages_.add(piece); });
      stages_.settle(input.stream);
    } else {
      input.framer.discard(size);
    }
    outlet_.flush();
    save();
  }

  // Short reads in a row, each close behind the one before, are haste; one that found much is not the end of it.
  void note_haste(std::size_t size, std::int64_t microseconds) {
    more_ = size == Framer::kReadSize;
    const bool close = microseconds - last_read_ < kHasteWithin;
    last_read_ = microseconds;
    if (!close) {
      hasty_ = 0;
    } else if (size < kShortRead) {
      ++hasty_;
    }
  }

  void end(Input& input) {
    if (input.fd < 0) return;
    input.fd = -1;
    set_time();
    outlet_.begin(input.stream);
    if (outlet_.wants_records()) {
      stages_.begin(input.stream, input.framer.tail(), milliseconds());
      input.framer.finish([this](const Piece& piece) { stages_.add(piece); });
      stages_.flush(input.stream);
    }
    outlet_.end();
    save();
  }

  // A datagram is a record; what comes while we are here comes with it, within reason. False: there is no more.
  bool receive(int& fd, Stream stream) {
    Received& received = config_.memory->received;
    for (int i = 0; i < kDatagrams && fd >= 0; ++i) {
      std::memset(received.bytes.data(), 0, received.size);
      received.size = 0;
      received.stream = stream;
      ++received.number;
      const ssize_t count = ::recv(fd, received.bytes.data(), received.bytes.size(), MSG_DONTWAIT);
      if (count < 0) return false;
      if (count == 0 && stream == Stream::own) fd = -1;  // the launcher has said all
      received.size = static_cast<std::uint32_t>(count);
      process(received);
    }
    return fd >= 0;
  }

  // Also touches the pages: recv(2) takes a message off its queue and loses it when a signal ends the page's fault.
  void clear_received() {
    if (syslog_ < 0 && own_ < 0) return;
    Received& received = config_.memory->received;
    received.bytes.fill(0);
    received.size = 0;
  }

  void recover_received() {
    Received& received = config_.memory->received;
    if (received.size == 0) {
      auto size = received.bytes.size();
      while (size != 0 && received.bytes[size - 1] == 0) --size;
      received.size = static_cast<std::uint32_t>(size);
    }
    process(received);
  }

  void process(const Received& received) {
    if (received.size == 0) return;
    config_.memory->at_work.store(true, std::memory_order_relaxed);
    const std::string_view bytes(received.bytes.data(), received.size);
    set_time();
    outlet_.begin(received.stream);
    if (received.stream == Stream::own) {
      stages_.add_own(bytes);
    } else {
      last_activity_ = milliseconds();
      outlet_.take_bytes(bytes);
      stages_.begin(Stream::syslog, bytes, last_activity_);
      stages_.add({.stream = Stream::syslog, .bytes = bytes, .first = true, .last = true, .eol = true});
      stages_.settle(Stream::syslog);
    }
    outlet_.flush();
    save();
  }

  void show_prompts() {
    const std::int64_t now = milliseconds();
    for (Input* input : streams()) {
      if (!has_prompt(*input) || now - input->last_read < kPartialAfter) continue;
      outlet_.begin(input->stream);
      outlet_.show_partial(input->framer.tail());
      input->prompt_shown = true;
    }
  }

  void start_draining() {
    draining_ = true;
    drain_started_ = last_activity_ = milliseconds();
    for (Input* input : streams()) {
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
  int syslog_;
  int own_;
  int hasty_ = 0;
  bool more_ = false;           // the last read was full: there is more by now
  std::int64_t last_read_ = 0;  // microseconds
  bool draining_ = false;
  std::int64_t drain_started_ = 0;
  std::int64_t last_activity_ = 0;
};

}  // namespace

Encoding PumpConfig::encoding_of(const OpenSink& sink) const {
  switch (sink.sink.format) {
    case LogSink::Format::pretty: return Encoding::pretty;
    case LogSink::Format::json: return Encoding::json;
    case LogSink::Format::raw: return Encoding::raw;
    case LogSink::Format::automatic: break;
  }
  if (sink.sink.type != LogSink::Type::console || format == Format::json) return Encoding::json;
  return format == Format::raw ? Encoding::raw : Encoding::pretty;
}

int run_pump(PumpConfig& config) {
  for (const int signal : {SIGPIPE, SIGINT, SIGTERM, SIGQUIT, SIGHUP, SIGTTOU}) (void)std::signal(signal, SIG_IGN);
  return Pump(config).run();
}

}  // namespace cofferdam::logs
