#include "run/capture.hpp"

#include <fcntl.h>
#include <sys/ioctl.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <termios.h>
#include <unistd.h>

#include <cerrno>
#include <cstring>
#include <string>

namespace cofferdam::run {

namespace {

constexpr int kSyslogBuffer = 1 << 20;

std::unexpected<Error> no_terminal(const char* call) {
  const int errnum = errno;
  return fail(std::string("logs.capture: pty: ") + call + ": " + std::strerror(errnum) +
                  "; write capture: pipe, or give the container a /dev/ptmx",
              errnum);
}

Result<kernel::Pipe> make_terminal() {
  kernel::Fd master(open("/dev/ptmx", O_RDWR | O_NOCTTY | O_CLOEXEC));
  if (!master) return no_terminal("can't open /dev/ptmx");
  const int unlock = 0;
  if (ioctl(master.get(), TIOCSPTLCK, &unlock) != 0) return no_terminal("can't unlock the terminal");
  kernel::Fd slave(ioctl(master.get(), TIOCGPTPEER, O_RDWR | O_NOCTTY | O_CLOEXEC));
  if (!slave) return no_terminal("can't open the terminal");
  termios settings{};
  if (tcgetattr(slave.get(), &settings) != 0) return no_terminal("can't set the terminal");
  cfmakeraw(&settings);
  if (tcsetattr(slave.get(), TCSANOW, &settings) != 0) return no_terminal("can't set the terminal");
  winsize size{};
  if (ioctl(STDERR_FILENO, TIOCGWINSZ, &size) != 0 || size.ws_col == 0) {
    size.ws_row = 24;
    size.ws_col = 80;
  }
  (void)ioctl(master.get(), TIOCSWINSZ, &size);
  return kernel::Pipe{std::move(master), std::move(slave)};
}

}  // namespace

Result<Capture> make_capture(const Logs& logs, uid_t uid, gid_t gid) {
  Capture capture;
  for (kernel::Pipe* pipe : {&capture.out, &capture.err}) {
    auto made = logs.capture == LogCapture::pty ? make_terminal() : kernel::make_pipe();
    if (!made) return std::unexpected(made.error());
    *pipe = std::move(*made);
    // Another user may be allowed to write, as with Docker's pipes: an app that changes user reopens them.
    if (uid != geteuid()) (void)!fchown(pipe->write.get(), uid, gid);
    (void)fchmod(pipe->write.get(), 0622);
  }
  if (logs.syslog_socket) {
    capture.syslog.reset(socket(AF_UNIX, SOCK_DGRAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0));
    if (!capture.syslog) {
      const int errnum = errno;
      return fail(std::string("can't make the socket for /dev/log: ") + std::strerror(errnum), errnum);
    }
    (void)setsockopt(capture.syslog.get(), SOL_SOCKET, SO_RCVBUF, &kSyslogBuffer, sizeof kSyslogBuffer);
  }
  return capture;
}

}  // namespace cofferdam::run
