#include "logs/level.hpp"

#include <optional>

namespace cofferdam::logs {

namespace {

constexpr std::size_t kWindow = 64;

struct LevelWord {
  std::string_view capitals;
  LogLevel level;
};
constexpr std::array<LevelWord, 11> kWords = {{{"ERROR", LogLevel::error},
                                               {"INFO", LogLevel::info},
                                               {"WARN", LogLevel::warning},
                                               {"WARNING", LogLevel::warning},
                                               {"DEBUG", LogLevel::debug},
                                               {"CRITICAL", LogLevel::critical},
                                               {"FATAL", LogLevel::critical},
                                               {"TRACE", LogLevel::debug},
                                               {"NOTICE", LogLevel::info},
                                               {"ERR", LogLevel::error},
                                               {"CRIT", LogLevel::critical}}};

constexpr std::array<LogLevel, 8> kPriorities = {LogLevel::critical, LogLevel::critical, LogLevel::critical,
                                                 LogLevel::error,    LogLevel::warning,  LogLevel::info,
                                                 LogLevel::info,     LogLevel::debug};

constexpr bool is_letter(char c) {
  return (c >= 'A' && c <= 'Z') || (c >= 'a' && c <= 'z');
}
constexpr char capital(char c) {
  return c >= 'a' && c <= 'z' ? static_cast<char>(c - 'a' + 'A') : c;
}

bool equal_capitals(std::string_view word, std::string_view capitals) {
  if (word.size() != capitals.size()) return false;
  for (std::size_t i = 0; i < word.size(); ++i) {
    if (capital(word[i]) != capitals[i]) return false;
  }
  return true;
}

std::optional<LogLevel> level_of(std::string_view word, bool any_case) {
  if (word.size() < 3 || word.size() > 8) return std::nullopt;
  for (const LevelWord& known : kWords) {
    if (any_case ? equal_capitals(word, known.capitals) : word == known.capitals) return known.level;
  }
  return std::nullopt;
}

bool names_level(std::string_view word) {
  return equal_capitals(word, "LEVEL") || equal_capitals(word, "LVL") || equal_capitals(word, "SEVERITY");
}

}  // namespace

LogLevel detect_level(std::string_view line) {
  const std::string_view head = line.substr(0, kWindow);
  if (head.size() >= 3 && head[0] == '<' && head[2] == '>' && head[1] >= '0' && head[1] <= '7') {
    return kPriorities.at(static_cast<std::size_t>(head[1] - '0'));
  }
  bool first_word = true;
  bool after_key = false;
  for (std::size_t at = 0; at < head.size();) {
    if (!is_letter(head[at])) {
      if (after_key && head[at] != '=' && head[at] != ':' && head[at] != '"' && head[at] != ' ') after_key = false;
      ++at;
      continue;
    }
    const std::size_t start = at;
    while (at < head.size() && is_letter(head[at])) ++at;
    const std::string_view word = head.substr(start, at - start);
    const char before = start == 0 ? '\n' : head[start - 1];
    const char after = at == line.size() ? '\n' : line[at];
    const bool bracketed = (before == '[' && after == ']') || (before == '(' && after == ')');
    const bool heads_line = start == 0 && after == ':';
    if (bracketed || heads_line || after_key) {
      if (const auto level = level_of(word, true)) return *level;
    }
    after_key = names_level(word) && (after == '=' || after == ':' || after == '"');
    // Words of up to three letters are time zones, months and the T of a time.
    if (first_word && word.size() > 3) {
      first_word = false;
      const bool joined = before == '/' || before == '_' || before == '-' || before == '.' || after == '/' ||
                          after == '_' || after == '-' || after == '.' || after == '=';
      if (!joined) {
        if (const auto level = level_of(word, false)) return *level;
      }
    }
  }
  return LogLevel::info;
}

}  // namespace cofferdam::logs
