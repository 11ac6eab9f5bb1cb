// A member of a structured line, as it is written there.
#pragma once

#include <cstdint>
#include <string_view>

namespace cofferdam::logs {

enum class MemberValue : std::uint8_t {
  string,  // JSON: `value` is what stands between the quotes, a valid inside of a JSON string
  number,  // JSON
  other,   // JSON: an object, an array, true, false, null
  word,    // logfmt without quotes: text that is not escaped
};

struct Member {
  std::string_view key;  // without quotes
  std::string_view value;
  MemberValue kind = MemberValue::other;
  bool key_escaped = false;    // `key` has escape sequences of JSON
  bool value_escaped = false;  // `value` has; strings only
};

enum class MemberStep : std::uint8_t { member, end, invalid };

}  // namespace cofferdam::logs
