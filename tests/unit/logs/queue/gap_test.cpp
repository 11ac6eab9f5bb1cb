#include "logs/queue/gap.hpp"

#include <gtest/gtest.h>

namespace cofferdam::logs {
namespace {

PackedHead lost(std::uint64_t seq) {
  return {seq, static_cast<std::int64_t>(seq * 10), 0, 0, 0};
}

TEST(Gap, CountsWhatIsLostAndNotTheNumbersBetween) {
  Gap gap;
  EXPECT_TRUE(gap.empty());
  gap.add(lost(3), "buffer full");
  gap.add(lost(9), "buffer full");
  std::string message;
  const Record record = gap_record(gap, message);
  EXPECT_EQ(record.gap_count, 2U);
  EXPECT_EQ(record.gap_first, 3U);
  EXPECT_EQ(record.seq, 9U);
  EXPECT_EQ(record.time, 90);
  EXPECT_EQ(record.message, "2 records lost here: buffer full");
  EXPECT_EQ(record.gap_reason, "buffer full");
  EXPECT_EQ(record.stream, Stream::own);
  EXPECT_EQ(record.level, LogLevel::warning);
}

TEST(Gap, OneIsSingular) {
  Gap gap;
  gap.add(lost(3), "spill full");
  std::string message;
  EXPECT_EQ(gap_record(gap, message).message, "1 record lost here: spill full");
}

TEST(Gap, TakesAnAnnouncementThatIsLostItself) {
  Gap gap;
  gap.add({20, 200, 5, 11, 0}, "spill full");
  gap.add(lost(21), "spill full");
  EXPECT_EQ(gap.count, 6U);
  EXPECT_EQ(gap.first, 11U);
  EXPECT_EQ(gap.last, 21U);
}

TEST(Gap, NamesEachReasonOnce) {
  Gap gap;
  gap.add(lost(1), "full");
  gap.add(lost(2), "buffer full");
  gap.add(lost(3), "full");
  Gap later;
  later.add(lost(4), "buffer full");
  gap.add(later);
  EXPECT_EQ(gap.why(), "full; buffer full");
  EXPECT_EQ(gap.count, 4U);
  EXPECT_EQ(gap.last, 4U);
}

TEST(Gap, KeepsItsReasonWithinItsRoom) {
  Gap gap;
  gap.add(lost(1), std::string(200, 'x'));
  EXPECT_EQ(gap.why(), std::string(95, 'x'));
  gap.add(lost(2), "another");
  EXPECT_EQ(gap.why(), std::string(95, 'x'));
}

TEST(Gap, AddingNoGapChangesNothing) {
  Gap gap;
  gap.add(Gap{});
  EXPECT_TRUE(gap.empty());
}

}  // namespace
}  // namespace cofferdam::logs
