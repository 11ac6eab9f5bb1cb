// When things happened in a run, in a histogram of bounded size.
#pragma once

#include <cstdint>
#include <ctime>

#include "cofferdam/report.hpp"

namespace cofferdam::report {

// At most kMostPoints points; when the run gets longer, two points become one and their width doubles.
//   TimelineFold fold; fold.add(event.ts, &TimelinePoint::writes, 1); ... report.timeline = fold.take();
class TimelineFold {
 public:
  static constexpr std::size_t kMostPoints = 240;
  static constexpr std::uint64_t kFirstWidth = 100;  // milliseconds

  // What is earlier than the first call counts with it.
  void add(const std::timespec& when, std::uint64_t TimelinePoint::* what, std::uint64_t count);
  [[nodiscard]] Timeline take();

 private:
  Timeline timeline_;
};

}  // namespace cofferdam::report
