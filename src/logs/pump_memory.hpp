// What the pump and the launcher share: counters, and what outlives a pump that crashes.
#pragma once

#include <array>
#include <atomic>
#include <cstddef>
#include <cstdint>

#include "logs/framer.hpp"
#include "logs/process/held_text.hpp"
#include "logs/process/limiter.hpp"
#include "logs/process/redactor.hpp"
#include "logs/queue/counters.hpp"
#include "logs/record.hpp"
#include "logs/stamper.hpp"

namespace cofferdam::logs {

// Written by the pump, read by the launcher at any time.
struct PumpCounters {
  struct OfStream {
    std::atomic<std::uint64_t> records;  // a line longer than one record is several
    std::atomic<std::uint64_t> bytes;    // as the app wrote them
  };
  std::array<OfStream, kLogStreams> streams;
  std::array<SinkCounters, kMaxLogSinks> sinks;  // in the order of PumpConfig::sinks
  // A batch is on its way to the console or a file: a pump that ends now may leave part of a line.
  std::array<std::atomic<bool>, kMaxLogSinks> writing;
  std::atomic<bool> console_gone;
};
static_assert(std::atomic<std::uint64_t>::is_always_lock_free && std::atomic<bool>::is_always_lock_free);

// What the stages know of the lines before, and what they hold.
struct StagesState {
  std::array<HeldText::Mark, kLogStreams> held;
  std::array<bool, kLogStreams> left_out{};  // the line of which the stream is in the middle
  Redactor::State redactor;
  Limiter::State limiter;
};

// A datagram of /dev/log, or a record of cofferdam's own: one at a time. Zero before each, so that even one that
// recv(2) had brought, of which the pump did not live to hear, is found; only zero bytes at its end would be missed.
struct Received {
  std::uint64_t number = 0;  // counts what was asked for
  std::uint32_t size = 0;    // 0: none, or not known
  Stream stream = Stream::syslog;
  std::array<char, 64 << 10> bytes;
};

// Where a pump stands: all before it is in a sink or a queue.
struct Checkpoint {
  bool taken = false;
  std::array<Framer::Mark, 2> marks;  // of stdout and stderr
  std::uint64_t received = 0;         // the last that is done
  StagesState stages;
  Stamper::State stamp;
};

// MAP_SHARED memory of launcher and pump, zero at first: what outlives a pump that crashes.
struct PumpMemory {
  PumpCounters counters;
  std::array<Checkpoint, 2> checkpoints;
  std::atomic<std::uint32_t> current;  // which of them holds; the other one may be half written
  std::array<FramerMemory, 2> streams;
  std::array<HeldMemory, kLogStreams> held;
  Received received;
  std::atomic<bool> at_work;  // between input and checkpoint
};

}  // namespace cofferdam::logs
