#include "run/pump_crashes.hpp"

#include <gtest/gtest.h>

namespace cofferdam::run {
namespace {

using namespace std::chrono_literals;

TEST(PumpCrashes, OnesThatAreFarApartAreForgotten) {
  PumpCrashes crashes;
  auto now = PumpCrashes::Clock::now();
  for (int i = 0; i < 100; ++i) {
    now += 13s;
    EXPECT_EQ(crashes.on_crash(static_cast<std::uint64_t>(i), true, now), AfterCrash::restart);
  }
}

TEST(PumpCrashes, TooManyInAMinuteAreTheEnd) {
  PumpCrashes crashes;
  const auto now = PumpCrashes::Clock::now();
  for (std::uint64_t i = 0; i < 5; ++i) EXPECT_EQ(crashes.on_crash(i, true, now), AfterCrash::restart);
  EXPECT_EQ(crashes.on_crash(9, true, now), AfterCrash::give_up);
}

TEST(PumpCrashes, TheSamePlaceTwiceIsThatInput) {
  PumpCrashes crashes;
  const auto now = PumpCrashes::Clock::now();
  EXPECT_EQ(crashes.on_crash(7, true, now), AfterCrash::restart);
  EXPECT_EQ(crashes.on_crash(7, true, now), AfterCrash::simplify);
}

TEST(PumpCrashes, AKilledPumpSaysNothingAboutItsInput) {
  PumpCrashes crashes;
  const auto now = PumpCrashes::Clock::now();
  for (int i = 0; i < 3; ++i) EXPECT_EQ(crashes.on_crash(7, false, now), AfterCrash::restart);
  EXPECT_EQ(crashes.on_crash(7, true, now), AfterCrash::restart);
}

}  // namespace
}  // namespace cofferdam::run
