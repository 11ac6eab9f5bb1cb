// The threads that have called us: who they are, remembered so that a write costs no new look at /proc.
// For attribution only; what decides a connection is read afresh each time.
#pragma once

#include <sys/types.h>

#include <list>
#include <memory>
#include <unordered_map>

#include "kernel/procfs.hpp"
#include "supervise/identity.hpp"

namespace cofferdam::supervise {

struct KnownThread {
  kernel::ThreadView view;
  kernel::ThreadStatus status;
  RecordRef record;    // may be null
  ProcessRef process;  // never null
};

class Threads {
 public:
  // Each entry holds one descriptor, so there are few; a busy thread stays because it is used.
  static constexpr std::size_t kMost = 256;

  explicit Threads(const Identities& identities) : identities_(identities) {}

  // The thread `tid`, or null when it is gone. Valid until the next call.
  [[nodiscard]] KnownThread* find(pid_t tid);
  // The process has a new image: what is remembered of its threads is stale.
  void forget_process(pid_t tgid);

  [[nodiscard]] std::size_t size() const { return order_.size(); }

 private:
  const Identities& identities_;
  std::list<std::pair<pid_t, KnownThread>> order_;  // most recently used first
  std::unordered_map<pid_t, std::list<std::pair<pid_t, KnownThread>>::iterator> by_tid_;
};

// What findings and events say of a process: redacted arguments, lineage up to the entry. `record` may be null.
[[nodiscard]] ProcessRef describe_process(const Identities& identities, const kernel::ThreadView& view,
                                          const kernel::ThreadStatus& status, const RecordRef& record);

}  // namespace cofferdam::supervise
