#include "logs/queue/worker.hpp"

#include <fcntl.h>
#include <unistd.h>

#include <algorithm>
#include <functional>
#include <random>
#include <set>
#include <thread>

#include "unit/logs/queue/fake_sender.hpp"

namespace cofferdam::logs {
namespace {

using WhenFull = LogSink::WhenFull;
using std::chrono::milliseconds;
using std::chrono::steady_clock;
constexpr std::uint64_t kMiB = 1 << 20;

// A worker with a queue, a scripted server and a fallback file; back-off pauses a hundredth of the real ones.
class WorkerFixture : public QueueFixture {
 public:
  explicit WorkerFixture(FakeServer::Script script = {}, WhenFull when_full = WhenFull::drop_oldest,
                         std::uint64_t spill_size = 0)
      : QueueFixture(when_full, 256 << 10, spill_size) {
    server->script = std::move(script);
    worker_options.timeout = milliseconds{200};
    worker_options.instance = "web.1";
    worker_options.sink = "otlp";
    worker_options.counters = options.counters;
    worker_options.backoff = {.first = milliseconds{3}, .longest = milliseconds{30}};
    worker_options.failed_retry = milliseconds{40};
    worker_options.last_pause = milliseconds{5};
    worker_options.idle_after = milliseconds{20};
  }
  ~WorkerFixture() {
    worker.reset();
    if (fallback_ >= 0) ::close(fallback_);
  }

  void with_fallback() {
    fallback_ = ::open(directory("fallback").c_str(), O_WRONLY | O_APPEND | O_CREAT | O_CLOEXEC, 0600);
    worker_options.fallback_fd = fallback_;
  }
  void start() {
    if (!queue) open();
    worker = std::make_unique<Worker>(std::make_unique<FakeSender>(server), *queue, worker_options);
    ASSERT_TRUE(worker->start());
  }
  Leftover finish(milliseconds within = milliseconds{5000}) { return worker->finish(steady_clock::now() + within); }
  // Waits for what must come.
  static void await(const std::function<bool()>& condition) {
    const auto until = steady_clock::now() + std::chrono::seconds{20};
    while (!condition() && steady_clock::now() < until) std::this_thread::sleep_for(milliseconds{1});
    ASSERT_TRUE(condition());
  }
  [[nodiscard]] std::vector<std::string> fallback_lines() const {
    std::vector<std::string> lines;
    std::ifstream file(directory("fallback"));
    for (std::string line; std::getline(file, line);) lines.push_back(line);
    return lines;
  }

  std::shared_ptr<FakeServer> server = std::make_shared<FakeServer>();
  WorkerOptions worker_options;
  std::unique_ptr<Worker> worker;

