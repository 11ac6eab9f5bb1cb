#include "policy/effective_text.hpp"

#include <array>
#include <utility>
#include <vector>

#include "base/json.hpp"
#include "base/text.hpp"

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

}  // namespace cofferdam::policy
