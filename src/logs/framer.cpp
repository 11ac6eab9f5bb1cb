#include "logs/framer.hpp"

namespace cofferdam::logs {

std::size_t cut_between_characters(std::string_view text, std::size_t at) {
  if (at >= text.size()) return text.size();
  for (std::size_t back = 1; back <= 3 && back < at; ++back) {
    const auto byte = static_cast<unsigned char>(text[at - back]);
    if (byte < 0x80) return at;
    if (byte < 0xc0) continue;
    // The sequence need not be whole yet: the rest of it may come with the next read.
    const std::size_t length = byte >= 0xf0 ? 4 : byte >= 0xe0 ? 3 : 2;
    return length > back ? at - back : at;
  }
  return at;
}

std::size_t cut_between_words(std::string_view text, std::size_t at) {
  constexpr std::size_t kWindow = 4096;
  if (at >= text.size()) return text.size();
  const std::size_t from = at - std::min(at, kWindow);
  const std::size_t blank = text.substr(from, at - from).rfind(' ');
  return blank == std::string_view::npos ? cut_between_characters(text, at) : from + blank + 1;
}

Framer::Framer(Stream stream, FramerMemory& memory)
    : stream_(stream),
      memory_(memory),
      begin_(memory.bytes + FramerMemory::kFront),
      end_(begin_),
      scanned_(begin_),
      dirty_(begin_) {}

Framer::Mark Framer::mark() const {
  return {true, inside_line_, cleared_, offset(begin_), offset(end_), offset(dirty_)};
}

std::size_t Framer::recover(const Mark& mark) {
  if (!mark.taken) return 0;
  begin_ = scanned_ = memory_.bytes + mark.begin;
  end_ = memory_.bytes + mark.end;
  dirty_ = memory_.bytes + mark.dirty;
  inside_line_ = mark.inside_line;
  if (!mark.cleared) return 0;
  const char* last = memory_.bytes + std::min<std::size_t>(FramerMemory::kCapacity, mark.end + kReadSize);
  while (last != end_ && last[-1] == 0) --last;
  return static_cast<std::size_t>(last - end_);
}

void Framer::make_room() {
  const auto carried = static_cast<std::size_t>(end_ - begin_);
  char* target = nullptr;
  if (carried <= FramerMemory::kFront) {
    target = memory_.bytes + FramerMemory::kFront - carried;
  } else if (memory_.bytes + FramerMemory::kCapacity - end_ < static_cast<std::ptrdiff_t>(kReadSize)) {
    // A long line is moved only when the buffer is used up, so that a slow writer does not cost its square.
    target = memory_.bytes;
  }
  if (target != nullptr && target != begin_) {
    std::memmove(target, begin_, carried);
    scanned_ -= begin_ - target;
    cleared_ = false;
    begin_ = target;
    end_ = target + carried;
  }
}

std::span<char> Framer::space() {
  if (dirty_ > end_) {
    char* const clear_to = std::min(dirty_, end_ + kReadSize);
    for (char* at = end_; at != clear_to;) {
      // In steps, and not by memset(): beyond 2 KiB libc leaves it to microcode, and below it the compiler does.
      const auto size = std::min<std::size_t>(1024, static_cast<std::size_t>(clear_to - at));
      explicit_bzero(at, size);
      at += size;
    }
    if (clear_to == dirty_) dirty_ = end_;
  }
  cleared_ = true;
  return {end_, kReadSize};
}

}  // namespace cofferdam::logs
