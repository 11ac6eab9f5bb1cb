// Walks through one JSON value without building anything.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>

namespace cofferdam::logs {

// The caller asks for the kind of the value ahead and takes it with the call of that kind:
//   cursor.enter();  while (cursor.next()) { key = cursor.string(); cursor.colon(); ... }     an object
//   cursor.enter();  while (cursor.next()) { ... }                                            an array
// Text that is no JSON ends early and gives values of kind `invalid`; nothing is read beyond it.
class JsonCursor {
 public:
  enum class Kind : std::uint8_t { null, boolean, number, string, array, object, invalid };

  explicit JsonCursor(std::string_view text) : rest_(text) {}

  [[nodiscard]] Kind kind();
  // Decoded; half a surrogate pair becomes U+FFFD.
  [[nodiscard]] std::string string();
  [[nodiscard]] bool boolean();
  // As it is written: "-1.5e3".
  [[nodiscard]] std::string_view number() { return word(); }
  // The text of the value ahead, whatever it is and however deep. Takes at least one byte, unless there is none.
  std::string_view skip();

  void enter() { take(); }
  // Whether another element or member comes; takes the comma before it, or the bracket at the end.
  [[nodiscard]] bool next();
  void colon();

 private:
  void skip_blanks();
  void take() {
    if (!rest_.empty()) rest_.remove_prefix(1);
  }
  std::string_view word();
  std::string_view quoted();

  std::string_view rest_;
};

}  // namespace cofferdam::logs
