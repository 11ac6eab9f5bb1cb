// The words that loggers write for a level, and where each of them means one.
#pragma once

#include <cstddef>
#include <cstdint>
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

// `word`: letters only, kShortestLevelWord to kLongestLevelWord of them, with at least four readable bytes. Null when
// it is none of the words, whatever its case.
[[nodiscard]] const LevelWord* find_level_word(std::string_view word);

}  // namespace cofferdam::logs
