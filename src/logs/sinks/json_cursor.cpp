#include "logs/sinks/json_cursor.hpp"

#include <algorithm>
#include <charconv>
#include <optional>

namespace cofferdam::logs {

namespace {

void append_utf8(std::string& out, std::uint32_t code) {
  const auto add = [&](std::uint32_t byte) { out += static_cast<char>(byte); };
  if (code < 0x80) {
    add(code);
  } else if (code < 0x800) {
    add(0xc0 | code >> 6);
    add(0x80 | (code & 0x3f));
  } else if (code < 0x10000) {
    add(0xe0 | code >> 12);
    add(0x80 | (code >> 6 & 0x3f));
    add(0x80 | (code & 0x3f));
  } else {
    add(0xf0 | code >> 18);
    add(0x80 | (code >> 12 & 0x3f));
    add(0x80 | (code >> 6 & 0x3f));
    add(0x80 | (code & 0x3f));
  }
}

// The four digits after \u at the front of `text`.
std::optional<std::uint32_t> code_unit(std::string_view text) {
  std::uint32_t code = 0;
  if (text.size() < 4) return std::nullopt;
  const auto read = std::from_chars(text.data(), text.data() + 4, code, 16);
  if (read.ec != std::errc() || read.ptr != text.data() + 4) return std::nullopt;
  return code;
}

// Takes the escape at the front of `text` (after the backslash) and appends what it stands for.
void append_escape(std::string& out, std::string_view& text) {
  constexpr std::uint32_t kReplacement = 0xfffd;
  const char kind = text.front();
  text.remove_prefix(1);
  switch (kind) {
    case 'b': out += '\b'; return;
    case 'f': out += '\f'; return;
    case 'n': out += '\n'; return;
    case 'r': out += '\r'; return;
    case 't': out += '\t'; return;
    case 'u': break;
    default: out += kind; return;  // " \ /
  }
  const auto first = code_unit(text);
  if (!first) return append_utf8(out, kReplacement);
  text.remove_prefix(4);
  if (*first < 0xd800 || *first > 0xdfff) return append_utf8(out, *first);
  const auto second = text.starts_with("\\u") ? code_unit(text.substr(2)) : std::nullopt;
  if (*first > 0xdbff || !second || *second < 0xdc00 || *second > 0xdfff) return append_utf8(out, kReplacement);
  text.remove_prefix(6);
  append_utf8(out, 0x10000 + ((*first - 0xd800) << 10) + (*second - 0xdc00));
}

}  // namespace

void JsonCursor::skip_blanks() {
  rest_.remove_prefix(std::min(rest_.find_first_not_of(" \t\r\n"), rest_.size()));
}

JsonCursor::Kind JsonCursor::kind() {
  skip_blanks();
  if (rest_.empty()) return Kind::invalid;
  switch (rest_.front()) {
    case 'n': return Kind::null;
    case 't':
    case 'f': return Kind::boolean;
    case '"': return Kind::string;
    case '[': return Kind::array;
    case '{': return Kind::object;
    default: break;
  }
  const bool number = rest_.front() == '-' || (rest_.front() >= '0' && rest_.front() <= '9');
  return number ? Kind::number : Kind::invalid;
}

// Up to the next comma, bracket or blank.
std::string_view JsonCursor::word() {
  skip_blanks();
  const std::string_view found = rest_.substr(0, rest_.find_first_of(",]}: \t\r\n"));
  rest_.remove_prefix(found.size());
  return found;
}

bool JsonCursor::boolean() {
  return word() == "true";
}

// The inside of the string ahead, as it is written.
std::string_view JsonCursor::quoted() {
  skip_blanks();
  if (!rest_.starts_with('"')) {
    rest_ = {};
    return {};
  }
  std::size_t end = 1;
  while (end < rest_.size() && rest_[end] != '"') end += rest_[end] == '\\' ? 2 : 1;
  end = std::min(end, rest_.size());
  const std::string_view inside = rest_.substr(1, end - 1);
  rest_.remove_prefix(std::min(end + 1, rest_.size()));
  return inside;
}

std::string JsonCursor::string() {
  std::string_view text = quoted();
  std::string out;
  out.reserve(text.size());
  while (!text.empty()) {
    const std::size_t plain = std::min(text.find('\\'), text.size());
    out.append(text.substr(0, plain));
    text.remove_prefix(plain);
    if (text.size() < 2) break;
    text.remove_prefix(1);
    append_escape(out, text);
  }
  return out;
}

std::string_view JsonCursor::skip() {
  skip_blanks();
  const char* const start = rest_.data();
  std::size_t depth = 0;
  do {
    skip_blanks();
    if (rest_.empty()) break;
    const char first = rest_.front();
    if (first == '"') {
      (void)quoted();
    } else if (first == '[' || first == '{') {
      ++depth;
      take();
    } else if (first == ']' || first == '}') {
      if (depth > 0) --depth;
      take();
    } else if (first == ',' || first == ':' || word().empty()) {
      take();
    }
  } while (depth > 0);
  return {start, static_cast<std::size_t>(rest_.data() - start)};
}

bool JsonCursor::next() {
  skip_blanks();
  if (rest_.empty()) return false;
  if (rest_.front() == ']' || rest_.front() == '}') {
    take();
    return false;
  }
  if (rest_.front() == ',') take();
  skip_blanks();
  return !rest_.empty();
}

void JsonCursor::colon() {
  skip_blanks();
  if (rest_.starts_with(':')) take();
}

}  // namespace cofferdam::logs
