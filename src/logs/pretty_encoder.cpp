#include "logs/pretty_encoder.hpp"

#include <algorithm>
#include <array>

#include "base/text.hpp"

namespace cofferdam::logs {

namespace {

constexpr std::string_view kReset = "\x1b[0m";
constexpr std::size_t kLongestColour = 64;

constexpr bool is_plain(char c) {
  return (c >= 0x20 && c < 0x7f) || c == '\t';
}

void append_hex(OutBuffer& out, char byte) {
  constexpr std::string_view kHex = "0123456789abcdef";
  const auto value = static_cast<unsigned char>(byte);
  out.append("\\x");
  out.append(kHex[value >> 4U]);
  out.append(kHex[value & 15U]);
}

// U+202A to U+202E and U+2066 to U+2069 change the order in which text is shown, U+2028 and U+2029 end lines; null for
// every other character.
const char* visible_name(std::string_view character) {
  constexpr std::string_view kFrom2028 = "\xe2\x80\xa8";
  constexpr std::string_view kFrom2066 = "\xe2\x81\xa6";
  constexpr std::array<const char*, 7> kNames2028 = {"\\u2028", "\\u2029", "\\u202a", "\\u202b",
                                                     "\\u202c", "\\u202d", "\\u202e"};
  constexpr std::array<const char*, 4> kNames2066 = {"\\u2066", "\\u2067", "\\u2068", "\\u2069"};
  if (character.size() != 3) return nullptr;
  const auto behind = [&](std::string_view first) {
    const bool same = character.substr(0, 2) == first.substr(0, 2) && character[2] >= first[2];
    return same ? static_cast<std::size_t>(character[2] - first[2]) : kNames2028.size();
  };
  if (behind(kFrom2028) < kNames2028.size()) return kNames2028.at(behind(kFrom2028));
  if (behind(kFrom2066) < kNames2066.size()) return kNames2066.at(behind(kFrom2066));
  return nullptr;
}

// Whether `ESC [ parameters m` hides the text behind it (SGR 8). What follows 38, 48 and 58 is a colour.
bool conceals(std::string_view parameters) {
  bool kind = false;  // of a colour: 5 and one number, or 2 and three
  int numbers = 0;    // of a colour, that are still to come
  while (!parameters.empty()) {
    const std::string_view parameter = parameters.substr(0, parameters.find(';'));
    parameters.remove_prefix(std::min(parameter.size() + 1, parameters.size()));
    const std::string_view value = parameter.substr(std::min(parameter.find_first_not_of('0'), parameter.size()));
    if (kind) {
      kind = false;
      if (value == "5") numbers = 1;
      if (value == "2") numbers = 3;
    } else if (numbers > 0) {
      --numbers;
    } else if (value == "8") {
      return true;
    } else {
      kind = value == "38" || value == "48" || value == "58";
    }
  }
  return false;
}

enum class Sequence { complete, unfinished, other };
struct Colour {
  Sequence what = Sequence::other;
  std::size_t length = 0;
};

// `text` begins with ESC.
Colour read_colour(std::string_view text) {
  if (text.size() == 1) return {Sequence::unfinished, 1};
  if (text[1] != '[') return {};
  for (std::size_t at = 2; at < std::min(text.size(), kLongestColour); ++at) {
    if (text[at] == 'm') return conceals(text.substr(2, at - 2)) ? Colour{} : Colour{Sequence::complete, at + 1};
    if ((text[at] < '0' || text[at] > '9') && text[at] != ';' && text[at] != ':') return {};
  }
  return text.size() < kLongestColour ? Colour{Sequence::unfinished, text.size()} : Colour{};
}

bool is_unfinished_character(std::string_view text) {
  const auto first = static_cast<unsigned char>(text.front());
  const std::size_t length = first >= 0xf0 ? 4 : first >= 0xe0 ? 3 : first >= 0xc2 ? 2 : 1;
  return text.size() < length &&
         std::all_of(
             text.begin() + 1, text.end(), [](char c) { return (static_cast<unsigned char>(c) & 0xc0U) == 0x80; });
}

}  // namespace

std::size_t append_visible(OutBuffer& out, std::string_view text, bool colour, bool more) {
  bool coloured = false;
  std::size_t at = 0;
  while (at < text.size()) {
    std::size_t run = at;
    while (run < text.size() && is_plain(text[run])) ++run;
    out.append(text.substr(at, run - at));
    at = run;
    if (at == text.size()) break;
    const std::string_view rest = text.substr(at);
    if (rest.front() == '\x1b') {
      const Colour sequence = read_colour(rest);
      if (sequence.what == Sequence::unfinished && more) break;
      if (sequence.what == Sequence::complete) {
        if (colour) out.append(rest.substr(0, sequence.length));
        coloured = colour;
        at += sequence.length;
        continue;
      }
    }
    const std::size_t length = base::utf8_sequence(rest);
    const bool c1 = length == 2 && rest[0] == '\xc2' && static_cast<unsigned char>(rest[1]) < 0xa0;
    if (length > 1 && !c1) {
      const char* const name = visible_name(rest.substr(0, length));
      out.append(name == nullptr ? rest.substr(0, length) : name);
      at += length;
    } else if (length == 0 && more && is_unfinished_character(rest)) {
      break;
    } else if (rest.front() == '\r') {
      out.append("\\r");
      ++at;
    } else {
      const std::size_t bytes = std::max<std::size_t>(1, length);
      for (const char byte : rest.substr(0, bytes)) append_hex(out, byte);
      at += bytes;
    }
  }
  if (coloured) out.append(kReset);
  return at;
}

PrettyEncoder::PrettyEncoder(std::string_view instance, std::size_t width, bool colour) : colour_(colour) {
  std::string name = base::printable(instance);
  if (name.size() < width) name.append(width - name.size(), ' ');
  const std::string other = colour ? "\x1b[2m" + name + " *\x1b[0m " : name + " * ";
  if (colour) {
    prefixes_ = {"\x1b[2m" + name + " |\x1b[0m ", "\x1b[2m" + name + "\x1b[0m \x1b[31m!\x1b[0m ", other, other};
  } else {
    prefixes_ = {name + " | ", name + " ! ", other, other};
  }
}

void PrettyEncoder::go_to_line(Stream stream, OutBuffer& out) {
  if (open_ == stream) return;
  if (open_.has_value()) out.append('\n');
  out.append(prefixes_[index_of(stream)]);
  open_ = stream;
}

void PrettyEncoder::append_lines(Stream stream, std::string_view text, OutBuffer& out) {
  for (std::size_t feed = text.find('\n'); feed != std::string_view::npos; feed = text.find('\n')) {
    go_to_line(stream, out);
    append_visible(out, text.substr(0, feed), colour_);
    out.append('\n');
    open_.reset();
    text.remove_prefix(feed + 1);
  }
  go_to_line(stream, out);
  append_visible(out, text, colour_);
}

void PrettyEncoder::append(const Record& record, OutBuffer& out) {
  std::size_t& shown = shown_[index_of(record.stream)];
  std::string_view text = record.message.substr(std::min(shown, record.message.size()));
  shown = 0;
  if (record.partial_last && text.ends_with('\r')) text.remove_suffix(1);
  append_lines(record.stream, text, out);
  for (const Field& field : record.fields) {
    out.append(' ');
    append_visible(out, field.key, colour_);
    out.append('=');
    append_visible(out, field.json, colour_);
  }
  if (!record.partial_last) return;
  out.append('\n');
  open_.reset();
}

void PrettyEncoder::show_partial(Stream stream, std::string_view tail, OutBuffer& out) {
  std::size_t& shown = shown_[index_of(stream)];
  if (tail.size() <= shown) return;
  std::string_view text = tail.substr(shown);
  // It may become the CR of a CRLF; the prompt is as good without it.
  if (text.ends_with('\r')) text.remove_suffix(1);
  if (text.empty()) return;
  go_to_line(stream, out);
  shown += append_visible(out, text, colour_, true);
}

}  // namespace cofferdam::logs
