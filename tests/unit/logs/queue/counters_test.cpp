#include "logs/queue/counters.hpp"

#include <gtest/gtest.h>

namespace cofferdam::logs {
namespace {

TEST(SinkStatus, IsReadAsItWasWritten) {
  SinkCounters counters{};
  EXPECT_EQ(read_status(counters).condition, SinkCondition::idle);
  EXPECT_EQ(read_status(counters).text, "");
  set_status(counters, SinkCondition::retrying, "connection refused");
  const SinkStatus first = read_status(counters);
  EXPECT_EQ(first.condition, SinkCondition::retrying);
  EXPECT_EQ(first.text, "connection refused");
  set_status(counters, SinkCondition::working, "");
  const SinkStatus second = read_status(counters);
  EXPECT_EQ(second.condition, SinkCondition::working);
  EXPECT_EQ(second.text, "");
  EXPECT_NE(first.version, second.version);
}

TEST(SinkStatus, CutsALongText) {
  SinkCounters counters{};
  set_status(counters, SinkCondition::failed, std::string(1000, 'x'));
  EXPECT_EQ(read_status(counters).text, std::string(SinkCounters::kText - 1, 'x'));
}

}  // namespace
}  // namespace cofferdam::logs
