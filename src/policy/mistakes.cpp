#include "policy/mistakes.hpp"

#include <algorithm>
#include <tuple>

#include "base/text.hpp"

namespace cofferdam::policy {

std::string in_quotes(std::string_view text) {
  constexpr std::size_t kLongest = 80;
  if (text.size() <= kLongest) return "'" + base::printable(text) + "'";
  std::size_t end = kLongest;
  while (end > 0 && (static_cast<unsigned char>(text[end]) & 0xc0U) == 0x80U) --end;
  return "'" + base::printable(text.substr(0, end)) + "...'";
}

bool Mistakes::has_error() const {
  return std::ranges::any_of(all_, [](const Diagnostic& each) { return each.severity == Severity::error; });
}

std::vector<Diagnostic> Mistakes::take() {
  std::ranges::stable_sort(all_, {},
                           [](const Diagnostic& each) { return std::tuple(each.where.line, each.where.column); });
  return std::exchange(all_, {});
}

}  // namespace cofferdam::policy

namespace cofferdam {

std::string format_diagnostic(const Diagnostic& diagnostic) {
  std::string text;
  if (!diagnostic.where.file.empty()) {
    text += base::printable(diagnostic.where.file);
    if (diagnostic.where.line > 0) {
      text += ':' + std::to_string(diagnostic.where.line);
      if (diagnostic.where.column > 0) text += ':' + std::to_string(diagnostic.where.column);
    }
    text += ": ";
  }
  text += to_string(diagnostic.severity);
  text += ": " + base::printable(diagnostic.message);
  if (!diagnostic.code.empty()) text += " [" + diagnostic.code + "]";
  if (diagnostic.hint.empty()) return text;
  for (const std::string_view line : base::split(diagnostic.hint, '\n')) text += "\n  " + base::printable(line);
  return text;
}

}  // namespace cofferdam
