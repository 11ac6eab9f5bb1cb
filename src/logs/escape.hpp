// The inner loops of the JSON encoder: escape a run of text, encode bytes as base64.
#pragma once

#include <cstddef>
#include <cstdint>
#include <string_view>

namespace cofferdam::logs {

enum class EscapeStop : std::uint8_t { end, full, invalid };

struct Escaped {
  std::size_t consumed = 0;  // bytes of the text; never divides a character
  char* out = nullptr;       // one past the last byte written
  EscapeStop stop = EscapeStop::end;
};

// Behind what escape_json() wrote, so many bytes more may have been overwritten; also beyond `limit`.
inline constexpr std::size_t kEscapeSlack = 32;

// Writes `text` as the inside of a JSON string to [out, limit): `"`, `\`, control characters, DEL, the C1 controls,
// U+2028 and U+2029 are escaped, so that a record is one line in any viewer and no terminal command. Stops at the end
// of the text, when the next character does not fit, or at the first byte that is no UTF-8.
[[nodiscard]] Escaped escape_json(std::string_view text, char* out, char* limit);

[[nodiscard]] constexpr std::size_t base64_size(std::size_t bytes) {
  return (bytes + 2) / 3 * 4;
}
// Writes base64_size(bytes.size()) characters with padding (RFC 4648); returns one past the last.
char* encode_base64(std::string_view bytes, char* out);

}  // namespace cofferdam::logs
