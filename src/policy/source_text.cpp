#include "policy/source_text.hpp"

#include <algorithm>

#include "base/text.hpp"

namespace cofferdam::policy {
namespace {

bool starts_with_utf16_mark(std::string_view text) {
  return text.starts_with("\xff\xfe") || text.starts_with("\xfe\xff");
}

// Offset of the first tab among the blanks and the block indicators that a line begins with.
std::size_t tab_in_indentation(std::string_view line) {
  for (std::size_t at = 0; at < line.size(); ++at) {
    const char c = line[at];
    if (c == '\t') return at;
    const bool indicator =
        (c == '-' || c == '?' || c == ':') && at + 1 < line.size() && (line[at + 1] == ' ' || line[at + 1] == '\t');
    if (c != ' ' && !indicator) break;
  }
  return std::string_view::npos;
}

}  // namespace

Place place_of(std::string_view text, std::size_t offset) {
  const std::string_view before = text.substr(0, offset);
  const auto lines = std::ranges::count(before, '\n');
  const std::size_t line_start = before.rfind('\n') == std::string_view::npos ? 0 : before.rfind('\n') + 1;
  return {static_cast<int>(lines) + 1, static_cast<int>(before.size() - line_start) + 1};
}

bool check_encoding(std::string_view text, Mistakes& mistakes) {
  if (starts_with_utf16_mark(text)) {
    mistakes.error({1, 1}, code::kSyntax, "the file is UTF-16", "save it as UTF-8 without a byte order mark");
    return false;
  }
  if (text.starts_with("\xef\xbb\xbf")) {
    mistakes.error({1, 1}, code::kSyntax, "the file begins with a byte order mark",
                   "save it as UTF-8 without a byte order mark");
    return false;
  }
  for (std::size_t at = 0; at < text.size();) {
    const std::size_t length = base::utf8_sequence(text.substr(at));
    const std::string_view sequence = text.substr(at, length == 0 ? 1 : length);
    const auto first = static_cast<unsigned char>(sequence.front());
    if (length == 0) {
      mistakes.error(place_of(text, at), code::kSyntax, "not UTF-8: the byte " + in_quotes(sequence),
                     "save the file as UTF-8");
      return false;
    }
    if (first == 0) {
      mistakes.error(place_of(text, at), code::kSyntax, "a NUL byte", "save the file as UTF-8 text");
      return false;
    }
    if (first == '\r' && (at + 1 == text.size() || text[at + 1] != '\n')) {
      mistakes.error(place_of(text, at), code::kSyntax, "a carriage return without a line feed",
                     "end lines with LF or CR LF");
      return false;
    }
    const bool c1 = first == 0xc2 && static_cast<unsigned char>(sequence[1]) < 0xa0;
    if (c1 || first == 0x7f || (first < 0x20 && first != '\t' && first != '\n' && first != '\r')) {
      mistakes.error(place_of(text, at), code::kSyntax, "the control character " + in_quotes(sequence),
                     R"(in double quotes, write it as an escape such as "\x1b")");
      return false;
    }
    at += length;
  }
  return true;
}

bool check_indentation(std::string_view text, Mistakes& mistakes) {
  bool clean = true;
  int number = 0;
  for (const std::string_view line : base::split(text, '\n')) {
    ++number;
    if (const std::size_t tab = tab_in_indentation(line); tab != std::string_view::npos) {
      mistakes.error({number, static_cast<int>(tab) + 1}, code::kSyntax, "a tab in the indentation",
                     "indent with spaces");
      clean = false;
    }
    if (line.starts_with('%')) {
      mistakes.error({number, 1}, code::kStructure,
                     "directives are not allowed: " + in_quotes(line.substr(0, line.find('\r'))), "remove the line");
      clean = false;
    }
  }
  return clean;
}

}  // namespace cofferdam::policy
