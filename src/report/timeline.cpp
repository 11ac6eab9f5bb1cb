#include "report/timeline.hpp"

#include <utility>

namespace cofferdam::report {

namespace {

void add_up(TimelinePoint& sum, const TimelinePoint& point) {
  sum.writes += point.writes;
  sum.connections += point.connections;
  sum.refused += point.refused;
  sum.log_bytes += point.log_bytes;
}

void halve(Timeline& timeline) {
  std::vector<TimelinePoint> halved((timeline.points.size() + 1) / 2);
  for (std::size_t i = 0; i < timeline.points.size(); ++i) add_up(halved[i / 2], timeline.points[i]);
  timeline.points = std::move(halved);
  timeline.width *= 2;
}

}  // namespace

void TimelineFold::add(const std::timespec& when, std::uint64_t TimelinePoint::* what, std::uint64_t count) {
  if (timeline_.width == 0) {
    timeline_.start = when;
    timeline_.width = kFirstWidth;
  }
  const std::int64_t since = (static_cast<std::int64_t>(when.tv_sec) - timeline_.start.tv_sec) * 1000 +
                             (when.tv_nsec - timeline_.start.tv_nsec) / 1'000'000;
  const std::uint64_t offset = since < 0 ? 0 : static_cast<std::uint64_t>(since);  // a clock that was set back
  while (offset / timeline_.width >= kMostPoints) halve(timeline_);
  const auto index = static_cast<std::size_t>(offset / timeline_.width);
  if (timeline_.points.size() <= index) timeline_.points.resize(index + 1);
  timeline_.points[index].*what += count;
}

Timeline TimelineFold::take() {
  return std::exchange(timeline_, Timeline{});
}

}  // namespace cofferdam::report
