#include "logs/sinks/compress_stream.hpp"

#include <zlib.h>
#include <zstd.h>

#include <array>

namespace cofferdam::logs {

namespace {

constexpr std::size_t kPiece = 64 << 10;
constexpr int kGzipWindow = 15 + 16;  // the largest window, with a gzip header
constexpr int kGzipMemory = 8;
constexpr int kZstdLevel = 3;

class GzipStream : public CompressStream {
 public:
  GzipStream() {
    ready_ =
        deflateInit2(&stream_, Z_DEFAULT_COMPRESSION, Z_DEFLATED, kGzipWindow, kGzipMemory, Z_DEFAULT_STRATEGY) == Z_OK;
  }
  ~GzipStream() override {
    if (ready_) (void)deflateEnd(&stream_);
  }
  [[nodiscard]] bool ready() const { return ready_; }

  bool add(std::string_view bytes, bool last, const CompressedBytes& out) override {
    // zlib takes no const input, and does not change it.
    stream_.next_in = reinterpret_cast<Bytef*>(const_cast<char*>(bytes.data()));
    stream_.avail_in = static_cast<uInt>(bytes.size());
    do {
      stream_.next_out = reinterpret_cast<Bytef*>(out_.data());
      stream_.avail_out = static_cast<uInt>(out_.size());
      if (deflate(&stream_, last ? Z_FINISH : Z_NO_FLUSH) == Z_STREAM_ERROR) return false;
      if (!out({out_.data(), out_.size() - stream_.avail_out})) return false;
    } while (stream_.avail_out == 0);
    return true;
  }

 private:
  z_stream stream_{};
  bool ready_ = false;
  std::array<char, kPiece> out_{};
};

class ZstdStream : public CompressStream {
 public:
  ZstdStream() : context_(ZSTD_createCCtx(), &ZSTD_freeCCtx) {
    if (context_) (void)ZSTD_CCtx_setParameter(context_.get(), ZSTD_c_compressionLevel, kZstdLevel);
    if (context_) (void)ZSTD_CCtx_setParameter(context_.get(), ZSTD_c_checksumFlag, 1);
  }
  [[nodiscard]] bool ready() const { return context_ != nullptr; }

  bool add(std::string_view bytes, bool last, const CompressedBytes& out) override {
    ZSTD_inBuffer in{bytes.data(), bytes.size(), 0};
    for (;;) {
      ZSTD_outBuffer piece{out_.data(), out_.size(), 0};
      const std::size_t left = ZSTD_compressStream2(context_.get(), &piece, &in, last ? ZSTD_e_end : ZSTD_e_continue);
      if (ZSTD_isError(left) != 0) return false;
      if (!out({out_.data(), piece.pos})) return false;
      if (last ? left == 0 : in.pos == in.size) return true;
    }
  }

 private:
  std::unique_ptr<ZSTD_CCtx, decltype(&ZSTD_freeCCtx)> context_;
  std::array<char, kPiece> out_{};
};

template <class Stream>
std::unique_ptr<CompressStream> make() {
  auto stream = std::make_unique<Stream>();
  if (!stream->ready()) return nullptr;
  return stream;
}

}  // namespace

std::unique_ptr<CompressStream> make_compress_stream(LogRotation::Compress kind) {
  switch (kind) {
    case LogRotation::Compress::none: return nullptr;
    case LogRotation::Compress::gzip: return make<GzipStream>();
    case LogRotation::Compress::zstd: return make<ZstdStream>();
  }
  return nullptr;
}

std::string_view suffix_of(LogRotation::Compress kind) {
  switch (kind) {
    case LogRotation::Compress::none: return "";
    case LogRotation::Compress::gzip: return ".gz";
    case LogRotation::Compress::zstd: return ".zst";
  }
  return "";
}

}  // namespace cofferdam::logs
