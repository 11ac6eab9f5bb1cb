#include <fcntl.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include <csignal>
#include <filesystem>
#include <random>

#include "unit/logs/queue/queue_fixture.hpp"

namespace cofferdam::logs {
namespace {

namespace fs = std::filesystem;
using WhenFull = LogSink::WhenFull;
constexpr std::uint64_t kMiB = 1 << 20;

std::vector<fs::path> files(const QueueFixture& f) {
  std::vector<fs::path> paths;
  for (const auto& entry : fs::directory_iterator(f.directory("spill"))) paths.push_back(entry.path());
  std::ranges::sort(paths);
  return paths;
}

std::uint64_t bytes_of(const QueueFixture& f) {
  std::uint64_t bytes = 0;
  for (const auto& path : files(f)) bytes += fs::file_size(path);
  return bytes;
}

void overwrite(const fs::path& path, std::uint64_t offset, std::string_view bytes) {
  const int fd = ::open(path.c_str(), O_WRONLY | O_CLOEXEC);
  ASSERT_GE(fd, 0);
  ASSERT_EQ(::pwrite(fd, bytes.data(), bytes.size(), static_cast<off_t>(offset)), static_cast<ssize_t>(bytes.size()));
  ::close(fd);
}

TEST(Spill, TheDirectoryIsMadeForItsUserAlone) {
  const test::TemporaryDirectory directory;
  ASSERT_TRUE(open_spill(directory("spill")));
  struct stat status{};
  ASSERT_EQ(::stat(directory("spill").c_str(), &status), 0);
  EXPECT_EQ(status.st_mode & 07777, 0700U);
}

TEST(Spill, SaysWhyADirectoryCantBeUsed) {
  const test::TemporaryDirectory directory;
  const auto missing = open_spill(directory("a/b"));
  ASSERT_FALSE(missing);
  EXPECT_EQ(missing.error().message, "can't use the directory of the log spill " + directory("a/b") +
                                         ": No such file or directory; create the directory above it");
  directory.write("file", "");
  const auto file = open_spill(directory("file"));
  ASSERT_FALSE(file);
  EXPECT_EQ(file.error().message,
            "can't use the directory of the log spill " + directory("file") + ": Not a directory; name a directory");
}

TEST(Spill, TakesWhatTheBufferCannot) {
  QueueFixture f(WhenFull::spill, 0, 8 * kMiB);
  f.open();
  f.push(1, 5000, 200);
  EXPECT_GT(f.counters().spilled, 4000U);
  EXPECT_EQ(f.counters().pending, 5000U);
  EXPECT_EQ(f.counters().dropped, 0U);
  const auto all = f.drain();
  EXPECT_EQ(all.size(), 5000U);
  expect_complete(all, 1, 5000);
  EXPECT_EQ(f.segments(), 0U);
  EXPECT_EQ(f.counters().spilled, 0U);
}

TEST(Spill, FilesAreNamedByTimeAndOfTheirUserAlone) {
  QueueFixture f(WhenFull::spill, 0, 8 * kMiB);
  f.options.sink = "my otlp/1";
  f.open();
  f.push(1, 1000, 200);
  ASSERT_EQ(f.segments(), 1U);
  EXPECT_EQ(files(f)[0].filename(), "my_otlp_1-web.1-01700000000000000001.seg");
  struct stat status{};
  ASSERT_EQ(::stat(files(f)[0].c_str(), &status), 0);
  EXPECT_EQ(status.st_mode & 07777, 0600U);
}

TEST(Spill, KeepsTheOrderWhileItGrowsAndShrinks) {
  QueueFixture f(WhenFull::spill, 0, 64 * kMiB);
  f.open();
  std::mt19937 random(3);
  std::vector<QueuedRecord> all;
  std::uint64_t seq = 0;
  BatchLimits limits;
  QueuedBatch batch;
  for (int round = 0; round < 100; ++round) {
    for (auto n = random() % 400; n != 0; --n) f.push(++seq, random() % 600);
    limits.records = random() % 500 + 1;
    if (!f.queue->take(limits)) continue;
    for (auto n = random() % 3; n != 0 && f.queue->view(limits, 500, batch); --n) {
      for (const Record& record : batch.records) all.push_back(queued_record(record));
      f.queue->finish_delivered(batch.records.size(), 0, {});
    }
  }
  const auto rest = f.drain();
  all.insert(all.end(), rest.begin(), rest.end());
  EXPECT_EQ(all.size(), seq);
  expect_complete(all, 1, seq);
}

TEST(Spill, DropsItsOldestSegmentsWhenItIsFull) {
  QueueFixture f(WhenFull::spill, 0, kMiB);
  f.open();
  f.push(1, 20'000, 200);
  EXPECT_LE(bytes_of(f), kMiB);
  EXPECT_GT(bytes_of(f), kMiB / 2);
  EXPECT_GT(f.counters().dropped, 10'000U);
  const auto all = f.drain();
  EXPECT_EQ(all[0].reason, "spill full");
  EXPECT_EQ(all[0].gap_first, 1U);
  EXPECT_EQ(all[0].gap_count, f.counters().dropped);
  expect_complete(all, 1, 20'000);
  expect_balanced(f.counters());
}

TEST(Spill, ASegmentThatIsBeingSentMayBeDroppedBehindTheFlight) {
  QueueFixture f(WhenFull::spill, 0, kMiB);
  SinkQueue& queue = f.open();
  f.push(1, 2000, 200);
  BatchLimits limits;
  limits.records = 10;
  QueuedBatch batch;
  ASSERT_TRUE(queue.take(limits));
  ASSERT_TRUE(queue.view(limits, 10, batch));
  const QueuedRecord first = queued_record(batch.records[0]);
  f.push(2001, 20'000, 200);
  ASSERT_TRUE(queue.view(limits, 10, batch));
  EXPECT_EQ(queued_record(batch.records[0]), first);
  expect_complete(f.drain(), 1, 20'000);
  expect_balanced(f.counters());
}

TEST(Spill, WhatIsLeftIsSentFirstByTheNextRun) {
  QueueFixture f(WhenFull::spill, 0, 8 * kMiB);
  f.open();
  f.push(1, 3000, 200);
  BatchLimits limits;
  limits.records = 100;
  ASSERT_TRUE(f.queue->take(limits));
  f.queue->finish_delivered(60, 0, {});
  f.queue->finish_rejected("no", false);
  ASSERT_TRUE(f.queue->leave_to_spill());
  EXPECT_EQ(f.counters().spilled, 2939U);
  expect_balanced(f.counters());

  f.forget_memory();
  f.open();
  f.push(4000);
  const auto all = f.drain();
  EXPECT_EQ(all.size(), 1 + 2939 + 1U);
  EXPECT_EQ(all[0].gap_first, 61U);
  EXPECT_EQ(all[0].gap_count, 1U);
  EXPECT_EQ(all.back().seq, 4000U);
  expect_complete({all.begin(), all.end() - 1}, 61, 3000);
  EXPECT_EQ(f.counters().adopted, 2939U);
  EXPECT_EQ(f.counters().delivered, 2940U);
  expect_balanced(f.counters());
  EXPECT_EQ(f.segments(), 0U);
}

TEST(Spill, WhatWasDeliveredOfASegmentIsNotSentAgain) {
  QueueFixture f(WhenFull::spill, 0, 8 * kMiB);
  f.open();
  f.push(1, 3000, 200);
  BatchLimits limits;
  ASSERT_TRUE(f.queue->take(limits));
  f.queue->finish_delivered(700, 0, {});
  f.forget_memory();  // nothing was left in an orderly way: the ring is gone, the segments are not
  f.open();
  const auto all = f.drain();
  EXPECT_EQ(all[0].seq, 701U);
  EXPECT_GT(all.size(), 1500U);
}

TEST(Spill, ARunThatIsAliveKeepsItsSegments) {
  QueueFixture f(WhenFull::spill, 0, 8 * kMiB);
  f.open();
  f.push(1, 3000, 200);
  QueueFixture other(WhenFull::spill, 0, 8 * kMiB);
  const kernel::Fd same = open_spill(f.directory("spill")).value();
  other.options.spill_fd = same.get();
  other.open();
  EXPECT_TRUE(other.drain().empty());
  EXPECT_EQ(f.segments(), 1U);
  expect_complete(f.drain(), 1, 3000);
}

TEST(Spill, AnotherInstanceOrSinkIsLeftAlone) {
  QueueFixture f(WhenFull::spill, 0, 8 * kMiB);
  f.open();
  f.push(1, 3000, 200);
  ASSERT_TRUE(f.queue->leave_to_spill());
  f.forget_memory();
  f.options.instance = "web.2";
  f.open();
  EXPECT_TRUE(f.drain().empty());
  f.forget_memory();
  // A file name that is the same, of names that are not.
  f.options.sink = "otlp?";
  f.options.instance = "web.1";
  for (const auto& path : files(f)) {
    std::string name = path.filename();
    fs::rename(path, path.parent_path() / name.replace(0, 4, "otlp_"));
  }
  f.open();
  EXPECT_TRUE(f.drain().empty());
}

TEST(Spill, AFileThatOthersCouldWriteOrALinkIsNotRead) {
  QueueFixture f(WhenFull::spill, 0, 8 * kMiB);
  f.open();
  f.push(1, 3000, 200);
  ASSERT_TRUE(f.queue->leave_to_spill());
  f.forget_memory();
  const fs::path file = files(f).back();
  const std::size_t count = files(f).size();
  ASSERT_EQ(count, 1U);
  ASSERT_EQ(::chmod(file.c_str(), 0620), 0);
  f.open();
  EXPECT_TRUE(f.drain().empty());
  ASSERT_EQ(::chmod(file.c_str(), 0600), 0);
  fs::rename(file, f.directory("elsewhere"));
  fs::create_symlink(f.directory("elsewhere"), file);
  f.forget_memory();
  f.open();
  EXPECT_TRUE(f.drain().empty());
  EXPECT_TRUE(fs::is_symlink(file));
}

TEST(Spill, ATornTailIsCut) {
  QueueFixture f(WhenFull::spill, 0, 8 * kMiB);
  f.open();
  f.push(1, 3000, 200);
  const std::uint64_t spilled = f.counters().spilled;
  f.forget_memory();
  const fs::path file = files(f)[0];
  const int fd = ::open(file.c_str(), O_WRONLY | O_APPEND | O_CLOEXEC);
  // The beginning of a frame of 300 bytes.
  ASSERT_EQ(::write(fd, "\x2c\x01\0\0abcdefgh", 12), 12);
  ::close(fd);
  f.open();
  const auto all = f.drain();
  EXPECT_EQ(all.size(), spilled);
  expect_complete(all, 1, spilled);
  EXPECT_EQ(f.segments(), 0U);
}

TEST(Spill, ADamagedRecordIsOneGap) {
  QueueFixture f(WhenFull::spill, 0, 8 * kMiB);
  f.open();
  f.push(1, 3000, 200);
  const std::uint64_t spilled = f.counters().spilled;
  // Each frame: 8 + 32 + 200 bytes. The text of the 11th.
  overwrite(files(f)[0], Segment::kHead + 240 * 10 + 100, "?");
  const auto all = f.drain();
  ASSERT_EQ(all.size(), 3000U);
  EXPECT_EQ(all[10].gap_count, 1U);
  EXPECT_EQ(all[10].seq, 11U);
  EXPECT_EQ(all[10].reason, "a spill file is damaged");
  expect_complete(all, 1, 3000);
  EXPECT_GT(spilled, 11U);
  expect_balanced(f.counters());
  EXPECT_EQ(f.counters().dropped, 1U);
}

TEST(Spill, ADamagedLengthIsTheEndOfItsSegment) {
  QueueFixture f(WhenFull::spill, 0, 8 * kMiB);
  f.open();
  f.push(1, 3000, 200);
  const std::uint64_t spilled = f.counters().spilled;
  overwrite(files(f)[0], Segment::kHead + 240 * 10, "\xff\xff\xff\x7f");
  const auto all = f.drain();
  EXPECT_EQ(all[10].gap_first, 11U);
  EXPECT_EQ(all[10].gap_count, spilled - 10);
  expect_complete(all, 1, 3000);
  expect_balanced(f.counters());
}

// Whatever is in a segment: nothing crashes, nothing is torn, nothing comes out of order, and the counters add up.
TEST(Spill, SurvivesAnyDamage) {
  std::mt19937 random(11);
  for (int round = 0; round < 50; ++round) {
    QueueFixture f(WhenFull::spill, 0, 2 * kMiB);
    f.open();
    f.push(1, 2000, 100);
    const bool next_run = round % 2 == 0;
    if (next_run) {
      ASSERT_TRUE(f.queue->leave_to_spill());
      f.forget_memory();
    }
    for (const auto& path : files(f)) {
      const std::uint64_t size = fs::file_size(path);
      for (auto change = random() % 5; change != 0; --change) {
        const std::string bytes(random() % 40 + 1, static_cast<char>(random()));
        overwrite(path, random() % (size - 40), bytes);
      }
      if (random() % 4 == 0) fs::resize_file(path, random() % size);
    }
    if (next_run) f.open();
    std::uint64_t last = 0;
    for (const QueuedRecord& one : f.drain()) {
      if (one.gap_count != 0) continue;
      ASSERT_GT(one.seq, last);
      ASSERT_EQ(one.message, queued_text(one.seq, 100));
      last = one.seq;
    }
    expect_balanced(f.counters());
    EXPECT_EQ(f.counters().pending, 0U);
  }
}

// A file size limit stands in for a full disk.
TEST(Spill, AFullDiskMakesTheBufferDropWithTheReason) {
  const pid_t child = fork();
  if (child == 0) {
    (void)signal(SIGXFSZ, SIG_IGN);
    QueueFixture f(WhenFull::spill, 0, 8 * kMiB);
    f.open();
    const rlimit limit{100'000, RLIM_INFINITY};
    (void)setrlimit(RLIMIT_FSIZE, &limit);
    f.push(1, 3000, 200);
    const auto all = f.drain();
    std::uint64_t next = 1;
    std::string reason;
    for (const QueuedRecord& one : all) {
      if ((one.gap_count == 0 ? one.seq : one.gap_first) != next) _exit(1);
      if (one.gap_count != 0) reason = one.reason;
      next = one.seq + 1;
    }
    if (next != 3001 || f.counters().dropped == 0 || f.counters().pending != 0) _exit(2);
    if (reason != "buffer full, and the spill can't be written: File too large") _exit(3);
    _exit(0);
  }
  int status = 0;
  waitpid(child, &status, 0);
  EXPECT_EQ(status, 0);
}

TEST(Spill, AfterACrashItGoesOnWhereItWas) {
  QueueFixture f(WhenFull::spill, 0, 16 * kMiB);
  f.open();
  f.push(1, 20'000, 200);  // more than a batch in flight may be
  BatchLimits limits;
  limits.records = 100;
  ASSERT_TRUE(f.queue->take(limits));
  f.queue->finish_delivered(50, 0, {});
  f.open();
  EXPECT_EQ(f.counters().pending, 19'950U);
  f.push(20'001, 25'000, 200);
  const auto all = f.drain();
  EXPECT_EQ(all.size(), 24'950U);
  expect_complete(all, 51, 25'000);
  EXPECT_EQ(f.counters().adopted, 0U);
  expect_balanced(f.counters());
}

// A process that died between the write to the segment and the commit leaves records in both.
TEST(Spill, WhatWasWrittenButNotCommittedIsCut) {
  QueueFixture f(WhenFull::spill, 0, 8 * kMiB);
  f.open();
  f.push(1, 600, 200);
  ASSERT_GT(f.counters().spilled, 0U);
  std::vector<std::byte> before(f.options.memory.begin(), f.options.memory.end());
  f.push(601, 1200, 200);
  f.queue.reset();
  std::ranges::copy(before, f.options.memory.begin());
  f.open();
  const auto all = f.drain();
  EXPECT_EQ(all.size(), 600U);
  expect_complete(all, 1, 600);
}

TEST(Spill, TakesWhatABlockingQueueMayNoLongerWaitFor) {
  QueueFixture f(WhenFull::block, 0, 8 * kMiB);
  f.options.may_wait = [] { return false; };
  f.open();
  f.push(1, 2000, 200);
  EXPECT_EQ(f.counters().dropped, 0U);
  EXPECT_GT(f.counters().spilled, 1000U);
  expect_complete(f.drain(), 1, 2000);
}

TEST(Spill, LeavingAFullSpillAnnouncesWhatItDrops) {
  QueueFixture f(WhenFull::spill, 0, 512 << 10);
  f.open();
  f.push(1, 20'000, 200);
  BatchLimits limits;
  limits.records = 10;
  ASSERT_TRUE(f.queue->take(limits));
  ASSERT_TRUE(f.queue->leave_to_spill());
  f.forget_memory();
  f.open();
  expect_complete(f.drain(), 1, 20'000);
}

TEST(Spill, TakesOverSegmentsOfSeveralRunsInOrder) {
  QueueFixture f(WhenFull::drop_oldest, 0, 8 * kMiB);
  for (std::uint64_t run = 0; run < 5; ++run) {
    f.forget_memory();
    f.open();
    f.push(run * 100 + 1, run * 100 + 100, 50);
    ASSERT_TRUE(f.queue->leave_to_spill());
  }
  EXPECT_EQ(f.segments(), 5U);
  f.forget_memory();
  f.open();
  const auto all = f.drain();
  EXPECT_EQ(all.size(), 500U);
  expect_complete(all, 1, 500);
  EXPECT_EQ(f.counters().adopted, 500U);
}

}  // namespace
}  // namespace cofferdam::logs
