#include "supervise/threads.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <unistd.h>

#include <latch>
#include <mutex>
#include <thread>
#include <vector>

namespace cofferdam::supervise {
namespace {

class ThreadsTest : public testing::Test {
 protected:
  plan::Plan plan_;
  Identities identities_{plan_, ::getpid(), Role::app};
  Threads threads_{identities_};
};

TEST_F(ThreadsTest, AStormOfThreadsIsBounded) {
  constexpr std::ptrdiff_t kThreads = 600;
  std::mutex mutex;
  std::vector<pid_t> tids;
  std::latch up(kThreads);
  std::latch done(1);
  std::vector<std::jthread> running;
  for (std::ptrdiff_t i = 0; i < kThreads; ++i) {
    running.emplace_back([&] {
      {
        const std::scoped_lock lock(mutex);
        tids.push_back(::gettid());
      }
      up.count_down();
      done.wait();
    });
  }
  up.wait();
  const pid_t busy = tids.front();
  for (const pid_t tid : tids) {
    EXPECT_NE(threads_.find(tid), nullptr);
    ASSERT_LE(threads_.size(), Threads::kMost);
    const KnownThread* often = threads_.find(busy);
    ASSERT_NE(often, nullptr);
    EXPECT_EQ(often->status.tgid, ::getpid());
  }
  EXPECT_EQ(threads_.size(), Threads::kMost);
  done.count_down();
  running.clear();
  // Threads that have ended are no longer found, though they are remembered.
  EXPECT_EQ(threads_.find(tids.back()), nullptr);
  EXPECT_EQ(threads_.size(), Threads::kMost - 1);
  threads_.forget_process(::getpid());
  EXPECT_EQ(threads_.size(), 0U);
}

TEST_F(ThreadsTest, AProcessWithoutARecordIsDescribedByWhatProcTells) {
  const KnownThread* self = threads_.find(::gettid());
  ASSERT_NE(self, nullptr);
  EXPECT_EQ(self->record, nullptr);
  EXPECT_TRUE(self->process->exe.ends_with("unit_tests")) << self->process->exe;
  EXPECT_FALSE(self->process->argv.empty());
  ASSERT_FALSE(self->process->lineage.empty());
  EXPECT_EQ(self->process->lineage.front(), "unit_tests");
}

}  // namespace
}  // namespace cofferdam::supervise
