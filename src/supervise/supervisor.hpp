// Answers every notified call of an instance, and looks after its storage while it runs. Single-threaded: run/ owns
// the loop and calls in when a descriptor is readable.
#pragma once

#include <chrono>
#include <memory>
#include <string>
#include <vector>

#include "supervise/access.hpp"
#include "supervise/connect_broker.hpp"
#include "supervise/identity.hpp"
#include "supervise/look_audit.hpp"
#include "supervise/scan.hpp"
#include "supervise/storage_meter.hpp"
#include "supervise/threads.hpp"
#include "supervise/watch.hpp"
#include "supervise/write_audit.hpp"

namespace cofferdam::supervise {

struct SupervisorOptions {
  Role role = Role::app;  // what the entry process counts as
  std::vector<std::string> audit_ignore;
  PolicyRef storage_policy;
  bool broker = false;
  std::vector<Leftover> leftovers;  // rehearsal: what another instance left, and is to be missed here
  SharedPorts* ports = nullptr;     // of several instances that serve side by side, which `instance` has joined
  std::string instance;             // the name of this one; unused without ports
};

class Supervisor {
 public:
  Supervisor(const plan::Plan& plan, InstanceView instance, kernel::Fd listener, pid_t entry, ConnectRules rules,
             EventLog& events, SupervisorOptions options);

  [[nodiscard]] int listener_fd() const { return channel_.fd(); }
  [[nodiscard]] int connect_fd() const { return connects_.poll_fd(); }

  // The listener is readable: answers what is there, a bounded number at a time.
  void on_notification();
  // Readable when the host has edited a watched tree; -1 when nothing is watched.
  [[nodiscard]] int watch_fd() const { return watch_.fd(); }
  void on_host_change() { watch_.on_host_change(); }
  void on_connect_progress();
  // Call when next_look() has passed; -1 ms means that there is nothing to look after.
  void on_tick();
  [[nodiscard]] std::chrono::milliseconds next_look() const;
  void before_stop_signal() { connects_.interrupt_all(channel_); }

  // The last look at the storage, before the end is told (storage_meter.hpp).
  void measure_storage() { storage_.measure(); }
  // How full each mount was at most (storage_meter.hpp).
  [[nodiscard]] std::vector<StorageUse> storage_use() const { return storage_.use(); }
  // The app has ended: what the replays of host edits have left over goes. The upper layers are in use until then.
  void end_watch() { watch_.end(); }
  // After the last process has ended and the storage was measured, or while it runs, as far as it goes. Every change is
  // visited.
  [[nodiscard]] ScanResult scan(const ChangeVisitor& visit);
  // See keep_writes.hpp and emptying.hpp; after the last process has ended, too.
  [[nodiscard]] std::vector<std::string> keep_writes(const std::string& directory) const;
  [[nodiscard]] std::vector<std::string> empty_mounts() const;
  // A process of the instance has asked to listen.
  [[nodiscard]] bool listens() const { return listens_; }
  [[nodiscard]] LookAudit& looks() { return looks_; }
  [[nodiscard]] const InstanceView& instance() const { return instance_; }

 private:
  void dispatch(const kernel::Notification& call);
  void dispatch_ready();
  void refresh_identity(const kernel::NotifyRow& row, KnownThread& thread);
  // False: the new image may not run, and was killed.
  [[nodiscard]] bool take_record(const kernel::Notification& call, const KnownThread& thread);
  void handle_bind(const kernel::Notification& call, const kernel::NotifyRow& row, const KnownThread& thread);
  // `got`: what reading the address gave.
  void handle_unread_bind(const kernel::Notification& call, const KnownThread& thread, ssize_t got);

  const plan::Plan& plan_;
  InstanceView instance_;
  EventLog& events_;
  kernel::NotifyChannel channel_;
  Identities identities_;
  Threads threads_;
  ConnectRules rules_;
  ConnectBroker connects_;
  AccessRule access_;
  WriteAudit audit_;
  LookAudit looks_;
  bool listens_ = false;
  Watch watch_;
  Baseline baseline_;
  StorageMeter storage_;
};

}  // namespace cofferdam::supervise
