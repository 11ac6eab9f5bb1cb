#include "report/timeline.hpp"

#include <gtest/gtest.h>

#include "report/collector.hpp"
#include "report/json.hpp"

namespace cofferdam::report {
namespace {

std::timespec at(std::int64_t milliseconds) {
  return {1'000'000 + milliseconds / 1000, milliseconds % 1000 * 1'000'000};
}

TEST(Timeline, CountsByTime) {
  TimelineFold fold;
  fold.add(at(0), &TimelinePoint::writes, 1);
  fold.add(at(99), &TimelinePoint::writes, 2);
  fold.add(at(250), &TimelinePoint::log_bytes, 7);
  const Timeline timeline = fold.take();
  EXPECT_EQ(timeline.width, 100U);
  ASSERT_EQ(timeline.points.size(), 3U);
  EXPECT_EQ(timeline.points[0].writes, 3U);
  EXPECT_EQ(timeline.points[2].log_bytes, 7U);
  EXPECT_EQ(fold.take().width, 0U);
}

TEST(Timeline, StaysBoundedAndLosesNothing) {
  TimelineFold fold;
  for (int i = 0; i < 100'000; ++i) fold.add(at(i * 1000LL), &TimelinePoint::writes, 1);
  const Timeline timeline = fold.take();
  EXPECT_LE(timeline.points.size(), TimelineFold::kMostPoints);
  EXPECT_EQ(timeline.width, 100U * 8192);
  std::uint64_t sum = 0;
  for (const TimelinePoint& point : timeline.points) sum += point.writes;
  EXPECT_EQ(sum, 100'000U);
}

TEST(Timeline, AClockThatIsSetDoesNoHarm) {
  TimelineFold fold;
  fold.add(at(5000), &TimelinePoint::writes, 1);
  fold.add(at(0), &TimelinePoint::writes, 1);
  fold.add({4'000'000'000, 0}, &TimelinePoint::writes, 1);
  const Timeline timeline = fold.take();
  EXPECT_LE(timeline.points.size(), TimelineFold::kMostPoints);
  EXPECT_EQ(timeline.points.front().writes, 2U);
  EXPECT_EQ(timeline.points.back().writes, 1U);
}

TEST(Timeline, IsInTheReportOfEventsAndBackFromIt) {
  Collector collector({});
  Event event;
  event.seq = 1;
  event.ts = at(0);
  event.instance = "web.1";
  event.body = WriteEvent{"openat", "/etc/x", "", WriteOutcome::refused, "mount", 30, nullptr};
  collector.on_event(event);
  event.seq = 2;
  event.body = ConnectEvent{"10.0.0.1:5432", "postgres", false, false, 111, nullptr};
  collector.on_event(event);
  event.seq = 3;
  event.body = RepeatedEvent{1, 4, at(1000)};
  collector.on_event(event);
  collector.add_output(50, at(1000));
  const Report report = collector.take();
  const auto back = parse_report(to_json(report));
  ASSERT_TRUE(back);
  ASSERT_EQ(back->timeline.points.size(), 11U);
  EXPECT_EQ(back->timeline.width, 100U);
  EXPECT_EQ(back->timeline.points[0].writes, 1U);
  EXPECT_EQ(back->timeline.points[0].connections, 1U);
  EXPECT_EQ(back->timeline.points[0].refused, 2U);
  EXPECT_EQ(back->timeline.points[10].writes, 4U);
  EXPECT_EQ(back->timeline.points[10].log_bytes, 50U);
}

}  // namespace
}  // namespace cofferdam::report
