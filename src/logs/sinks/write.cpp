#include "logs/sinks/write.hpp"

#include <poll.h>
#include <unistd.h>

#include <cerrno>

namespace cofferdam::logs {

Written write_all(int fd, std::string_view bytes) {
  std::size_t done = 0;
  while (done < bytes.size()) {
    const ssize_t count = ::write(fd, bytes.data() + done, bytes.size() - done);
    if (count > 0) {
      done += static_cast<std::size_t>(count);
    } else if (count == 0) {
      return {done, EIO};
    } else if (errno == EAGAIN) {
      pollfd ready{fd, POLLOUT, 0};
      // The result does not matter: an error or a closed reader is told by the next write.
      (void)::poll(&ready, 1, -1);
    } else if (errno != EINTR) {
      return {done, errno};
    }
  }
  return {done, 0};
}

}  // namespace cofferdam::logs
