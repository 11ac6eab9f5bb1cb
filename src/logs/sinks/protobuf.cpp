#include "logs/sinks/protobuf.hpp"

namespace cofferdam::logs::protobuf {

namespace {

std::optional<std::uint64_t> take_varint(std::string_view& bytes) {
  std::uint64_t value = 0;
  for (std::size_t i = 0; i < bytes.size() && i < 10; ++i) {
    const auto byte = static_cast<unsigned char>(bytes[i]);
    value |= static_cast<std::uint64_t>(byte & 0x7f) << (7 * i);
    if (byte < 0x80) {
      bytes.remove_prefix(i + 1);
      return value;
    }
  }
  return std::nullopt;
}

std::optional<std::uint64_t> take_fixed(std::string_view& bytes, std::size_t size) {
  if (bytes.size() < size) return std::nullopt;
  std::uint64_t value = 0;
  for (std::size_t i = 0; i < size; ++i) {
    value |= static_cast<std::uint64_t>(static_cast<unsigned char>(bytes[i])) << (8 * i);
  }
  bytes.remove_prefix(size);
  return value;
}

}  // namespace

std::optional<Field> take_field(std::string_view& message) {
  const auto tag = take_varint(message);
  if (!tag || *tag >> 3 == 0 || *tag >> 32 != 0) return std::nullopt;
  Field field;
  field.id = static_cast<std::uint32_t>(*tag >> 3);
  field.wire = static_cast<Wire>(*tag & 7);
  std::optional<std::uint64_t> number;
  switch (field.wire) {
    case Wire::varint: number = take_varint(message); break;
    case Wire::fixed64: number = take_fixed(message, 8); break;
    case Wire::fixed32: number = take_fixed(message, 4); break;
    case Wire::bytes:
      number = take_varint(message);
      if (!number || *number > message.size()) return std::nullopt;
      field.bytes = message.substr(0, *number);
      message.remove_prefix(*number);
      return field;
    default: return std::nullopt;  // groups, which no peer of ours sends
  }
  if (!number) return std::nullopt;
  field.number = *number;
  return field;
}

}  // namespace cofferdam::logs::protobuf
