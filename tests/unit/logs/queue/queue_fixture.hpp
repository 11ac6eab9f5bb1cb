// A sink's queue with its memory, and what comes out of it, for tests.
#pragma once

#include <gtest/gtest.h>
#include <sys/mman.h>

#include <chrono>
#include <cstddef>
#include <memory>
#include <new>
#include <span>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "kernel/fd.hpp"
#include "logs/queue/sink_queue.hpp"
#include "support/temporary_directory.hpp"

namespace cofferdam::logs {

// Zeroed MAP_SHARED memory.
class SharedMemory {
 public:
  explicit SharedMemory(std::size_t size) : size_(size) {
    void* at = mmap(nullptr, size, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
    if (at == MAP_FAILED) throw std::bad_alloc();
    at_ = static_cast<std::byte*>(at);
  }
  ~SharedMemory() { munmap(at_, size_); }
  SharedMemory(const SharedMemory&) = delete;
  SharedMemory& operator=(const SharedMemory&) = delete;

  [[nodiscard]] std::span<std::byte> bytes() const { return {at_, size_}; }

 private:
  std::byte* at_;
  std::size_t size_;
};

// A record or a gap, as it came out.
struct QueuedRecord {
  std::uint64_t seq = 0;
  std::uint64_t gap_count = 0;
  std::uint64_t gap_first = 0;
  std::string reason;
  std::string message;

  bool operator==(const QueuedRecord&) const = default;
};

inline QueuedRecord queued_record(const Record& record) {
  return {record.seq, record.gap_count, record.gap_first, std::string(record.gap_reason), std::string(record.message)};
}

inline std::string queued_text(std::uint64_t seq, std::size_t size) {
  std::string text = std::to_string(seq) + ":";
  while (text.size() < size) text += static_cast<char>('a' + (seq + text.size()) % 26);
  return text;
}

class QueueFixture {
 public:
  explicit QueueFixture(LogSink::WhenFull when_full = LogSink::WhenFull::drop_oldest, std::uint64_t buffer = 0,
                        std::uint64_t spill_size = 0)
      : memory_(queue_memory(buffer)), shared_(sizeof(SinkCounters)) {
    options.memory = memory_.bytes();
    options.counters = new (shared_.bytes().data()) SinkCounters{};
    options.when_full = when_full;
    options.sink = "otlp";
    options.instance = "web.1";
    if (spill_size == 0) return;
    spill_ = open_spill(directory("spill")).value();
    options.spill_fd = spill_.get();
    options.spill_size = spill_size;
  }

  // The queue in the memory. What was open before ends as in a crash: its descriptors are closed, and nothing else.
  SinkQueue& open() {
    queue.reset();
    queue = SinkQueue::open(options).value();
    return *queue;
  }
  // Another run: memory and counters as new, the directory as it is.
  void forget_memory() {
    queue.reset();
    std::ranges::fill(options.memory, std::byte{0});
    options.counters = new (shared_.bytes().data()) SinkCounters{};
  }

  void push(std::uint64_t seq, std::size_t size = 100) {
    const std::string text = queued_text(seq, size);
    Record record;
    record.seq = seq;
    record.time = static_cast<std::int64_t>(1'700'000'000'000'000'000 + seq);
    record.message = text;
    queue->push(record);
  }
  void push(std::uint64_t first, std::uint64_t last, std::size_t size) {
    for (std::uint64_t seq = first; seq <= last; ++seq) push(seq, size);
  }
  // Takes and delivers all there is.
  std::vector<QueuedRecord> drain(std::size_t at_once = 1000) {
    BatchLimits limits;
    limits.records = at_once;
    std::vector<QueuedRecord> all;
    QueuedBatch batch;
    while (queue->take(limits)) {
      while (queue->view(limits, at_once, batch)) {
        for (const Record& record : batch.records) all.push_back(queued_record(record));
        queue->finish_delivered(batch.records.size(), 0, {});
      }
    }
    return all;
  }
  [[nodiscard]] const SinkCounters& counters() const { return *options.counters; }
  [[nodiscard]] std::size_t segments() const {
    std::size_t count = 0;
    for (const auto& entry : std::filesystem::directory_iterator(directory("spill"))) {
      count += entry.path().extension() == ".seg" ? 1 : 0;
    }
    return count;
  }

  test::TemporaryDirectory directory;
  SinkQueueOptions options;
  std::unique_ptr<SinkQueue> queue;

 private:
  SharedMemory memory_;
  SharedMemory shared_;
  kernel::Fd spill_;
};

// What came out accounts for the records `first` to `last`, each once, in order, none torn.
inline void expect_complete(const std::vector<QueuedRecord>& all, std::uint64_t first, std::uint64_t last) {
  std::uint64_t next = first;
  for (const QueuedRecord& one : all) {
    ASSERT_EQ(one.gap_count == 0 ? one.seq : one.gap_first, next);
    if (one.gap_count == 0) {
      ASSERT_EQ(one.message, queued_text(one.seq, one.message.size()));
    } else {
      ASSERT_EQ(one.gap_first + one.gap_count - 1, one.seq);
    }
    next = one.seq + 1;
  }
  ASSERT_EQ(next, last + 1);
}

inline void expect_balanced(const SinkCounters& counters) {
  EXPECT_EQ(counters.pushed + counters.adopted, counters.delivered + counters.dropped + counters.pending);
}

}  // namespace cofferdam::logs
