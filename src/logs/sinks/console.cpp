#include "logs/sinks/console.hpp"

#include <cerrno>

#include "logs/sinks/write.hpp"

namespace cofferdam::logs {

Delivery ConsoleSink::deliver(const Batch& batch) {
  if (gone_) return {0, batch.records, true};
  const int fd = encoding() == Encoding::raw && batch.stream == Stream::err ? err_ : out_;
  const Written written = write_all(fd, batch.bytes);
  if (written.errnum == 0) return {batch.records, 0, false};
  gone_ = written.errnum == EPIPE;
  return {0, batch.records, gone_};
}

}  // namespace cofferdam::logs
