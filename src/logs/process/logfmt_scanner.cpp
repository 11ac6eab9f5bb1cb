#include "logs/process/logfmt_scanner.hpp"

#include <algorithm>
#include <cstddef>

#include "logs/process/json_scanner.hpp"

namespace cofferdam::logs {

namespace {

constexpr bool is_blank(char c) {
  return c == ' ' || c == '\t';
}
constexpr bool begins_key(char c) {
  return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || c == '_' || c == '@';
}
constexpr bool is_in_key(char c) {
  return begins_key(c) || (c >= '0' && c <= '9') || c == '.' || c == '-' || c == '/' || c == '#';
}

// Bytes of a value without quotes; npos when there is something in it that can't be taken over.
std::size_t word_size(std::string_view text) {
  std::size_t at = 0;
  while (at < text.size() && !is_blank(text[at])) {
    const char c = text[at];
    if (c > ' ' && c < '\x7f' && c != '"') {
      ++at;
      continue;
    }
    const std::size_t length = safe_character(text.substr(at));
    if (length == 0) return std::string_view::npos;
    at += length;
  }
  return at;
}

}  // namespace

MemberStep LogfmtScanner::next(Member& member) {
  rest_.remove_prefix(static_cast<std::size_t>(std::ranges::find_if_not(rest_, is_blank) - rest_.begin()));
  if (rest_.empty()) return MemberStep::end;
  if (!begins_key(rest_.front())) return MemberStep::invalid;
  const auto take = [this](std::size_t size) {
    const std::string_view taken = rest_.substr(0, size);
    rest_.remove_prefix(size);
    return taken;
  };
  member = {};
  member.key = take(static_cast<std::size_t>(std::ranges::find_if_not(rest_, is_in_key) - rest_.begin()));
  if (rest_.empty() || is_blank(rest_.front())) {
    member.value = "true";
    return MemberStep::member;
  }
  if (rest_.front() != '=') return MemberStep::invalid;
  rest_.remove_prefix(1);
  if (!rest_.starts_with('"')) {
    const std::size_t size = word_size(rest_);
    if (size == std::string_view::npos) return MemberStep::invalid;
    member.kind = MemberValue::word;
    member.value = take(size);
    // `a=1, b=2;` is prose.
    if (member.value.ends_with(',') || member.value.ends_with(';')) return MemberStep::invalid;
    return MemberStep::member;
  }
  JsonScanner quoted(rest_);
  JsonScanner::String string;
  if (!quoted.take_string(string)) return MemberStep::invalid;
  rest_ = quoted.rest();
  if (!rest_.empty() && !is_blank(rest_.front())) return MemberStep::invalid;
  member.kind = MemberValue::string;
  member.value = string.inside;
  member.value_escaped = string.escaped;
  return MemberStep::member;
}

}  // namespace cofferdam::logs
