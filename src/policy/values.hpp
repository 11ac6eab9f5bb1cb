// The scalar values of a policy: text in, a value or the reason why not out. Nothing here looks at the machine.
#pragma once

#include <chrono>
#include <cstdint>
#include <expected>
#include <optional>
#include <span>
#include <string>
#include <string_view>

namespace cofferdam::policy {

// Why a text is not the value it should be: `message` repeats the text, `hint` gives the legal forms.
struct ValueError {
  std::string message;
  std::string hint;
};

template <class T>
using Value = std::expected<T, ValueError>;

inline constexpr std::uint64_t kSmallestMount = 64ULL << 10;
inline constexpr std::chrono::milliseconds kLongestDuration = std::chrono::hours(24);

// "64KiB", "512MiB", "2GiB", "1TiB": whole numbers, in bytes; at least kSmallestMount, at most 2^63-1.
[[nodiscard]] Value<std::uint64_t> parse_size(std::string_view text);

// Fewer would not hold what cofferdam itself puts into an overlay; more would take a terabyte of kernel memory.
inline constexpr std::uint64_t kFewestInodes = 64;
inline constexpr std::uint64_t kMostInodes = 1'000'000'000;
// "100000": a whole number without a unit, from kFewestInodes to kMostInodes.
[[nodiscard]] Value<std::uint64_t> parse_inodes(std::string_view text);

// The same for the size of a log record: at least 1 KiB.
[[nodiscard]] Value<std::uint64_t> parse_record_size(std::string_view text);

// The same for the memory of an instance: at least 8 MiB, below which hardly a program starts.
inline constexpr std::uint64_t kLeastMemory = 8ULL << 20;
[[nodiscard]] Value<std::uint64_t> parse_memory(std::string_view text);

// "2", "1.5", "0.25": processors, in thousandths; from 0.01, the least that the kernel hands out, to 10000.
[[nodiscard]] Value<std::uint64_t> parse_cores(std::string_view text);

// "5": a whole number from 1 to 1000000000, without a unit.
[[nodiscard]] Value<std::uint64_t> parse_count(std::string_view text);

// "500ms", "10s", "2m", "24h": whole numbers, at most kLongestDuration; zero is legal.
[[nodiscard]] Value<std::chrono::milliseconds> parse_duration(std::string_view text);

// 1 to 65535, decimal, without sign or leading zero.
[[nodiscard]] Value<std::uint16_t> parse_port(std::string_view text);

// "SIGTERM" or "TERM"; the result has the SIG. Only signals that ask or force a process to end.
[[nodiscard]] Value<std::string> parse_signal(std::string_view text);
// The number of a name that parse_signal returned; 0 for any other.
[[nodiscard]] int signal_number(std::string_view name);
[[nodiscard]] std::span<const std::string_view> signal_names();

// Any signal, with or without SIG: its number.
[[nodiscard]] Value<int> parse_any_signal(std::string_view text);

// An exit status: 0 to 255.
[[nodiscard]] Value<int> parse_status(std::string_view text);

// An extended regular expression as regcomp(3) reads it. \d and (?...), which it would take for something else, are
// refused with what to write instead. The value is the text.
[[nodiscard]] Value<std::string> parse_regex(std::string_view text);

// [A-Za-z_][A-Za-z0-9_]*
[[nodiscard]] Value<std::string> parse_variable(std::string_view text);

// The same with '*' for any letters: "*_TOKEN". The error shows nothing of `text`, which may be the secret itself.
[[nodiscard]] Value<std::string> parse_variable_pattern(std::string_view text);

// "true" or "false", as YAML 1.2's core schema writes them (True and TRUE too); not yes, no, on, off.
[[nodiscard]] Value<bool> parse_boolean(std::string_view text);

// What a plain (unquoted) scalar would be to some YAML reader, when that is not text: "a number" (07, 1e3,
// 0x1F, 1_000, 5432:30, .inf) or "a boolean" (no, on). Such values must be quoted where text is meant.
[[nodiscard]] std::optional<std::string_view> other_reading(std::string_view plain);

}  // namespace cofferdam::policy
