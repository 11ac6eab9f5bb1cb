// The arguments of a notified call, by the places that its row in the syscall table names.
#pragma once

#include <cstdint>
#include <optional>

#include "kernel/notify.hpp"
#include "kernel/procfs.hpp"
#include "kernel/syscall_table.hpp"

namespace cofferdam::supervise {

// `index` is one that the call has, 0 to 5.
[[nodiscard]] std::uint64_t argument(const kernel::Notification& call, std::int8_t index);
[[nodiscard]] int int_argument(const kernel::Notification& call, std::int8_t index);

// The open flags (open(2)) of open, openat, openat2 and creat; nothing when the caller's struct open_how can't be read,
// of which the kernel says EFAULT. 0 for a call that opens nothing.
[[nodiscard]] std::optional<std::uint64_t> open_flags(const kernel::Notification& call, const kernel::NotifyRow& row,
                                                      const kernel::ThreadView& view);

}  // namespace cofferdam::supervise
