// write(2) until done.
#pragma once

#include <cstddef>
#include <string_view>

namespace cofferdam::logs {

struct Written {
  std::size_t bytes = 0;
  int errnum = 0;  // 0 when all was written
};

// Writes all of `bytes`, whether the descriptor is blocking or not (another program may have made a shared terminal
// non-blocking): waits while it is full, goes on after a signal and after a short write.
[[nodiscard]] Written write_all(int fd, std::string_view bytes);

}  // namespace cofferdam::logs
