// How packed records follow each other in a ring, in flight and in a segment: the same bytes in all three, so that they
// are moved in one piece.
#pragma once

#include <cstddef>
#include <cstdint>
#include <cstring>
#include <optional>
#include <string_view>

namespace cofferdam::logs {

// Stands before each packed record; both together are padded to a multiple of 8 bytes.
struct FrameHead {
  std::uint32_t size = 0;  // of the packed record
  std::uint32_t crc = 0;   // CRC32C of it in a segment; in memory anything
};
static_assert(sizeof(FrameHead) == 8);

inline constexpr std::size_t kFrameHead = sizeof(FrameHead);
inline constexpr std::size_t kLargestFrame = 1 << 20;

[[nodiscard]] constexpr std::size_t frame_size(std::size_t packed) {
  return (kFrameHead + packed + 7) & ~std::size_t{7};
}

struct Frame {
  std::uint32_t crc = 0;
  std::string_view packed;
  std::size_t size = 0;  // with head and padding
};

// The frame at the beginning of `bytes`; nothing when there is no whole one of a possible size.
[[nodiscard]] inline std::optional<Frame> frame_at(std::string_view bytes) {
  FrameHead head;
  if (bytes.size() < kFrameHead) return {};
  std::memcpy(&head, bytes.data(), kFrameHead);
  const std::size_t size = frame_size(head.size);
  if (size > kLargestFrame || size > bytes.size()) return {};
  return Frame{head.crc, bytes.substr(kFrameHead, head.size), size};
}

}  // namespace cofferdam::logs
