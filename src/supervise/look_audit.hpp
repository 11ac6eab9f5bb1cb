// Who asks, in an instance of a rehearsal or beside others, for what another instance had left or has. Decides nothing:
// each call runs on.
#pragma once

#include <ctime>
#include <optional>
#include <string>
#include <unordered_map>
#include <vector>

#include "kernel/notify.hpp"
#include "supervise/expectation.hpp"
#include "supervise/places.hpp"
#include "supervise/threads.hpp"

namespace cofferdam::supervise {

// One leftover that this instance missed, made anew after it had looked, or read in the version of before.
struct Looked {
  Leftover left;
  Fate fate = Fate::untouched;
  bool driven = false;  // while the instance was at work, not at its start or end
  ProcessRef process;
  std::string call;
  std::timespec when{};
};

// Memory is bounded by the leftovers: what is asked for and was not left leaves no trace.
class LookAudit {
 public:
  LookAudit(const InstanceView& instance, std::vector<Leftover> leftovers);

  // Another instance has a path from now on, or no longer. What was missed before stays missed.
  void expect(Leftover left);
  void forget(const std::string& path);
  [[nodiscard]] std::size_t size() const { return leftovers_.size(); }

  // A notified call, before it is answered.
  void see(const kernel::Notification& call, const kernel::NotifyRow& row, const KnownThread& thread);
  // Looks from now on are those of work, or of a start or an end.
  void set_driven(bool driven) { driven_ = driven; }

  // In order of path. A directory is named only when it held files and none of them was looked for itself.
  [[nodiscard]] std::vector<Looked> looked() const;

 private:
  struct Seen {
    std::string path;  // canonical, as the scan prints it
    bool there = false;
  };
  [[nodiscard]] std::optional<Seen> resolve(const KnownThread& thread, int dirfd, const std::string& path,
                                            bool follow) const;
  void note(const Seen& seen, Touch touch, std::string_view call, const KnownThread& thread);

  const InstanceView& instance_;
  std::unordered_map<std::string, Looked> leftovers_;  // by path
  bool driven_ = false;
};

}  // namespace cofferdam::supervise
