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

using detail::EscapeRun;
using detail::Reached;

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
// For each low half of a byte, the one byte with it that needs an escape and is neither below the space nor above DEL.
// 0x80 stands for none: a shuffle gives 0 for a byte so large.
constexpr char kNoByte = '\x80';
alignas(32) constexpr auto kMarked = [] {
  std::array<char, 32> marked{};
  marked.fill(kNoByte);
  for (const char byte : {'"', '\\', '\x7f'}) {
    for (std::size_t half = 0; half < 32; half += 16) marked.at(half + (static_cast<unsigned>(byte) & 15U)) = byte;
  }
  return marked;
}();

constexpr std::ptrdiff_t kBlock = 32;

// Copies a block; returns a bit for each of its bytes that does not stand for itself.
__attribute__((target("avx2,bmi"), no_sanitize("address"), always_inline)) inline std::uint32_t copy_block(
    const char* in, char* out) {
  const __m256i block = _mm256_loadu_si256(reinterpret_cast<const __m256i*>(in));
  _mm256_storeu_si256(reinterpret_cast<__m256i*>(out), block);
  const __m256i marked = _mm256_load_si256(reinterpret_cast<const __m256i*>(kMarked.data()));
  // As signed bytes, what is above 0x7f is below the space, too.
  const __m256i marks = _mm256_or_si256(_mm256_cmpgt_epi8(_mm256_set1_epi8(0x20), block),
                                        _mm256_cmpeq_epi8(block, _mm256_shuffle_epi8(marked, block)));
  return static_cast<std::uint32_t>(_mm256_movemask_epi8(marks));
}

__attribute__((target("avx2,bmi"), no_sanitize("address"))) Reached escape_run_avx2(const char* in, const char* end,
                                                                                    char* out, const char* limit) {
  const auto take_marked = [&](std::uint32_t marks) __attribute__((target("avx2,bmi"), always_inline)) {
    const auto plain = std::countr_zero(marks);
    in += plain;
    out += plain;
    if (*in != '"' && *in != '\\') return false;
    *out++ = '\\';
    *out++ = *in++;
    return true;
  };
  // As long as a byte may become two and there is room for that, `out` need not be looked at.
  while (limit - out > 4 * kBlock) {
    const char* const stop = in + std::min(end - in, (limit - out - kBlock) >> 1);
    while (in + kBlock <= stop) {
      const std::uint32_t marks = copy_block(in, out);
      if (marks == 0) {
        in += kBlock;
        out += kBlock;
      } else if (!take_marked(marks)) {
        return {in, out};
      }
    }
    if (stop != end) continue;
    while (in != end) {
      // What is read beyond the end of the text stays within the page, and does not count.
      if ((reinterpret_cast<std::uintptr_t>(in) & 4095U) > 4096U - kBlock) break;
      const std::uint32_t marks = copy_block(in, out) & ((1U << static_cast<unsigned>(end - in)) - 1);
      if (marks == 0) return {end, out + (end - in)};
      if (!take_marked(marks)) return {in, out};
    }
    break;
  }
  return in == end ? Reached{in, out} : escape_run_words(in, end, out, limit);
}

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

namespace detail {

#if defined(__x86_64__)
const EscapeRun escape_run =
    __builtin_cpu_supports("avx2") != 0 && __builtin_cpu_supports("bmi") != 0 ? escape_run_avx2 : escape_run_words;
#else
const EscapeRun escape_run = escape_run_words;
#endif

Escaped escape_rest(std::string_view text, Reached reached, char* limit) {
  const char* const end = text.data() + text.size();
  const auto result = [&](EscapeStop stop) {
    return Escaped{static_cast<std::size_t>(reached.in - text.data()), reached.out, stop};
  };
  while (reached.in != end) {
    if (limit - reached.out < static_cast<std::ptrdiff_t>(kLongestEscape)) return result(EscapeStop::full);
    if (static_cast<unsigned char>(*reached.in) < 0x80) {
      reached.out = put_ascii(reached.out, *reached.in++);
    } else {
      const std::size_t length = base::utf8_sequence({reached.in, static_cast<std::size_t>(end - reached.in)});
      if (length == 0) return result(EscapeStop::invalid);
      reached.out = put_sequence(reached.out, {reached.in, length});
      reached.in += length;
    }
    reached = escape_run(reached.in, end, reached.out, limit);
  }
  return result(EscapeStop::end);
}

}  // namespace detail

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
