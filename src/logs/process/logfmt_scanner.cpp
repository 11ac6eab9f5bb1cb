#include "logs/process/logfmt_scanner.hpp"

#include <array>
#include <cstddef>
#include <cstdint>

#include "logs/process/json_scanner.hpp"

namespace cofferdam::logs {

namespace {

constexpr bool is_blank(char c) {
  return c == ' ' || c == '\t';
}
enum KeyPlace : std::uint8_t { kNowhere, kWithin, kAnywhere };

// Where in a key a character may stand.
constexpr auto kInKey = [] {
  std::array<KeyPlace, 256> places{};
  const auto set = [&](std::string_view characters, KeyPlace place) {
    for (const char c : characters) places.at(static_cast<unsigned char>(c)) = place;
  };
  set("abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ_@", kAnywhere);
  set("0123456789.-/#", kWithin);
  return places;
}();

KeyPlace place_of(char c) {
  return kInKey[static_cast<unsigned char>(c)];
}

// Bytes of the key that `text` begins with; 0 when it begins with none.
std::size_t key_size(std::string_view text) {
  if (text.empty() || place_of(text.front()) != kAnywhere) return 0;
  std::size_t at = 1;
  while (at < text.size() && place_of(text[at]) != kNowhere) ++at;
  return at;
}

std::size_t blanks(std::string_view text) {
  std::size_t at = 0;
  while (at < text.size() && is_blank(text[at])) ++at;
  return at;
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

bool LogfmtScanner::begins_with_pair(std::string_view line) {
  line.remove_prefix(blanks(line));
  const std::size_t size = key_size(line);
  return size > 0 && line.substr(size).starts_with('=');
}

MemberStep LogfmtScanner::next(Member& member) {
  const auto take = [this](std::size_t size) {
    const std::string_view taken = rest_.substr(0, size);
    rest_.remove_prefix(size);
    return taken;
  };
  (void)take(blanks(rest_));
  if (rest_.empty()) return MemberStep::end;
  member = {};
  member.key = take(key_size(rest_));
  if (member.key.empty()) return MemberStep::invalid;
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
