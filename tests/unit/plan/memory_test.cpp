#include "plan/memory.hpp"

#include <gtest/gtest.h>
#include <unistd.h>

namespace cofferdam::plan {
namespace {

std::vector<kernel::MountEntry> mounts(const std::string& text) {
  return kernel::parse_mountinfo(text);
}

TEST(MemoryLimit, IsANumberOfBytes) {
  EXPECT_EQ(parse_memory_limit("268435456\n"), 268435456U);
  EXPECT_EQ(parse_memory_limit("max\n"), std::nullopt);
  EXPECT_EQ(parse_memory_limit("9223372036854771712\n"), std::nullopt);  // cgroup v1: none
  EXPECT_EQ(parse_memory_limit(""), std::nullopt);
}

TEST(MemoryCgroup, OfAUserSession) {
  const auto cgroup = find_memory_cgroup("0::/user.slice/user-1000.slice/session-2.scope\n",
                                         mounts("35 25 0:31 / /sys/fs/cgroup rw - cgroup2 cgroup2 rw,nsdelegate"));
  ASSERT_TRUE(cgroup);
  EXPECT_EQ(cgroup->directory, "/sys/fs/cgroup/user.slice/user-1000.slice/session-2.scope");
  EXPECT_EQ(cgroup->mount_point, "/sys/fs/cgroup");
  EXPECT_TRUE(cgroup->unified);
}

TEST(MemoryCgroup, OfAContainerWithItsOwnCgroupNamespace) {
  const auto cgroup = find_memory_cgroup("0::/\n", mounts("35 25 0:31 / /sys/fs/cgroup ro - cgroup2 cgroup rw"));
  ASSERT_TRUE(cgroup);
  EXPECT_EQ(cgroup->directory, "/sys/fs/cgroup");
}

TEST(MemoryCgroup, OfAContainerUnderCgroup1) {
  const auto cgroup =
      find_memory_cgroup("5:cpu,cpuacct:/docker/e545\n4:memory:/docker/e545\n0::/docker/e545\n",
                         mounts("84 83 0:29 /docker/e545 /sys/fs/cgroup/cpu,cpuacct ro - cgroup cgroup rw,cpu\n"
                                "87 83 0:32 /docker/e545 /sys/fs/cgroup/memory ro - cgroup cgroup rw,memory"));
  ASSERT_TRUE(cgroup);
  EXPECT_EQ(cgroup->directory, "/sys/fs/cgroup/memory");
  EXPECT_FALSE(cgroup->unified);
}

TEST(MemoryCgroup, OfAServiceUnderCgroup1) {
  const auto cgroup = find_memory_cgroup("4:memory:/system.slice/a.service\n0::/\n",
                                         mounts("87 83 0:32 / /sys/fs/cgroup/memory rw - cgroup cgroup rw,memory\n"
                                                "88 83 0:33 / /sys/fs/cgroup/unified rw - cgroup2 cgroup2 rw"));
  ASSERT_TRUE(cgroup);
  EXPECT_EQ(cgroup->directory, "/sys/fs/cgroup/memory/system.slice/a.service");
  EXPECT_FALSE(cgroup->unified);
}

TEST(MemoryCgroup, IsNotThereWithoutItsFileSystem) {
  EXPECT_FALSE(find_memory_cgroup("0::/a\n", {}));
  EXPECT_FALSE(find_memory_cgroup("4:memory:/a\n", mounts("35 25 0:31 / /sys/fs/cgroup rw - cgroup2 cgroup2 rw")));
  EXPECT_FALSE(find_memory_cgroup("", mounts("35 25 0:31 / /sys/fs/cgroup rw - cgroup2 cgroup2 rw")));
}

TEST(MemoryFacts, AvailableIsTheLowerOfMachineAndLimit) {
  MemoryFacts facts;
  facts.machine = 100;
  EXPECT_EQ(facts.available(), 100U);
  facts.limit = 40;
  EXPECT_EQ(facts.available(), 40U);
  facts.limit = 400;
  EXPECT_EQ(facts.available(), 100U);
}

TEST(MemoryFacts, OfThisMachine) {
  const auto pages = static_cast<std::uint64_t>(::sysconf(_SC_PHYS_PAGES));
  EXPECT_EQ(read_memory_facts({}).machine, pages * static_cast<std::uint64_t>(::sysconf(_SC_PAGESIZE)));
  EXPECT_EQ(read_memory_facts({}).limit, 0U);
  EXPECT_EQ(read_memory_facts({}).cgroup_peak_file, "");
}

}  // namespace
}  // namespace cofferdam::plan
