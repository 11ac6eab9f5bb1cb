// CRC-32C (Castagnoli), as in RFC 3720 appendix B.4.
#pragma once

#include <cstdint>
#include <string_view>

namespace cofferdam::logs {

// With SSE 4.2 where the processor has it, else by a table.
[[nodiscard]] std::uint32_t crc32c(std::string_view bytes);
[[nodiscard]] std::uint32_t crc32c_by_table(std::string_view bytes);

}  // namespace cofferdam::logs
