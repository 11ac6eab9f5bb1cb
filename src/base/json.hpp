// Writes JSON text; knows nothing of what it writes.
#pragma once

#include <cstdint>
#include <ctime>
#include <string>
#include <string_view>

namespace cofferdam::base {

// Appends `text` as a JSON string with its quotes. Bytes that are not valid UTF-8 become U+FFFD; control
// characters, DEL, U+2028 and U+2029 are escaped, so a line of output stays a line in any viewer.
void append_json_string(std::string& out, std::string_view text);

// Builds one JSON value, compact. Commas are placed by the writer:
//   JsonWriter json; json.begin_object().key("pid").number(7).end_object(); json.text()
class JsonWriter {
 public:
  JsonWriter& begin_object() { return open('{'); }
  JsonWriter& end_object() { return close('}'); }
  JsonWriter& begin_array() { return open('['); }
  JsonWriter& end_array() { return close(']'); }
  JsonWriter& key(std::string_view name);
  JsonWriter& string(std::string_view value);
  JsonWriter& number(std::int64_t value);
  JsonWriter& unsigned_number(std::uint64_t value);
  JsonWriter& boolean(bool value);
  JsonWriter& null();
  // key + string, the most frequent pair
  JsonWriter& field(std::string_view name, std::string_view value) { return key(name).string(value); }

  [[nodiscard]] const std::string& text() const { return text_; }
  [[nodiscard]] std::string take() { return std::move(text_); }

 private:
  JsonWriter& open(char bracket);
  JsonWriter& close(char bracket);
  void separate();

  std::string text_;
  bool need_comma_ = false;
};

// RFC 3339 in UTC with nine digits: 2026-01-31T12:00:00.123456789Z
[[nodiscard]] std::string rfc3339(const std::timespec& time);

}  // namespace cofferdam::base
