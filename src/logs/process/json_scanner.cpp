#include "logs/process/json_scanner.hpp"

#include <bit>
#include <cstdint>
#include <cstring>

#include "base/text.hpp"

#if defined(__SSE2__)
#include <emmintrin.h>
#endif

namespace cofferdam::logs {

namespace {

constexpr bool is_digit(char c) {
  return c >= '0' && c <= '9';
}
constexpr bool is_plain(char c) {
  return c >= 0x20 && c < 0x7f && c != '"' && c != '\\';
}

// Skips what stands for itself in a string.
#if defined(__SSE2__)
const char* skip_plain(const char* at, const char* end) {
  for (; end - at >= 16; at += 16) {
    const __m128i block = _mm_loadu_si128(reinterpret_cast<const __m128i*>(at));
    // As signed bytes, what is above 0x7f is below the space, too.
    const __m128i marks = _mm_or_si128(
        _mm_or_si128(_mm_cmplt_epi8(block, _mm_set1_epi8(' ')), _mm_cmpeq_epi8(block, _mm_set1_epi8(0x7f))),
        _mm_or_si128(_mm_cmpeq_epi8(block, _mm_set1_epi8('"')), _mm_cmpeq_epi8(block, _mm_set1_epi8('\\'))));
    const auto mask = static_cast<unsigned>(_mm_movemask_epi8(marks));
    if (mask != 0) return at + std::countr_zero(mask);
  }
  while (at != end && is_plain(*at)) ++at;
  return at;
}
#else
const char* skip_plain(const char* at, const char* end) {
  while (at != end && is_plain(*at)) ++at;
  return at;
}
#endif

int hex_value(char c) {
  if (is_digit(c)) return c - '0';
  const char small = static_cast<char>(c | 0x20);
  return small >= 'a' && small <= 'f' ? small - 'a' + 10 : -1;
}

// The four digits of `\uXXXX`; -1 when they are none.
int hex_code(const char* at, const char* end) {
  if (end - at < 4) return -1;
  int code = 0;
  for (int i = 0; i < 4; ++i) {
    const int digit = hex_value(at[i]);
    if (digit < 0) return -1;
    code = code * 16 + digit;
  }
  return code;
}

constexpr bool is_high_surrogate(int code) {
  return code >= 0xd800 && code < 0xdc00;
}
constexpr bool is_low_surrogate(int code) {
  return code >= 0xdc00 && code < 0xe000;
}

void append_utf8(std::string& out, int code) {
  const auto put = [&](int byte) { out.push_back(static_cast<char>(byte)); };
  if (code < 0x80) return put(code);
  if (code < 0x800) {
    put(0xc0 | code >> 6);
  } else if (code < 0x10000) {
    put(0xe0 | code >> 12);
    put(0x80 | (code >> 6 & 0x3f));
  } else {
    put(0xf0 | code >> 18);
    put(0x80 | (code >> 12 & 0x3f));
    put(0x80 | (code >> 6 & 0x3f));
  }
  put(0x80 | (code & 0x3f));
}

}  // namespace

void JsonScanner::skip_blanks() {
  while (at_ != end_ && (*at_ == ' ' || *at_ == '\t' || *at_ == '\n' || *at_ == '\r')) ++at_;
}

bool JsonScanner::take(char c) {
  if (!is_at(c)) return false;
  ++at_;
  return true;
}

bool JsonScanner::take_word(std::string_view word) {
  if (static_cast<std::size_t>(end_ - at_) < word.size() || std::memcmp(at_, word.data(), word.size()) != 0) {
    return false;
  }
  at_ += word.size();
  return true;
}

bool JsonScanner::take_digits() {
  const char* const start = at_;
  while (at_ != end_ && is_digit(*at_)) ++at_;
  return at_ != start;
}

bool JsonScanner::take_escape() {
  if (end_ - at_ < 2) return false;
  const char letter = at_[1];
  at_ += 2;
  if (letter != 'u') return std::string_view(R"("\/bfnrt)").find(letter) != std::string_view::npos;
  const int code = hex_code(at_, end_);
  if (code < 0 || is_low_surrogate(code)) return false;
  at_ += 4;
  if (!is_high_surrogate(code)) return true;
  if (!take('\\') || !take('u') || !is_low_surrogate(hex_code(at_, end_))) return false;
  at_ += 4;
  return true;
}

bool JsonScanner::take_character() {
  const std::size_t length = safe_character(rest());
  at_ += length;
  return length != 0;
}

bool JsonScanner::take_string(String& string) {
  if (!take('"')) return false;
  const char* const start = at_;
  string.escaped = false;
  for (;;) {
    at_ = skip_plain(at_, end_);
    if (at_ == end_) return false;
    if (*at_ == '"') break;
    if (*at_ == '\\') {
      if (!take_escape()) return false;
      string.escaped = true;
    } else if (!take_character()) {
      return false;
    }
  }
  string.inside = {start, static_cast<std::size_t>(at_ - start)};
  ++at_;
  return true;
}

bool JsonScanner::take_number() {
  (void)take('-');
  if (!take('0') && !take_digits()) return false;
  if (take('.') && !take_digits()) return false;
  if (take('e') || take('E')) {
    if (!take('+')) (void)take('-');
    return take_digits();
  }
  return true;
}

bool JsonScanner::take_literal() {
  if (is_at('-') || (at_ != end_ && is_digit(*at_))) return take_number();
  return take_word("true") || take_word("false") || take_word("null");
}

// An object or an array with all that is in it. One bit a level: 1 for an object. The object around it is level 1.
bool JsonScanner::take_nested() {
  std::uint64_t objects = 0;
  unsigned depth = 1;
  String string;
  const auto skip_spaces = [this] {
    while (is_at(' ')) ++at_;
  };
  for (;;) {
    // A value begins here.
    bool ended = true;
    if (is_at('{') || is_at('[')) {
      if (++depth > kMaxDepth) return false;
      const bool object = *at_++ == '{';
      objects = objects << 1U | (object ? 1U : 0U);
      skip_spaces();
      ended = take(object ? '}' : ']');
      if (ended) {
        objects >>= 1U;
        --depth;
      }
    } else if (is_at('"')) {
      if (!take_string(string)) return false;
    } else if (!take_literal()) {
      return false;
    }
    // It may be the last one of what is around it.
    while (ended && depth > 1) {
      const bool object = (objects & 1U) != 0;
      skip_spaces();
      if (take(',')) {
        skip_spaces();
        break;
      }
      if (!take(object ? '}' : ']')) return false;
      objects >>= 1U;
      --depth;
    }
    if (depth == 1) return true;
    if ((objects & 1U) == 0) continue;
    if (!take_string(string)) return false;
    skip_spaces();
    if (!take(':')) return false;
    skip_spaces();
  }
}

MemberStep JsonScanner::next(Member& member) {
  const auto end = [this] {
    skip_blanks();
    return at_ == end_ ? MemberStep::end : MemberStep::invalid;
  };
  skip_blanks();
  if (!begun_) {
    begun_ = true;
    if (!take('{')) return MemberStep::invalid;
    skip_blanks();
    if (take('}')) return end();
  } else {
    if (take('}')) return end();
    if (!take(',')) return MemberStep::invalid;
    skip_blanks();
  }
  String string;
  if (!take_string(string)) return MemberStep::invalid;
  member.key = string.inside;
  member.key_escaped = string.escaped;
  skip_blanks();
  if (!take(':')) return MemberStep::invalid;
  skip_blanks();
  const char* const start = at_;
  member.value_escaped = false;
  if (is_at('"')) {
    if (!take_string(string)) return MemberStep::invalid;
    member.kind = MemberValue::string;
    member.value = string.inside;
    member.value_escaped = string.escaped;
    return MemberStep::member;
  }
  if (is_at('{') || is_at('[')) {
    if (!take_nested()) return MemberStep::invalid;
    member.kind = MemberValue::other;
  } else {
    if (!take_literal()) return MemberStep::invalid;
    member.kind = *start == '-' || is_digit(*start) ? MemberValue::number : MemberValue::other;
  }
  member.value = {start, static_cast<std::size_t>(at_ - start)};
  return MemberStep::member;
}

std::size_t safe_character(std::string_view text) {
  const std::size_t length = base::utf8_sequence(text);
  const auto byte = [&](std::size_t i) { return static_cast<unsigned char>(text[i]); };
  if (length < 2 || (length == 2 && byte(0) == 0xc2 && byte(1) < 0xa0)) return 0;
  const bool separates = length == 3 && byte(0) == 0xe2 && byte(1) == 0x80 && (byte(2) == 0xa8 || byte(2) == 0xa9);
  return separates ? 0 : length;
}

void append_unescaped(std::string& out, std::string_view inside) {
  for (;;) {
    const std::size_t backslash = inside.find('\\');
    out.append(inside.substr(0, backslash));
    if (backslash == std::string_view::npos) return;
    const char letter = inside[backslash + 1];
    inside.remove_prefix(backslash + 2);
    switch (letter) {
      case 'b': out.push_back('\b'); break;
      case 'f': out.push_back('\f'); break;
      case 'n': out.push_back('\n'); break;
      case 'r': out.push_back('\r'); break;
      case 't': out.push_back('\t'); break;
      case 'u': {
        const auto take_code = [&] {
          const int code = hex_code(inside.data(), inside.data() + inside.size());
          inside.remove_prefix(4);
          return code;
        };
        int code = take_code();
        if (is_high_surrogate(code)) {
          inside.remove_prefix(2);
          code = 0x10000 + ((code - 0xd800) << 10) + (take_code() - 0xdc00);
        }
        append_utf8(out, code);
        break;
      }
      default: out.push_back(letter); break;
    }
  }
}

}  // namespace cofferdam::logs
