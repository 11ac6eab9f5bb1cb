// The process that carries the app's output, seen from the launcher: which keeps both ends of every pipe, so that a
// pump that dies can be replaced without the app noticing.
#pragma once

#include <sys/types.h>

#include <cstddef>
#include <memory>
#include <span>
#include <string>
#include <utility>
#include <vector>

#include "cofferdam/report.hpp"
#include "kernel/fd.hpp"
#include "logs/pump.hpp"
#include "run/capture.hpp"
#include "run/own_channel.hpp"
#include "run/pump_crashes.hpp"

namespace cofferdam::run {

class PumpProcess {
 public:
  // Makes what the app writes to, and the memory of the queues; nothing runs yet. `uid` and `gid` are the app's.
  [[nodiscard]] static Result<PumpProcess> make(logs::PumpConfig config, const Logs& logs, uid_t uid, gid_t gid);
  // Starts the process. It keeps only the descriptors of its configuration, whatever else is open by then.
  [[nodiscard]] Result<void> start();
  PumpProcess(PumpProcess&& other) noexcept;
  PumpProcess& operator=(PumpProcess&&) = delete;
  PumpProcess(const PumpProcess&) = delete;
  PumpProcess& operator=(const PumpProcess&) = delete;
  ~PumpProcess();

  // The write ends, for the app.
  [[nodiscard]] int out() const { return capture_.out.write.get(); }
  [[nodiscard]] int err() const { return capture_.err.write.get(); }
  // The socket for /dev/log, without a name; -1: the policy has none.
  [[nodiscard]] int syslog() const { return capture_.syslog.get(); }
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

  // A sink wants what cofferdam itself has to say, which may come after drain(), until finish().
  [[nodiscard]] bool listens() const { return own_.is_open(); }
  // Does nothing when nobody listens.
  [[nodiscard]] OwnChannel& own() { return own_; }

  [[nodiscard]] LogCount counts() const;
  // Of what the app has written so far.
  [[nodiscard]] std::uint64_t bytes() const;
  [[nodiscard]] const logs::PumpConfig& config() const { return *config_; }

 private:
  // MAP_SHARED and zero.
  class SharedMemory {
   public:
    [[nodiscard]] static Result<SharedMemory> map(std::size_t size);
    SharedMemory() = default;
    SharedMemory(SharedMemory&& other) noexcept : bytes_(std::exchange(other.bytes_, {})) {}
    SharedMemory& operator=(SharedMemory&& other) noexcept {
      std::swap(bytes_, other.bytes_);
      return *this;
    }
    ~SharedMemory();
    [[nodiscard]] std::span<std::byte> bytes() const { return bytes_; }

   private:
    std::span<std::byte> bytes_;
  };
  PumpProcess() = default;
  void close_reading();
  [[nodiscard]] std::string restart(int status);
  [[nodiscard]] const logs::PumpMemory& shared() const { return *config_->memory; }

  std::unique_ptr<logs::PumpConfig> config_;
  SharedMemory memory_;               // of logs::PumpMemory
  std::vector<SharedMemory> queues_;  // of the sinks that have one
  kernel::Fd spill_;
  Capture capture_;
  OwnChannel own_;
  kernel::Fd news_;
  kernel::Pipe control_;
  kernel::Fd pidfd_;
  pid_t pid_ = 0;
  PumpCrashes crashes_;
  bool draining_ = false;
  bool killed_ = false;
};

}  // namespace cofferdam::run
