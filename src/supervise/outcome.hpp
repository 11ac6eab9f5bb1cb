// What will become of a write, predicted from the pinned place before the kernel decides; the scan at the end of the
// run confirms it.
#pragma once

#include "cofferdam/event.hpp"
#include "kernel/procfs.hpp"
#include "kernel/syscall_table.hpp"
#include "supervise/places.hpp"

namespace cofferdam::supervise {

struct Outcome {
  WriteOutcome outcome = WriteOutcome::landed;
  int errnum = 0;
  bool by_rule = false;  // refused by cofferdam's storage rule, not by the file's own permissions
};

// The wishes of the call that matter for it.
struct WriteIntent {
  kernel::NotifyKind kind = kernel::NotifyKind::open;
  bool creates = false;         // open: O_CREAT
  bool exclusive = false;       // open: O_EXCL; mkdir, link, symlink, mknod always
  bool nameless = false;        // open: O_TMPFILE
  bool trailing_slash = false;  // the path says that it means a directory
  bool for_writers = false;     // metadata that not only the owner may change: judged by judge_metadata
  unsigned flags = 0;           // RENAME_*
};

// `object` is the pinned existing file, or null when there is none; `directory` the directory that holds it.
// `occupied`: the object is a directory with something in it.
[[nodiscard]] Outcome predict(const InstanceView& instance, const kernel::ThreadStatus& status,
                              const WriteIntent& intent, const Place& directory, const kernel::FileIdentity* object,
                              bool occupied = false);

// The two ends of a rename or link.
struct WriteEnd {
  const Place* directory = nullptr;              // of a new name, or of one that goes
  const kernel::FileIdentity* object = nullptr;  // null when nothing is there
  bool occupied = false;
};
[[nodiscard]] Outcome predict_rename(const InstanceView& instance, const kernel::ThreadStatus& status,
                                     const WriteIntent& intent, const WriteEnd& from, const WriteEnd& to);
// Of `from` only the object counts.
[[nodiscard]] Outcome predict_link(const InstanceView& instance, const kernel::ThreadStatus& status,
                                   const WriteEnd& from, const WriteEnd& to);

// Whether the mode bits let this thread write there, as far as they are known to us (no ACLs).
[[nodiscard]] bool permitted(const kernel::FileIdentity& file, const kernel::ThreadStatus& status);

}  // namespace cofferdam::supervise
