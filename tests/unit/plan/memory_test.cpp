#include "plan/memory.hpp"

#include <gtest/gtest.h>
#include <unistd.h>

namespace cofferdam::plan {
namespace {

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
