// What travels through the log path: pieces of lines on the way in, JSON Lines on the way out.
#pragma once

#include <cstddef>
#include <cstdint>
#include <string_view>

namespace cofferdam::logs {

enum class Stream : std::uint8_t { out, err };

[[nodiscard]] constexpr std::size_t index_of(Stream stream) {
  return stream == Stream::out ? 0 : 1;
}
[[nodiscard]] constexpr const char* to_string(Stream stream) {
  return stream == Stream::out ? "stdout" : "stderr";
}

// A line without its line feed, or a part of a line too long for memory. `first` and `last` say where in its line
// the piece stands; both are set for nearly every line. `eol` is false for the last piece of a stream that ended
// without a line feed. `bytes` are the app's own, whatever they are (CR, NUL, no UTF-8), and valid during the call.
struct Piece {
  Stream stream = Stream::out;
  std::string_view bytes;
  bool first = true;
  bool last = true;
  bool eol = true;
};

}  // namespace cofferdam::logs
