// What is done about a pump that has crashed.
#pragma once

#include <chrono>
#include <cstdint>
#include <optional>

namespace cofferdam::run {

enum class AfterCrash : std::uint8_t {
  restart,
  simplify,  // with the stages off that look into lines: what it crashed on would crash it again
  give_up,
};

class PumpCrashes {
 public:
  using Clock = std::chrono::steady_clock;
  static constexpr int kMost = 5;  // within kWindow
  static constexpr std::chrono::seconds kWindow{60};

  // `seq`: of the last record that is out. `by_itself`: it was at work, and nobody killed it.
  [[nodiscard]] AfterCrash on_crash(std::uint64_t seq, bool by_itself, Clock::time_point now) {
    if (now - since_ > kWindow) {
      since_ = now;
      count_ = 0;
    }
    if (++count_ > kMost) return AfterCrash::give_up;
    if (!by_itself) return AfterCrash::restart;
    const bool again = last_ == seq;
    last_ = seq;
    return again ? AfterCrash::simplify : AfterCrash::restart;
  }

 private:
  Clock::time_point since_ = Clock::now();
  int count_ = 0;
  std::optional<std::uint64_t> last_;
};

}  // namespace cofferdam::run
