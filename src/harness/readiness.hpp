// Whether a service, or the command of a case, is ready.
#pragma once

#include <chrono>
#include <string_view>

#include "harness/test_case.hpp"

namespace cofferdam::harness {

class ReadyProbe {
 public:
  explicit ReadyProbe(const Ready& ready) : ready_(ready) {}

  // Asks once: a TCP connection to 127.0.0.1 or ::1, HTTP over it, a line of `output` that matches. Blocks for a second
  // at most. A port or a line that was once found is not asked for again.
  [[nodiscard]] bool passes(std::string_view output);

 private:
  const Ready& ready_;
  bool port_ = false;
  bool line_ = false;
};

}  // namespace cofferdam::harness
