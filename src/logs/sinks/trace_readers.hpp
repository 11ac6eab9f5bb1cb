// The parts of parse_stack_trace(): one reader a runtime, and what they share.
#pragma once

#include <algorithm>
#include <charconv>
#include <initializer_list>
#include <optional>
#include <string_view>
#include <vector>

#include "logs/sinks/stack_trace.hpp"

namespace cofferdam::logs::trace {

using Lines = std::vector<std::string_view>;  // of one record, in its memory, without line ends
using Trace = std::optional<StackTrace>;

[[nodiscard]] Trace read_python(const Lines& lines);
[[nodiscard]] Trace read_ruby(const Lines& lines);
[[nodiscard]] Trace read_php(const Lines& lines);
[[nodiscard]] Trace read_java(const Lines& lines);
[[nodiscard]] Trace read_node(const Lines& lines);
[[nodiscard]] Trace read_dotnet(const Lines& lines);
[[nodiscard]] Trace read_go(const Lines& lines);
[[nodiscard]] Trace read_rust(const Lines& lines);

inline std::string_view trim(std::string_view text) {
  const std::size_t first = text.find_first_not_of(" \t\n\r");
  if (first == std::string_view::npos) return {};
  return text.substr(first, text.find_last_not_of(" \t\n\r") - first + 1);
}

// Takes `prefix` off the front; false when it is not there.
inline bool take(std::string_view& text, std::string_view prefix) {
  if (!text.starts_with(prefix)) return false;
  text.remove_prefix(prefix.size());
  return true;
}

inline bool is_digits(std::string_view text) {
  return !text.empty() && std::ranges::all_of(text, [](char c) { return c >= '0' && c <= '9'; });
}

// Takes ":12" off the end.
inline std::optional<std::uint32_t> take_number(std::string_view& text, char before = ':') {
  const std::size_t at = text.rfind(before);
  if (at == std::string_view::npos || !is_digits(text.substr(at + 1))) return std::nullopt;
  std::uint32_t number = 0;
  const auto read = std::from_chars(text.data() + at + 1, text.data() + text.size(), number);
  if (read.ec != std::errc()) return std::nullopt;
  text = text.substr(0, at);
  return number;
}

// The name of a class: words joined with `.`, `$`, `\`, `::` and the like.
inline bool is_type(std::string_view text) {
  const auto is_letter = [](char c) {
    return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || c == '_' || c == '$' || c == '\\';
  };
  return !text.empty() && is_letter(text.front()) && std::ranges::all_of(text, [&](char c) {
    return is_letter(c) || (c >= '0' && c <= '9') || c == '.' || c == ':' || c == '`' || c == '+' || c == '/';
  });
}

// "TYPE: VALUE" or "TYPE" alone.
inline bool read_type(std::string_view text, StackException& exception) {
  const std::size_t colon = text.find(": ");
  std::string_view type = text.substr(0, colon);
  if (colon == std::string_view::npos && type.ends_with(':')) type.remove_suffix(1);
  if (!is_type(type)) return false;
  exception.type = type;
  exception.value = colon == std::string_view::npos ? text.substr(text.size()) : text.substr(colon + 2);
  return true;
}

// From the start of `first` to the end of `last`, which stands behind it in the same record.
inline std::string_view span_of(std::string_view first, std::string_view last) {
  return {first.data(), static_cast<std::size_t>(last.data() + last.size() - first.data())};
}

// The lines before line `end`.
inline std::string_view head_of(const Lines& lines, std::size_t end) {
  return end == 0 ? std::string_view() : trim(span_of(lines[0], lines[end - 1]));
}

inline bool contains_any(std::string_view text, std::initializer_list<std::string_view> parts) {
  return std::ranges::any_of(parts, [&](std::string_view part) { return text.contains(part); });
}
inline bool starts_with_any(std::string_view text, std::initializer_list<std::string_view> parts) {
  return std::ranges::any_of(parts, [&](std::string_view part) { return text.starts_with(part); });
}

// Runtimes that print the innermost call first.
inline void turn_frames(StackTrace& trace) {
  for (StackException& exception : trace.exceptions) std::ranges::reverse(exception.frames);
}

}  // namespace cofferdam::logs::trace
