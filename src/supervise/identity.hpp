// Who is the app (design section 2). The app is the image that the entry command became, and what it forks; an exec
// loses that identity, and it comes back only by hand-over in place, by re-executing itself, or by a row of app.also.
//
// An image is told by a tuple that fork keeps and exec changes: the executable's device and inode and four pointers of
// its auxiliary vector. A record of it is taken when a new image makes its first set_tid_address call, before any
// of its own code has run; at a connect only the tuple is read and looked up.
#pragma once

#include <sys/types.h>

#include <cstdint>
#include <list>
#include <memory>
#include <optional>
#include <string>
#include <unordered_map>
#include <vector>

#include "cofferdam/event.hpp"
#include "kernel/procfs.hpp"
#include "plan/plan.hpp"
#include "supervise/script.hpp"
#include "supervise/verdict.hpp"

namespace cofferdam::supervise {

struct ImageTuple {
  std::uint64_t device = 0;
  std::uint64_t inode = 0;
  kernel::AuxiliaryVector vector;
  bool operator==(const ImageTuple&) const = default;
};

struct ImageTupleHash {
  std::size_t operator()(const ImageTuple& tuple) const noexcept;
};

struct ExecRecord {
  ImageTuple tuple;
  std::string executable;                  // path, as the app sees it
  std::vector<std::string> argv;           // as it was at the exec; never shown unredacted
  std::vector<std::string> loader_values;  // NAME=value of what steers loaders and interpreters, sorted
  ScriptArgument script;
  std::optional<kernel::FileIdentity> script_identity;
  std::string script_path;           // canonical, as the app sees it; empty when it could not be opened
  std::vector<std::string> lineage;  // program names, itself first
  bool of_app = false;               // the entry command or any process below it
  bool is_app = false;
  std::string row;  // of app.also, by which it is the app
};
using RecordRef = std::shared_ptr<const ExecRecord>;

// What is said of a caller at a connect.
struct Caller {
  Role role = Role::unknown;
  RecordRef record;         // null when its image was never recorded
  std::string why_unknown;  // when role is unknown: what could not be read
};

// Pure parts, for tests.
[[nodiscard]] bool same_program(const ExecRecord& app, const ExecRecord& other);         // rule (b)
[[nodiscard]] bool matches_row(const plan::AlsoProgram& row, const ExecRecord& record);  // rule (c)
[[nodiscard]] std::vector<std::string> loader_values(const std::vector<std::string>& environment);

class Identities {
 public:
  // `entry` is the process that the launcher started, as this process sees it; `role` what it counts as: app for
  // run, one_off for shell.
  Identities(const plan::Plan& plan, pid_t entry, Role role);

  // A new image made its first call. Returns the record, or null when nothing could be read (then the image stays
  // unknown and gets nothing). A second call of one image changes nothing.
  RecordRef take_record(const kernel::ThreadView& thread, const kernel::ThreadStatus& status);

  // Reads the caller's tuple and looks it up. The caller must still be waiting afterwards (ID_VALID).
  [[nodiscard]] Caller identify(const kernel::ThreadView& thread, const kernel::ThreadStatus& status) const;

  // The record of an image, for attribution.
  [[nodiscard]] RecordRef record_of(const kernel::ThreadView& thread) const;

  // The entry process has listened or connected to a database: from now on an exec of it is no hand-over.
  void settle(pid_t process) { settled_ = settled_ || process == entry_; }

  // The row that would make `caller` count as the app: for the finding of a look-alike. Empty when it isn't one.
  [[nodiscard]] std::string row_that_admits(const ExecRecord& caller) const;

 private:
  void grant(ExecRecord& record, bool parent_is_app) const;
  void remember(const RecordRef& record);
  [[nodiscard]] std::string as_typed(const ExecRecord& caller) const;

  const plan::Plan& plan_;
  pid_t entry_;
  Role role_;
  bool settled_ = false;
  RecordRef app_;               // the image that the entry command has become
  std::list<RecordRef> order_;  // oldest first; the app's own is never dropped
  std::unordered_map<ImageTuple, std::list<RecordRef>::iterator, ImageTupleHash> records_;
};

}  // namespace cofferdam::supervise
