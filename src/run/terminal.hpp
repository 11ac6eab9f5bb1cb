// The terminal of a one-off: a pty between the user's terminal and the instance, so that job control, resizing and
// Ctrl-C work inside and nothing inside can reach the user's terminal.
#pragma once

#include <termios.h>

#include <optional>
#include <string>

#include "kernel/fd.hpp"

namespace cofferdam::run {

class Terminal {
 public:
  // Over the master of the instance's pty: it gets the settings and the size of the caller's terminal, whichever of
  // 0, 1 and 2 it is. One on stdin becomes raw until restore().
  explicit Terminal(kernel::Fd master);
  Terminal(const Terminal&) = delete;
  Terminal& operator=(const Terminal&) = delete;
  ~Terminal();

  [[nodiscard]] int master() const { return master_.get(); }
  // Where the user types; -1 when stdin is no terminal and goes to the app by itself.
  [[nodiscard]] int keyboard() const { return keyboard_; }

  // Bytes from the user to the instance and back. False when that side has ended.
  [[nodiscard]] bool carry_input();
  // Input that the instance has not taken yet: no more is read until it has (writable again).
  [[nodiscard]] bool has_unread_input() const { return !unread_.empty(); }
  void push_input();
  [[nodiscard]] bool carry_output();
  void resize();
  void restore();
  // After restore(): the launcher was stopped and goes on.
  void resume();

 private:
  void make_raw();

  kernel::Fd master_;
  int keyboard_ = -1;
  int screen_ = -1;  // what the programs on the instance's terminal show; -1: nobody looks
  std::string unread_;
  std::optional<termios> saved_;
};

}  // namespace cofferdam::run
