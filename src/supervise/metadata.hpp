// Container mode: chmod, chown, utimes and xattr, which Landlock does not cover. They are performed here on the pinned
// object, with the caller's file-system identity, or refused; the caller's own call never runs.
#pragma once

#include <sys/types.h>

#include <ctime>
#include <string>
#include <vector>

#include "kernel/notify.hpp"
#include "kernel/procfs.hpp"
#include "kernel/syscall_table.hpp"
#include "supervise/places.hpp"

namespace cofferdam::supervise {

// A metadata call on private copies of its arguments. `error` is the errno for the caller when they can't be read
// or are refused as they stand.
struct MetadataRequest {
  kernel::NotifyKind kind = kernel::NotifyKind::chmod;
  int error = 0;
  mode_t mode = 0;
  uid_t uid = 0;
  gid_t gid = 0;
  bool now = false;
  timespec times[2]{};
  std::string attribute;
  std::vector<std::byte> value;
  int flags = 0;
};

[[nodiscard]] MetadataRequest read_metadata_request(const kernel::Notification& call, const kernel::NotifyRow& row,
                                                    const kernel::ThreadView& view);

// What the kernel will say of a request that it performs itself (local mode), beside who owns the object: 0 or an
// errno. `may_write`: the caller may write the object.
[[nodiscard]] int judge_metadata(const MetadataRequest& request, const kernel::ThreadStatus& caller,
                                 const kernel::FileIdentity& identity, const kernel::Fd& object, bool may_write);

// Returns 0 or the errno for the caller; `refused` when cofferdam's storage rule is the reason.
[[nodiscard]] int perform_metadata(const InstanceView& instance, const MetadataRequest& request,
                                   const kernel::ThreadStatus& caller, const kernel::Fd& object, bool* refused);

}  // namespace cofferdam::supervise
