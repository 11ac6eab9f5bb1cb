#include "run/required_sinks.hpp"

#include <poll.h>
#include <sys/signalfd.h>
#include <sys/wait.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <chrono>
#include <csignal>
#include <cstring>
#include <string>
#include <utility>
#include <vector>

#include "kernel/confine.hpp"
#include "kernel/fd.hpp"
#include "kernel/process.hpp"
#include "logs/sinks/make.hpp"
#include "logs/sinks/write.hpp"

namespace cofferdam::run {

namespace {

std::string place_of(const LogSink& sink) {
  std::string place = sink.origin.file;
  if (sink.origin.line != 0) place += ":" + std::to_string(sink.origin.line);
  return place.empty() ? "" : place + ": ";
}

// Empty: all are there.
std::string reach_all(const logs::PumpConfig& config) {
  for (const logs::OpenSink& opened : config.sinks) {
    const LogSink& sink = opened.sink;
    if (!sink.require) continue;
    const std::string name = sink.name.empty() ? logs::to_string(sink.type) : sink.name;
    const std::string what = place_of(sink) + "the log sink " + name + " is required (require: true)";
    auto sender = logs::make_sender(opened, config);
    if (!sender) return what + ", and can't be used: " + sender.error().message;
    const logs::SendResult reached = (*sender)->reach(std::chrono::steady_clock::now() + sink.timeout);
    if (reached.outcome == logs::SendResult::Outcome::delivered) continue;
    const bool refused = reached.outcome == logs::SendResult::Outcome::failed;
    return what + ", and " + (refused ? "takes nothing: " : "can't be reached: ") + reached.why;
  }
  return {};
}

[[noreturn]] void answer(const logs::PumpConfig& config, int out) {
  (void)std::signal(SIGPIPE, SIG_IGN);
  kernel::Confinement confinement;
  confinement.network = true;
  if (kernel::close_all_but(std::array{2, out}) != 0 || kernel::confine(confinement) != 0) _exit(125);
  (void)logs::write_all(out, reach_all(config));
  _exit(0);
}

bool asks_for_the_end(int signals) {
  constexpr std::array<std::uint32_t, 4> kEnds = {SIGINT, SIGQUIT, SIGTERM, SIGHUP};
  signalfd_siginfo info{};
  while (::read(signals, &info, sizeof info) == static_cast<ssize_t>(sizeof info)) {
    if (std::ranges::find(kEnds, info.ssi_signo) != kEnds.end()) return true;
  }
  return false;
}

struct Answer {
  std::string text;
  bool interrupted = false;
};

Answer read_answer(int from, int signals) {
  Answer answer;
  for (;;) {
    std::array<pollfd, 2> ready{{{from, POLLIN, 0}, {signals, POLLIN, 0}}};
    if (::poll(ready.data(), ready.size(), -1) < 0 && errno != EINTR) return answer;
    if (ready[1].revents != 0 && asks_for_the_end(signals)) {
      answer.interrupted = true;
      return answer;
    }
    if (ready[0].revents == 0) continue;
    std::array<char, 1024> block{};
    const ssize_t count = ::read(from, block.data(), block.size());
    if (count < 0 && errno == EINTR) continue;
    if (count <= 0) return answer;
    answer.text.append(block.data(), static_cast<std::size_t>(count));
  }
}

}  // namespace

Result<void> reach_required_sinks(const logs::PumpConfig& config, int signals) {
  const auto required = [](const logs::OpenSink& opened) { return opened.sink.require; };
  if (std::ranges::none_of(config.sinks, required)) return {};
  auto pipe = kernel::make_pipe();
  if (!pipe) return std::unexpected(pipe.error());
  int pidfd = -1;
  const pid_t child = kernel::clone_process(0x1000 /* CLONE_PIDFD */, &pidfd);
  if (child < 0) return fail(std::string("can't reach the log sinks: ") + std::strerror(-child), -child);
  if (child == 0) answer(config, pipe->write.get());
  const kernel::Fd process(pidfd);
  pipe->write.reset();
  const Answer answered = read_answer(pipe->read.get(), signals);
  if (answered.interrupted) kernel::send_signal(process.get(), SIGKILL);
  int status = 0;
  while (::waitpid(child, &status, __WALL) < 0 && errno == EINTR) {
  }
  if (answered.interrupted) return fail("interrupted while the log sinks were looked for", 0, 130);
  if (!answered.text.empty()) return fail(answered.text);
  if (!WIFEXITED(status) || WEXITSTATUS(status) != 0) return fail("the required log sinks could not be looked for");
  return {};
}

}  // namespace cofferdam::run
