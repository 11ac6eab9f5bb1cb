// A file on the host, outside the instance: JSON Lines, appended.
#pragma once

#include <string>

#include "logs/sinks/sink.hpp"

namespace cofferdam::logs {

// A full disk or an I/O error drops records and never stops the app; the next batch is tried again. A record that was
// written in part when the disk filled up is completed first, so the file stays JSON Lines.
class FileSink : public Sink {
 public:
  // `fd` is open for appending and stays the caller's.
  FileSink(Encoding encoding, int fd) : Sink(encoding), fd_(fd) {}

  Delivery deliver(const Batch& batch) override;

 private:
  int fd_;
  std::string torn_;  // the rest of a record that was written in part
};

}  // namespace cofferdam::logs
