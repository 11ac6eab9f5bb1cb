#include "logs/level.hpp"

#include <algorithm>
#include <array>
#include <bit>
#include <cstring>

#include "logs/level_words.hpp"

#if defined(__x86_64__)
#include <immintrin.h>
#endif

namespace cofferdam::logs {

namespace {

constexpr std::size_t kWindow = 64;
constexpr std::size_t kBehind = 4;  // bytes that may be read behind a window
// Of a line with colours, what is read to find a window of text.
constexpr std::size_t kColoured = 256;

constexpr std::array<LogLevel, 8> kPriorities = {LogLevel::critical, LogLevel::critical, LogLevel::critical,
                                                 LogLevel::error,    LogLevel::warning,  LogLevel::info,
                                                 LogLevel::info,     LogLevel::debug};

constexpr bool is_digit(char c) {
  return c >= '0' && c <= '9';
}
constexpr bool is_letter(char c) {
  return (c >= 'A' && c <= 'Z') || (c >= 'a' && c <= 'z');
}

// The first bytes of a line, with kBehind more that can be read.
struct Window {
  const char* text;
  std::string_view line;
  std::uint64_t letters = 0;  // a bit each byte
  std::uint64_t small = 0;    // of the letters; of other bytes it says nothing
  std::uint64_t starts = 0;   // of the words of three letters and more
  bool coloured = false;

