#include "run/terminal.hpp"

#include <fcntl.h>
#include <sys/ioctl.h>
#include <sys/stat.h>
#include <unistd.h>

#include <array>
#include <cerrno>
#include <cstdlib>
#include <cstring>

namespace cofferdam::run {

Result<Terminal> Terminal::open(uid_t uid, gid_t gid) {
  Terminal terminal;
  terminal.master_.reset(posix_openpt(O_RDWR | O_NOCTTY | O_CLOEXEC));
  if (!terminal.master_ || grantpt(terminal.master_.get()) != 0 || unlockpt(terminal.master_.get()) != 0) {
    return fail(std::string("can't open a pseudo-terminal: ") + std::strerror(errno), errno);
  }
  std::array<char, 128> name{};
  if (ptsname_r(terminal.master_.get(), name.data(), name.size()) != 0) {
    return fail(std::string("can't open a pseudo-terminal: ") + std::strerror(errno), errno);
  }
  auto slave = kernel::open_file(name.data(), O_RDWR | O_NOCTTY);
  if (!slave) return std::unexpected(slave.error());
  terminal.slave_ = std::move(*slave);
  if (uid != geteuid()) (void)!fchown(terminal.slave_.get(), uid, gid);
  termios settings{};
  if (tcgetattr(STDIN_FILENO, &settings) == 0) {
    terminal.saved_ = settings;
    // The inner terminal starts with the habits of the outer one.
    (void)tcsetattr(terminal.slave_.get(), TCSANOW, &settings);
    cfmakeraw(&settings);
    (void)tcsetattr(STDIN_FILENO, TCSADRAIN, &settings);
  }
  terminal.resize();
  return terminal;
}

Terminal::~Terminal() { restore(); }

void Terminal::restore() {
  if (saved_ && master_) (void)tcsetattr(STDIN_FILENO, TCSADRAIN, &*saved_);
  saved_.reset();
}

void Terminal::resize() {
  winsize size{};
  if (ioctl(STDIN_FILENO, TIOCGWINSZ, &size) == 0) (void)ioctl(master_.get(), TIOCSWINSZ, &size);
}

bool Terminal::carry_input() {
  std::array<char, 4096> buffer{};
  const ssize_t got = read(STDIN_FILENO, buffer.data(), buffer.size());
  if (got < 0) return errno == EINTR || errno == EAGAIN;
  if (got == 0) {
    // The end of a pipe or file: what Ctrl-D says on a terminal.
    const char end_of_file = 4;
    (void)kernel::write_all(master_.get(), {&end_of_file, 1});
    return false;
  }
  return kernel::write_all(master_.get(), {buffer.data(), static_cast<std::size_t>(got)});
}

bool Terminal::carry_output() {
  std::array<char, 16384> buffer{};
  const ssize_t got = read(master_.get(), buffer.data(), buffer.size());
  if (got < 0) return errno == EINTR || errno == EAGAIN;  // EIO: the last process has closed the other side
  return got > 0 && kernel::write_all(STDOUT_FILENO, {buffer.data(), static_cast<std::size_t>(got)});
}

}  // namespace cofferdam::run
