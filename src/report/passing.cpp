#include "report/passing.hpp"

#include <algorithm>
#include <array>

#include "base/text.hpp"

namespace cofferdam::report {

namespace {

constexpr std::size_t kShortestRandom = 6;  // characters of mkstemp's XXXXXX

// What libraries begin the names of temporary files with; the rest of the name is random.
constexpr std::array<std::string_view, 6> kTemporary = {"tmp", "temp", "sess_", "php", ".tmp", "pymp-"};

constexpr bool is_digit(char c) {
  return c >= '0' && c <= '9';
}
constexpr bool is_alphanumeric(char c) {
  return is_digit(c) || (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || c == '_';
}
constexpr bool is_hex(char c) {
  return is_digit(c) || (c >= 'a' && c <= 'f') || c == '-';
}

// Words are no accident of mkstemp: "template" is a name, "tmpk3x9qa" is not.
bool looks_random(std::string_view text) {
  return text.size() >= kShortestRandom && std::ranges::all_of(text, is_alphanumeric) &&
         std::ranges::any_of(text, [](char c) { return is_digit(c) || (c >= 'A' && c <= 'Z') || c == '_'; });
}

bool has_number_between_dots(std::string_view component) {
  return std::ranges::any_of(base::split(component, '.'), [](std::string_view part) {
    return !part.empty() && std::ranges::all_of(part, is_digit);
  });
}

}  // namespace

bool is_passing(std::string_view component) {
  if (component.empty()) return false;
  if (std::ranges::all_of(component, is_digit)) return true;
  if (component.size() >= 16 && std::ranges::all_of(component, is_hex) && std::ranges::any_of(component, is_digit)) {
    return true;
  }
  if (has_number_between_dots(component)) return true;
  return std::ranges::any_of(kTemporary, [&](std::string_view prefix) {
    return component.starts_with(prefix) && looks_random(component.substr(prefix.size()));
  });
}

std::string without_passing(std::string_view path) {
  std::string text;
  for (const std::string_view component : base::split(path, '/')) {
    if (!text.empty() || path.starts_with('/')) text += '/';
    text += is_passing(component) ? "*" : component;
  }
  return path.starts_with('/') && text.size() > 1 ? text.substr(1) : text;
}

}  // namespace cofferdam::report
