// Cuts the bytes of one stream into lines, wherever the reads happened to end.
#pragma once

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <cstring>
#include <memory>
#include <span>
#include <string_view>

#include "logs/record.hpp"

namespace cofferdam::logs {

// The largest position at most `at` where `text` can be cut without dividing a UTF-8 sequence, whole or still to be
// completed. Above 0 when `at` is.
[[nodiscard]] std::size_t cut_between_characters(std::string_view text, std::size_t at);

// The same, behind the last blank where one of the 4 KiB before `at` is one: a word (a secret) stays whole.
[[nodiscard]] std::size_t cut_between_words(std::string_view text, std::size_t at);

// The read buffer of one stream. In memory that is shared with the launcher and zero at first, so that the bytes that
// were read and not yet delivered outlive the pump.
struct FramerMemory {
  static constexpr std::size_t kPage = 4096;
  static constexpr std::size_t kReadSize = 64 << 10;
  static constexpr std::size_t kMaxPiece = 256 << 10;
  static constexpr std::size_t kFront = 4 * kPage;  // carried bytes up to here are moved before an aligned read
  static constexpr std::size_t kCapacity = kFront + 2 * kMaxPiece;

  alignas(kPage) char bytes[kCapacity];
};

// Owns the cutting of a stream, not its memory:
//   framer.make_room(); const auto space = framer.space(); n = read(fd, space.data(), space.size());
//   framer.commit(n, on_piece);
// `on_piece(const Piece&)` is called once a line, in order. The pieces joined, with a line feed after each that has
// `last` and `eol`, are the bytes that were read. Memory is fixed: a line above kMaxPiece is delivered in pieces.
//
// What a pump that takes over needs is the mark(): taken after make_room(), after space(), and whenever all pieces so
// far are where they outlive the pump. What space() gives out is zero, so that even bytes that a read(2) had brought,
// of which the pump did not live to hear, are found; only zero bytes at their end would be missed.
class Framer {
 public:
  static constexpr std::size_t kReadSize = FramerMemory::kReadSize;
  static constexpr std::size_t kMaxPiece = FramerMemory::kMaxPiece;

  struct Mark {
    bool taken = false;
    bool inside_line = false;
    bool cleared = false;
    std::uint32_t begin = 0;
    std::uint32_t end = 0;
    std::uint32_t dirty = 0;
  };

  Framer(Stream stream, FramerMemory& memory);

  // Takes over the memory where another left it. Returns how many bytes it had read into space() by then: commit()
  // them.
  [[nodiscard]] std::size_t recover(const Mark& mark);
  [[nodiscard]] Mark mark() const;

  // Moves what is carried over, where that is needed: in front of a page, unless a long line is in the making, because
  // read(2) into an aligned buffer costs half.
  void make_room();
  // kReadSize bytes to read into, all zero.
  [[nodiscard]] std::span<char> space();

  // Takes the first `size` bytes of space().
  template <class OnPiece>
  void commit(std::size_t size, OnPiece&& on_piece) {
    const char* line = begin_;
    const char* scan = scanned_;
    const char* const stop = end_ + size;
    while (scan != stop) {
      const void* found = std::memchr(scan, '\n', static_cast<std::size_t>(stop - scan));
      if (found == nullptr) break;
      const char* const feed = static_cast<const char*>(found);
      line = cut_long(line, feed, on_piece);
      emit(line, feed, true, true, on_piece);
      line = scan = feed + 1;
    }
    line = cut_long(line, stop, on_piece);
    begin_ += line - begin_;
    end_ += size;
    scanned_ = end_;
    dirty_ = std::max(dirty_, end_);
    cleared_ = false;
  }

  // Takes them as well, and forgets them.
  void discard(std::size_t size) {
    dirty_ = std::max(dirty_, end_ + size);
    cleared_ = false;
  }

  // The stream has ended: what is left without a line feed is delivered as a line with eol = false.
  template <class OnPiece>
  void finish(OnPiece&& on_piece) {
    if (begin_ != end_ || inside_line_) emit(begin_, end_, true, false, on_piece);
    begin_ = scanned_ = end_;
  }

  // The bytes of the line that has not ended yet and were not delivered yet.
  [[nodiscard]] std::string_view tail() const { return {begin_, static_cast<std::size_t>(end_ - begin_)}; }

 private:
  template <class OnPiece>
  const char* cut_long(const char* line, const char* stop, OnPiece&& on_piece) {
    while (static_cast<std::size_t>(stop - line) > kMaxPiece) {
      const std::string_view rest(line, static_cast<std::size_t>(stop - line));
      const char* const cut = line + cut_between_words(rest, kMaxPiece);
      emit(line, cut, false, true, on_piece);
      line = cut;
    }
    return line;
  }

  template <class OnPiece>
  void emit(const char* from, const char* to, bool last, bool eol, OnPiece&& on_piece) {
    on_piece(Piece{stream_, {from, static_cast<std::size_t>(to - from)}, !inside_line_, last, eol});
    inside_line_ = !last;
  }

  [[nodiscard]] std::uint32_t offset(const char* at) const { return static_cast<std::uint32_t>(at - memory_.bytes); }

  Stream stream_;
  bool inside_line_ = false;  // a piece of the current line was delivered already
  FramerMemory& memory_;
  char* begin_;
  char* end_;
  char* scanned_;         // there is no line feed between begin_ and here
  char* dirty_;           // what lies behind is zero
  bool cleared_ = false;  // space() was given out, and nothing taken since
};

}  // namespace cofferdam::logs
