#include "run/loop.hpp"

#include <fcntl.h>
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
#include <optional>

#include "kernel/process.hpp"
#include "kernel/procfs.hpp"

namespace cofferdam::run {

namespace {

constexpr std::chrono::milliseconds kStragglerGrace{2000};
constexpr std::chrono::milliseconds kSamePress{300};
constexpr std::chrono::milliseconds kShutdown{3000};
constexpr std::chrono::milliseconds kSinkPatience{1000};  // with a server that restarts
constexpr std::chrono::milliseconds kSampleEvery{100};    // of what the app writes

struct SignalName {
  const char* name;
  int number;
};
constexpr std::array<SignalName, 12> kSignals = {{{"HUP", SIGHUP},
                                                  {"INT", SIGINT},
                                                  {"QUIT", SIGQUIT},
                                                  {"KILL", SIGKILL},
                                                  {"USR1", SIGUSR1},
                                                  {"USR2", SIGUSR2},
                                                  {"ALRM", SIGALRM},
                                                  {"TERM", SIGTERM},
                                                  {"CONT", SIGCONT},
                                                  {"STOP", SIGSTOP},
                                                  {"TSTP", SIGTSTP},
                                                  {"WINCH", SIGWINCH}}};

void take_signals(std::span<Loop* const> loops, int signals) {
  signalfd_siginfo info{};
  while (read(signals, &info, sizeof info) == static_cast<ssize_t>(sizeof info)) {
    if (info.ssi_signo != SIGTSTP) {
      for (Loop* loop : loops) loop->on_signal(info);
      continue;
    }
    for (Loop* loop : loops) loop->suspend(true);
    (void)raise(SIGSTOP);
    for (Loop* loop : loops) loop->suspend(false);
  }
}

}  // namespace

std::chrono::milliseconds Loop::timeout() const {
  const bool alive = phase_ == Phase::running || phase_ == Phase::ending;
  auto wait = alive ? parts_.supervisor.next_look() : std::chrono::milliseconds(-1);
  const auto consider = [&](const std::optional<Clock::time_point>& when) {
    if (!when) return;
    const auto left = std::max(std::chrono::duration_cast<std::chrono::milliseconds>(*when - Clock::now()),
                               std::chrono::milliseconds(0)) +
                      std::chrono::milliseconds(1);
    if (wait.count() < 0 || left < wait) wait = left;
  };
  if (parts_.stream != nullptr) {
    const auto stream = parts_.stream->next_tick();
    if (stream.count() >= 0 && (wait.count() < 0 || stream < wait)) wait = stream;
  }
  if (phase_ != Phase::done) consider(sinks_look_at_);
  consider(kill_at_);
  consider(stragglers_until_);
  if (phase_ == Phase::running && parts_.limits != nullptr) consider(parts_.limits->looks_at());
  consider(pump_until_);
  // Orphans of a container are reaped by SIGCHLD; those that are not our children are looked for.
  if (container_ && phase_ == Phase::ending) {
    consider(Clock::now() + std::chrono::milliseconds(50));
  }
  return wait;
}

void Loop::watch(Watched& watched) const {
  const auto watch = [&](Slot slot, int fd, bool wanted = true) { watched.at(slot) = {wanted ? fd : -1, POLLIN, 0}; };
  const bool alive = phase_ == Phase::running || phase_ == Phase::ending;
  watch(listener, parts_.supervisor.listener_fd(), alive && listener_open_);
  watch(connects, parts_.supervisor.connect_fd(), alive);
  watch(status, container_ ? -1 : parts_.launched.status.get(), alive);
  watch(app, container_ ? parts_.launched.app.get() : parts_.launched.init.get(),
        container_ ? phase_ == Phase::running : alive);
  watch(pump, parts_.pump != nullptr && parts_.pump->running() ? parts_.pump->pidfd() : -1);
  watch(master, parts_.terminal != nullptr ? parts_.terminal->master() : -1, terminal_output_);
  const bool unread = parts_.terminal != nullptr && parts_.terminal->has_unread_input();
  watch(input, parts_.terminal != nullptr ? parts_.terminal->keyboard() : -1, terminal_input_ && alive && !unread);
  if (unread) watched.at(master).events |= POLLOUT;
  watch(host, parts_.supervisor.watch_fd(), alive);
  watch(sinks, parts_.sinks != nullptr ? parts_.sinks->news_fd() : -1, !sinks_look_at_ && phase_ != Phase::done);
  watch(parent, parts_.parent_pipe, !parent_gone_ && phase_ != Phase::done);
}

void Loop::serve(const Watched& watched) {
  const auto is_ready = [&](Slot slot) { return watched.at(slot).fd >= 0 && watched.at(slot).revents != 0; };
  if (is_ready(listener)) {
    if ((watched[listener].revents & POLLIN) != 0) {
      parts_.supervisor.on_notification();
    } else {
      listener_open_ = false;  // the last process under the filter is gone
    }
  }
  if (is_ready(host)) parts_.supervisor.on_host_change();
  if (is_ready(connects)) parts_.supervisor.on_connect_progress();
  if (is_ready(master)) {
    if ((watched[master].revents & POLLOUT) != 0) parts_.terminal->push_input();
    if ((watched[master].revents & ~POLLOUT) != 0) terminal_output_ = parts_.terminal->carry_output();
  }
  if (is_ready(input)) terminal_input_ = parts_.terminal->carry_input();
  if (is_ready(status) && (watched[status].revents & POLLIN) != 0) {
    on_status_byte();
  } else if (is_ready(app)) {
    on_child_ended();
  }
  if (is_ready(sinks)) {
    parts_.sinks->hear();
    sinks_look_at_ = Clock::now() + kSinkPatience;
  }
  if (is_ready(pump)) on_pump_ended();
  if (is_ready(parent)) on_parent_gone();
  on_timers();
}

void Loop::on_signal(const signalfd_siginfo& info) {
  const auto number = static_cast<int>(info.ssi_signo);
  interrupted_ = interrupted_ || number == SIGINT || number == SIGQUIT || number == SIGTERM;
  switch (number) {
    case SIGCHLD: on_child_ended(); return;
    case SIGINT:
    case SIGQUIT: on_interrupt(number); return;
    case SIGTERM: stop(signal_number(parts_.policy.run.stop_signal)); return;
    case SIGHUP: on_hangup(); return;
    case SIGWINCH:
      if (parts_.terminal != nullptr) parts_.terminal->resize();
      signal_app(number, false);
      return;
    default: signal_app(number, false); return;
  }
}

// As a terminal does it: the whole group gets it. The second one forces the end; one that comes right behind the first
// is the same key press, forwarded by a parent that got it too.
void Loop::on_interrupt(int signal) {
  if (is_repeat(first_interrupt_)) return;
  if (++interrupts_ > 1) return force();
  if (phase_ == Phase::draining) pump_until_ = Clock::now() + shutdown_time();
  parts_.supervisor.before_stop_signal();
  signal_app(signal, true);
}

bool Loop::is_repeat(std::optional<Clock::time_point>& first) {
  const auto now = Clock::now();
  if (first && now - *first < kSamePress) return true;
  if (!first) first = now;
  return false;
}

// Whoever wanted the output, the report and the end is no longer there.
void Loop::on_parent_gone() {
  parent_gone_ = true;
  interrupted_ = true;
  force();
}

void Loop::force() {
  ending_.forced = true;
  kill_all();
}

// A terminal that was closed takes its programs along; a HUP that somebody sends is the app's (reload).
void Loop::on_hangup() {
  pollfd terminal{STDIN_FILENO, 0, 0};
  const bool gone =
      isatty(STDERR_FILENO) == 0 && poll(&terminal, 1, 0) == 1 && (terminal.revents & (POLLHUP | POLLERR)) != 0;
  const kernel::Fd controlling(open("/dev/tty", O_RDWR | O_CLOEXEC | O_NOCTTY));
  if (gone && !controlling) {
    interrupted_ = true;
    stop(SIGHUP);
  } else if (reload_) {
    reload_();
  } else {
    signal_app(SIGHUP, false);
  }
}

void Loop::stop(int signal) {
  stop_asked_ = true;
  ending_.stopped = true;
  if (phase_ == Phase::draining && !pump_until_) pump_until_ = Clock::now() + shutdown_time();
  parts_.supervisor.before_stop_signal();
  signal_app(signal, false);
  if (!kill_at_) kill_at_ = Clock::now() + parts_.policy.run.stop_grace;
}

// Ctrl-Z: the app is in a session of its own, where SIGTSTP would be ignored.
void Loop::suspend(bool asleep) {
  signal_app(asleep ? SIGSTOP : SIGCONT, true);
  if (parts_.terminal == nullptr) return;
  if (asleep) {
    parts_.terminal->restore();
  } else {
    parts_.terminal->resume();
  }
}

void Loop::signal_app(int signal, bool group) {
  if (phase_ != Phase::running) return;
  // The group has the number of its leader. A leader that is gone may have left the number to a stranger: ask first.
  const bool leader_lives = kernel::send_signal(parts_.launched.app.get(), 0);
  if (group && leader_lives && parts_.launched.app_pid > 0 && kill(-parts_.launched.app_pid, signal) == 0) return;
  kernel::send_signal(parts_.launched.app.get(), signal);
}

void Loop::on_status_byte() {
  char byte = 0;
  if (read(parts_.launched.status.get(), &byte, 1) != 1) return;
  if (byte != 'X') return;
  ending_.status = parts_.launched.page->exit_status;
  all_ended();
}

void Loop::on_child_ended() {
  if (!container_) {
    siginfo_t info{};
    // Ended without the last word: it was killed, by us or by somebody outside.
    if (phase_ != Phase::draining &&
        waitid(P_PID, static_cast<id_t>(parts_.launched.init_pid), &info, WEXITED | WNOHANG | WNOWAIT | __WALL) == 0 &&
        info.si_pid != 0) {
      const int known = parts_.launched.page->exit_status;
      ending_.status = known >= 0 ? known : SIGKILL;
      all_ended();
    }
    return;
  }
  for (;;) {
    // The pump is waited for by its owner; every other child is the app or an orphan of it.
    siginfo_t info{};
    if (waitid(P_ALL, 0, &info, WEXITED | WNOHANG | WNOWAIT | __WALL) != 0 || info.si_pid == 0) return;
    if (parts_.pump != nullptr && info.si_pid == parts_.pump->pid()) {
      on_pump_ended();
      continue;
    }
    if (own_child_ != nullptr && own_child_->reap(info.si_pid)) continue;
    int how = 0;
    const pid_t reaped = waitpid(info.si_pid, &how, __WALL);
    if (reaped == parts_.launched.app_pid) app_ended(how);
  }
}

// Container mode: what the app left gets SIGTERM, a grace, SIGKILL.
void Loop::app_ended(int how) {
  ending_.status = how;
  if (phase_ != Phase::running) return;
  phase_ = Phase::ending;
  stragglers_until_ = Clock::now() + kStragglerGrace;
  for (const pid_t pid : kernel::descendants_of(getpid())) {
    if (parts_.pump != nullptr && pid == parts_.pump->pid()) continue;
    kill(pid, SIGTERM);
    kill(pid, SIGCONT);  // what is stopped hears it then
  }
}

void Loop::sample_output() {
  if (parts_.pump == nullptr || parts_.collector == nullptr) return;
  const std::uint64_t bytes = parts_.pump->bytes();
  timespec now{};
  clock_gettime(CLOCK_REALTIME, &now);
  parts_.collector->add_output(bytes - sampled_, now);
  sampled_ = bytes;
}

void Loop::on_timers() {
  if (parts_.stream != nullptr) parts_.stream->on_tick();
  if (phase_ == Phase::running || phase_ == Phase::ending) parts_.supervisor.on_tick();
  const auto now = Clock::now();
  if (phase_ == Phase::running && parts_.limits != nullptr) parts_.limits->look(now);
  if (now >= sample_at_) {
    sample_at_ = now + kSampleEvery;
    sample_output();
  }
  if (sinks_look_at_ && now >= *sinks_look_at_) {
    sinks_look_at_.reset();
    parts_.sinks->look();
  }
  if (kill_at_ && now >= *kill_at_) {
    kill_at_.reset();
    if (phase_ == Phase::running || phase_ == Phase::ending) {
      ending_.forced = true;
      Finding finding;
      finding.code = "CD503";
      finding.severity = Severity::warning;
      finding.message = "the app did not end within the grace of " +
                        std::to_string(parts_.policy.run.stop_grace.count()) + " ms after " +
                        parts_.policy.run.stop_signal + " and was killed";
      finding.fix = "handle " + parts_.policy.run.stop_signal + " in the app, or raise run.stop_grace";
      finding.policy.key = "run.stop_grace";
      parts_.events.emit(std::move(finding));
      kill_all();
    }
  }
  if (pump_until_ && now >= *pump_until_ && parts_.pump != nullptr && parts_.pump->running()) {
    pump_until_.reset();
    parts_.pump->kill();
  }
  if (!container_ || phase_ != Phase::ending) return;
  std::vector<pid_t> left = kernel::descendants_of(getpid());
  if (parts_.pump != nullptr) std::erase(left, parts_.pump->pid());
  if (left.empty()) {
    all_ended();
  } else if (stragglers_until_ && now >= *stragglers_until_) {
    for (const pid_t pid : left) kill(pid, SIGKILL);
  }
}

void Loop::kill_all() {
  if (phase_ == Phase::draining) {
    if (parts_.pump != nullptr && parts_.pump->running()) parts_.pump->kill();
    return;
  }
  if (!container_) {
    kernel::send_signal(parts_.launched.init.get(), SIGKILL);
    return;
  }
  for (const pid_t pid : kernel::descendants_of(getpid())) {
    if (parts_.pump == nullptr || pid != parts_.pump->pid()) kill(pid, SIGKILL);
  }
}

void Loop::all_ended() {
  kill_at_.reset();
  stragglers_until_.reset();
  phase_ = Phase::draining;
  // The init has said its last word; waiting for it would only wait for the kernel to take the mounts down.
  if (!container_) (void)waitpid(parts_.launched.init_pid, nullptr, WNOHANG | __WALL);
  if (parts_.terminal != nullptr) {
    while (terminal_output_) {
      pollfd left{parts_.terminal->master(), POLLIN, 0};
      if (poll(&left, 1, 0) != 1) break;
      terminal_output_ = parts_.terminal->carry_output();
    }
  }
  if (parts_.pump == nullptr || !parts_.pump->running()) {
    phase_ = Phase::done;
    return;
  }
  // Somebody who asked for the end does not wait for a console that nobody reads.
  if (interrupts_ > 0 || stop_asked_ || ending_.forced) pump_until_ = Clock::now() + shutdown_time();
  parts_.pump->drain();
  // What cofferdam itself has to say is known when the storage has been scanned: await_pump() waits then.
  if (parts_.pump->listens()) phase_ = Phase::done;
}

void Loop::await_pump() {
  parts_.pump->own().close();
  if (!parts_.pump->running()) return;
  phase_ = Phase::draining;
  if (interrupts_ > 0 || stop_asked_ || ending_.forced) pump_until_ = Clock::now() + shutdown_time();
}

// Somebody who asked for the end waits for the sinks as long as the policy gives them, and a moment more for the pump
// itself.
std::chrono::milliseconds Loop::shutdown_time() const {
  const bool queued = parts_.sinks != nullptr && parts_.sinks->is_needed();
  return queued ? std::max(kShutdown, parts_.policy.logs.shutdown_timeout + std::chrono::milliseconds(500)) : kShutdown;
}

void Loop::on_pump_ended() {
  if (!parts_.pump->running()) return;
  const std::string problem = parts_.pump->on_end();
  if (!problem.empty()) {
    Finding finding;
    finding.code = "CD302";
    finding.severity = Severity::error;
    finding.message = problem;
    finding.fix = problem.contains("signal 9 ")
                      ? "somebody killed it: a person, or the kernel for want of memory (dmesg tells)"
                      : "report this with the output that caused it: it is a defect of cofferdam";
    finding.policy.key = "logs.sinks";
    parts_.events.emit(std::move(finding));
  }
  if (phase_ == Phase::draining && !parts_.pump->running()) phase_ = Phase::done;
}

void serve(std::span<Loop* const> loops, int signals, const std::function<bool()>& until,
           std::optional<Clock::time_point> deadline, int also) {
  const auto earlier = [](std::chrono::milliseconds left, std::chrono::milliseconds right) {
    return left.count() < 0 || (right.count() >= 0 && right < left) ? right : left;
  };
  std::vector<pollfd> polled;
  std::vector<Loop::Watched> watched(loops.size());
  while (!until()) {
    polled = {{signals, POLLIN, 0}, {also, POLLIN, 0}};
    std::chrono::milliseconds wait{-1};
    for (std::size_t i = 0; i < loops.size(); ++i) {
      loops[i]->watch(watched[i]);
      polled.insert(polled.end(), watched[i].begin(), watched[i].end());
      wait = earlier(wait, loops[i]->timeout());
    }
    bool last = false;
    if (deadline) {
      const auto left = std::chrono::ceil<std::chrono::milliseconds>(*deadline - Clock::now());
      last = left.count() <= 0;  // who comes too late is served all the same
      wait = earlier(wait, std::max(left, std::chrono::milliseconds(0)));
    }
    const int ready = poll(polled.data(), polled.size(), static_cast<int>(wait.count()));
    if (ready < 0 && errno != EINTR) std::abort();
    if (ready > 0 && (polled[0].revents & POLLIN) != 0) take_signals(loops, signals);
    for (std::size_t i = 0; i < loops.size(); ++i) {
      const auto first = polled.begin() + 2 + static_cast<std::ptrdiff_t>(i * Loop::slots);
      if (ready > 0) std::copy_n(first, Loop::slots, watched[i].begin());
      loops[i]->serve(watched[i]);
    }
    if (last) return;
  }
}

sigset_t forwarded_signals() {
  sigset_t set;
  sigemptyset(&set);
  for (const int number :
       {SIGHUP, SIGINT, SIGQUIT, SIGUSR1, SIGUSR2, SIGALRM, SIGTERM, SIGCHLD, SIGCONT, SIGTSTP, SIGWINCH}) {
    sigaddset(&set, number);
  }
  return set;
}

int signal_number(const std::string& name) {
  const std::string bare = name.starts_with("SIG") ? name.substr(3) : name;
  for (const SignalName& signal : kSignals) {
    if (bare == signal.name) return signal.number;
  }
  return 0;
}

}  // namespace cofferdam::run
