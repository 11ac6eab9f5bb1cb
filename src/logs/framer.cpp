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

Framer::Framer(Stream stream)
    : stream_(stream),
      memory_(static_cast<char*>(::operator new(kCapacity, std::align_val_t{kPage}))),
      begin_(memory_.get() + kFront),
      end_(begin_) {}

std::span<char> Framer::space() {
  const auto carried = static_cast<std::size_t>(end_ - begin_);
  char* target = nullptr;
  if (carried <= kFront) {
    target = memory_.get() + kFront - carried;
  } else if (memory_.get() + kCapacity - end_ < static_cast<std::ptrdiff_t>(kReadSize)) {
    // A long line is moved only when the buffer is used up, so that a slow writer does not cost its square.
    target = memory_.get();
  }
  if (target != nullptr && target != begin_) {
    std::memmove(target, begin_, carried);
    begin_ = target;
    end_ = target + carried;
  }
  return {end_, kReadSize};
}

}  // namespace cofferdam::logs
