// Small text helpers without side effects.
#pragma once

#include <cstdint>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

namespace cofferdam::base {

// Length of the valid UTF-8 sequence that `text` begins with (1 to 4), 0 when it begins with none (RFC 3629:
// no surrogates, no overlong forms, at most U+10FFFF).
[[nodiscard]] std::size_t utf8_sequence(std::string_view text);

// Whether all of `text` is such sequences. ASCII is passed over eight bytes at a time.
[[nodiscard]] bool is_utf8(std::string_view text);

// The candidate nearest to `word` by edit distance, when near enough to be what was meant.
[[nodiscard]] std::optional<std::string_view> nearest(std::string_view word,
                                                      std::span<const std::string_view> candidates);

[[nodiscard]] std::vector<std::string_view> split(std::string_view text, char separator);
[[nodiscard]] std::string join(std::span<const std::string> parts, std::string_view separator);

// Lexical normal form of an absolute path: no `.`, `..`, `//` or trailing slash. `/..` is `/`.
[[nodiscard]] std::string normalise_path(std::string_view absolute);

// What comes after the last slash; all of a path without one.
[[nodiscard]] std::string base_name(std::string_view path);

// True when `path` is `directory` or lies beneath it; both normalised.
[[nodiscard]] bool is_beneath(std::string_view path, std::string_view directory);

// Whole-string match of a path glob: `*` and `?` stay within a component, `**` crosses directories, and a
// leading `**/` also matches nothing.
[[nodiscard]] bool glob_match(std::string_view pattern, std::string_view path);

// "1.5 MiB", for people. Exact below 1 KiB.
[[nodiscard]] std::string human_bytes(std::uint64_t bytes);
// "131,072"
[[nodiscard]] std::string grouped(std::uint64_t number);
// "1 file", "2 files": `noun` takes an s.
[[nodiscard]] std::string plural(std::uint64_t count, std::string_view noun);

// `text` with control characters, invalid UTF-8 and what changes the direction of text made visible (\n, \x1b), for
// messages on a terminal.
[[nodiscard]] std::string printable(std::string_view text);

// argv as a person would type it, each argument quoted where a shell needs it.
[[nodiscard]] std::string shell_quote(std::span<const std::string> argv);

}  // namespace cofferdam::base
