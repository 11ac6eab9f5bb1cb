// Who is the app. The app is the image that the entry command became, and what it forks; an exec
// loses that identity, and it comes back only by hand-over in place, by re-executing itself, or by a row of app.also.
//
// An image is told by a tuple that fork keeps and exec changes: the executable's device and inode and four pointers of
// its auxiliary vector. A record of it is taken when a new image makes its first set_tid_address call, before any
// of its own code has run; at a connect only the tuple is read and looked up.
#pragma once

#include <sys/types.h>

#include <memory>
#include <string>
#include <vector>

#include "cofferdam/event.hpp"
#include "kernel/procfs.hpp"
#include "plan/plan.hpp"
#include "supervise/exec_record.hpp"
#include "supervise/verdict.hpp"

namespace cofferdam::supervise {

// What is said of a caller at a connect.
struct Caller {
  Role role = Role::unknown;
  RecordRef record;         // null when its image was never recorded
  std::string why_unknown;  // when role is unknown: what could not be read
};

// Memory is bounded (ExecRecords); a forgotten image counts as one that was never recorded.
class Identities {
 public:
  // `entry` is the process that the launcher started, as this process sees it; `role` what it counts as: app for
  // run, one_off for shell.
  Identities(const plan::Plan& plan, pid_t entry, Role role);

  // A new image made its first call. Returns the record, or null when nothing could be read (then the image stays
  // unknown and gets nothing). A second call of one image changes nothing. `before` is the image that this process had
  // until now, if known: it tells the lineage of a process whose parent has ended.
  RecordRef take_record(const kernel::ThreadView& thread, const kernel::ThreadStatus& status,
                        const RecordRef& before = nullptr);

  // The names of the programs above a child of `parent` (a pid as this process sees it), up to the entry. Where a
  // parent has ended, what was between is missing.
  [[nodiscard]] std::vector<std::string> ancestors(pid_t parent) const;

  // Reads the caller's tuple and looks it up. The caller must still be waiting afterwards (ID_VALID). An image without
  // a loader that never made the first call (static Go) is recorded now: known by its executable, never by its argv.
  [[nodiscard]] Caller identify(const kernel::ThreadView& thread, const kernel::ThreadStatus& status);

  // The record of an image, for attribution.
  [[nodiscard]] RecordRef record_of(const kernel::ThreadView& thread) const;

  // The entry process has listened or connected to a database: from now on an exec of it is no hand-over, and keeps the
  // identity only where an exec of its child would.
  void settle(pid_t process);

  // The row that would make `caller` count as the app: for the finding of a look-alike, or of what an
  // entry started that only starts others. Empty when it is neither.
  [[nodiscard]] std::string row_that_admits(const ExecRecord& caller) const;

 private:
  RecordRef take(const kernel::ThreadView& thread, const kernel::ThreadStatus& status, const ImageTuple& tuple,
                 const RecordRef& before, bool late);
  void recognise_entry();
  void grant(ExecRecord& record, bool parent_is_app) const;
  [[nodiscard]] bool starts_where_the_app_does(const ExecRecord& record, const kernel::ThreadView& parent) const;
  [[nodiscard]] bool is_entry_file(const kernel::ThreadView& thread, const ImageTuple& tuple) const;
  void judge(ExecRecord& record, const kernel::ThreadView& thread, const kernel::ThreadStatus& status,
             const RecordRef& before);
  void become_app(const std::shared_ptr<ExecRecord>& record);
  [[nodiscard]] std::string as_typed(const ExecRecord& caller) const;

  const plan::Plan& plan_;
  pid_t entry_;
  Role role_;
  bool settled_ = false;
  Changeable changeable_;
  pid_t init_ = 0;                   // the entry's parent: above it is nothing of the instance
  RecordRef entry_image_;            // the last recorded image of the entry process, whatever it counts as
  std::shared_ptr<ExecRecord> app_;  // the image that the entry command has become; never dropped
  ExecRecords records_;
};

}  // namespace cofferdam::supervise
