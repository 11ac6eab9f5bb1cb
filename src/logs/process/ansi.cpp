#include "logs/process/ansi.hpp"

#include <algorithm>

namespace cofferdam::logs {

namespace {

constexpr char kEscape = '\x1b';
constexpr char kC1 = '\xc2';  // the first byte of U+0080 to U+00BF

constexpr bool is_between(char c, char low, char high) {
  return c >= low && c <= high;
}
constexpr bool is_c1(std::string_view text) {
  return text.size() >= 2 && text[0] == kC1 && is_between(text[1], '\x80', '\x9f');
}

// Finds where sequences may begin, one behind the other, with one look at each byte.
class Introducers {
 public:
  explicit Introducers(std::string_view text) : text_(text) {}

  // The first one from `from` on; the size of the text when there is none. `from` only grows.
  std::size_t next(std::size_t from) {
    if (escape_ == std::string_view::npos || escape_ < from)
      escape_ = std::min(text_.find(kEscape, from), text_.size());
    const std::string_view before = text_.substr(0, escape_);
    std::size_t c1 = before.find(kC1, from);
    while (c1 != std::string_view::npos && !is_c1(before.substr(c1))) c1 = before.find(kC1, c1 + 1);
    return std::min(c1, escape_);
  }

 private:
  std::string_view text_;
  std::size_t escape_ = std::string_view::npos;
};

// Bytes of the parameters, intermediate bytes and the final byte that `text` begins with; 0 when there is no end.
std::size_t control_size(std::string_view text) {
  text = text.substr(0, kLongestSequence);
  std::size_t at = 0;
  while (at < text.size() && is_between(text[at], '\x30', '\x3f')) ++at;
  while (at < text.size() && is_between(text[at], '\x20', '\x2f')) ++at;
  return at < text.size() && is_between(text[at], '\x40', '\x7e') ? at + 1 : 0;
}

// Bytes of a string with its end; 0 when there is none.
std::size_t string_size(std::string_view text, bool ends_with_bell) {
  text = text.substr(0, kLongestSequence);
  for (std::size_t at = 0; at < text.size(); ++at) {
    const char c = text[at];
    if (c == '\x18' || c == '\x1a' || (c == '\a' && ends_with_bell)) return at + 1;
    // ST, or where another sequence begins.
    if (c == kEscape) return text.substr(at + 1).starts_with('\\') ? at + 2 : at;
    if (is_c1(text.substr(at))) return text[at + 1] == '\x9c' ? at + 2 : at;
  }
  return 0;
}

// What an introducer, as the byte behind its ESC, brings with it.
std::size_t body_size(char kind, std::string_view rest) {
  switch (kind) {
    case '[': return control_size(rest);
    case ']': return string_size(rest, true);
    case 'P':
    case 'X':
    case '^':
    case '_':
    case 'k': return string_size(rest, false);
    default: return 0;
  }
}

// Bytes of the sequence that `text` begins with.
std::size_t sequence_size(std::string_view text) {
  if (text[0] == kC1) return 2 + body_size(static_cast<char>(text[1] - '\x40'), text.substr(2));
  std::size_t at = 1;
  while (at < std::min(text.size(), kLongestSequence) && is_between(text[at], '\x20', '\x2f')) ++at;
  if (at == text.size() || !is_between(text[at], '\x30', '\x7e')) return 1;
  return at > 1 ? at + 1 : 2 + body_size(text[1], text.substr(2));
}

}  // namespace

std::string_view strip_ansi(std::string_view text, std::string& scratch) {
  Introducers introducers(text);
  std::size_t at = introducers.next(0);
  if (at == text.size()) return text;
  scratch.assign(text, 0, at);
  while (at < text.size()) {
    at += sequence_size(text.substr(at));
    const std::size_t next = introducers.next(at);
    const std::string_view run = text.substr(at, next - at);
    // The halves of a C1 control must not find each other.
    if (!run.empty() && is_between(run[0], '\x80', '\x9f')) {
      while (scratch.ends_with(kC1)) scratch.pop_back();
    }
    scratch.append(run);
    at = next;
  }
  return scratch;
}

}  // namespace cofferdam::logs
