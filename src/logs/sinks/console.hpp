// The console: cofferdam's own stdout and stderr.
#pragma once

#include "logs/sinks/sink.hpp"

namespace cofferdam::logs {

// Pretty and JSON records of both streams go to `out`, which keeps their order; raw bytes go to `out` or `err`, as the
// app wrote them. Gone once nobody reads it (EPIPE); other errors (a full disk behind a redirection) drop the batch.
class ConsoleSink : public Sink {
 public:
  // The descriptors stay the caller's.
  ConsoleSink(Encoding encoding, int out, int err) : Sink(encoding), out_(out), err_(err) {}

  Delivery deliver(const Batch& batch) override;

 private:
  int out_;
  int err_;
  bool gone_ = false;
};

}  // namespace cofferdam::logs
