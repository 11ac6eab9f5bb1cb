#include "export/words.hpp"

#include <algorithm>
#include <cctype>

#include "base/json.hpp"

namespace cofferdam::exporting {

std::string shell_word(std::string_view text) {
  constexpr std::string_view kPlain = "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789_@%+=:,./-";
  if (!text.empty() && text.find_first_not_of(kPlain) == std::string_view::npos) return std::string(text);
  std::string word = "'";
  for (const char letter : text) word += letter == '\'' ? std::string("'\\''") : std::string(1, letter);
  return word + "'";
}

// JSON is YAML.
std::string quoted(std::string_view text) {
  std::string out;
  base::append_json_string(out, text);
  return out;
}

std::string dollars_doubled(std::string_view text) {
  std::string out;
  for (const char letter : text) out += letter == '$' ? std::string("$$") : std::string(1, letter);
  return out;
}

std::string bytes_text(std::uint64_t bytes) {
  if (bytes % (1ULL << 20) == 0) return std::to_string(bytes >> 20) + "m";
  if (bytes % 1024 == 0) return std::to_string(bytes >> 10) + "k";
  return std::to_string(bytes);
}

std::string thousandths(std::uint64_t value) {
  std::string rest = std::to_string(1000 + value % 1000).substr(1);
  rest.erase(rest.find_last_not_of('0') + 1);
  return std::to_string(value / 1000) + (rest.empty() ? "" : "." + rest);
}

std::string volume_name(std::string_view name, std::string_view path) {
  std::string out(name);
  for (const char letter : path) out += std::isalnum(static_cast<unsigned char>(letter)) != 0 ? letter : '-';
  return out;
}

}  // namespace cofferdam::exporting
