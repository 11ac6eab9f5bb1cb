// What the launcher does while an instance runs: answers calls, passes signals on, notices ends.
#pragma once

#include <poll.h>
#include <sys/signalfd.h>

#include <array>
#include <chrono>
#include <functional>
#include <optional>
#include <span>
#include <string>

#include "cofferdam/policy.hpp"
#include "launch/launcher.hpp"
#include "report/collector.hpp"
#include "report/event_stream.hpp"
#include "run/limit_watch.hpp"
#include "run/pump_process.hpp"
#include "run/sink_watch.hpp"
#include "run/terminal.hpp"
#include "supervise/supervisor.hpp"

namespace cofferdam::run {

using Clock = std::chrono::steady_clock;

struct LoopParts {
  const Policy& policy;
  launch::Launched& launched;
  supervise::Supervisor& supervisor;
  supervise::EventLog& events;
  report::Collector* collector = nullptr;  // of the report; null: nobody asks how much was written when
  report::EventStream* stream = nullptr;   // --events
  PumpProcess* pump = nullptr;             // run
  Terminal* terminal = nullptr;            // shell
  SinkWatch* sinks = nullptr;              // run
  LimitWatch* limits = nullptr;
  int parent_pipe = -1;  // see RunRequest
};

struct Ending {
  int status = 0;        // of wait(2)
  bool forced = false;   // killed by us: a second Ctrl-C, or the grace was over
  bool stopped = false;  // after stop() was called
};

// A child of the launcher's own beside the instances (a rehearsal's driver). In container mode every process is a child
// of the launcher, so the loop has to know whom to leave alone.
struct OwnChild {
  std::function<bool(pid_t)> reap;  // true when that child was this one; it is reaped then
};

// One instance. serve() calls it when a descriptor is readable or a time has come.
class Loop {
 public:
  enum Slot : std::size_t { listener, connects, status, app, pump, master, input, host, sinks, parent, slots };
  using Watched = std::array<pollfd, slots>;

  explicit Loop(LoopParts parts) : parts_(parts), container_(parts.launched.status.get() < 0) {}

  void watch(Watched& watched) const;
  [[nodiscard]] std::chrono::milliseconds timeout() const;  // -1: none
  void serve(const Watched& watched);
  void on_signal(const signalfd_siginfo& info);
  void suspend(bool asleep);

  // Sends the signal to the app; after the policy's grace all of the instance is killed.
  void stop(int signal);
  // Nothing more is told to the pump: done() is true again once it has ended.
  void await_pump();
  void leave_alone(OwnChild* child) { own_child_ = child; }
  // Tells the collector what the app has written since the last time.
  void sample_output();
  // SIGHUP asks for this, and no longer goes to the app.
  void on_reload(std::function<void()> reload) { reload_ = std::move(reload); }

  // Nothing runs any more, and its output is carried.
  [[nodiscard]] bool done() const { return phase_ == Phase::done; }
  // The app itself runs.
  [[nodiscard]] bool running() const { return phase_ == Phase::running; }
  // Somebody outside has asked for the end: Ctrl-C, SIGTERM.
  [[nodiscard]] bool interrupted() const { return interrupted_; }
  [[nodiscard]] const Ending& ending() const { return ending_; }

 private:
  enum class Phase { running, ending, draining, done };

  void on_interrupt(int signal);
  void on_hangup();
  [[nodiscard]] static bool is_repeat(std::optional<Clock::time_point>& first);
  void on_parent_gone();
  void force();
  void signal_app(int signal, bool group);
  void on_child_ended();
  void on_status_byte();
  void on_timers();
  void app_ended(int how);  // of wait(2)
  void all_ended();
  void kill_all();
  void on_pump_ended();

  LoopParts parts_;
  bool container_;
  OwnChild* own_child_ = nullptr;
  std::function<void()> reload_;
  Phase phase_ = Phase::running;
  Ending ending_;
  int interrupts_ = 0;
  bool interrupted_ = false;
  bool stop_asked_ = false;
  std::optional<Clock::time_point> pump_until_;  // draining: the sinks have this long
  [[nodiscard]] std::chrono::milliseconds shutdown_time() const;
  std::optional<Clock::time_point> sinks_look_at_;  // something has changed there
  std::optional<Clock::time_point> first_interrupt_;
  Clock::time_point sample_at_{};
  std::uint64_t sampled_ = 0;  // bytes
  bool terminal_input_ = true;
  bool terminal_output_ = true;
  bool listener_open_ = true;
  bool parent_gone_ = false;
  std::optional<Clock::time_point> kill_at_;           // the grace of a stop is over
  std::optional<Clock::time_point> stragglers_until_;  // container mode: SIGTERM was sent to what is left
};

// Serves the instances until `until` says so, asked after each event, or `deadline` has passed. `signals` is the
// signalfd; `also`, unless -1, a descriptor that wakes it when it is readable.
void serve(std::span<Loop* const> loops, int signals, const std::function<bool()>& until,
           std::optional<Clock::time_point> deadline = std::nullopt, int also = -1);

// The signals that the launcher passes on; blocked before the launch.
[[nodiscard]] sigset_t forwarded_signals();
// "SIGTERM", "TERM" -> 15; 0 when unknown.
[[nodiscard]] int signal_number(const std::string& name);

}  // namespace cofferdam::run
