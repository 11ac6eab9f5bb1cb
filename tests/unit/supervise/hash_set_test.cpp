#include "supervise/hash_set.hpp"

#include <gtest/gtest.h>

namespace cofferdam::supervise {
namespace {

TEST(HashSet, HasWhatWasPutIn) {
  HashSet set;
  EXPECT_FALSE(set.contains(0));
  for (std::uint64_t i = 0; i < 20'000; i += 2) set.insert(i << 20);  // the low bits are alike
  for (std::uint64_t i = 2; i < 20'000; i += 2) {
    ASSERT_TRUE(set.contains(i << 20)) << i;
    ASSERT_FALSE(set.contains((i + 1) << 20)) << i;
  }
  EXPECT_TRUE(set.contains(0));
}

TEST(HashSet, HasEverythingOnceItIsFull) {
  HashSet set;
  for (std::uint64_t i = 1; i <= HashSet::kMost; ++i) set.insert(i * 0x9e3779b97f4a7c15ULL);
  EXPECT_TRUE(set.full());
  EXPECT_TRUE(set.contains(12345));
  set.insert(12345);  // no more is kept
}

}  // namespace
}  // namespace cofferdam::supervise
