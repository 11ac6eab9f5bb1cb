#include "logs/process/limiter.hpp"

#include <gtest/gtest.h>

#include <limits>
#include <random>
#include <string>

namespace cofferdam::logs {
namespace {

LogParse rate_of(std::uint64_t rate, std::uint64_t burst = 0) {
  LogParse parse;
  parse.rate = rate;
  parse.burst = burst;
  return parse;
}

LogParse sample_of(std::uint64_t sample) {
  LogParse parse;
  parse.sample = sample;
  return parse;
}

// How many of `count` records that come at one moment are let through.
int admitted(Limiter& limiter, int count, std::int64_t now, LogLevel level = LogLevel::info,
             Stream stream = Stream::out) {
  int passed = 0;
  for (int i = 0; i < count; ++i) passed += limiter.admit(stream, level, {}, now) ? 1 : 0;
  return passed;
}

std::string random_trace(std::mt19937& random) {
  std::string trace(32, '0');
  for (char& digit : trace) digit = "0123456789abcdef"[random() % 16];
  return trace;
}

TEST(Limiter, LetsAllThroughByDefault) {
  Limiter limiter((LogParse()));
  EXPECT_EQ(admitted(limiter, 10'000, 5), 10'000);
  EXPECT_EQ(limiter.due(), std::nullopt);
  EXPECT_FALSE(limiter.take_rest());
}

TEST(Limiter, ABurstPassesThenTheRate) {
  Limiter limiter(rate_of(10, 25));
  EXPECT_EQ(admitted(limiter, 100, 1'000'000), 25);
  EXPECT_EQ(admitted(limiter, 100, 1'000'099), 0);
  EXPECT_EQ(admitted(limiter, 100, 1'000'100), 1);
  EXPECT_EQ(admitted(limiter, 100, 1'001'100), 10);
  EXPECT_EQ(admitted(limiter, 100, 9'000'000), 25);
  EXPECT_EQ(admitted(limiter, 100, 8'000'000), 0) << "a clock that goes back fills nothing";
}

TEST(Limiter, TheRateHoldsOverTime) {
  Limiter limiter(rate_of(333));
  int passed = 0;
  for (std::int64_t now = 0; now < 10'000; ++now) passed += admitted(limiter, 2, now);
  EXPECT_EQ(passed, 333 + 3329);  // the burst, and 9.999 s of the rate
}

TEST(Limiter, EachStreamHasALimitAndOursHasNone) {
  Limiter limiter(rate_of(5));
  EXPECT_EQ(admitted(limiter, 10, 0, LogLevel::info, Stream::out), 5);
  EXPECT_EQ(admitted(limiter, 10, 0, LogLevel::info, Stream::err), 5);
  EXPECT_EQ(admitted(limiter, 10, 0, LogLevel::info, Stream::syslog), 5);
  EXPECT_EQ(admitted(limiter, 10, 0, LogLevel::info, Stream::own), 10);
}

TEST(Limiter, CriticalRecordsAreNotLimitedAndErrorsAre) {
  Limiter limiter(rate_of(5));
  EXPECT_EQ(admitted(limiter, 10, 0, LogLevel::critical), 10);
  EXPECT_EQ(admitted(limiter, 10, 0, LogLevel::error), 5);
}

TEST(Limiter, HugeNumbersAreBorne) {
  constexpr auto kMost = std::numeric_limits<std::uint64_t>::max();
  Limiter fast(rate_of(kMost, kMost));
  EXPECT_EQ(admitted(fast, 1000, std::numeric_limits<std::int64_t>::max() / 2), 1000);
  Limiter slow(rate_of(1, kMost));
  EXPECT_EQ(admitted(slow, 1000, std::numeric_limits<std::int64_t>::max() / 2), 1000);
}

TEST(Limiter, OneInSoManyIsKeptBelowWarning) {
  Limiter limiter(sample_of(10));
  EXPECT_TRUE(limiter.admit(Stream::out, LogLevel::info, {}, 0)) << "the first one";
  EXPECT_EQ(admitted(limiter, 999, 0, LogLevel::info), 99);
  EXPECT_EQ(admitted(limiter, 1000, 0, LogLevel::debug), 100);
  EXPECT_EQ(admitted(limiter, 1000, 0, LogLevel::warning), 1000);
  EXPECT_EQ(admitted(limiter, 1000, 0, LogLevel::error), 1000);
}

TEST(Limiter, ATraceIsKeptWholeOrNotAtAll) {
  std::mt19937 random(20260131);
  Limiter one(sample_of(10));
  Limiter other(sample_of(10));
  int kept = 0;
  for (int i = 0; i < 5000; ++i) {
    const std::string trace = random_trace(random);
    const bool first = one.admit(Stream::out, LogLevel::info, trace, 0);
    EXPECT_EQ(one.admit(Stream::err, LogLevel::debug, trace, 0), first);
    EXPECT_EQ(other.admit(Stream::out, LogLevel::info, trace, 0), first);
    EXPECT_TRUE(one.admit(Stream::out, LogLevel::warning, trace, 0));
    kept += first ? 1 : 0;
  }
  EXPECT_NEAR(kept, 500, 100);
}

// The threshold of OpenTelemetry's consistent sampling for 1/4: the random part has to be at least c0000000000000.
TEST(Limiter, ATraceIsKeptByItsLast56Bits) {
  Limiter limiter(sample_of(4));
  EXPECT_FALSE(limiter.admit(Stream::out, LogLevel::info, "ffffffffffffffffffbfffffffffffff", 0));
  EXPECT_TRUE(limiter.admit(Stream::out, LogLevel::info, "000000000000000000c0000000000000", 0));
  EXPECT_TRUE(limiter.admit(Stream::out, LogLevel::info, "000000000000000000ffffffffffffff", 0));
  EXPECT_FALSE(limiter.admit(Stream::out, LogLevel::info, "ffffffffffffffffff00000000000000", 0));
}

TEST(Limiter, WhatIsNotInTheSampleCostsNoRate) {
  LogParse parse = sample_of(10);
  parse.rate = 50;
  Limiter limiter(parse);
  EXPECT_EQ(admitted(limiter, 500, 0), 50);
  const auto summary = limiter.take_due(1000);
  ASSERT_TRUE(summary);
  EXPECT_EQ(summary->reason, LimitReason::sampling);
  EXPECT_EQ(summary->count, 450U);
  EXPECT_FALSE(limiter.take_due(1000));
}

TEST(Limiter, SummariesComeOnceASecondAndAtTheEnd) {
  Limiter limiter(rate_of(1));
  EXPECT_EQ(admitted(limiter, 1, 100), 1);
  EXPECT_EQ(limiter.due(), std::nullopt);
  EXPECT_EQ(admitted(limiter, 3, 200), 0);
  EXPECT_EQ(admitted(limiter, 2, 300), 0);
  EXPECT_EQ(admitted(limiter, 5, 400, LogLevel::info, Stream::err), 1);
  EXPECT_EQ(limiter.due(), 1200);
  EXPECT_FALSE(limiter.take_due(1199));
  const auto out = limiter.take_due(1200);
  ASSERT_TRUE(out);
  EXPECT_EQ(out->stream, Stream::out);
  EXPECT_EQ(out->reason, LimitReason::rate);
  EXPECT_EQ(out->count, 5U);
  EXPECT_EQ(out->first_ms, 200);
  EXPECT_EQ(out->last_ms, 300);
  EXPECT_FALSE(limiter.take_due(1200));
  EXPECT_EQ(limiter.due(), 1400);
  const auto err = limiter.take_rest();
  ASSERT_TRUE(err);
  EXPECT_EQ(err->stream, Stream::err);
  EXPECT_EQ(err->count, 4U);
  EXPECT_FALSE(limiter.take_rest());
  EXPECT_EQ(limiter.due(), std::nullopt);
}

TEST(Limiter, SummariesSayWhatAndWhy) {
  const Limiter limited(rate_of(1500));
  EXPECT_EQ(limited.describe({Stream::err, LimitReason::rate, 12'345, 0, 0}),
            "12,345 records of stderr were left out: the rate is limited to 1,500 a second (logs.parse.rate)");
  const Limiter sampled(sample_of(10));
  EXPECT_EQ(sampled.describe({Stream::out, LimitReason::sampling, 1, 0, 0}),
            "1 record of stdout was left out: one in 10 below warning is kept (logs.parse.sample)");
}

// Produced = let through + announced, whatever comes.
TEST(Limiter, TheCountsAddUp) {
  std::mt19937 random(20260131);
  LogParse parse = sample_of(3);
  parse.rate = 20;
  parse.burst = 7;
  Limiter limiter(parse);
  std::uint64_t passed = 0;
  std::uint64_t announced = 0;
  std::int64_t now = 0;
  constexpr int kRecords = 20'000;
  for (int i = 0; i < kRecords; ++i) {
    now += random() % 20;
    const auto stream = static_cast<Stream>(random() % kLogStreams);
    const auto level = static_cast<LogLevel>(random() % kLogLevels);
    passed += limiter.admit(stream, level, random() % 2 == 0 ? random_trace(random) : "", now) ? 1 : 0;
    while (const auto summary = limiter.take_due(now)) announced += summary->count;
    EXPECT_GT(limiter.due().value_or(now + 1), now);
  }
  while (const auto summary = limiter.take_rest()) announced += summary->count;
  EXPECT_EQ(passed + announced, static_cast<std::uint64_t>(kRecords));
  EXPECT_GT(announced, 1000U);
}

}  // namespace
}  // namespace cofferdam::logs
