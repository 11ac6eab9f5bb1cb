// The write audit: who changed what, by which call, and what became of it. Calls run on (the mount or Landlock
// decides), except the metadata calls of container mode, which no kernel layer covers there and which metadata.cpp
// performs or refuses.
#pragma once

#include <map>
#include <optional>
#include <set>
#include <string>
#include <vector>

#include "cofferdam/report.hpp"
#include "kernel/notify.hpp"
#include "kernel/syscall_table.hpp"
#include "supervise/access.hpp"
#include "supervise/event_log.hpp"
#include "supervise/outcome.hpp"
#include "supervise/places.hpp"
#include "supervise/threads.hpp"

namespace cofferdam::supervise {

class WriteAudit {
 public:
  // `ignore` are the policy's audit globs: no finding for those paths, events all the same.
  WriteAudit(const InstanceView& instance, EventLog& events, AccessRule& access, std::vector<std::string> ignore,
             PolicyRef policy)
      : instance_(instance), events_(events), access_(access), ignore_(std::move(ignore)), policy_(std::move(policy)) {}

  // Answers the notification, then records it.
  void handle(kernel::NotifyChannel& channel, const kernel::Notification& call, const kernel::NotifyRow& row,
              const KnownThread& thread);

  // A socket file appears (bind of an AF_UNIX path); the call runs on in the caller of this.
  void record_bind(const kernel::NotifyRow& row, const KnownThread& thread, const std::string& path);

  // What landed on persistent mounts and is still there, for the report's `kept`.
  [[nodiscard]] std::vector<ScannedChange> kept() const;

  // A write that the instance's own storage refused, said once for a path and program.
  void report_refusal(const std::string& call, const std::string& path, const ProcessRef& process, int errnum);

 private:
  // What a path of a call leads to.
  struct Found {
    std::string path;
    Place place;
    kernel::Fd pinned;
    std::optional<kernel::FileIdentity> object;  // what is pinned; nothing when there is none
    bool occupied = false;                       // a directory with something in it
    bool storage = true;                         // as in Examined
  };
  [[nodiscard]] Found find(const KnownThread& thread, int dirfd, const std::string& path, const WriteIntent& intent,
                           bool follow) const;
  struct Examined {
    Outcome outcome;
    std::string path;
    std::uint64_t mount_id = 0;  // of what is changed, or of the directory
    bool is_new = false;
    bool storage = true;  // false: a device, pipe or socket, or a process file: nothing is stored
    kernel::Fd pinned;
    std::optional<kernel::FileIdentity> object;  // what is pinned
  };
  [[nodiscard]] Examined examine(const KnownThread& thread, int dirfd, const std::string& path,
                                 const WriteIntent& intent, bool follow) const;
  // rename and link: two names. The outcome is of both, `to` becomes the path of the second.
  [[nodiscard]] Examined examine_pair(const KnownThread& thread, const kernel::Notification& call,
                                      const kernel::NotifyRow& row, const std::string& path, const std::string& second,
                                      std::string& to) const;
  // Why the kernel will not perform a metadata call on what the instance may change: an errno, or 0.
  [[nodiscard]] static int metadata_error(const kernel::Notification& call, const kernel::NotifyRow& row,
                                          const KnownThread& thread, const Examined& examined, bool for_writers);
  void handle_metadata(kernel::NotifyChannel& channel, const kernel::Notification& call, const kernel::NotifyRow& row,
                       const KnownThread& thread, int dirfd, const std::string& path, bool follow);
  void record(std::string_view call, const Examined& examined, std::string to, const KnownThread& thread);

  const InstanceView& instance_;
  EventLog& events_;
  AccessRule& access_;
  std::vector<std::string> ignore_;
  PolicyRef policy_;
  std::set<std::pair<std::string, std::string>> refused_;
  std::map<std::string, Change> kept_;
};

}  // namespace cofferdam::supervise
