#include "kernel/oom_log.hpp"

#include <gtest/gtest.h>

namespace cofferdam::kernel {
namespace {

constexpr const char* kKill =
    "6,700,1,-;oom-kill:constraint=CONSTRAINT_MEMCG,nodemask=(null),cpuset=/,mems_allowed=0,"
    "oom_memcg=/a/cofferdam-7-web.1,task_memcg=/a/cofferdam-7-web.1,task=python3,pid=1234,uid=1000\n";
constexpr const char* kFigures =
    "3,701,1,-;Memory cgroup out of memory: Killed process 1234 (python3) total-vm:90000kB, anon-rss:60000kB, "
    "file-rss:8kB, shmem-rss:16kB, UID:1000 pgtables:200kB oom_score_adj:0\n";

TEST(OomRecords, TellWhoWasKilledAndWhatItHeld) {
  OomRecords records("/cofferdam-7-web.1");
  records.add("6,699,1,-;python3 invoked oom-killer: gfp_mask=0xcc0\n");
  records.add(kKill);
  records.add(kFigures);
  const auto kills = records.take();
  ASSERT_EQ(kills.size(), 1U);
  EXPECT_EQ(kills.front().name, "python3");
  EXPECT_EQ(kills.front().pid, 1234);
  EXPECT_EQ(kills.front().bytes, 60016U << 10);
}

TEST(OomRecords, OfAnotherCgroupAreNotOurs) {
  OomRecords records("/cofferdam-7-web.2");
  records.add(kKill);
  records.add(kFigures);
  EXPECT_TRUE(records.take().empty());
}

TEST(OomRecords, FiguresOfAnotherProcessAreNotTaken) {
  OomRecords records("/cofferdam-7-web.1");
  records.add(kKill);
  records.add("3,701,1,-;Memory cgroup out of memory: Killed process 12345 (x) anon-rss:5kB, file-rss:5kB\n");
  const auto kills = records.take();
  ASSERT_EQ(kills.size(), 1U);
  EXPECT_EQ(kills.front().bytes, 0U);
}

TEST(OomRecords, BearAnyNameAndAnyText) {
  OomRecords records("/c");
  records.add("oom-kill:task_memcg=/c,task=a,pid=9,pid=77,uid=0");
  records.add("oom-kill:task_memcg=/c");
  records.add("oom-kill:");
  records.add("Killed process ");
  records.add("");
  const auto kills = records.take();
  ASSERT_EQ(kills.size(), 1U);
  EXPECT_EQ(kills.front().name, "a,pid=9");
}

}  // namespace
}  // namespace cofferdam::kernel
