#include "kernel/cgroup_seat.hpp"

#include <gtest/gtest.h>

#include "support/temporary_directory.hpp"

namespace cofferdam::kernel {
namespace {

std::vector<MountEntry> mounts(const std::string& text) {
  return parse_mountinfo(text);
}

TEST(LimitNumber, IsANumber) {
  EXPECT_EQ(limit_number("268435456\n"), 268435456U);
  EXPECT_EQ(limit_number("max\n"), std::nullopt);
  EXPECT_EQ(limit_number("-1\n"), std::nullopt);                   // cgroup v1, cpu.cfs_quota_us
  EXPECT_EQ(limit_number("9223372036854771712\n"), std::nullopt);  // cgroup v1, memory: none
  EXPECT_EQ(limit_number(""), std::nullopt);
}

TEST(CpuQuota, IsInThousandths) {
  EXPECT_EQ(cpu_quota("150000 100000\n"), 1500U);
  EXPECT_EQ(cpu_quota("25000\n100000\n"), 250U);  // the two files of cgroup v1
  EXPECT_EQ(cpu_quota("max 100000\n"), std::nullopt);
  EXPECT_EQ(cpu_quota("-1\n100000\n"), std::nullopt);
  EXPECT_EQ(cpu_quota("100000"), std::nullopt);
  EXPECT_EQ(cpu_quota("100000 0\n"), std::nullopt);
}

TEST(KeyedNumber, IsThatOfTheWholeWord) {
  const char* events = "low 1\noom 2\noom_kill 3\noom_group_kill 4\n";
  EXPECT_EQ(keyed_number(events, "oom"), 2U);
  EXPECT_EQ(keyed_number(events, "oom_kill"), 3U);
  EXPECT_EQ(keyed_number(events, "max"), std::nullopt);
}

TEST(Seat, OfAUserSession) {
  const auto seat = find_seat(Controller::memory, "0::/user.slice/user-1000.slice/session-2.scope\n",
                              mounts("35 25 0:31 / /sys/fs/cgroup rw - cgroup2 cgroup2 rw,nsdelegate"));
  ASSERT_TRUE(seat);
  EXPECT_EQ(seat->directory, "/sys/fs/cgroup/user.slice/user-1000.slice/session-2.scope");
  EXPECT_EQ(seat->mount_point, "/sys/fs/cgroup");
  EXPECT_TRUE(seat->unified);
}

TEST(Seat, OfAContainerWithItsOwnCgroupNamespace) {
  const auto seat = find_seat(Controller::pids, "0::/\n", mounts("35 25 0:31 / /sys/fs/cgroup ro - cgroup2 cgroup rw"));
  ASSERT_TRUE(seat);
  EXPECT_EQ(seat->directory, "/sys/fs/cgroup");
}

TEST(Seat, OfAContainerUnderCgroup1) {
  const char* text = "5:cpu,cpuacct:/docker/e545\n4:memory:/docker/e545\n0::/docker/e545\n";
  const auto table = mounts(
      "84 83 0:29 /docker/e545 /sys/fs/cgroup/cpu,cpuacct ro - cgroup cgroup rw,cpu\n"
      "87 83 0:32 /docker/e545 /sys/fs/cgroup/memory ro - cgroup cgroup rw,memory");
  const auto memory = find_seat(Controller::memory, text, table);
  ASSERT_TRUE(memory);
  EXPECT_EQ(memory->directory, "/sys/fs/cgroup/memory");
  EXPECT_FALSE(memory->unified);
  const auto cpu = find_seat(Controller::cpu, text, table);
  ASSERT_TRUE(cpu);
  EXPECT_EQ(cpu->directory, "/sys/fs/cgroup/cpu,cpuacct");
}

TEST(Seat, OfAServiceUnderCgroup1) {
  const auto seat = find_seat(Controller::memory, "4:memory:/system.slice/a.service\n0::/\n",
                              mounts("87 83 0:32 / /sys/fs/cgroup/memory rw - cgroup cgroup rw,memory\n"
                                     "88 83 0:33 / /sys/fs/cgroup/unified rw - cgroup2 cgroup2 rw"));
  ASSERT_TRUE(seat);
  EXPECT_EQ(seat->directory, "/sys/fs/cgroup/memory/system.slice/a.service");
  EXPECT_FALSE(seat->unified);
}

TEST(Seat, IsNotThereWithoutItsFileSystem) {
  const auto unified = mounts("35 25 0:31 / /sys/fs/cgroup rw - cgroup2 cgroup2 rw");
  EXPECT_FALSE(find_seat(Controller::memory, "0::/a\n", {}));
  EXPECT_FALSE(find_seat(Controller::memory, "4:memory:/a\n", unified));
  EXPECT_FALSE(find_seat(Controller::memory, "", unified));
}

// A cgroup's files, made by hand.
class Files : public ::testing::Test {
 protected:
  void write(const std::string& name, const std::string& text) const { directory_.write(name, text); }
  [[nodiscard]] CgroupView view(bool unified) const {
    CgroupView view;
    for (const Controller each : kControllers) view.of(each) = CgroupSeat{directory_.path(), "/", unified};
    return view;
  }

