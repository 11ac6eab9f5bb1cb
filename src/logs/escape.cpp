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

struct Reached {
  const char* in;
  char* out;
};

// Copies what stands for itself, and `"` and `\` with their backslash, as far as `out` stays below `limit`; stops
// before anything else. What lies behind Reached::out, up to kEscapeSlack bytes, is overwritten later.
using EscapeRun = Reached (*)(const char* in, const char* end, char* out, const char* limit);

Reached escape_run_words(const char* in, const char* end, char* out, const char* limit) {
  while (in != end && out < limit) {
    if (end - in >= 8 && limit - out >= 8) {
      std::memcpy(out, in, 8);
      const std::size_t plain = plain_bytes(in);
      in += plain;
      out += plain;
      if (plain == 8) continue;
    }
    if (kPlain[static_cast<unsigned char>(*in)]) {
      *out++ = *in++;
    } else if ((*in == '"' || *in == '\\') && limit - out >= 2) {
      *out++ = '\\';
      *out++ = *in++;
    } else {
      break;
    }
  }
  return {in, out};
}

#if defined(__x86_64__)
// What is read beyond the end of the text stays within the page, and does not count.
__attribute__((target("avx2,bmi"), no_sanitize("address"))) Reached escape_run_avx2(const char* in, const char* end,
                                                                                    char* out, const char* limit) {
  constexpr std::ptrdiff_t kBlock = 32;
  const __m256i quote = _mm256_set1_epi8('"');
  const __m256i backslash = _mm256_set1_epi8('\\');
  const __m256i del = _mm256_set1_epi8(0x7f);
  const __m256i space = _mm256_set1_epi8(0x20);
  const auto copy = [&]() __attribute__((target("avx2,bmi"), no_sanitize("address"), always_inline)) {
    _mm256_storeu_si256(reinterpret_cast<__m256i*>(out), _mm256_loadu_si256(reinterpret_cast<const __m256i*>(in)));
  };
  while (limit - out >= 2 * kBlock) {
    const std::ptrdiff_t left = end - in;
    // Room for a block and for as much again behind its last mark.
    if (left < 2 * kBlock && (left <= 0 || (reinterpret_cast<std::uintptr_t>(in) & 4095U) > 4096U - 2 * kBlock)) break;
    const __m256i block = _mm256_loadu_si256(reinterpret_cast<const __m256i*>(in));
    _mm256_storeu_si256(reinterpret_cast<__m256i*>(out), block);
    // As signed bytes, what is above 0x7f is below the space, too.
    const __m256i marks =
        _mm256_or_si256(_mm256_or_si256(_mm256_cmpgt_epi8(space, block), _mm256_cmpeq_epi8(block, quote)),
                        _mm256_or_si256(_mm256_cmpeq_epi8(block, backslash), _mm256_cmpeq_epi8(block, del)));
    auto mask = static_cast<unsigned>(_mm256_movemask_epi8(marks));
    const std::ptrdiff_t size = std::min(left, kBlock);
    if (left < kBlock) mask &= (1U << static_cast<unsigned>(left)) - 1;
    const char* const block_end = in + size;
    for (std::ptrdiff_t from = 0; mask != 0; mask &= mask - 1) {
      const std::ptrdiff_t at = std::countr_zero(mask);
      in += at - from;
      out += at - from;
      if (*in != '"' && *in != '\\') return {in, out};
      out[0] = '\\';
      out[1] = *in++;
      out += 2;
      from = at + 1;
      copy();
    }
    out += block_end - in;
    in = block_end;
  }
  return escape_run_words(in, end, out, limit);
}

const EscapeRun escape_run =
    __builtin_cpu_supports("avx2") != 0 && __builtin_cpu_supports("bmi") != 0 ? escape_run_avx2 : escape_run_words;
#else
constexpr EscapeRun escape_run = escape_run_words;
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
    const Reached reached = escape_run(in, end, out, limit);
    in = reached.in;
    out = reached.out;
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
