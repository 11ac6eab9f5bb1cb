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
  if (isatty(STDIN_FILENO) == 1) keyboard_ = STDIN_FILENO;
  for (const int number : {STDOUT_FILENO, STDERR_FILENO, STDIN_FILENO}) {
    if (screen_ < 0 && isatty(number) == 1) screen_ = number;
  }
  termios settings{};
  if (tcgetattr(screen_, &settings) == 0) {
    // The inner terminal starts with the habits of the outer one (on a master they are the slave's, tty_ioctl(4)). What
    // an outer one that stays as it is does to the ends of lines, need not be done twice.
    if (keyboard_ < 0) settings.c_oflag &= ~static_cast<tcflag_t>(OPOST);
    (void)tcsetattr(master_.get(), TCSANOW, &settings);
  }
  make_raw();
  resize();
  // A program that does not read its terminal must not stop the launcher.
  (void)fcntl(master_.get(), F_SETFL, fcntl(master_.get(), F_GETFL) | O_NONBLOCK);
}

Terminal::~Terminal() {
  restore();
}

void Terminal::make_raw() {
  termios settings{};
  if (keyboard_ < 0 || tcgetattr(keyboard_, &settings) != 0) return;
  saved_ = settings;
  cfmakeraw(&settings);
  (void)tcsetattr(keyboard_, TCSADRAIN, &settings);
}

void Terminal::restore() {
  if (saved_ && master_) (void)tcsetattr(keyboard_, TCSADRAIN, &*saved_);
  saved_.reset();
}

void Terminal::resume() {
  make_raw();
  resize();
}

void Terminal::resize() {
  winsize size{};
  if (ioctl(screen_, TIOCGWINSZ, &size) == 0) (void)ioctl(master_.get(), TIOCSWINSZ, &size);
}

bool Terminal::carry_input() {
  std::array<char, 4096> buffer{};
  const ssize_t got = read(keyboard_, buffer.data(), buffer.size());
  if (got < 0) return errno == EINTR || errno == EAGAIN;
  if (got == 0) {
    // The terminal is gone: what Ctrl-D says.
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
  return got > 0 && kernel::write_all(screen_, {buffer.data(), static_cast<std::size_t>(got)});
}

}  // namespace cofferdam::run
