// Reads the pairs of one logfmt line one by one, in place: key=value key="quoted \" value" key
#pragma once

#include <string_view>

#include "logs/process/member.hpp"

namespace cofferdam::logs {

// A key begins with a letter, `_` or `@`; letters, digits and `_.-/@#` follow. A value in quotes has the escapes of a
// JSON string and nothing else of Go's (such a line is refused: it could not be taken over as it stands); one without
// ends at the next blank, and has no quote and no comma or semicolon at its end. No control characters anywhere, and
// only valid UTF-8.
class LogfmtScanner {
 public:
  explicit LogfmtScanner(std::string_view line) : rest_(line) {}

  // False for nearly every line that is none, after a look at its first word.
  [[nodiscard]] static bool begins_with_pair(std::string_view line);

  // The next pair; a key without a value has the value `true` (MemberValue::other).
  MemberStep next(Member& member);

 private:
  std::string_view rest_;
};

}  // namespace cofferdam::logs
