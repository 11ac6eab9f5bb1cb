#include "logs/queue/sink_queue.hpp"

#include <signal.h>
#include <sys/wait.h>
#include <unistd.h>

#include <atomic>
#include <thread>

#include "unit/logs/queue/queue_fixture.hpp"

namespace cofferdam::logs {
namespace {

using WhenFull = LogSink::WhenFull;
using std::chrono::milliseconds;
constexpr std::uint64_t kBuffer = 64 << 10;  // of the smallest queue

std::uint64_t announced(const std::vector<QueuedRecord>& all) {
  std::uint64_t count = 0;
  for (const QueuedRecord& one : all) count += one.gap_count;
  return count;
}

TEST(SinkQueue, GivesBackWhatWasPushed) {
  QueueFixture f;
  f.open();
  f.push(1, 100, 50);
  const auto all = f.drain(7);
  EXPECT_EQ(all.size(), 100U);
  expect_complete(all, 1, 100);
  EXPECT_EQ(f.counters().delivered, 100U);
  EXPECT_EQ(f.counters().pending, 0U);
  EXPECT_EQ(f.queue->last_seq(), 100U);
}

TEST(SinkQueue, GoesRoundManyTimes) {
  QueueFixture f;
  f.open();
  std::vector<QueuedRecord> all;
  for (std::uint64_t seq = 1; seq <= 5000; ++seq) {
    f.push(seq, seq * 37 % 900);
    if (seq % 60 != 0) continue;
    const auto some = f.drain(1 + seq % 17);
    all.insert(all.end(), some.begin(), some.end());
  }
  const auto rest = f.drain();
  all.insert(all.end(), rest.begin(), rest.end());
  EXPECT_EQ(all.size(), 5000U);
  expect_complete(all, 1, 5000);
}

TEST(SinkQueue, RefusesMemoryThatIsTooSmall) {
  QueueFixture f;
  f.options.memory = f.options.memory.first(8192);
  const auto queue = SinkQueue::open(f.options);
  ASSERT_FALSE(queue);
  EXPECT_EQ(queue.error().message, "the memory of a log sink's queue is too small");
}

TEST(SinkQueue, DropsTheOldestWithOneGapBeforeTheRest) {
  QueueFixture f(WhenFull::drop_oldest);
  f.open();
  f.push(1, 1000, 200);
  const auto all = f.drain();
  ASSERT_GT(all.size(), 1U);
  EXPECT_EQ(all[0].gap_first, 1U);
  EXPECT_EQ(all[0].reason, "buffer full");
  EXPECT_EQ(announced(all), all[0].gap_count);
  EXPECT_EQ(all.back().seq, 1000U);
  expect_complete(all, 1, 1000);
  EXPECT_EQ(f.counters().dropped, all[0].gap_count);
  expect_balanced(f.counters());
}

TEST(SinkQueue, DropsTheNewestWithOneGapBeforeTheNextThatIsTaken) {
  QueueFixture f(WhenFull::drop_newest);
  f.open();
  f.push(1, 1000, 200);
  const std::uint64_t taken = f.counters().pushed - f.counters().dropped;
  ASSERT_TRUE(f.queue->take({}));
  f.push(1001);
  const auto all = f.drain();
  ASSERT_EQ(all.size(), taken + 2);
  EXPECT_EQ(all[taken].gap_first, taken + 1);
  EXPECT_EQ(all[taken].seq, 1000U);
  EXPECT_EQ(all[taken + 1].seq, 1001U);
  expect_complete(all, 1, 1001);
}

TEST(SinkQueue, AGapComesOutAloneWhenNothingFollows) {
  QueueFixture f(WhenFull::drop_newest);
  f.open();
  f.push(1, 1000, 200);
  expect_complete(f.drain(), 1, 1000);
}

TEST(SinkQueue, WhatIsInFlightIsNeverDropped) {
  QueueFixture f(WhenFull::drop_oldest);
  SinkQueue& queue = f.open();
  f.push(1, 100, 200);
  BatchLimits limits;
  limits.records = 50;
  ASSERT_TRUE(queue.take(limits));
  f.push(101, 3000, 200);
  QueuedBatch batch;
  ASSERT_TRUE(queue.view(limits, 50, batch));
  EXPECT_EQ(batch.records.size(), 50U);
  EXPECT_EQ(batch.records[0].message, queued_text(1, 200));
  const auto all = f.drain();
  EXPECT_EQ(all[50].gap_first, 51U);
  expect_complete(all, 1, 3000);
}

TEST(SinkQueue, CountsOnlyWhatItWasGiven) {
  QueueFixture f(WhenFull::drop_oldest);
  f.open();
  for (std::uint64_t seq = 2; seq <= 2000; seq += 2) f.push(seq, 200);
  const auto all = f.drain();
  EXPECT_EQ(all[0].gap_count + all.size() - 1, 1000U);
  EXPECT_EQ(all[0].gap_first, 2U);
}

TEST(SinkQueue, ARecordLargerThanTheBufferTakesIsAGap) {
  QueueFixture f;
  f.open();
  f.push(1);
  f.push(2, kBuffer);
  f.push(3);
  const auto all = f.drain();
  ASSERT_EQ(all.size(), 3U);
  EXPECT_EQ(all[1].gap_count, 1U);
  EXPECT_EQ(all[1].message, "1 record lost here: larger than the buffer takes");
  expect_complete(all, 1, 3);
}

TEST(SinkQueue, KeepsToTheLimitsOfABatch) {
  QueueFixture f;
  SinkQueue& queue = f.open();
  f.push(1, 20, 1000);
  BatchLimits limits;
  limits.bytes = 5000;
  QueuedBatch batch;
  ASSERT_TRUE(queue.take(limits));
  ASSERT_TRUE(queue.view(limits, 1000, batch));
  EXPECT_EQ(batch.records.size(), 4U);
  limits.bytes = 10;  // less than a record: one at a time
  EXPECT_TRUE(queue.view(limits, 1000, batch));
  EXPECT_EQ(batch.records.size(), 1U);
}

TEST(SinkQueue, ARefusedRecordIsAGapAtItsPlace) {
  QueueFixture f;
  SinkQueue& queue = f.open();
  f.push(1, 5, 50);
  ASSERT_TRUE(queue.take({}));
  queue.finish_delivered(2, 0, {});
  queue.finish_rejected("400 Bad Request", true);
  const auto rest = f.drain();
  ASSERT_EQ(rest.size(), 3U);
  EXPECT_EQ(rest[0].message, "1 record lost here: rejected by the server: 400 Bad Request");
  EXPECT_EQ(rest[0].gap_first, 3U);
  EXPECT_EQ(rest[1].seq, 4U);
  EXPECT_EQ(f.counters().rejected, 1U);
  EXPECT_EQ(f.counters().saved, 1U);
  EXPECT_EQ(f.counters().dropped, 1U);
  expect_balanced(f.counters());
}

TEST(SinkQueue, RefusedRecordsOfADeliveredBatchAreAnnounced) {
  QueueFixture f;
  SinkQueue& queue = f.open();
  f.push(1, 10, 50);
  ASSERT_TRUE(queue.take({}));
  queue.finish_delivered(10, 3, "too old");
  const auto rest = f.drain();
  ASSERT_EQ(rest.size(), 1U);
  EXPECT_EQ(rest[0].message, "3 records lost here: rejected by the server: too old");
  EXPECT_EQ(f.counters().delivered, 7U);
  EXPECT_EQ(f.counters().dropped, 3U);
  expect_balanced(f.counters());
}

TEST(SinkQueue, AnAnnouncementThatIsRefusedIsGivenUp) {
  QueueFixture f(WhenFull::drop_newest);
  SinkQueue& queue = f.open();
  f.push(1, 1000, 200);
  BatchLimits limits;
  ASSERT_TRUE(queue.take(limits));
  QueuedBatch batch;
  while (queue.view(limits, 1, batch) && batch.records[0].gap_count == 0) queue.finish_delivered(1, 0, {});
  ASSERT_TRUE(queue.take(limits));
  queue.finish_rejected("no", false);
  EXPECT_FALSE(queue.take(limits));
  expect_balanced(f.counters());
}

TEST(SinkQueue, BlockWaitsForTheWorker) {
  QueueFixture f(WhenFull::block);
  SinkQueue& queue = f.open();
  std::vector<QueuedRecord> all;
  std::thread worker([&] {
    while (queue.wait({}, milliseconds{5000}) == SinkQueue::Ready::batch) {
      const auto some = f.drain();
      all.insert(all.end(), some.begin(), some.end());
    }
  });
  f.push(1, 20'000, 200);
  queue.close();
  worker.join();
  EXPECT_EQ(all.size(), 20'000U);
  expect_complete(all, 1, 20'000);
}

TEST(SinkQueue, BlockGivesUpWhenItMayNotWait) {
  QueueFixture f(WhenFull::block);
  int asked = 0;
  f.options.may_wait = [&asked] { return ++asked < 3; };
  f.open();
  std::uint64_t seq = 0;
  while (asked == 0) f.push(++seq, 1000);
  EXPECT_EQ(asked, 3);
  const auto before = std::chrono::steady_clock::now();
  for (int i = 0; i < 20; ++i) f.push(++seq, 1000);
  EXPECT_LT(std::chrono::steady_clock::now() - before, milliseconds{100});
  EXPECT_EQ(asked, 3);
  const auto all = f.drain();
  EXPECT_EQ(all.back().gap_count, 21U);
  EXPECT_EQ(all.back().seq, seq);
  expect_complete(all, 1, seq);
}

TEST(SinkQueue, WaitIsQuietThenEnds) {
  QueueFixture f;
  SinkQueue& queue = f.open();
  EXPECT_EQ(queue.wait({}, milliseconds{5}), SinkQueue::Ready::quiet);
  EXPECT_TRUE(queue.pause(milliseconds{1}));
  f.push(1);
  queue.close();
  EXPECT_FALSE(queue.pause(milliseconds{10'000}));
  EXPECT_EQ(queue.wait({}, milliseconds{5}), SinkQueue::Ready::batch);
  f.drain();
  EXPECT_EQ(queue.wait({}, milliseconds{5}), SinkQueue::Ready::ended);
}

TEST(SinkQueue, LingersUntilTheBatchIsFull) {
  QueueFixture f;
  SinkQueue& queue = f.open();
  BatchLimits limits;
  limits.records = 3;
  limits.linger = milliseconds{60'000};
  std::atomic<bool> ready = false;
  std::thread worker([&] {
    EXPECT_EQ(queue.wait(limits, milliseconds{60'000}), SinkQueue::Ready::batch);
    ready = true;
  });
  f.push(1);
  f.push(2);
  std::this_thread::sleep_for(milliseconds{30});
  EXPECT_FALSE(ready);
  f.push(3);
  worker.join();
  EXPECT_TRUE(ready);
}

TEST(SinkQueue, AnotherProcessGoesOn) {
  QueueFixture f(WhenFull::drop_oldest);
  f.open();
  f.push(1, 1000, 200);  // with a gap at its front
  BatchLimits limits;
  limits.records = 10;
  ASSERT_TRUE(f.queue->take(limits));
  QueuedBatch before;
  ASSERT_TRUE(f.queue->view(limits, 1000, before));
  std::vector<QueuedRecord> first;
  for (const Record& record : before.records) first.push_back(queued_record(record));
  f.open();
  EXPECT_EQ(f.queue->last_seq(), 1000U);
  QueuedBatch after;
  ASSERT_TRUE(f.queue->view(limits, 1000, after));
  std::vector<QueuedRecord> again;
  for (const Record& record : after.records) again.push_back(queued_record(record));
  EXPECT_EQ(first, again);
  f.push(1001);
  expect_complete(f.drain(), 1, 1001);
  expect_balanced(f.counters());
}

// A child is killed while it pushes and takes; whatever moment that is, the memory is sound, and nothing is missing.
TEST(SinkQueue, MayBeKilledAtAnyMoment) {
  QueueFixture f(WhenFull::drop_oldest);
  SharedMemory shared(4096);
  auto* delivered = new (shared.bytes().data()) std::atomic<std::uint64_t>(0);
  for (int round = 0; round < 30; ++round) {
    const pid_t child = fork();
    if (child == 0) {
      f.open();
      BatchLimits limits;
      limits.records = 40;
      QueuedBatch batch;
      for (std::uint64_t seq = f.queue->last_seq() + 1;; ++seq) {
        f.push(seq, 150 + seq % 100);
        if (seq % 97 != 0 || !f.queue->take(limits)) continue;
        while (f.queue->view(limits, 40, batch)) {
          std::uint64_t next = *delivered + 1;
          for (const Record& record : batch.records) {
            const std::uint64_t from = record.gap_count == 0 ? record.seq : record.gap_first;
            // A batch that was in flight comes again.
            if (from > next) _exit(1);
            if (record.gap_count == 0 && record.message != queued_text(record.seq, record.message.size())) _exit(2);
            next = std::max(next, record.seq + 1);
          }
          *delivered = next - 1;
          f.queue->finish_delivered(batch.records.size(), 0, {});
        }
      }
    }
    std::this_thread::sleep_for(milliseconds{3 + round % 5});
    kill(child, SIGKILL);
    int status = 0;
    waitpid(child, &status, 0);
    ASSERT_TRUE(WIFSIGNALED(status)) << "status " << WEXITSTATUS(status);
    f.open();
    expect_balanced(f.counters());
  }
  const auto rest = f.drain();
  ASSERT_FALSE(rest.empty());
  EXPECT_LE(rest[0].gap_count == 0 ? rest[0].seq : rest[0].gap_first, *delivered + 1);
  EXPECT_EQ(rest.back().seq, f.counters().pushed);
  EXPECT_GT(rest.back().seq, 1000U);
  EXPECT_EQ(f.counters().pending, 0U);
}

TEST(SinkQueue, DamagedMemoryIsOneGap) {
  QueueFixture f;
  f.open();
  f.push(1, 100, 100);
  ASSERT_TRUE(f.queue->take({}));
  f.queue->finish_delivered(10, 0, {});
  std::ranges::fill(f.options.memory.subspan(Ring::kPage + 20'00, 5000), std::byte{0xEE});
  f.open();
  const auto all = f.drain();
  ASSERT_EQ(all.size(), 1U);
  EXPECT_EQ(all[0].gap_count, 90U);
  EXPECT_EQ(all[0].seq, 100U);
  EXPECT_EQ(all[0].reason, "the memory was damaged by a crash");
  expect_balanced(f.counters());
}

}  // namespace
}  // namespace cofferdam::logs
