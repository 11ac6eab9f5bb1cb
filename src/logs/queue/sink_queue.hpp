// What waits for one sink: a ring in shared memory, segments on disk behind it, and the gaps where records were
// dropped.
//
//   taken by the worker <- flight <- spill segments, oldest first <- ring <- push()
//                         1 batch    only when the ring ran over
//
// Records come out in the order in which they were pushed, each once. What is dropped comes out as one gap record at
// its place in the order. All of it but the segments' text survives the process: another one opens the same memory and
// goes on. Records come twice only after such a crash (the batch in flight), or after one of the whole run (what was
// delivered of a segment is written into its head after each batch; no fsync: a crash of the machine loses what the
// kernel had not yet written).
#pragma once

#include <chrono>
#include <condition_variable>
#include <cstddef>
#include <cstdint>
#include <functional>
#include <memory>
#include <mutex>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "cofferdam/logs.hpp"
#include "cofferdam/result.hpp"
#include "logs/queue/counters.hpp"
#include "logs/queue/packed.hpp"
#include "logs/queue/ring.hpp"
#include "logs/queue/spill.hpp"
#include "logs/record.hpp"
#include "logs/sinks/sender.hpp"

namespace cofferdam::logs {

struct SinkQueueOptions {
  // MAP_SHARED and page-aligned, zeroed before the first use, queue_memory(buffer) bytes. Touched as it is needed.
  std::span<std::byte> memory;
  SinkCounters* counters = nullptr;  // MAP_SHARED, zeroed before the first use
  LogSink::WhenFull when_full = LogSink::WhenFull::drop_oldest;
  std::string sink;      // LogSink::name
  std::string instance;  // "web.1"
  // The directory of open_spill(); stays the caller's; -1: no spill. With one, what is left at the end goes there
  // whatever `when_full` is, and what an earlier run of the same sink and instance left is sent first.
  int spill_fd = -1;
  std::uint64_t spill_size = 0;  // bytes of this sink's segments: its share of LogSpill::size
  // block: asked every 100 ms while push() waits; false: push() never waits again; records go to the spill, or are
  // dropped. Empty: waits as long as it takes.
  std::function<bool()> may_wait;
};

// The bytes of memory that a queue needs to have `buffer` bytes for records: these, one page, and room for a batch in
// flight (1.25 MiB).
[[nodiscard]] std::size_t queue_memory(std::uint64_t buffer);

// A batch as a sender wants it. The views are valid until something of the queue is finished or taken.
struct QueuedBatch {
  std::vector<Record> records;  // a gap record first where there is one
  std::vector<Field> fields;    // what the records' spans point to
  std::string gap_message;
};

class SinkQueue {
 public:
  // Opens the queue that is in the memory, or makes a new one there. Memory that another process left in a state that
  // can't be is emptied, with a gap. Errors: memory that is too small.
  [[nodiscard]] static Result<std::unique_ptr<SinkQueue>> open(SinkQueueOptions options);
  SinkQueue(const SinkQueue&) = delete;
  SinkQueue& operator=(const SinkQueue&) = delete;
  ~SinkQueue();

  // --- the producer: one thread

  // Takes a copy of the record, or drops it (or older ones) as `when_full` says. Waits only with `block`. A record that
  // is larger than half of the buffer, or than a batch in flight may be, is dropped with a gap.
  void push(const Record& record);
  // `seq` of the last record that was pushed, by any process, 0 at first: one that takes over after a crash need not
  // push what is not larger.
  [[nodiscard]] std::uint64_t last_seq() const;
  // No more push(): wakes the worker, which then drains the queue as fast as it can.
  void close();
  // The app has ended, and push() may still wait for space: from now on pauses are short.
  void hurry();

  // --- the consumer: one thread, the worker's

  enum class Ready : std::uint8_t {
    batch,  // take() has something
    quiet,  // nothing came for `patience`
    ended,  // closed and empty
  };
  // Waits for a first record, then for a full batch or until `limits.linger` has passed; at once when closed.
  [[nodiscard]] Ready wait(const BatchLimits& limits, std::chrono::milliseconds patience);
  // Sleeps; false when the queue was closed or hurried before or meanwhile (and sleeps no longer then).
  [[nodiscard]] bool pause(std::chrono::milliseconds time);
  [[nodiscard]] bool closed() const;

  // Puts records in flight, unless some are; false when there is nothing. What is in flight stays there until it is
  // finished, also over a crash, and no push() drops it.
  [[nodiscard]] bool take(const BatchLimits& limits);
  // The first elements in flight, a gap record being one: at most `most`, and what fits into `limits`. False: nothing
  // is in flight. Between take() and the end of the flight the same call makes the same batch, in another process too.
  [[nodiscard]] bool view(const BatchLimits& limits, std::size_t most, QueuedBatch& batch) const;
  // The first `elements` were delivered; the server refused `refused` of the records among them, which it did not name.
  void finish_delivered(std::size_t elements, std::uint64_t refused, std::string_view why);
  // The first element was refused, or can't be read: given up. `saved`: it is in the fallback file.
  void finish_rejected(std::string_view why, bool saved);

  // --- the end: no other thread uses the queue any more

  // Moves what is left to the spill. False (and nothing moved, or only the oldest) when there is none, or it can't be
  // written.
  [[nodiscard]] bool leave_to_spill();
  // Hands every record and gap that is in memory to `save`, oldest first, and drops it; save() says whether it kept it.
  void leave_to(const std::function<bool(const Record&)>& save);

 private:
  SinkQueue(SinkQueueOptions options, Ring ring);

  void commit();
  void announce_damage();
  void lose(const Record& record, std::string_view reason);
  void drop_front(std::string_view reason);
  [[nodiscard]] bool make_room(std::size_t bytes, std::unique_lock<std::mutex>& lock);
  [[nodiscard]] bool clear_room(std::size_t bytes, std::unique_lock<std::mutex>& lock);
  [[nodiscard]] bool wait_for_space(std::unique_lock<std::mutex>& lock);
  [[nodiscard]] bool spill_some();
  [[nodiscard]] int spill_run(std::size_t most);
  [[nodiscard]] bool spill_front();

  [[nodiscard]] bool has_anything() const;
  [[nodiscard]] bool take_from_spill(std::unique_lock<std::mutex>& lock);
  void take_from_ring(const BatchLimits& limits);
  void flight_moved(std::size_t bytes, std::uint64_t records);
  [[nodiscard]] std::optional<PackedHead> give_up_front(bool saved);

  Gap& gap(GapPlace place) { return ring_.state.gap(place); }
  void move_gap(GapPlace from, GapPlace to);

  SinkQueueOptions options_;
  mutable std::mutex mutex_;
  std::condition_variable more_;   // the worker waits for records, the end of a pause, or close()
  std::condition_variable space_;  // push() waits for space
  Ring ring_;
  Spill spill_;
  std::size_t largest_frame_;
  bool closed_ = false;
  bool hurried_ = false;
  bool never_waits_ = false;  // may_wait() has said so
  // What the worker waits for, 0: it does not wait for records.
  std::size_t wake_at_frames_ = 0;
  std::size_t wake_at_bytes_ = 0;
  std::string spill_error_;  // why the spill can't be written; empty: it can
  std::chrono::steady_clock::time_point spill_again_;
};

}  // namespace cofferdam::logs
