// Cuts the bytes of one stream into lines, wherever the reads happened to end.
#pragma once

#include <cstddef>
#include <cstring>
#include <memory>
#include <new>
#include <span>
#include <string_view>

#include "logs/record.hpp"

namespace cofferdam::logs {

// The largest position at most `at` where `text` can be cut without dividing a UTF-8 sequence, whole or still to be
// completed. Above 0 when `at` is.
[[nodiscard]] std::size_t cut_between_characters(std::string_view text, std::size_t at);

// Owns the read buffer of a stream:
//   const auto space = framer.space(); n = read(fd, space.data(), space.size()); framer.commit(n, on_piece);
// `on_piece(const Piece&)` is called once a line, in order. The pieces joined, with a line feed after each that has
// `last` and `eol`, are the bytes that were read. Memory is fixed: a line above kMaxPiece is delivered in pieces.
class Framer {
 public:
  static constexpr std::size_t kReadSize = 64 << 10;
  static constexpr std::size_t kMaxPiece = 256 << 10;

  explicit Framer(Stream stream);

  // At least kReadSize bytes to read into. Page-aligned unless a long line is in the making: read(2) into an aligned
  // buffer costs half. What is carried over stands in front of it.
  [[nodiscard]] std::span<char> space();

  // Takes the first `size` bytes of space().
  template <class OnPiece>
  void commit(std::size_t size, OnPiece&& on_piece) {
    const char* line = begin_;
    const char* scan = end_;
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
  }

  // The stream has ended: what is left without a line feed is delivered as a line with eol = false.
  template <class OnPiece>
  void finish(OnPiece&& on_piece) {
    if (begin_ != end_ || inside_line_) emit(begin_, end_, true, false, on_piece);
    begin_ = end_;
  }

  // The bytes of the line that has not ended yet and were not delivered yet.
  [[nodiscard]] std::string_view tail() const { return {begin_, static_cast<std::size_t>(end_ - begin_)}; }

 private:
  static constexpr std::size_t kPage = 4096;
  static constexpr std::size_t kFront = 4 * kPage;  // carried bytes up to here are moved before an aligned read
  static constexpr std::size_t kCapacity = kFront + 2 * kMaxPiece;

  template <class OnPiece>
  const char* cut_long(const char* line, const char* stop, OnPiece&& on_piece) {
    while (static_cast<std::size_t>(stop - line) > kMaxPiece) {
      const std::string_view rest(line, static_cast<std::size_t>(stop - line));
      const char* const cut = line + cut_between_characters(rest, kMaxPiece);
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

  struct Release {
    void operator()(char* memory) const { ::operator delete(memory, std::align_val_t{kPage}); }
  };

  Stream stream_;
  bool inside_line_ = false;  // a piece of the current line was delivered already
  std::unique_ptr<char, Release> memory_;
  char* begin_;
  char* end_;
};

}  // namespace cofferdam::logs
