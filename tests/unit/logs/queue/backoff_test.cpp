#include "logs/queue/backoff.hpp"

#include <gtest/gtest.h>

#include <algorithm>

namespace cofferdam::logs {
namespace {

using std::chrono::milliseconds;

TEST(Backoff, DoublesUpToItsLimitAndBeginsAgain) {
  for (int attempt = 0; attempt < 10; ++attempt) {
    milliseconds longest{0};
    for (std::uint32_t seed = 1; seed < 400; ++seed) {
      Backoff backoff({}, seed);
      milliseconds pause{0};
      for (int i = 0; i <= attempt; ++i) pause = backoff.next();
      EXPECT_GE(pause, milliseconds{25});
      longest = std::max(longest, pause);
      backoff.reset();
      EXPECT_LE(backoff.next(), milliseconds{250});
    }
    const milliseconds ceiling = std::min(milliseconds{250} * (1 << attempt), milliseconds{30'000});
    EXPECT_LE(longest, ceiling);
    EXPECT_GT(longest, ceiling * 9 / 10);
  }
}

}  // namespace
}  // namespace cofferdam::logs
