// The thread of one sink: takes batches from the queue, encodes each once, and sends it until it is delivered.
#pragma once

#include <pthread.h>

#include <chrono>
#include <cstdint>
#include <memory>

#include "logs/queue/backoff.hpp"
#include "logs/queue/counters.hpp"
#include "logs/queue/sink_queue.hpp"
#include "logs/sinks/sender.hpp"

namespace cofferdam::logs {

struct WorkerOptions {
  std::chrono::milliseconds timeout{10000};  // of one attempt
  std::string instance;                      // for the fallback's records
  std::string sink;                          // LogSink::name, for the fallback's records
  int fallback_fd = -1;                      // open for appending; stays the caller's; -1: none
  SinkCounters* counters = nullptr;          // the queue's
  BackoffLimits backoff;
  std::chrono::milliseconds failed_retry{300'000};   // between attempts once the sender said `failed`
  std::chrono::milliseconds longest_asked{300'000};  // of what a server may ask for with Retry-After
  std::chrono::milliseconds last_pause{250};         // the longest pause between attempts at the end
  std::chrono::milliseconds idle_after{30'000};      // then Sender::idle() is called, once
  std::chrono::milliseconds grace{50};               // beyond the deadline, for a sender to return
};

// What finish() found. `spilled` waits for the next run; `saved` is in the fallback file; `dropped` is gone, and
// counted.
struct Leftover {
  std::uint64_t spilled = 0;
  std::uint64_t saved = 0;
  std::uint64_t dropped = 0;
};

// What the outcome of an attempt leads to:
//   delivered  the next batch; refused records are announced by a gap
//   retry      the same bytes again, after a pause: 250 ms, doubled up to 30 s, with full jitter, or what the server
//   asks
//              for (5 minutes at most)
//   rejected   the batch is halved, until the record that is at fault is alone: it goes to the fallback and becomes a
//   gap failed     told once (SinkCondition::failed), and tried again every 5 minutes; records wait as `when_full` says
class Worker {
 public:
  // The queue outlives the worker, the counters and the fallback's descriptor outlive both.
  Worker(std::unique_ptr<Sender> sender, SinkQueue& queue, WorkerOptions options);
  Worker(const Worker&) = delete;
  Worker& operator=(const Worker&) = delete;
  // Without finish(): as finish() with a deadline that is over.
  ~Worker();

  // Starts the thread (256 KiB of stack, all signals blocked). Errors: there can be no thread.
  [[nodiscard]] Result<void> start();

  // Sends what is in the queue, then what is left goes to the spill, else to the fallback file, else it is dropped and
  // counted (a sink that `failed`: to the fallback before the spill). Returns at `deadline` or little later, also when
  // the sender is stuck in a request: its thread then ends by itself, and touches neither the queue nor the counters.
  // No push() may come after this.
  Leftover finish(Deadline deadline);

 private:
  class Thread;
  std::shared_ptr<Thread> thread_;  // shared with the thread itself
  pthread_t handle_{};
  bool started_ = false;
  bool finished_ = false;
};

}  // namespace cofferdam::logs
