#include "logs/process/line_shapes.hpp"

#include <algorithm>
#include <array>

#include "logs/level.hpp"

namespace cofferdam::logs {

namespace {

// Characters of names and paths: where the first other one stands tells most lines apart.
constexpr std::array<bool, 256> kNameBytes = [] {
  std::array<bool, 256> bytes{};
  for (unsigned c = 0; c < 256; ++c) {
    const char byte = static_cast<char>(c);
    bytes[c] = is_letter(byte) || is_digit(byte) || c >= 0x80;
  }
  for (const char c : std::string_view("_.$\\/-+@<>")) bytes[static_cast<unsigned char>(c)] = true;
  return bytes;
}();

std::string_view name_at_start(std::string_view line) {
  return line.substr(0, end_of_name(line));
}

std::size_t digits_at(std::string_view line, std::size_t at) {
  std::size_t count = 0;
  while (at + count < line.size() && is_digit(line[at + count])) ++count;
  return count;
}

// `path:12` at the start: one past the number; 0 when the line does not begin so.
std::size_t after_place(std::string_view line) {
  const std::string_view path = name_at_start(line);
  if (path.empty() || path.size() == line.size() || line[path.size()] != ':') return 0;
  const std::size_t digits = digits_at(line, path.size() + 1);
  return digits == 0 ? 0 : path.size() + 1 + digits;
}

constexpr std::array<std::string_view, 9> kLevelsInCapitals = {"INFO",   "WARN",  "WARNING",  "ERROR", "DEBUG",
                                                               "NOTICE", "FATAL", "CRITICAL", "TRACE"};
constexpr std::array<std::string_view, 6> kLevelsBeforeColon = {"info", "warn", "warning", "debug", "notice", "trace"};

bool level_at_start(std::string_view line) {
  std::size_t at = 0;
  while (at < line.size() && is_letter(line[at])) ++at;
  if (at < 4 || at > 8) return false;
  const std::string_view word = line.substr(0, at);
  const char after = at == line.size() ? ' ' : line[at];
  if (after == ':' && std::ranges::find(kLevelsBeforeColon, word) != kLevelsBeforeColon.end()) return true;
  return (after == ' ' || after == ':' || after == '[' || after == '\t') &&
         std::ranges::find(kLevelsInCapitals, word) != kLevelsInCapitals.end();
}

bool time_at_start(std::string_view line) {
  const std::size_t digits = digits_at(line, 0);
  if (digits >= 9) return true;  // seconds since 1970
  if (digits == 0 || digits + 2 >= line.size()) return false;
  const char after = line[digits];
  return (after == '-' || after == '/' || after == ':') && is_digit(line[digits + 1]) && is_digit(line[digits + 2]);
}

// `Nov 23 05:32:48 `, `Nov 23, 2026 `.
bool month_at_start(std::string_view line) {
  return line.size() > 8 && is_capital(line[0]) && is_letter(line[1]) && is_letter(line[2]) && line[3] == ' ' &&
         (is_digit(line[4]) || line[4] == ' ') && (is_digit(line[5]) || line[5] == ' ') &&
         (line[6] == ' ' || line[6] == ',');
}

bool contains(std::string_view line, std::string_view text) {
  return line.find(text) != std::string_view::npos;
}

bool ends_like_error(std::string_view name) {
  return name.ends_with("Error") || name.ends_with("Exception") || name.ends_with("Throwable");
}

// `at ` behind the indent, and what follows it.
std::string_view after_at(std::string_view line, std::size_t indent) {
  return line.substr(std::min(indent, line.size())).starts_with("at ") ? line.substr(indent + 3) : std::string_view();
}

// `name(`: no space before the bracket.
bool calls(std::string_view text) {
  const std::size_t at = text.find_first_of("( ");
  return at != std::string_view::npos && at > 0 && text[at] == '(';
}

}  // namespace

std::size_t end_of_name(std::string_view line) {
  std::size_t at = 0;
  while (at < line.size() && kNameBytes[static_cast<unsigned char>(line[at])]) ++at;
  return at;
}

bool stands_alone(std::string_view line) {
  if (line.empty()) return false;
  const char first = line[0];
  if (is_digit(first)) return time_at_start(line);
  const char second = line.size() > 1 ? line[1] : '\0';
  if (first == '{') return second == '"';
  if (first == '<') return is_digit(second);
  if (first == '[') return is_digit(second) || contains(line.substr(0, 32), "] ");
  if (!is_letter(first)) return false;
  if (second == ',') return line.size() > 3 && line[3] == '[';                // Ruby's logger
  if (is_capital(first) && is_digit(second)) return digits_at(line, 1) == 4;  // klog
  if (line.starts_with("level=") || line.starts_with("time=") || line.starts_with("ts=")) return true;
  return level_at_start(line) || month_at_start(line);
}

bool announces_exception(std::string_view line) {
  if (line.empty() || line[0] == ' ' || line[0] == '\t') return false;
  constexpr std::array<std::string_view, 9> kWords = {"rror",  "RROR",     "xception", "panic", "WARN",
                                                      "FATAL", "CRITICAL", "SEVERE",   "ailed"};
  const std::string_view head = line.substr(0, 256);
  return std::ranges::any_of(kWords, [&](std::string_view word) { return contains(head, word); }) ||
         detect_level(line) >= LogLevel::warning;
}

bool begins_with_label(std::string_view line) {
  const std::string_view name = name_at_start(line);
  return !name.empty() && is_capital(name[0]) && line.substr(name.size()).starts_with(": ") && !stands_alone(line);
}

ExceptionName exception_name(std::string_view name, std::string_view rest) {
  if (name.empty() || !is_letter(name[0])) return ExceptionName::none;
  std::size_t part = name.size();  // where its last part begins
  while (part > 0 && (is_letter(name[part - 1]) || is_digit(name[part - 1]) || name[part - 1] == '_')) --part;
  if (part > 0 && name[part - 1] != '.' && name[part - 1] != '$' && name[part - 1] != '\\') return ExceptionName::none;
  if (part == name.size() || !is_capital(name[part])) return ExceptionName::none;
  const bool error = ends_like_error(name);
  const bool ends = rest.empty() || rest == ":" || rest.starts_with(": ");
  if (!ends && !(error && rest.starts_with(" ["))) return ExceptionName::none;
  if (contains(name, "/")) return ExceptionName::none;
  if (error) return part == 0 ? ExceptionName::possible : ExceptionName::probable;
  return part != 0 && !rest.empty() ? ExceptionName::possible : ExceptionName::none;
}

bool python_error(std::string_view line) {
  const std::string_view name = name_at_start(line);
  if (name.empty() || is_digit(name[0]) || stands_alone(line)) return false;
  const std::string_view rest = line.substr(name.size());
  return (rest.empty() || rest == ":" || rest.starts_with(": ")) && !contains(name, "/");
}

bool node_frame(std::string_view line) {
  const std::size_t indent = indent_of(line);
  const std::string_view frame = after_at(line, indent);
  if (indent < 4 || line[0] == '\t' || frame.empty()) return false;
  std::string_view place = frame;
  if (place.ends_with(" {")) place.remove_suffix(2);  // the properties of the error follow
  if (place.ends_with(",")) place.remove_suffix(1);   // one of several errors
  if (place.ends_with(")")) place.remove_suffix(1);
  if (place.ends_with("<anonymous>") || place.ends_with("(native")) return true;
  std::size_t digits = 0;
  while (digits < place.size() && is_digit(place[place.size() - 1 - digits])) ++digits;
  return digits > 0 && digits < place.size() && place[place.size() - 1 - digits] == ':';
}

bool java_frame(std::string_view line) {
  const std::string_view frame = after_at(line, indent_of(line));
  if (frame.empty() || (line[0] != '\t' && !line.starts_with("    ")) || !calls(frame)) return false;
  // A jar and its version may follow the place: `~[spring-core-6.1.jar:6.1]`.
  return contains(frame, ")");
}

bool dotnet_frame(std::string_view line) {
  const std::size_t indent = indent_of(line);
  const std::string_view frame = after_at(line, indent);
  const std::size_t close = frame.find(')');
  if (frame.empty() || close == std::string_view::npos) return false;
  const std::string_view rest = frame.substr(close + 1);
  if (indent == 2) return contains(rest, "[0x") || contains(rest, "<0x");  // Mono
  return (indent == 3 || indent == 9) && calls(frame) && (rest.empty() || rest.starts_with(" in ") || rest == "<---");
}

bool go_call(std::string_view line) {
  if (line.empty() || !is_letter(line[0]) || line.back() != ')') return false;
  const std::size_t open = line.find('(');
  return open != std::string_view::npos && line.find(' ') > open;
}

bool source_place(std::string_view line) {
  if (line.empty() || !is_digit(line.back())) return false;
  std::size_t at = line.size();
  while (at > 0 && is_digit(line[at - 1])) --at;
  return at > 1 && line[at - 1] == ':' && line.find(' ') == std::string_view::npos;
}

bool caret(std::string_view line) {
  return !line.empty() && line.find_first_not_of(" \t^~") == std::string_view::npos && contains(line, "^");
}

RubyPlace ruby_place(std::string_view line) {
  const std::size_t after = after_place(line);
  if (after == 0) return RubyPlace::none;
  const std::string_view rest = line.substr(after);
  if (!rest.starts_with(":in `") && !rest.starts_with(":in '")) return RubyPlace::none;
  const std::size_t close = rest.find('\'', 5);
  if (close == std::string_view::npos) return RubyPlace::none;
  const std::string_view message = rest.substr(close + 1);
  if (message.empty()) return RubyPlace::place;
  return message.starts_with(":") ? RubyPlace::head : RubyPlace::none;
}

bool undefined_behaviour(std::string_view line) {
  const std::size_t after = after_place(line);
  if (after == 0 || line.substr(after).empty() || line[after] != ':') return false;
  const std::size_t digits = digits_at(line, after + 1);
  return digits > 0 && line.substr(after + 1 + digits).starts_with(": runtime error: ");
}

std::string_view after_pid_mark(std::string_view line) {
  if (!line.starts_with("==")) return {};
  const std::size_t digits = digits_at(line, 2);
  return digits > 0 && line.substr(2 + digits).starts_with("==") ? line.substr(4 + digits) : std::string_view();
}

}  // namespace cofferdam::logs
