#include "logs/escape.hpp"

#include <algorithm>
#include <array>
#include <bit>
#include <cstring>

#include "base/text.hpp"

#if defined(__x86_64__)
#include <immintrin.h>
#endif

namespace cofferdam::logs {

namespace {

constexpr std::uint64_t kOnes = 0x0101010101010101U;
constexpr std::uint64_t kHigh = 0x8080808080808080U;
constexpr std::string_view kHex = "0123456789abcdef";
constexpr std::size_t kLongestEscape = 6;

constexpr std::uint64_t zero_bytes(std::uint64_t block) {
  return (block - kOnes) & ~block & kHigh;
}

// Number of leading bytes of the block, in memory order, that stand for themselves in a JSON string. A borrow can
// mark a byte wrongly only behind one that is marked rightly, so the first mark is exact.
std::size_t plain_bytes(const char* from) {
  std::uint64_t block = 0;
  std::memcpy(&block, from, sizeof block);
  if constexpr (std::endian::native == std::endian::big) block = __builtin_bswap64(block);
  const std::uint64_t marks = ((block - kOnes * 0x20) & ~block & kHigh) | (block & kHigh) |
                              zero_bytes(block ^ (kOnes * '"')) | zero_bytes(block ^ (kOnes * '\\')) |
                              zero_bytes(block ^ (kOnes * 0x7f));
  return marks == 0 ? sizeof block : static_cast<std::size_t>(std::countr_zero(marks)) / 8;
}

constexpr auto kPlain = [] {
  std::array<bool, 256> plain{};
  for (std::size_t byte = 0x20; byte < 0x7f; ++byte) plain.at(byte) = byte != '"' && byte != '\\';
  return plain;
}();

// Copies whole blocks as long as all of their bytes stand for themselves, and of the first block that is not like
// that the bytes before the first mark. Returns how many bytes stand now in `out`; what lies behind them there, up to a
// block, is overwritten later. `size` bytes can be read and written.
using CopyPlain = std::size_t (*)(const char* in, std::size_t size, char* out);

std::size_t copy_plain_words(const char* in, std::size_t size, char* out) {
  std::size_t at = 0;
  for (; size - at >= 8; at += 8) {
    std::memcpy(out + at, in + at, 8);
    if (const std::size_t plain = plain_bytes(in + at); plain != 8) return at + plain;
  }
  while (at < size && kPlain[static_cast<unsigned char>(in[at])]) {
    out[at] = in[at];
    ++at;
  }
  return at;
}

#if defined(__x86_64__)
__attribute__((target("avx2"))) std::size_t copy_plain_avx2(const char* in, std::size_t size, char* out) {
  const __m256i quote = _mm256_set1_epi8('"');
  const __m256i backslash = _mm256_set1_epi8('\\');
  const __m256i del = _mm256_set1_epi8(0x7f);
  const __m256i space = _mm256_set1_epi8(0x20);
  std::size_t at = 0;
  for (; size - at >= 32; at += 32) {
    const __m256i block = _mm256_loadu_si256(reinterpret_cast<const __m256i*>(in + at));
    _mm256_storeu_si256(reinterpret_cast<__m256i*>(out + at), block);
    // As signed bytes, what is above 0x7f is below the space, too.
    const __m256i marks =
        _mm256_or_si256(_mm256_or_si256(_mm256_cmpgt_epi8(space, block), _mm256_cmpeq_epi8(block, quote)),
                        _mm256_or_si256(_mm256_cmpeq_epi8(block, backslash), _mm256_cmpeq_epi8(block, del)));
    const auto mask = static_cast<unsigned>(_mm256_movemask_epi8(marks));
    if (mask != 0) return at + static_cast<std::size_t>(std::countr_zero(mask));
  }
  if (size - at >= 16) {
    const __m128i block = _mm_loadu_si128(reinterpret_cast<const __m128i*>(in + at));
    _mm_storeu_si128(reinterpret_cast<__m128i*>(out + at), block);
    const __m128i marks = _mm_or_si128(_mm_or_si128(_mm_cmpgt_epi8(_mm256_castsi256_si128(space), block),
                                                    _mm_cmpeq_epi8(block, _mm256_castsi256_si128(quote))),
                                       _mm_or_si128(_mm_cmpeq_epi8(block, _mm256_castsi256_si128(backslash)),
                                                    _mm_cmpeq_epi8(block, _mm256_castsi256_si128(del))));
    const auto mask = static_cast<unsigned>(_mm_movemask_epi8(marks));
    if (mask != 0) return at + static_cast<std::size_t>(std::countr_zero(mask));
    at += 16;
  }
  return at + copy_plain_words(in + at, size - at, out + at);
}

const CopyPlain copy_plain = __builtin_cpu_supports("avx2") != 0 ? copy_plain_avx2 : copy_plain_words;
#else
constexpr CopyPlain copy_plain = copy_plain_words;
#endif

char* put_unicode(char* out, unsigned code) {
  *out++ = '\\';
  *out++ = 'u';
  for (int shift = 12; shift >= 0; shift -= 4) *out++ = kHex[(code >> shift) & 0xfU];
  return out;
}

char* put_ascii(char* out, char byte) {
  const auto put_short = [&](char letter) {
    *out++ = '\\';
    *out++ = letter;
    return out;
  };
  switch (byte) {
    case '"': return put_short('"');
    case '\\': return put_short('\\');
    case '\n': return put_short('n');
    case '\r': return put_short('r');
    case '\t': return put_short('t');
    default: break;
  }
  if (static_cast<unsigned char>(byte) < 0x20 || byte == 0x7f) {
    return put_unicode(out, static_cast<unsigned char>(byte));
  }
  *out++ = byte;
  return out;
}

char* put_sequence(char* out, std::string_view sequence) {
  const auto byte = [&](std::size_t i) { return static_cast<unsigned char>(sequence[i]); };
  if (sequence.size() == 2 && byte(0) == 0xc2 && byte(1) < 0xa0) return put_unicode(out, byte(1));
  if (sequence.size() == 3 && byte(0) == 0xe2 && byte(1) == 0x80 && (byte(2) == 0xa8 || byte(2) == 0xa9)) {
    return put_unicode(out, byte(2) == 0xa8 ? 0x2028 : 0x2029);
  }
  std::memcpy(out, sequence.data(), sequence.size());
  return out + sequence.size();
}

}  // namespace

Escaped escape_json(std::string_view text, char* out, char* limit) {
  const char* const start = text.data();
  const char* in = start;
  const char* const end = start + text.size();
  const auto result = [&](EscapeStop stop) { return Escaped{static_cast<std::size_t>(in - start), out, stop}; };
  while (in != end) {
    const auto size = static_cast<std::size_t>(std::min(end - in, limit - out));
    const std::size_t plain = copy_plain(in, size, out);
    in += plain;
    out += plain;
    if (in == end) break;
    if (limit - out < static_cast<std::ptrdiff_t>(kLongestEscape)) return result(EscapeStop::full);
    if (static_cast<unsigned char>(*in) < 0x80) {
      out = put_ascii(out, *in++);
      continue;
    }
    const std::size_t length = base::utf8_sequence({in, static_cast<std::size_t>(end - in)});
    if (length == 0) return result(EscapeStop::invalid);
    out = put_sequence(out, {in, length});
    in += length;
  }
  return result(EscapeStop::end);
}

char* encode_base64(std::string_view bytes, char* out) {
  constexpr std::string_view kAlphabet = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
  const auto byte = [&](std::size_t i) -> unsigned {
    return i < bytes.size() ? static_cast<unsigned char>(bytes[i]) : 0U;
  };
  for (std::size_t at = 0; at < bytes.size(); at += 3) {
    const unsigned group = byte(at) << 16U | byte(at + 1) << 8U | byte(at + 2);
    *out++ = kAlphabet[group >> 18U];
    *out++ = kAlphabet[(group >> 12U) & 63U];
    *out++ = at + 1 < bytes.size() ? kAlphabet[(group >> 6U) & 63U] : '=';
    *out++ = at + 2 < bytes.size() ? kAlphabet[group & 63U] : '=';
  }
  return out;
}

}  // namespace cofferdam::logs
