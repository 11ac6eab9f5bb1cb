// Text that is held back, where it outlives the process that holds it.
#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>

namespace cofferdam::logs {

// Of one stream, shared with the launcher. Two places: what the last mark speaks of stays as it is while the next text
// is written to the other one. Pages that were never written to don't exist.
struct HeldMemory {
  static constexpr std::size_t kMost = 1 << 20;  // bytes of a text, but for a line feed at its end
  static constexpr std::size_t kPage = 4096;

  alignas(kPage) std::array<std::array<char, kMost + kPage>, 2> places;
};

// Each line of `text`, which ends with a line feed; `eol`: whether its last line had one when it came.
template <class OnLine>  // void(std::string_view line, bool eol)
void for_each_line(std::string_view text, bool eol, OnLine&& on_line) {
  for (std::size_t at = 0; at < text.size();) {
    const std::size_t end = text.find('\n', at);
    on_line(text.substr(at, end - at), end + 1 < text.size() || eol);
    at = end + 1;
  }
}

// Grows at its end until it is cleared. A pump that takes over gets it back as of the last mark().
class HeldText {
 public:
  struct Mark {
    std::uint32_t place = 0;
    std::uint32_t size = 0;
    bool eol = true;  // of the last line
  };

  explicit HeldText(HeldMemory& memory) : memory_(memory) {}

  [[nodiscard]] std::string_view view() const { return {memory_.places[place_].data(), size_}; }
  void append(std::string_view bytes);  // at most HeldMemory::kMost and a line feed in all
  void clear();

  // From now on this state is the one that outlives the process; the one before no longer does. Gives pages back.
  [[nodiscard]] Mark mark(bool eol);
  // The text of another's mark, which stays until the next mark().
  [[nodiscard]] std::string recover(const Mark& mark);

 private:
  static constexpr std::uint32_t kNone = 2;

  HeldMemory& memory_;
  std::uint32_t place_ = 0;
  std::size_t size_ = 0;
  std::uint32_t marked_ = kNone;          // the place of the last mark that had text
  std::array<std::size_t, 2> written_{};  // of each place, since its pages were given back
};

}  // namespace cofferdam::logs
