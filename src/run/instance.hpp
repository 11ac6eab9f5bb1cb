// One running instance: what was launched, who supervises it, who carries its output.
#pragma once

#include <memory>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "run/limit_watch.hpp"
#include "run/loop.hpp"
#include "run/own_records.hpp"
#include "run/prepare.hpp"
#include "run/session.hpp"

namespace cofferdam::run {

struct InstanceOptions {
  int input = -1;   // the app's stdin; of a shell -1 is its terminal
  int output = -1;  // of a shell: the same
  int error = -1;
  std::vector<supervise::Leftover> leftovers;
  bool sees_reads = false;                  // also without leftovers: they may come
  EventSink* also = nullptr;                // gets the events of this instance beside the session's sinks
  supervise::SharedPorts* ports = nullptr;  // of several instances that serve side by side
  bool open = true;                         // it gets connections as soon as it listens
  std::size_t name_width = 0;               // of the longest name of an instance
};

// The name of our socket in a container, which outlives nothing that we started.
class DevLog {
 public:
  DevLog() = default;
  explicit DevLog(bool made) : made_(made) {}
  DevLog(DevLog&& other) noexcept : made_(std::exchange(other.made_, false)) {}
  DevLog& operator=(DevLog&& other) noexcept {
    std::swap(made_, other.made_);
    return *this;
  }
  ~DevLog();

 private:
  bool made_ = false;
};

class Instance {
 public:
  // Launches the prepared command as `request.instance`. On failure nothing runs.
  [[nodiscard]] static Result<std::unique_ptr<Instance>> start(Session& session, const RunRequest& request,
                                                               Preparation prepared, InstanceOptions options);

  [[nodiscard]] Loop& loop() { return *loop_; }
  [[nodiscard]] const Loop& loop() const { return *loop_; }
  [[nodiscard]] supervise::Supervisor& supervisor() { return *supervisor_; }
  [[nodiscard]] supervise::EventLog& events() { return events_; }
  [[nodiscard]] const Policy& policy() const { return prepared_.policy; }
  [[nodiscard]] const plan::Plan& plan() const { return prepared_.plan; }
  [[nodiscard]] const std::string& name() const { return name_; }
  // The init of its processes; a zombie after the end until somebody waits for it.
  [[nodiscard]] pid_t init_pid() const { return launched_.init_pid; }

  // After loop().done(): says the last events, scans the storage and adds the instance to the session's report.
  // `visit`, where given, sees every change as well.
  void finish(const supervise::ChangeVisitor& visit = nullptr);
  // The same in two steps, for who serves others meanwhile: conclude() once loop().done(), and close() when
  // loop().done() is true again.
  void conclude(const supervise::ChangeVisitor& visit = nullptr);
  void close();
  // After loop().done(). 128 + signal when a signal ended it.
  [[nodiscard]] int exit_code() const;
  // The command could not be executed inside the instance.
  [[nodiscard]] std::optional<Error> failure() const;

 private:
  Instance(Session& session, const RunRequest& request, Preparation prepared, const InstanceOptions& options);
  [[nodiscard]] Result<void> launch(const RunRequest& request, InstanceOptions options);

  Session& session_;
  std::string name_;
  int parent_pipe_;
  Preparation prepared_;
  std::optional<PumpProcess> pump_;
  DevLog dev_log_;
  std::optional<kernel::Cgroup> cgroup_;  // of the policy's limits, where one can be made
  launch::Launched launched_;
  std::optional<Terminal> terminal_;
  OwnRecords own_records_;
  supervise::EventLog events_;
  std::optional<SinkWatch> sink_watch_;
  std::optional<supervise::Supervisor> supervisor_;
  std::optional<LimitWatch> limits_;
  std::optional<Loop> loop_;
};

}  // namespace cofferdam::run
