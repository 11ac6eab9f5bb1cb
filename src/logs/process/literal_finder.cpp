#include "logs/process/literal_finder.hpp"

#include <algorithm>
#include <bit>
#include <cstring>

#if defined(__x86_64__)
#include <immintrin.h>
#endif

namespace cofferdam::logs {

namespace {

constexpr std::size_t kPairs = 1 << 16;
constexpr std::size_t kBuckets = 1 << 10;

constexpr char lower(char c) {
  return c >= 'A' && c <= 'Z' ? static_cast<char>(c - 'A' + 'a') : c;
}
constexpr char upper(char c) {
  return c >= 'a' && c <= 'z' ? static_cast<char>(c - 'a' + 'A') : c;
}

constexpr std::uint16_t pair_of(char first, char second) {
  const char bytes[2] = {first, second};
  std::uint16_t pair = 0;
  std::memcpy(&pair, bytes, sizeof pair);
  return pair;
}

constexpr std::size_t bucket_of(char first, char second) {
  return (static_cast<unsigned char>(lower(first)) * 31U + static_cast<unsigned char>(lower(second))) % kBuckets;
}

// How common a byte is in log lines, roughly: English text, hexadecimal numbers, times.
constexpr int commonness(char c) {
  constexpr std::string_view kOrder = "qzjxkvwy~`^|@#$%&*<>bpgfmuhlcdo_srinate\"'(){}[];,!?+-=:./0123456789 ";
  const std::size_t at = kOrder.find(lower(c));
  return at == std::string_view::npos ? 0 : static_cast<int>(at);
}

}  // namespace

LiteralFinder::LiteralFinder(const std::vector<std::string>& literals) : of_pair_(kBuckets), pairs_(kPairs / 8) {
  for (const std::string& text : literals) {
    Literal literal;
    for (const char c : text) literal.text += lower(c);
    // Two pairs beside each other, of which one stands at an even place: only those are looked at.
    int best = 1 << 20;
    for (std::size_t at = 0; at + 2 < text.size(); ++at) {
      const int sum = std::max(commonness(text[at]) + commonness(text[at + 1]),
                               commonness(text[at + 1]) + commonness(text[at + 2]));
      if (sum < best) {
        best = sum;
        literal.pair = at;
      }
    }
    const auto index = static_cast<std::uint32_t>(literals_.size());
    for (const std::size_t at : {literal.pair, literal.pair + 1}) {
      if (at + 1 >= text.size()) continue;
      const char first = literal.text[at];
      const char second = literal.text[at + 1];
      of_pair_[bucket_of(first, second)].push_back(index);
      for (const char a : {first, upper(first)}) {
        for (const char b : {second, upper(second)})
          pairs_[pair_of(a, b) / 8] |= static_cast<std::uint8_t>(1U << pair_of(a, b) % 8);
      }
    }
    literals_.push_back(std::move(literal));
  }
  note_halves();
}

// Literals whose rarest bytes are alike share a group: the fewer texts a group lets through.
void LiteralFinder::note_halves() {
  const auto rarest = [&](std::uint32_t index) {
    return std::string_view(literals_[index].text).substr(literals_[index].pair, halves_.size());
  };
  std::vector<std::uint32_t> order(literals_.size());
  for (std::uint32_t i = 0; i < order.size(); ++i) order[i] = i;
  std::ranges::sort(order, {}, rarest);
  for (std::size_t i = 0; i < order.size(); ++i) {
    const auto group = static_cast<std::uint8_t>(1U << (i * 8 / order.size()));
    const std::string_view bytes = rarest(order[i]);
    for (std::size_t at = 0; at < bytes.size(); ++at) {
      for (const char c : {bytes[at], upper(bytes[at])}) {
        const auto byte = static_cast<unsigned char>(c);
        for (const std::size_t lane : {0U, 16U}) {
          halves_.at(at).low.at(lane + (byte & 15U)) |= group;
          halves_.at(at).high.at(lane + (byte >> 4U)) |= group;
        }
      }
    }
  }
}

bool LiteralFinder::is_pair(std::string_view text, std::size_t at) const {
  const std::uint16_t pair = pair_of(text[at], text[at + 1]);
  return (pairs_[pair >> 3U] >> (pair & 7U) & 1U) != 0;
}

bool LiteralFinder::finds(std::string_view text) const {
  if (literals_.empty() || text.size() < 3) return false;
#if defined(__x86_64__)
  if (__builtin_cpu_supports("avx2") != 0) return finds_avx2(text);
#endif
  return finds_from(text, 0);
}

bool LiteralFinder::finds_from(std::string_view text, std::size_t at) const {
  for (const std::size_t last = text.size() - 1; at < last; at += 2) {
    if (is_pair(text, at) && stands_at(text, at)) return true;
  }
  return false;
}

#if defined(__x86_64__)
__attribute__((target("avx2"))) bool LiteralFinder::finds_avx2(std::string_view text) const {
  constexpr std::size_t kBlock = 32;
  const __m256i half = _mm256_set1_epi8(15);
  const __m256i zero = _mm256_setzero_si256();
  std::size_t at = 0;
  for (; at + kBlock + halves_.size() <= text.size(); at += kBlock) {
    __m256i groups = _mm256_set1_epi8(-1);
    for (std::size_t i = 0; i < halves_.size(); ++i) {
      const __m256i bytes = _mm256_loadu_si256(reinterpret_cast<const __m256i*>(text.data() + at + i));
      const __m256i low = _mm256_load_si256(reinterpret_cast<const __m256i*>(halves_[i].low.data()));
      const __m256i high = _mm256_load_si256(reinterpret_cast<const __m256i*>(halves_[i].high.data()));
      groups = _mm256_and_si256(groups, _mm256_shuffle_epi8(low, _mm256_and_si256(bytes, half)));
      groups = _mm256_and_si256(groups, _mm256_shuffle_epi8(high, _mm256_and_si256(_mm256_srli_epi16(bytes, 4), half)));
    }
    auto places = ~static_cast<std::uint32_t>(_mm256_movemask_epi8(_mm256_cmpeq_epi8(groups, zero)));
    for (; places != 0; places &= places - 1) {
      const std::size_t place = at + static_cast<std::size_t>(std::countr_zero(places));
      if (is_pair(text, place) && stands_at(text, place)) return true;
    }
  }
  return finds_from(text, at);
}
#endif

bool LiteralFinder::stands_at(std::string_view text, std::size_t at) const {
  for (const std::uint32_t index : of_pair_[bucket_of(text[at], text[at + 1])]) {
    const Literal& literal = literals_[index];
    for (const std::size_t pair : {literal.pair, literal.pair + 1}) {
      if (at < pair || at - pair + literal.text.size() > text.size()) continue;
      const std::string_view there = text.substr(at - pair, literal.text.size());
      if (std::ranges::equal(there, literal.text, {}, lower)) return true;
    }
  }
  return false;
}

}  // namespace cofferdam::logs
