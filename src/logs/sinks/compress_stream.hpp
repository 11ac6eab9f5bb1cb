// gzip and zstd, a piece at a time.
#pragma once

#include <functional>
#include <memory>
#include <string_view>

#include "cofferdam/logs.hpp"

namespace cofferdam::logs {

// Takes compressed bytes; false ends the compression.
using CompressedBytes = std::function<bool(std::string_view)>;

class CompressStream {
 public:
  CompressStream() = default;
  CompressStream(const CompressStream&) = delete;
  CompressStream& operator=(const CompressStream&) = delete;
  virtual ~CompressStream() = default;
  // The last piece has `last` set, and may be empty. False: `out` said so, or there is no memory.
  [[nodiscard]] virtual bool add(std::string_view bytes, bool last, const CompressedBytes& out) = 0;
};

// Null for LogRotation::Compress::none, and when there is no memory. Levels: gzip 6, zstd 3.
[[nodiscard]] std::unique_ptr<CompressStream> make_compress_stream(LogRotation::Compress kind);
// ".gz", ".zst", "".
[[nodiscard]] std::string_view suffix_of(LogRotation::Compress kind);

}  // namespace cofferdam::logs
