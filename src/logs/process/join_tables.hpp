// The tables of the joiner: one row a kind of line. To teach it a trace, add rows and a sample.
#pragma once

#include <span>

#include "logs/process/join_rules.hpp"

namespace cofferdam::logs {

inline constexpr JoinRuleSet kJava = 1U << 0;
inline constexpr JoinRuleSet kPython = 1U << 1;
inline constexpr JoinRuleSet kGo = 1U << 2;
inline constexpr JoinRuleSet kNode = 1U << 3;
inline constexpr JoinRuleSet kRuby = 1U << 4;
inline constexpr JoinRuleSet kRust = 1U << 5;
inline constexpr JoinRuleSet kDotnet = 1U << 6;
inline constexpr JoinRuleSet kPhp = 1U << 7;
inline constexpr JoinRuleSet kElixir = 1U << 8;
inline constexpr JoinRuleSet kSanitizer = 1U << 9;
inline constexpr JoinRuleSet kEveryRule = (1U << 10) - 1;

// `text` is the row's own; what it means is the matcher's.
using JoinMatch = bool (*)(std::string_view line, std::string_view text);

// A line that begins a trace: it begins with `prefix` and `matches`, where there is one.
struct BeginRow {
  std::string_view prefix;
  JoinRuleSet rules;
  JoinState state;
  JoinHold hold;
  bool bare = false;
  JoinMatch matches = nullptr;
};

// In `state`, a line that `matches(line, text)` has this verdict. The first row of a state that matches counts.
struct StepRow {
  JoinState state;
  JoinMatch matches;
  std::string_view text;
  JoinVerdict verdict;
  JoinState next;
  JoinRuleSet rules = kEveryRule;
};

[[nodiscard]] std::span<const BeginRow> begin_rows(char first);
[[nodiscard]] std::span<const StepRow> step_rows(JoinState state);
[[nodiscard]] std::span<const BeginRow> all_begin_rows();

}  // namespace cofferdam::logs
