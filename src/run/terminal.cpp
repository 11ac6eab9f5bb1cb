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

Terminal::Terminal(kernel::Fd master) : master_(std::move(master)) {
  termios settings{};
  if (tcgetattr(STDIN_FILENO, &settings) == 0) {
    saved_ = settings;
    // The inner terminal starts with the habits of the outer one (on a master they are the slave's, tty_ioctl(4)).
    (void)tcsetattr(master_.get(), TCSANOW, &settings);
    cfmakeraw(&settings);
    (void)tcsetattr(STDIN_FILENO, TCSADRAIN, &settings);
  }
  resize();
  // A program that does not read its terminal must not stop the launcher.
  (void)fcntl(master_.get(), F_SETFL, fcntl(master_.get(), F_GETFL) | O_NONBLOCK);
}

Terminal::~Terminal() {
  restore();
}

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
    unread_ += end_of_file;
    push_input();
    return false;
  }
  unread_.append(buffer.data(), static_cast<std::size_t>(got));
  push_input();
  return true;
}

void Terminal::push_input() {
  const ssize_t wrote = write(master_.get(), unread_.data(), unread_.size());
  if (wrote > 0) unread_.erase(0, static_cast<std::size_t>(wrote));
}

bool Terminal::carry_output() {
  std::array<char, 16384> buffer{};
  const ssize_t got = read(master_.get(), buffer.data(), buffer.size());
  if (got < 0) return errno == EINTR || errno == EAGAIN;  // EIO: the last process has closed the other side
  return got > 0 && kernel::write_all(STDOUT_FILENO, {buffer.data(), static_cast<std::size_t>(got)});
}

}  // namespace cofferdam::run
