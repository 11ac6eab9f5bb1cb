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
[[nodiscard]] inline Escaped escape_json(std::string_view text, char* out, char* limit);

[[nodiscard]] constexpr std::size_t base64_size(std::size_t bytes) {
  return (bytes + 2) / 3 * 4;
}
// Writes base64_size(bytes.size()) characters with padding (RFC 4648); returns one past the last.
char* encode_base64(std::string_view bytes, char* out);

namespace detail {

struct Reached {
  const char* in;
  char* out;
};
// Copies what stands for itself, and `"` and `\` with their backslash, as far as `out` stays below `limit`; stops
// before anything else. The one that suits the processor.
using EscapeRun = Reached (*)(const char* in, const char* end, char* out, const char* limit);
extern const EscapeRun escape_run;
// The whole of escape_json(), from where a run stopped.
[[nodiscard]] Escaped escape_rest(std::string_view text, Reached reached, char* limit);

}  // namespace detail

// Most lines are one run.
inline Escaped escape_json(std::string_view text, char* out, char* limit) {
  const char* const end = text.data() + text.size();
  const detail::Reached reached = detail::escape_run(text.data(), end, out, limit);
  if (reached.in != end) return detail::escape_rest(text, reached, limit);
  return {text.size(), reached.out, EscapeStop::end};
}

}  // namespace cofferdam::logs
