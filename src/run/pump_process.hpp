// The process that carries the app's output, seen from the launcher: which keeps both ends of every pipe, so that a
// pump that dies can be replaced without the app noticing.
#pragma once

#include <sys/types.h>

#include <memory>
#include <string>

#include "cofferdam/report.hpp"
#include "kernel/fd.hpp"
#include "logs/pump.hpp"

namespace cofferdam::run {

class PumpProcess {
 public:
  // Makes the pipes; nothing runs yet. `uid` and `gid` own them, so that the app can reopen /dev/stdout.
  [[nodiscard]] static Result<PumpProcess> make(logs::PumpConfig config, uid_t uid, gid_t gid);
  // Starts the process. It keeps only the descriptors of its configuration, whatever else is open by then.
  [[nodiscard]] Result<void> start();
  PumpProcess(PumpProcess&& other) noexcept;
  PumpProcess& operator=(PumpProcess&&) = delete;
  PumpProcess(const PumpProcess&) = delete;
  PumpProcess& operator=(const PumpProcess&) = delete;
  ~PumpProcess();

  // The write ends, for the app.
  [[nodiscard]] int out() const { return out_.write.get(); }
  [[nodiscard]] int err() const { return err_.write.get(); }
  [[nodiscard]] int pidfd() const { return pidfd_.get(); }
  [[nodiscard]] pid_t pid() const { return pid_; }
  [[nodiscard]] bool running() const { return pid_ > 0; }

  // The pump has ended (its pidfd is readable). Nobody reads the console any more: the app is to get SIGPIPE, so the
  // read ends are closed. It has crashed: another one takes over. Returns what happened, for people; empty when
  // it has simply finished.
  [[nodiscard]] std::string on_end();
  // The app has ended: what is in the pipes is still carried, then the pump ends.
  void drain();
  void kill();

  [[nodiscard]] LogCount counts() const;

 private:
  struct MemoryDeleter {
    void operator()(logs::PumpMemory* memory) const noexcept;
  };
  PumpProcess() = default;

  std::unique_ptr<logs::PumpConfig> config_;
  std::unique_ptr<logs::PumpMemory, MemoryDeleter> memory_;
  kernel::Pipe out_;
  kernel::Pipe err_;
  kernel::Pipe control_;
  kernel::Fd pidfd_;
  pid_t pid_ = 0;
  int crashes_ = 0;
  bool draining_ = false;
  bool killed_ = false;
};

}  // namespace cofferdam::run
