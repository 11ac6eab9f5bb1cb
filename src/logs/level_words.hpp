// The words that loggers write for a level, and where each of them means one.
#pragma once

#include <array>
#include <bit>
#include <cstddef>
#include <cstdint>
#include <cstring>
#include <string_view>

#include "cofferdam/logs.hpp"

namespace cofferdam::logs {

// Where a word tells a level.
inline constexpr std::uint8_t kAsValue = 1;      // of a key `level`, in any case
inline constexpr std::uint8_t kMarked = 2;       // in brackets and the like, in any case
inline constexpr std::uint8_t kBeforeColon = 4;  // at the start of the line, in any case
inline constexpr std::uint8_t kInCapitals = 8;   // as the first word
inline constexpr std::uint8_t kOfPhp = 16;       // behind "PHP "
inline constexpr std::uint8_t kLevelKey = 32;    // no level: its value is one

struct LevelWord {
  std::string_view capitals;
  LogLevel level = LogLevel::info;
  std::uint8_t uses = 0;
};

inline constexpr std::size_t kShortestLevelWord = 3;
inline constexpr std::size_t kLongestLevelWord = 11;

// Whether one of the words begins with this letter, in any case.
[[nodiscard]] constexpr bool may_begin_level_word(char letter) {
  constexpr std::uint32_t kFirst = [] {
    std::uint32_t letters = 0;
    for (const char first : std::string_view("ACDEFILNPSTVW")) letters |= 1U << (static_cast<unsigned>(first) & 31U);
    return letters;
  }();
  return (kFirst >> (static_cast<unsigned>(letter) & 31U) & 1U) != 0;
}

namespace detail {

inline constexpr std::size_t kLevelSlots = 256;

struct LevelSlot {
  static constexpr std::uint8_t kNone = 0xff;
  std::uint32_t key = 0;  // the first four letters, as capitals
  std::uint8_t word = kNone;
};
extern const LevelWord* const level_words;
extern const std::array<LevelSlot, kLevelSlots> level_slots;

constexpr std::size_t level_slot_of(std::uint32_t key) {
  return (key * 0x9e3779b1U) >> 24U;
}

}  // namespace detail

// `word`: letters only, kShortestLevelWord to kLongestLevelWord of them, with at least four readable bytes. Null when
// it is none of the words, whatever its case.
[[nodiscard]] inline const LevelWord* find_level_word(std::string_view word) {
  constexpr std::uint32_t kCapitals = 0xdfdfdfdf;
  std::uint32_t key = 0;
  std::memcpy(&key, word.data(), sizeof key);
  if constexpr (std::endian::native == std::endian::big) key = __builtin_bswap32(key);
  key &= word.size() == 3 ? kCapitals & 0xffffffU : kCapitals;
  const auto is_word = [&](std::string_view capitals) {
    if (word.size() != capitals.size()) return false;
    for (std::size_t i = 4; i < word.size(); ++i) {
      if ((word[i] & '\xdf') != capitals[i]) return false;
    }
    return true;
  };
  for (std::size_t slot = detail::level_slot_of(key);; slot = (slot + 1) % detail::kLevelSlots) {
    const detail::LevelSlot& found = detail::level_slots[slot];
    if (found.word == detail::LevelSlot::kNone) return nullptr;
    if (found.key == key && is_word(detail::level_words[found.word].capitals)) return &detail::level_words[found.word];
  }
}

}  // namespace cofferdam::logs
