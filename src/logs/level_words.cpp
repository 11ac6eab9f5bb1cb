#include "logs/level_words.hpp"

#include <array>
#include <cstddef>
#include <iterator>

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

}  // namespace

namespace detail {

constinit const LevelWord* const level_words = kWords;

// By the first four letters; words that begin alike stand behind each other.
constinit const std::array<LevelSlot, kLevelSlots> level_slots = [] {
  std::array<LevelSlot, kLevelSlots> slots{};
  for (std::uint8_t word = 0; word < std::size(kWords); ++word) {
    std::uint32_t first_four = 0;
    for (std::size_t i = 0; i < 4 && i < kWords[word].capitals.size(); ++i) {
      first_four |= static_cast<std::uint32_t>(kWords[word].capitals[i]) << (8 * i);
    }
    std::size_t slot = level_slot_of(first_four);
    while (slots.at(slot).word != LevelSlot::kNone) slot = (slot + 1) % kLevelSlots;
    slots.at(slot) = {first_four, word};
  }
  return slots;
}();

}  // namespace detail

}  // namespace cofferdam::logs
