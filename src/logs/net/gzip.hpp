// Compression of what is sent.
#pragma once

#include <string>
#include <string_view>

namespace cofferdam::logs {

// A gzip member (RFC 1952). The same bytes come out of the same bytes.
[[nodiscard]] std::string gzip(std::string_view plain);

}  // namespace cofferdam::logs
