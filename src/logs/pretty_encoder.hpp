// Lines for people: `web.1 | text`, with whatever could command the terminal made visible.
#pragma once

#include <array>
#include <cstddef>
#include <optional>
#include <string>
#include <string_view>

#include "logs/out_buffer.hpp"
#include "logs/record.hpp"

namespace cofferdam::logs {

// Appends `text` for a terminal: control characters, escape sequences, C1 controls and bytes that are no UTF-8 become
// visible (\x1b, \r, \xff), and so do the line separators and what changes the direction of text (\u202e); tabs stay.
// Colour sequences (SGR, `ESC [ ... m`) are kept with `colour`, but for one that hides text (8), else removed.
// With `more`, a character or sequence that the text ends within is left for later. Returns the bytes consumed.
std::size_t append_visible(OutBuffer& out, std::string_view text, bool colour, bool more = false);

// One encoder an instance. stdout has `|` after the name, stderr `!`, the other streams `*`; with `colour` the name is
// dim and the `!` red. `width` aligns the names of several instances. A trailing carriage return (CRLF) is not shown; a
// message of several lines is shown as such. Fields follow the message as key=value.
class PrettyEncoder {
 public:
  PrettyEncoder(std::string_view instance, std::size_t width, bool colour);

  void append(const Record& record, OutBuffer& out);

  // Shows the beginning of a line that has not ended, for example a prompt. `tail` is all of the line that append()
  // has not seen; what is shown now is left out when the rest comes.
  void show_partial(Stream stream, std::string_view tail, OutBuffer& out);

 private:
  void go_to_line(Stream stream, OutBuffer& out);
  void append_lines(Stream stream, std::string_view text, OutBuffer& out);

  std::array<std::string, kLogStreams> prefixes_;
  bool colour_;
  std::array<std::size_t, kLogStreams>
      shown_{};                 // bytes at the front of the next record that are on the screen already
  std::optional<Stream> open_;  // the stream whose unfinished line the cursor stands in
};

}  // namespace cofferdam::logs
