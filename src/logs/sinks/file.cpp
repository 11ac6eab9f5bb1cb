#include "logs/sinks/file.hpp"

#include <algorithm>

#include "logs/sinks/write.hpp"

namespace cofferdam::logs {

Delivery FileSink::deliver(const Batch& batch) {
  if (!torn_.empty()) {
    const Written mended = write_all(fd_, torn_);
    torn_.erase(0, mended.bytes);
    if (mended.errnum != 0) return {0, batch.records, false};
  }
  const Written written = write_all(fd_, batch.bytes);
  if (written.errnum == 0) return {batch.records, 0, false};
  const std::string_view before = batch.bytes.substr(0, written.bytes);
  if (!before.empty() && before.back() != '\n') {
    torn_ = batch.bytes.substr(written.bytes, batch.bytes.find('\n', written.bytes) + 1 - written.bytes);
  }
  const auto whole = static_cast<std::uint64_t>(std::count(before.begin(), before.end(), '\n'));
  const std::uint64_t delivered = std::min(whole, batch.records);
  return {delivered, batch.records - delivered, false};
}

}  // namespace cofferdam::logs
