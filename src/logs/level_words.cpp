#include "logs/level_words.hpp"

#include <array>
#include <bit>
#include <cstring>

namespace cofferdam::logs {

namespace {

constexpr std::uint8_t kEverywhere = kAsValue | kMarked | kBeforeColon | kInCapitals;
constexpr std::uint8_t kShort = kAsValue | kInCapitals;

constexpr LevelWord kWords[] = {
    {"ERROR", LogLevel::error, kEverywhere | kOfPhp},
    {"INFO", LogLevel::info, kEverywhere},
    {"WARN", LogLevel::warning, kEverywhere},
    {"WARNING", LogLevel::warning, kEverywhere | kOfPhp},
    {"DEBUG", LogLevel::debug, kEverywhere},
    {"CRITICAL", LogLevel::critical, kEverywhere},
    {"FATAL", LogLevel::critical, kEverywhere | kOfPhp},
    {"TRACE", LogLevel::debug, kEverywhere},
    {"NOTICE", LogLevel::info, kEverywhere | kOfPhp},
    {"ERR", LogLevel::error, kEverywhere},
    {"CRIT", LogLevel::critical, kEverywhere},
    {"ALERT", LogLevel::critical, kEverywhere},
    {"EMERG", LogLevel::critical, kEverywhere},
    {"EMERGENCY", LogLevel::critical, kEverywhere},
    {"PANIC", LogLevel::critical, kEverywhere},
    {"DPANIC", LogLevel::critical, kEverywhere},
    {"NOTE", LogLevel::info, kAsValue | kMarked},
    {"VERBOSE", LogLevel::debug, kEverywhere},
    {"INFORMATION", LogLevel::info, kEverywhere},
    {"SILLY", LogLevel::debug, kAsValue},      // winston
    {"SUCCESS", LogLevel::info, kAsValue},     // loguru
    {"SEVERE", LogLevel::error, kEverywhere},  // java.util.logging, to FINEST
    {"CONFIG", LogLevel::info, kShort},
    {"FINE", LogLevel::debug, kShort},
    {"FINER", LogLevel::debug, kShort},
    {"FINEST", LogLevel::debug, kShort},
    {"INF", LogLevel::info, kShort},  // Serilog and zerolog, to PNC
    {"WRN", LogLevel::warning, kShort},
    {"DBG", LogLevel::debug, kShort},
    {"VRB", LogLevel::debug, kShort},
    {"TRC", LogLevel::debug, kShort},
    {"FTL", LogLevel::critical, kShort},
    {"PNC", LogLevel::critical, kShort},
    {"ERRO", LogLevel::error, kShort},  // logrus on a terminal, to PANI
    {"DEBU", LogLevel::debug, kShort},
    {"TRAC", LogLevel::debug, kShort},
    {"FATA", LogLevel::critical, kShort},
    {"PANI", LogLevel::critical, kShort},
    {"FAIL", LogLevel::error, kBeforeColon},  // .NET, to TRCE
    {"DBUG", LogLevel::debug, kBeforeColon | kAsValue},
    {"TRCE", LogLevel::debug, kBeforeColon | kAsValue},
    {"EROR", LogLevel::error, kAsValue},   // log15
    {"LOG", LogLevel::info, kInCapitals},  // PostgreSQL
    {"PARSE", LogLevel::critical, kOfPhp},
    {"DEPRECATED", LogLevel::warning, kOfPhp},
    {"LEVEL", LogLevel::info, kLevelKey},
    {"LVL", LogLevel::info, kLevelKey},
    {"SEVERITY", LogLevel::info, kLevelKey},
    {"LEVELNAME", LogLevel::info, kLevelKey},
};

constexpr std::uint32_t kCapitals = 0xdfdfdfdf;
constexpr std::size_t kSlots = 256;
constexpr std::uint8_t kNone = 0xff;

constexpr std::uint32_t key_of(std::uint32_t first_four, std::size_t size) {
  return first_four & (size == 3 ? kCapitals & 0xffffffU : kCapitals);
}
constexpr std::size_t slot_of(std::uint32_t key) {
  return (key * 0x9e3779b1U) >> 24U;
}

struct Slot {
  std::uint32_t key = 0;
  std::uint8_t word = kNone;
};

// By the first four letters; words that begin alike stand behind each other.
constexpr auto kBySlot = [] {
  std::array<Slot, kSlots> slots{};
  for (std::uint8_t word = 0; word < std::size(kWords); ++word) {
    std::uint32_t first_four = 0;
    for (std::size_t i = 0; i < 4 && i < kWords[word].capitals.size(); ++i) {
      first_four |= static_cast<std::uint32_t>(kWords[word].capitals[i]) << (8 * i);
    }
    std::size_t slot = slot_of(first_four);
    while (slots.at(slot).word != kNone) slot = (slot + 1) % kSlots;
    slots.at(slot) = {first_four, word};
  }
  return slots;
}();

// The first four letters are known to be equal.
bool is_word(std::string_view letters, std::string_view capitals) {
  if (letters.size() != capitals.size()) return false;
  for (std::size_t i = 4; i < letters.size(); ++i) {
    if ((letters[i] & '\xdf') != capitals[i]) return false;
  }
  return true;
}

}  // namespace

const LevelWord* find_level_word(std::string_view word) {
  std::uint32_t first_four = 0;
  std::memcpy(&first_four, word.data(), sizeof first_four);
  if constexpr (std::endian::native == std::endian::big) first_four = __builtin_bswap32(first_four);
  const std::uint32_t key = key_of(first_four, word.size());
  for (std::size_t slot = slot_of(key); kBySlot[slot].word != kNone; slot = (slot + 1) % kSlots) {
    if (kBySlot[slot].key != key) continue;
    const LevelWord& known = kWords[kBySlot[slot].word];
    if (is_word(word, known.capitals)) return &known;
  }
  return nullptr;
}

}  // namespace cofferdam::logs
