#include "supervise/arguments.hpp"

#include <fcntl.h>

#include <algorithm>
#include <span>

namespace cofferdam::supervise {

std::uint64_t argument(const kernel::Notification& call, std::int8_t index) {
  return call.args.at(static_cast<std::size_t>(index));
}

int int_argument(const kernel::Notification& call, std::int8_t index) {
  return static_cast<int>(argument(call, index));
}

std::optional<std::uint64_t> open_flags(const kernel::Notification& call, const kernel::NotifyRow& row,
                                        const kernel::ThreadView& view) {
  if (row.kind == kernel::NotifyKind::open) {
    if (row.shape.flags < 0) return O_CREAT | O_WRONLY | O_TRUNC;
    return static_cast<unsigned>(int_argument(call, row.shape.flags));
  }
  if (row.kind != kernel::NotifyKind::open_how) return 0;
  kernel::OpenHow how;
  const std::size_t size = std::min<std::size_t>(argument(call, row.shape.length), sizeof how);
  const auto bytes = std::as_writable_bytes(std::span(&how, 1)).first(size);
  if (view.read_memory(argument(call, row.shape.data), bytes) != static_cast<ssize_t>(size)) return std::nullopt;
  return how.flags;
}

}  // namespace cofferdam::supervise
