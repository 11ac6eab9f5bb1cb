#include "policy/effective_text.hpp"

#include <array>
#include <utility>
#include <vector>

#include "base/json.hpp"
#include "base/text.hpp"
#include "policy/origins.hpp"

namespace cofferdam::policy {

// A JSON string is a YAML string.
std::string quoted(std::string_view text) {
  std::string out;
  base::append_json_string(out, text);
  return out;
}

std::string quoted_list(std::span<const std::string> texts) {
  std::vector<std::string> items;
  for (const std::string& text : texts) items.push_back(quoted(text));
  return "[" + base::join(items, ", ") + "]";
}

std::string size_text(std::uint64_t bytes) {
  constexpr std::array<std::pair<int, const char*>, 3> kUnits = {{{40, "TiB"}, {30, "GiB"}, {20, "MiB"}}};
  for (const auto& [shift, unit] : kUnits) {
    if (bytes % (1ULL << shift) == 0) return std::to_string(bytes >> shift) + unit;
  }
  return std::to_string(bytes >> 10) + "KiB";
}

std::string duration_text(std::chrono::milliseconds time) {
  const auto count = time.count();
  return count % 1000 == 0 ? std::to_string(count / 1000) + "s" : std::to_string(count) + "ms";
}

std::string origin_comment(const Origin& origin) {
  if (origin.file.empty()) return {};
  return "  # " + base::printable(origin.file) + ":" + std::to_string(origin.line);
}

std::string EffectiveLines::comment_of(const std::string& path, const std::string& item) const {
  if (origins_ == nullptr) return {};
  const Origin* origin = find_item_origin(*origins_, path, item);
  return origin == nullptr ? "  # default" : origin_comment(*origin);
}

std::string EffectiveLines::open(const std::string& path) {
  std::string indent;
  std::size_t dot = path.find('.');
  for (; dot != std::string::npos; dot = path.find('.', dot + 1)) {
    const std::string map = path.substr(0, dot);
    if (open_ != map && !open_.starts_with(map + ".")) {
      text_ += indent + map.substr(map.rfind('.') + 1) + ":\n";
      open_ = map;
    }
    indent += "  ";
  }
  open_ = path;
  return indent;
}

void EffectiveLines::value(const std::string& path, const std::string& text) {
  const std::size_t dot = path.rfind('.');
  const std::string indent = open(path);
  text_ += indent + path.substr(dot == std::string::npos ? 0 : dot + 1) + ": " + text + comment_of(path) + "\n";
}

void EffectiveLines::entry(const std::string& map, const std::string& name, const std::string& text) {
  const std::string indent = open(map + ".*");
  text_ += indent + quoted(name) + ": " + text + comment_of(map + "." + name) + "\n";
}

void EffectiveLines::list(const std::string& path, std::span<const std::string> items, bool quote) {
  for (const std::string& item : items) {
    const std::string indent = open(path + ".-");
    text_ += indent + "- " + (quote ? quoted(item) : item) + comment_of(path, item) + "\n";
  }
}

void EffectiveLines::row(const std::string& path, const std::string& text, const Origin& origin,
                         const std::string& more) {
  const std::string indent = open(path + ".-");
  text_ += indent + "- " + text + origin_comment(origin) + more + "\n";
}

void EffectiveLines::remark(const std::string& path, const std::string& text) {
  if (origins_ != nullptr) text_ += "# " + path + ": " + text + "\n";
}

}  // namespace cofferdam::policy
