#include "logs/process/held_text.hpp"

#include <sys/mman.h>

#include <algorithm>
#include <cstring>

namespace cofferdam::logs {

namespace {
constexpr std::size_t kKept = 64 << 10;  // bytes of a place that need not be given back
}

void HeldText::append(std::string_view bytes) {
  std::array<char, HeldMemory::kMost + HeldMemory::kPage>& place = memory_.places[place_];
  bytes = bytes.substr(0, place.size() - size_);
  std::memcpy(place.data() + size_, bytes.data(), bytes.size());
  size_ += bytes.size();
  written_[place_] = std::max(written_[place_], size_);
}

void HeldText::clear() {
  if (place_ == marked_) place_ = 1 - place_;
  size_ = 0;
}

HeldText::Mark HeldText::mark(bool eol) {
  marked_ = size_ == 0 ? kNone : place_;
  for (std::uint32_t i = 0; i < written_.size(); ++i) {
    if (i == marked_ || written_[i] <= kKept) continue;
    (void)madvise(memory_.places[i].data(), memory_.places[i].size(), MADV_REMOVE);
    written_[i] = 0;
  }
  return {place_, static_cast<std::uint32_t>(size_), eol};
}

std::string HeldText::recover(const Mark& mark) {
  const std::string text(memory_.places[mark.place].data(), mark.size);
  marked_ = mark.size == 0 ? kNone : mark.place;
  place_ = mark.place;
  written_.fill(HeldMemory::kMost);  // as far as we know
  clear();
  return text;
}

}  // namespace cofferdam::logs
