// A queue that does anything in any order, and a model that knows only what must come out: every record once, in order,
// or announced; whatever a crash interrupted comes again, and is the same.
#include <random>

#include "unit/logs/queue/queue_fixture.hpp"

namespace cofferdam::logs {
namespace {

using WhenFull = LogSink::WhenFull;

class Model {
 public:
  Model(std::uint32_t seed, WhenFull when_full)
      : random_(seed), f_(when_full, 0, when_full == WhenFull::drop_newest ? 0 : 512 << 10) {
    limits_.bytes = 20'000;
    f_.open();
  }

  void run(int steps) {
    for (int step = 0; step < steps && !testing::Test::HasFatalFailure(); ++step) {
      switch (below(10)) {
        case 0:
        case 1:
        case 2:
        case 3: push(); break;
        case 4:
        case 5:
        case 6:
        case 7: send(); break;
        case 8: crash(); break;
        default: next_run(); break;
      }
      expect_balanced(f_.counters());
    }
    expect_replay();
    const auto rest = f_.drain();
    finished_.insert(finished_.end(), rest.begin(), rest.end());
    expect_complete(finished_, 1, seq_);
    EXPECT_EQ(f_.counters().pending, 0U);
    expect_balanced(f_.counters());
  }
  [[nodiscard]] std::size_t replays() const { return replays_; }

 private:
  std::uint64_t below(std::uint64_t limit) { return random_() % limit; }

  void push() {
    for (std::uint64_t n = below(300); n != 0; --n) f_.push(++seq_, below(40) == 0 ? 40'000 : below(800));
  }

  // One attempt: delivered, delivered in part, refused, or in vain.
  void send() {
    expect_replay();
    limits_.records = 1 + below(200);
    if (!f_.queue->take(limits_)) return;
    for (std::uint64_t n = below(4); n != 0; --n) {
      const std::size_t most = 1 + below(200);
      if (!f_.queue->view(limits_, most, batch_)) return;
      switch (below(5)) {
        case 0:
          if (batch_.records.front().gap_count == 0) {
            f_.queue->finish_rejected("no", false);
            break;
          }
          [[fallthrough]];
        case 1:
        case 2:
          for (const Record& record : batch_.records) finished_.push_back(queued_record(record));
          f_.queue->finish_delivered(batch_.records.size(), 0, {});
          break;
        case 3:
          // Killed after it was sent and before that was noted.
          most_ = most;
          for (const Record& record : batch_.records) replay_.push_back(queued_record(record));
          f_.open();
          return;
        default: return;
      }
    }
  }

  void crash() { f_.open(); }

  void next_run() {
    if (f_.options.spill_fd < 0) return;
    expect_replay();
    ASSERT_TRUE(f_.queue->leave_to_spill());
    EXPECT_EQ(f_.counters().spilled, f_.counters().pending);
    f_.forget_memory();
    f_.open();
  }

  // The batch that a crash interrupted, the same again.
  void expect_replay() {
    if (replay_.empty()) return;
    ++replays_;
    ASSERT_TRUE(f_.queue->view(limits_, most_, batch_));
    std::vector<QueuedRecord> again;
    for (const Record& record : batch_.records) again.push_back(queued_record(record));
    ASSERT_EQ(again, replay_);
    replay_.clear();
  }

  std::mt19937 random_;
  QueueFixture f_;
  BatchLimits limits_;
  QueuedBatch batch_;
  std::uint64_t seq_ = 0;
  std::vector<QueuedRecord> finished_;
  std::vector<QueuedRecord> replay_;
  std::size_t most_ = 0;
  std::size_t replays_ = 0;
};

TEST(QueueModel, WhateverHappensAllComesOutInOrderOrIsAnnounced) {
  std::size_t replays = 0;
  for (const WhenFull when_full : {WhenFull::spill, WhenFull::drop_oldest, WhenFull::drop_newest}) {
    for (std::uint32_t seed = 1; seed <= 4; ++seed) {
      Model model(seed, when_full);
      model.run(100);
      replays += model.replays();
      ASSERT_FALSE(testing::Test::HasFailure()) << "when_full " << static_cast<int>(when_full) << ", seed " << seed;
    }
  }
  EXPECT_GT(replays, 30U);
}

}  // namespace
}  // namespace cofferdam::logs
