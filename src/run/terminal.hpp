// The terminal of a one-off: a pty between the user's terminal and the instance, so that job control, resizing and
// Ctrl-C work inside and nothing inside can reach the user's terminal.
#pragma once

#include <termios.h>

#include <optional>

#include "kernel/fd.hpp"

namespace cofferdam::run {

class Terminal {
 public:
  // A new pty, sized like the terminal on stdin when there is one, which becomes raw until restore().
  [[nodiscard]] static Result<Terminal> open(uid_t uid, gid_t gid);
  Terminal(Terminal&&) noexcept = default;
  Terminal& operator=(Terminal&&) noexcept = default;
  Terminal(const Terminal&) = delete;
  Terminal& operator=(const Terminal&) = delete;
  ~Terminal();

  [[nodiscard]] int master() const { return master_.get(); }
  [[nodiscard]] int slave() const { return slave_.get(); }
  void close_slave() { slave_.reset(); }

  // Bytes from the user to the instance and back. False when that side has ended.
  [[nodiscard]] bool carry_input();
  [[nodiscard]] bool carry_output();
  void resize();
  void restore();

 private:
  Terminal() = default;
  kernel::Fd master_;
  kernel::Fd slave_;
  std::optional<termios> saved_;
};

}  // namespace cofferdam::run
