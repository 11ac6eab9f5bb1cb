// What secrets look like: one matcher a rule of `logs.parse.redact`.
#pragma once

#include <cstddef>
#include <span>
#include <string_view>
#include <vector>

namespace cofferdam::logs {

struct RedactedPart {
  std::size_t begin = 0;
  std::size_t end = 0;
};

struct RedactRule {
  std::string_view name;  // of kRedactRules
  // One of them stands in every text in which `find` finds something; at least three letters, in any case.
  std::span<const std::string_view> literals;
  // Appends what is secret in the text: the value, not what names it.
  void (*find)(std::string_view text, std::vector<RedactedPart>& parts);
};

// All but private-key, which spans lines and is the redactor's own.
[[nodiscard]] std::span<const RedactRule> redact_rules();

}  // namespace cofferdam::logs