 private:
  int fallback_ = -1;
};

// Delivered and announced records are all, each once, in order, and the counters say the same.
void expect_all(WorkerFixture& f, std::uint64_t last) {
  const auto all = f.server->all();
  expect_complete(all, 1, last);
  std::uint64_t announced = 0;
  std::uint64_t records = 0;
  for (const QueuedRecord& one : all)
    (one.gap_count == 0 ? records : announced) += std::max<std::uint64_t>(one.gap_count, 1);
  EXPECT_EQ(f.counters().pushed, last);
  EXPECT_EQ(f.counters().delivered, records);
  EXPECT_EQ(f.counters().dropped, announced);
  EXPECT_EQ(f.counters().pending, 0U);
  expect_balanced(f.counters());
}

TEST(Worker, DeliversInBatchesThatAreEncodedOnce) {
  WorkerFixture f;
  f.open();
  f.push(1, 1000, 50);
  f.start();
  const Leftover left = f.finish();
  EXPECT_EQ(f.server->requests(), 10U);
  EXPECT_EQ(f.server->encoded, 10U);
  EXPECT_EQ(left.spilled + left.saved + left.dropped, 0U);
  expect_all(f, 1000);
  EXPECT_EQ(read_status(f.counters()).condition, SinkCondition::working);
}

TEST(Worker, DeliversWhileRecordsComeAndTheQueueRunsOver) {
  WorkerFixture f;
  f.start();
  f.push(1, 30'000, 100);
  (void)f.finish();
  expect_all(f, 30'000);
}

TEST(Worker, ARefusedConnectionIsTriedAgainWithTheSameBytes) {
  WorkerFixture f([](std::size_t request, const auto&, Deadline) {
    return request <= 6 ? try_again("connection refused") : taken();
  });
  f.open();
  f.push(1, 100, 50);
  f.start();
  f.await([&] { return f.counters().failures >= 3; });
  const SinkStatus status = read_status(f.counters());
  EXPECT_EQ(status.condition, SinkCondition::retrying);
  EXPECT_EQ(status.text, "connection refused");
  f.push(101, 5000, 100);
  (void)f.finish();
  for (std::size_t i = 1; i <= 6; ++i) EXPECT_EQ(f.server->bodies[i], f.server->bodies[0]);
  EXPECT_EQ(f.counters().failures, 6U);
  expect_all(f, 5000);
  EXPECT_EQ(read_status(f.counters()).condition, SinkCondition::working);
  EXPECT_EQ(read_status(f.counters()).text, "");
}

TEST(Worker, AHangLastsUntilTheTimeoutOfTheAttempt) {
  std::atomic<int> hangs = 0;
  WorkerFixture f([&](std::size_t request, const auto&, Deadline deadline) {
    if (request > 2) return taken();
    EXPECT_LE(deadline - steady_clock::now(), milliseconds{30});
    std::this_thread::sleep_until(deadline);
    ++hangs;
    return try_again("no answer within 30 ms");
  });
  f.worker_options.timeout = milliseconds{30};
  f.start();
  f.push(1, 10, 50);
  f.await([&] { return f.counters().delivered == 10; });
  EXPECT_EQ(hangs, 2);
  (void)f.finish();
  expect_all(f, 10);
}

TEST(Worker, RetryAfterIsHonoured) {
  std::vector<steady_clock::time_point> times;
  WorkerFixture f([&](std::size_t request, const auto&, Deadline) {
    times.push_back(steady_clock::now());
    return request == 1 ? try_again("429 Too Many Requests", milliseconds{120}) : taken();
  });
  f.start();
  f.push(1, 10, 50);
  f.await([&] { return f.counters().delivered == 10; });
  (void)f.finish();
  EXPECT_GE(times[1] - times[0], milliseconds{120});
}

TEST(Worker, RetryAfterIsHonouredWithinALimit) {
  std::vector<steady_clock::time_point> times;
  WorkerFixture f([&](std::size_t request, const auto&, Deadline) {
    times.push_back(steady_clock::now());
    return request == 1 ? try_again("429 Too Many Requests", std::chrono::hours{3}) : taken();
  });
  f.worker_options.longest_asked = milliseconds{50};
  f.start();
  f.push(1, 10, 50);
  f.await([&] { return f.counters().delivered == 10; });
  (void)f.finish();
  EXPECT_GE(times[1] - times[0], milliseconds{50});
}

TEST(Worker, OneRejectedRecordIsFoundByHalving) {
  WorkerFixture f([](std::size_t, const std::vector<QueuedRecord>& records, Deadline) {
    const bool bad =
        std::ranges::any_of(records, [](const QueuedRecord& one) { return one.seq == 37 && one.gap_count == 0; });
    return bad ? refuse("400 Bad Request: bad record") : taken();
  });
  f.with_fallback();
  f.open();
  f.push(1, 100, 50);
  f.start();
  (void)f.finish();
  EXPECT_LE(f.server->requests(), 28U);
  expect_all(f, 100);
  const auto all = f.server->all();
  EXPECT_EQ(all[36].gap_count, 1U);
  EXPECT_EQ(all[36].message, "1 record lost here: rejected by the server: 400 Bad Request: bad record");
  EXPECT_EQ(f.counters().rejected, 1U);
  EXPECT_EQ(f.counters().saved, 1U);
  ASSERT_EQ(f.fallback_lines().size(), 1U);
  EXPECT_EQ(f.fallback_lines()[0],
            R"({"ts":"2023-11-14T22:13:20.000000037Z","seq":37,"instance":"web.1","stream":"stdout","level":"info",)"
            R"("message":")" +
                queued_text(37, 50) + R"(","sink":"otlp","reason":"400 Bad Request: bad record"})");
}

TEST(Worker, SeveralRejectedRecordsAreGapsAtTheirPlaces) {
  const std::set<std::uint64_t> bad = {1, 2, 50, 99, 100, 101, 250};
  WorkerFixture f([&](std::size_t, const std::vector<QueuedRecord>& records, Deadline) {
    const bool any = std::ranges::any_of(
        records, [&](const QueuedRecord& one) { return one.gap_count == 0 && bad.contains(one.seq); });
    return any ? refuse("no") : taken();
  });
  f.open();
  f.push(1, 250, 50);
  f.start();
  (void)f.finish();
  expect_all(f, 250);
  EXPECT_EQ(f.counters().rejected, bad.size());
  for (const QueuedRecord& one : f.server->all()) {
    for (std::uint64_t seq = one.gap_first; one.gap_count != 0 && seq <= one.seq; ++seq) EXPECT_TRUE(bad.contains(seq));
  }
}

TEST(Worker, AServerThatRejectsEverythingIsNotFlooded) {
  WorkerFixture f([](std::size_t, const auto&, Deadline) { return refuse("no"); });
  f.worker_options.backoff = {.first = milliseconds{100}, .longest = milliseconds{100}};
  f.with_fallback();
  f.open();
  f.push(1, 1000, 50);
  f.start();
  std::this_thread::sleep_for(milliseconds{300});
  EXPECT_LT(f.server->requests(), 120U);
  (void)f.finish(milliseconds{50});
  expect_balanced(f.counters());
  EXPECT_EQ(f.counters().pending, 0U);
  EXPECT_EQ(f.counters().dropped, 1000U);
  EXPECT_EQ(f.counters().saved, 1000U);
}

TEST(Worker, RefusalsOfUnnamedRecordsAreAnnounced) {
  WorkerFixture f([](std::size_t request, const auto&, Deadline) {
    SendResult result;
    if (request == 1) result.rejected_records = 3;
    if (request == 1) result.why = "timestamp too old";
    return result;
  });
  f.open();
  f.push(1, 200, 50);
  f.start();
  (void)f.finish();
  EXPECT_EQ(f.counters().delivered, 197U);
  EXPECT_EQ(f.counters().dropped, 3U);
  EXPECT_EQ(f.counters().rejected, 3U);
  const auto all = f.server->all();
  EXPECT_EQ(all[100].message, "3 records lost here: rejected by the server: timestamp too old");
  EXPECT_EQ(all[101].seq, 101U);
  EXPECT_EQ(read_status(f.counters()).text, "3 records rejected: timestamp too old");
}

TEST(Worker, AFailureIsToldOnceAndTriedRarely) {
  std::atomic<bool> mended = false;
  WorkerFixture f(
      [&](std::size_t, const auto&, Deadline) { return mended ? taken() : misconfigured("401 Unauthorized"); });
  f.start();
  f.push(1, 100, 50);
  f.await([&] { return f.counters().failures >= 3; });
  const SinkStatus status = read_status(f.counters());
  EXPECT_EQ(status.condition, SinkCondition::failed);
  EXPECT_EQ(status.text, "401 Unauthorized");
  EXPECT_EQ(status.version, 1U);
  mended = true;
  f.await([&] { return f.counters().delivered == 100; });
  EXPECT_EQ(read_status(f.counters()).condition, SinkCondition::working);
  (void)f.finish();
  expect_all(f, 100);
}

TEST(Worker, WhatAFailedSinkHasGoesToTheFallback) {
  WorkerFixture f([](std::size_t, const auto&, Deadline) { return misconfigured("401 Unauthorized"); }, WhenFull::spill,
                  8 * kMiB);
  f.with_fallback();
  f.worker_options.failed_retry = milliseconds{60'000};
  f.start();
  f.push(1, 100, 50);
  f.await([&] { return f.counters().failures >= 1; });
  const auto before = steady_clock::now();
  const Leftover left = f.finish();
  EXPECT_LT(steady_clock::now() - before, milliseconds{2000});
  EXPECT_EQ(left.saved, 100U);
  EXPECT_EQ(f.fallback_lines().size(), 100U);
  EXPECT_NE(f.fallback_lines()[0].find(R"("reason":"401 Unauthorized")"), std::string::npos);
  EXPECT_EQ(f.counters().pending, 0U);
  expect_balanced(f.counters());
}

TEST(Worker, WhatIsLeftGoesToTheSpillForTheNextRun) {
  WorkerFixture f([](std::size_t, const auto&, Deadline) { return try_again("connection refused"); }, WhenFull::spill,
                  8 * kMiB);
  f.with_fallback();
  f.start();
  f.push(1, 5000, 100);
  const Leftover left = f.finish(milliseconds{100});
  EXPECT_EQ(left.spilled, 5000U);
  EXPECT_EQ(left.saved + left.dropped, 0U);
  EXPECT_TRUE(f.fallback_lines().empty());
  expect_balanced(f.counters());

  f.worker.reset();
  f.forget_memory();
  f.server->script = nullptr;
  f.start();
  (void)f.finish();
  EXPECT_EQ(f.counters().adopted, 5000U);
  EXPECT_EQ(f.counters().delivered, 5000U);
  expect_complete(f.server->all(), 1, 5000);
  EXPECT_EQ(f.segments(), 0U);
}

TEST(Worker, WhatIsLeftGoesToTheFallbackWithoutASpill) {
  WorkerFixture f([](std::size_t, const auto&, Deadline) { return try_again("connection refused"); });
  f.with_fallback();
  f.start();
  f.push(1, 500, 100);
  const Leftover left = f.finish(milliseconds{60});
  EXPECT_EQ(left.saved, 500U);
  EXPECT_EQ(left.dropped, 0U);
  EXPECT_EQ(f.fallback_lines().size(), 500U);
  EXPECT_EQ(f.counters().dropped, 500U);
  expect_balanced(f.counters());
}

TEST(Worker, WhatIsLeftIsDroppedAndCountedWithoutEither) {
  WorkerFixture f([](std::size_t, const auto&, Deadline) { return try_again("connection refused"); });
  f.start();
  f.push(1, 500, 100);
  const Leftover left = f.finish(milliseconds{60});
  EXPECT_EQ(left.dropped, 500U);
  EXPECT_EQ(f.counters().dropped, 500U);
  EXPECT_EQ(f.counters().pending, 0U);
}

TEST(Worker, TheEndIsNotDelayedByALongPauseAndDoesNotSpin) {
  WorkerFixture f([](std::size_t, const auto&, Deadline) { return try_again("503", std::chrono::minutes{4}); });
  f.worker_options.backoff = {.first = milliseconds{250}, .longest = milliseconds{30'000}};
  f.worker_options.last_pause = milliseconds{50};
  f.start();
  f.push(1, 100, 50);
  f.await([&] { return f.counters().failures >= 1; });
  const auto before = steady_clock::now();
  (void)f.finish(milliseconds{300});
  const auto took = steady_clock::now() - before;
  EXPECT_GE(took, milliseconds{250});
  EXPECT_LT(took, milliseconds{1500});
  EXPECT_GE(f.server->requests(), 3U);
  EXPECT_LT(f.server->requests(), 20U);
}

TEST(Worker, ASenderThatIsStuckDoesNotHoldTheEndUp) {
  std::atomic<bool> done = false;
  auto server = std::make_shared<FakeServer>();
  {
    WorkerFixture f({}, WhenFull::spill, 8 * kMiB);
    f.server = server;
    server->script = [&done](std::size_t, const auto&, Deadline) {
      std::this_thread::sleep_for(milliseconds{700});
      done = true;
      return taken();
    };
    f.start();
    f.push(1, 100, 50);
    f.await([&] { return f.server->requests() == 1; });
    const auto before = steady_clock::now();
    const Leftover left = f.finish(milliseconds{100});
    EXPECT_LT(steady_clock::now() - before, milliseconds{500});
    EXPECT_EQ(left.spilled, 100U);
    expect_balanced(f.counters());
  }
  // Queue, counters and directory are gone; the thread must not miss them.
  WorkerFixture::await([&] { return done.load(); });
  std::this_thread::sleep_for(milliseconds{50});
}

TEST(Worker, TellsItsSenderOnceThatThereIsNothingToDo) {
  WorkerFixture f;
  f.start();
  f.await([&] { return f.server->idle == 1; });
  f.push(1);
  f.await([&] { return f.server->idle == 2; });
  std::this_thread::sleep_for(milliseconds{60});
  EXPECT_EQ(f.server->idle, 2);
  (void)f.finish();
  expect_all(f, 1);
}

TEST(Worker, ASlowServerWithBlockGetsEverything) {
  WorkerFixture f(
      [](std::size_t, const auto&, Deadline) {
        std::this_thread::sleep_for(milliseconds{1});
        return taken();
      },
      WhenFull::block);
  f.start();
  f.push(1, 10'000, 200);
  (void)f.finish(milliseconds{20'000});
  EXPECT_EQ(f.counters().dropped, 0U);
  expect_all(f, 10'000);
}

TEST(Worker, AWorkerThatWasNeverStartedLeavesItsRecords) {
  WorkerFixture f;
  f.with_fallback();
  f.open();
  f.push(1, 10, 50);
  f.worker = std::make_unique<Worker>(std::make_unique<FakeSender>(f.server), *f.queue, f.worker_options);
  const Leftover left = f.finish();
  EXPECT_EQ(left.saved, 10U);
  EXPECT_EQ(f.server->requests(), 0U);
}

// Every way to fail, in any order, with every way to be full.
TEST(Worker, AddsUpWhateverTheServerDoes) {
  for (const WhenFull when_full : {WhenFull::drop_oldest, WhenFull::drop_newest, WhenFull::spill, WhenFull::block}) {
    for (std::uint32_t seed = 1; seed <= 3; ++seed) {
      std::mt19937 random(seed);
      std::atomic<bool> mended = false;
      WorkerFixture f({}, when_full, when_full == WhenFull::spill ? kMiB : 0);
      f.worker_options.failed_retry = milliseconds{2};
      f.worker_options.backoff = {.first = milliseconds{1}, .longest = milliseconds{4}};
      f.server->script = [&](std::size_t, const std::vector<QueuedRecord>& records, Deadline) {
        const bool bad = std::ranges::any_of(
            records, [](const QueuedRecord& one) { return one.gap_count == 0 && one.seq % 211 == 0; });
        if (bad) return refuse("bad record");
        if (mended) return taken();
        switch (random() % 8) {
          case 0: return try_again("connection refused");
          case 1: return try_again("429", milliseconds{3});
          case 2: return misconfigured("401");
          default: return taken();
        }
      };
      f.start();
      f.push(1, 4000, 150);
      mended = true;
      (void)f.finish(milliseconds{20'000});
      ASSERT_NO_FATAL_FAILURE(expect_all(f, 4000)) << "seed " << seed;
    }
  }
}

}  // namespace
}  // namespace cofferdam::logs