  [[nodiscard]] char at(std::size_t i) const { return text[i]; }
  [[nodiscard]] char before(std::size_t i, std::size_t distance = 1) const {
    return i < distance ? '\n' : text[i - distance];
  }
  // Whether `what` stands right before `end`.
  [[nodiscard]] bool follows(std::size_t end, std::string_view what) const {
    return end >= what.size() && std::string_view(text + end - what.size(), what.size()) == what;
  }
};

void classify(Window& window) {
  for (std::size_t at = 0; at < kWindow; ++at) {
    const std::uint64_t bit = std::uint64_t{1} << at;
    if (is_letter(window.text[at])) window.letters |= bit;
    if ((window.text[at] & 0x20) != 0) window.small |= bit;
    if (window.text[at] == '\x1b') window.coloured = true;
  }
}

#if defined(__x86_64__)
// Half of it.
__attribute__((target("avx2,bmi,bmi2"), always_inline)) inline void classify_avx2(Window& window, std::size_t from) {
  const __m256i block = _mm256_loadu_si256(reinterpret_cast<const __m256i*>(window.text + from));
  // `a` to `z` become the largest of the signed bytes.
  const __m256i raised = _mm256_add_epi8(_mm256_or_si256(block, _mm256_set1_epi8(0x20)), _mm256_set1_epi8(0x7f - 'z'));
  const auto letters =
      static_cast<std::uint32_t>(_mm256_movemask_epi8(_mm256_cmpgt_epi8(raised, _mm256_set1_epi8(0x7f - 26))));
  // The bit in which a small letter differs from a capital one, moved up to the sign of its byte.
  const auto small = static_cast<std::uint32_t>(_mm256_movemask_epi8(_mm256_slli_epi16(block, 2)));
  window.letters |= std::uint64_t{letters} << from;
  window.small |= std::uint64_t{small} << from;
  window.coloured |= _mm256_movemask_epi8(_mm256_cmpeq_epi8(block, _mm256_set1_epi8(0x1b))) != 0;
}
#endif

bool is_in_capitals(const Window& window, std::size_t begin, std::size_t end) {
  return (window.small >> begin & ((std::uint64_t{1} << (end - begin)) - 1)) == 0;
}

// `"level": "error"`, `level=error`, `"level":50`; `end` is one past the key.
[[gnu::noinline]] std::optional<LogLevel> value_level(std::string_view line, std::size_t end) {
  const auto skip = [&](char c) {
    while (end < line.size() && line[end] == c) ++end;
  };
  skip('"');
  skip(' ');
  if (end == line.size() || (line[end] != '=' && line[end] != ':')) return std::nullopt;
  ++end;
  skip(' ');
  skip('"');
  std::size_t last = end;
  while (last < line.size() && is_letter(line[last])) ++last;
  if (last > end) return level_of_name(line.substr(end, last - end));
  std::uint32_t number = 0;
  while (last < line.size() && is_digit(line[last]) && last - end < 3) {
    number = number * 10 + static_cast<std::uint32_t>(line[last++] - '0');
  }
  return last == end ? std::nullopt : level_of_number(number);
}

std::size_t word_size(const Window& window, std::size_t begin) {
  return static_cast<std::size_t>(std::countr_zero(~(window.letters >> begin)));
}

std::uint64_t without_last_word(std::uint64_t letters) {
  const int size = std::countl_one(letters);
  return size == kWindow ? 0 : letters & (~std::uint64_t{0} >> size);
}

// Starts of the words of three letters and more.
std::uint64_t word_starts(std::uint64_t letters) {
  return letters & ~(letters << 1U) & (letters >> 1U) & (letters >> 2U);
}

// Whether the words before `begin` leave it the place of a level: there are none, or one behind a time.
[[gnu::noinline]] bool follows_few_words(const Window& window, std::size_t begin) {
  int words = is_digit(window.at(0)) ? -1 : 0;
  std::size_t bracket_end = 0;
  const std::uint64_t before = (std::uint64_t{1} << begin) - 1;
  for (std::uint64_t starts = window.starts & before; starts != 0; starts &= starts - 1) {
    const auto at = static_cast<std::size_t>(std::countr_zero(starts));
    const std::size_t end = at + word_size(window, at);
    if (window.before(at) == '[') {
      const std::size_t close = std::string_view(window.text, begin).find(']', end);
      bracket_end = close == std::string_view::npos ? 0 : close;
    }
    if (at < bracket_end || end - at <= 3 || window.at(end) == '=' || window.before(at) == '=') continue;
    ++words;
  }
  return words <= 0;
}

inline bool is_first_word(const Window& window, std::size_t begin) {
  return (window.starts & ((std::uint64_t{1} << begin) - 1)) == 0 || follows_few_words(window, begin);
}

constexpr bool joins(char c) {
  return c == '/' || c == '_' || c == '-' || c == '.';
}

bool stands_free(char before, char after, std::size_t letters) {
  if (letters == 3) return (before <= ' ' || before == '|') && (after <= ' ' || after == ':' || after == '|');
  return !joins(before) && !joins(after) && after != '=';
}

// A level in capitals: is it one by its place?
inline bool is_level(const Window& window, std::size_t begin, std::size_t end) {
  const char before = window.before(begin);
  const char after = window.at(end);
  if (before == ' ') {
    const char before_that = window.before(begin, 2);
    if ((before_that == '-' && after == ' ' && window.at(end + 1) == '-') || before_that == '|') return true;
    if (after == ':' && window.at(end + 1) == ' ' && window.at(end + 2) == ' ') return true;  // PostgreSQL
    if (window.at(0) == '[' && (after == '/' || after == ']')) return true;                   // Celery, Serilog
  }
  if (before == '.' && after == ':' && window.at(0) == '[') return true;  // Monolog
  if (begin == 0 && after == '[') return true;                            // logrus
  return stands_free(before, after, end - begin) && is_first_word(window, begin);
}

[[gnu::noinline]] bool is_marked(const Window& window, std::size_t begin, std::size_t end) {
  const char before = window.before(begin);
  const char after = window.at(end);
  if (after == ']') return before == '[' || before == ':';
  if (after == ')') return before == '(';
  if (before == '\t') return after == '\t';
  if (before != ' ') return false;
  return (after == ':' && window.before(begin, 2) == ':') || (begin == 4 && window.follows(begin, "npm "));
}

inline bool tells_level(const Window& window, std::size_t begin, std::size_t end, const LevelWord& word) {
  const auto used = [&](std::uint8_t use) { return (word.uses & use) != 0; };
  if (used(kInCapitals) && is_in_capitals(window, begin, end) && is_level(window, begin, end)) return true;
  if (used(kMarked) && is_marked(window, begin, end)) return true;
  if (used(kBeforeColon) && begin == 0 && window.at(end) == ':') return true;
  if (!used(kOfPhp)) return false;
  if (window.follows(begin, "PHP ")) return true;
  // `Fatal error: ` of PHP's command line and of Go's runtime.
  return begin == 0 && word.level == LogLevel::critical && window.line.substr(end).starts_with(" error: ");
}

inline std::optional<LogLevel> level_at(const Window& window, std::size_t begin, std::size_t end,
                                        const LevelWord& word) {
  if ((word.uses & kLevelKey) != 0) return value_level(window.line, end);
  // What else stands in JSON is text.
  if (window.at(0) == '{' || !tells_level(window, begin, end, word)) return std::nullopt;
  return word.level;
}

std::optional<LogLevel> find_in_words(std::string_view line);

// The text of a line with colours (ESC [ ... letter), as far as a window of it goes.
[[gnu::noinline]] std::optional<LogLevel> find_without_colours(std::string_view line) {
  std::array<char, kWindow + kBehind> text{};
  std::size_t size = 0;
  line = line.substr(0, kColoured);
  for (std::size_t at = 0; at < line.size() && size < text.size();) {
    if (line[at] != '\x1b') {
      text.at(size++) = line[at++];
      continue;
    }
    ++at;
    if (at == line.size() || line[at] != '[') continue;
    do ++at;
    while (at < line.size() && !is_letter(line[at]));
    ++at;
  }
  return find_in_words({text.data(), size});
}

// Of a window that has been classified.
inline std::optional<LogLevel> search(Window& window) {
  if (window.coloured) return find_without_colours(window.line);
  // A word that goes on behind the window is none.
  const bool ends_in_word = window.letters >> (kWindow - 1) != 0;
  if (ends_in_word && is_letter(window.at(kWindow))) window.letters = without_last_word(window.letters);
  window.starts = word_starts(window.letters);
  for (std::uint64_t starts = window.starts; starts != 0; starts &= starts - 1) {
    const auto begin = static_cast<std::size_t>(std::countr_zero(starts));
    if (!may_begin_level_word(window.at(begin))) continue;
    const std::size_t size = word_size(window, begin);
    if (size > kLongestLevelWord) continue;
    const LevelWord* const word = find_level_word({window.text + begin, size});
    if (word == nullptr) continue;
    if (const auto level = level_at(window, begin, begin + size, *word)) return level;
  }
  return std::nullopt;
}

using FindInWindow = std::optional<LogLevel> (*)(const char* text, std::string_view line);

std::optional<LogLevel> find_in_window_bytes(const char* text, std::string_view line) {
  Window window{text, line};
  classify(window);
  return search(window);
}

#if defined(__x86_64__)
__attribute__((target("avx2,bmi,bmi2"))) std::optional<LogLevel> find_in_window_avx2(const char* text,
                                                                                     std::string_view line) {
  Window window{text, line};
  classify_avx2(window, 0);
  classify_avx2(window, kWindow / 2);
  return search(window);
}

const FindInWindow find_in_window = __builtin_cpu_supports("avx2") != 0 && __builtin_cpu_supports("bmi2") != 0
                                        ? find_in_window_avx2
                                        : find_in_window_bytes;
#else
constexpr FindInWindow find_in_window = find_in_window_bytes;
#endif

[[gnu::noinline]] std::optional<LogLevel> find_in_short(std::string_view line) {
  std::array<char, kWindow + kBehind> copy;
  copy.fill('\n');
  std::copy(line.begin(), line.end(), copy.begin());
  return find_in_window(copy.data(), line);
}

std::optional<LogLevel> find_in_words(std::string_view line) {
  return line.size() < kWindow + kBehind ? find_in_short(line) : find_in_window(line.data(), line);
}

// `I1122 10:00:00` of klog and Abseil, `I20261122 10:00:00` of glog.
[[gnu::noinline]] std::optional<LogLevel> find_klog(std::string_view line) {
  std::size_t end = 1;
  while (end < line.size() && is_digit(line[end])) ++end;
  const std::string_view time = line.substr(end);
  if ((end != 5 && end != 9) || time.size() < 4 || time[0] != ' ' || !is_digit(time[1]) || time[3] != ':') {
    return std::nullopt;
  }
  switch (line[0]) {
    case 'I': return LogLevel::info;
    case 'W': return LogLevel::warning;
    case 'E': return LogLevel::error;
    case 'F': return LogLevel::critical;
    default: return std::nullopt;
  }
}

}  // namespace

std::optional<LogLevel> find_level(std::string_view line) {
  const bool is_short = line.size() < kWindow + kBehind;
  if (is_short && line.size() < kShortestLevelWord) return std::nullopt;
  if (line[0] == '<' && line[2] == '>' && line[1] >= '0' && line[1] <= '7') {
    return kPriorities.at(static_cast<std::size_t>(line[1] - '0'));
  }
  if (is_letter(line[0]) && is_digit(line[1])) {
    if (const auto level = find_klog(line)) return level;
  }
  return is_short ? find_in_short(line) : find_in_window(line.data(), line);
}

LogLevel detect_joined_level(std::string_view text) {
  const std::size_t feed = text.find('\n');
  const std::optional<LogLevel> level = find_level(text.substr(0, feed));
  return level.value_or(feed == std::string_view::npos ? LogLevel::info : LogLevel::error);
}

std::optional<LogLevel> level_of_name(std::string_view name) {
  if (name.size() < kShortestLevelWord || name.size() > kLongestLevelWord) return std::nullopt;
  if (!std::ranges::all_of(name, is_letter)) return std::nullopt;
  std::array<char, kLongestLevelWord> padded{};
  std::ranges::copy(name, padded.begin());
  const LevelWord* const word = find_level_word({padded.data(), name.size()});
  if (word == nullptr || (word->uses & kAsValue) == 0) return std::nullopt;
  return word->level;
}

std::optional<LogLevel> level_of_number(std::uint32_t number) {
  if (number < kPriorities.size()) return kPriorities.at(number);
  if (number >= 10 && number < 70) {
    constexpr std::array<LogLevel, 6> kOfPino = {LogLevel::debug,   LogLevel::debug, LogLevel::info,
                                                 LogLevel::warning, LogLevel::error, LogLevel::critical};
    return kOfPino.at(number / 10 - 1);
  }
  if (number >= 100 && number <= 600) {
    constexpr std::array<LogLevel, 6> kOfMonolog = {LogLevel::debug, LogLevel::info,     LogLevel::warning,
                                                    LogLevel::error, LogLevel::critical, LogLevel::critical};
    return kOfMonolog.at(number / 100 - 1);
  }
  return std::nullopt;
}

}  // namespace cofferdam::logs