 private:
  test::TemporaryDirectory directory_;
};

TEST_F(Files, OfCgroup2) {
  write("memory.max", "67108864\n");
  write("pids.max", "33\n");
  write("cpu.max", "50000 100000\n");
  const CgroupLimits limits = read_limits(view(true));
  EXPECT_EQ(limits.memory, 67108864U);
  EXPECT_EQ(limits.processes, 33U);
  EXPECT_EQ(limits.cpu, 500U);
  write("memory.peak", "67104768\n");
  write("memory.stat", "anon 1\nfile 2\nshmem 41943040\nshmem_thp 7\n");
  write("memory.events", "low 0\nhigh 0\nmax 12\noom 3\noom_kill 2\noom_group_kill 0\n");
  write("pids.events", "max 4\n");
  write("cpu.stat", "usage_usec 9\nnr_periods 50\nnr_throttled 31\nthrottled_usec 3400000\n");
  const CgroupFigures figures = read_figures(view(true));
  EXPECT_EQ(figures.memory_peak, 67104768U);
  EXPECT_EQ(figures.shared_memory, 41943040U);
  EXPECT_EQ(figures.oom_kills, 2U);
  EXPECT_EQ(figures.refused_forks, 4U);
  EXPECT_EQ(figures.periods, 50U);
  EXPECT_EQ(figures.throttled, 31U);
  EXPECT_EQ(figures.throttled_usec, 3400000U);
}

TEST_F(Files, OfCgroup1) {
  write("memory.limit_in_bytes", "9223372036854771712\n");
  write("pids.max", "max\n");
  write("cpu.cfs_quota_us", "150000\n");
  write("cpu.cfs_period_us", "100000\n");
  EXPECT_EQ(read_limits(view(false)).memory, 0U);
  EXPECT_EQ(read_limits(view(false)).processes, 0U);
  EXPECT_EQ(read_limits(view(false)).cpu, 1500U);
  write("memory.max_usage_in_bytes", "4096\n");
  write("memory.stat", "cache 1\nrss 2\nshmem 8192\n");
  write("memory.oom_control", "oom_kill_disable 0\nunder_oom 0\noom_kill 5\n");
  write("cpu.stat", "nr_periods 2\nnr_throttled 1\nthrottled_time 7000000\n");
  const CgroupFigures figures = read_figures(view(false));
  EXPECT_EQ(figures.memory_peak, 4096U);
  EXPECT_EQ(figures.shared_memory, 8192U);
  EXPECT_EQ(figures.oom_kills, 5U);
  EXPECT_EQ(figures.throttled_usec, 7000U);
}

TEST_F(Files, ThatAreNotThereSayNothing) {
  EXPECT_FALSE(read_limits(view(true)).any());
  EXPECT_EQ(read_figures(view(true)).memory_peak, 0U);
  EXPECT_EQ(read_figures({}).oom_kills, 0U);
}

}  // namespace
}  // namespace cofferdam::kernel
