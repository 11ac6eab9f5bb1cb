// Reads the members of one JSON object (RFC 8259) one by one, in place: no tree, no copies, no recursion.
#pragma once

#include <cstddef>
#include <string>
#include <string_view>

#include "logs/process/member.hpp"

namespace cofferdam::logs {

// Strict, and stricter than the RFC where a value is to be written into a line of ours as it stands here:
// - a control character, DEL, a C1 control, U+2028 or U+2029 that is not escaped is refused, in strings and, but for
//   spaces, between the tokens of a nested value (a record is one line, and no command to a terminal);
// - half a surrogate pair (\ud800) is refused: nobody could write the string as UTF-8;
// - no more than kMaxDepth values within each other.
// Keys may come twice; that is for the caller to see.
class JsonScanner {
 public:
  static constexpr unsigned kMaxDepth = 32;

  struct String {
    std::string_view inside;  // of the quotes
    bool escaped = false;     // it has escape sequences
  };

  // `text`: an object with blanks around it; valid while the members are used.
  explicit JsonScanner(std::string_view text) : at_(text.data()), end_(text.data() + text.size()) {}

  // The next member. After `end` the whole text has been read and is valid; after `invalid` nothing is certain.
  MemberStep next(Member& member);

  // A string with its quotes, right here, where no object is read.
  [[nodiscard]] bool take_string(String& string);
  [[nodiscard]] std::string_view rest() const { return {at_, static_cast<std::size_t>(end_ - at_)}; }

 private:
  void skip_blanks();
  [[nodiscard]] bool is_at(char c) const { return at_ != end_ && *at_ == c; }
  [[nodiscard]] bool take(char c);
  [[nodiscard]] bool take_word(std::string_view word);
  [[nodiscard]] bool take_digits();
  [[nodiscard]] bool take_escape();
  [[nodiscard]] bool take_character();
  [[nodiscard]] bool take_number();
  [[nodiscard]] bool take_literal();
  [[nodiscard]] bool take_nested();

  const char* at_;
  const char* end_;
  bool begun_ = false;
};

// What the inside of a valid JSON string means, appended as UTF-8. Never longer than `inside`.
void append_unescaped(std::string& out, std::string_view inside);

// Length of the character beyond ASCII that `text` begins with, if it may stand in a record as it is: valid UTF-8, no
// C1 control, no line separator. Else 0.
[[nodiscard]] std::size_t safe_character(std::string_view text);

}  // namespace cofferdam::logs
