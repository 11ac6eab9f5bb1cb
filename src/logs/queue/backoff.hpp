// How long to wait before an attempt is repeated.
#pragma once

#include <chrono>
#include <cstdint>
#include <random>

namespace cofferdam::logs {

struct BackoffLimits {
  std::chrono::milliseconds first{250};
  std::chrono::milliseconds longest{30'000};
};

// Doubles with each failure; the pause itself is drawn evenly from below that ("full jitter"), so that many senders
// that failed together do not come back together. Never shorter than a tenth of `first`: nothing spins.
class Backoff {
 public:
  Backoff(BackoffLimits limits, std::uint32_t seed) : limits_(limits), random_(seed), ceiling_(limits.first) {}

  [[nodiscard]] std::chrono::milliseconds next();
  void reset() { ceiling_ = limits_.first; }

 private:
  BackoffLimits limits_;
  std::mt19937 random_;
  std::chrono::milliseconds ceiling_;
};

}  // namespace cofferdam::logs
