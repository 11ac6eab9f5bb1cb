#include "logs/queue/backoff.hpp"

#include <algorithm>

namespace cofferdam::logs {

std::chrono::milliseconds Backoff::next() {
  std::uniform_int_distribution<std::int64_t> below(0, ceiling_.count());
  const std::chrono::milliseconds drawn(below(random_));
  ceiling_ = std::min(ceiling_ * 2, limits_.longest);
  return std::max(drawn, limits_.first / 10);
}

}  // namespace cofferdam::logs
