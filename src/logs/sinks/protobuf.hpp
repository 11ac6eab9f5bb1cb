// Writes and reads the wire format of Protocol Buffers: tag, then value
// (https://protobuf.dev/programming-guides/encoding).
#pragma once

#include <array>
#include <bit>
#include <cstddef>
#include <cstdint>
#include <cstring>
#include <optional>
#include <string>
#include <string_view>

namespace cofferdam::logs::protobuf {

enum class Wire : std::uint8_t { varint = 0, fixed64 = 1, bytes = 2, fixed32 = 5 };

inline void append_varint(std::string& out, std::uint64_t value) {
  while (value >= 0x80) {
    out += static_cast<char>(value | 0x80);
    value >>= 7;
  }
  out += static_cast<char>(value);
}

inline void append_tag(std::string& out, std::uint32_t field, Wire wire) {
  append_varint(out, field << 3 | static_cast<std::uint32_t>(wire));
}

inline void append_number(std::string& out, std::uint32_t field, std::uint64_t value) {
  append_tag(out, field, Wire::varint);
  append_varint(out, value);
}

inline void append_fixed64(std::string& out, std::uint32_t field, std::uint64_t value) {
  append_tag(out, field, Wire::fixed64);
  for (int byte = 0; byte < 8; ++byte) out += static_cast<char>(value >> (8 * byte));
}

inline void append_bytes(std::string& out, std::uint32_t field, std::string_view bytes) {
  append_tag(out, field, Wire::bytes);
  append_varint(out, bytes.size());
  out += bytes;
}

// A message inside a message: `write(out)` appends its fields. Its length stands before it and is known afterwards:
// one byte is kept free, which is enough for most.
template <class WriteFields>
void append_message(std::string& out, std::uint32_t field, WriteFields&& write) {
  append_tag(out, field, Wire::bytes);
  const std::size_t length_at = out.size();
  out += '\0';
  write(out);
  const std::size_t size = out.size() - length_at - 1;
  std::string length;
  append_varint(length, size);
  out.replace(length_at, 1, length);
}

// One field of a message that came from a peer. `number` of varint, fixed32 and fixed64, `bytes` of the rest.
struct Field {
  std::uint32_t id = 0;
  Wire wire = Wire::varint;
  std::uint64_t number = 0;
  std::string_view bytes;
};

// Takes the next field off `message`; none at its end and where it is no message.
[[nodiscard]] std::optional<Field> take_field(std::string_view& message);

}  // namespace cofferdam::logs::protobuf
