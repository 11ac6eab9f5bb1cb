#include "logs/process/literal_finder.hpp"

#include <algorithm>
#include <cstring>

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
}

bool LiteralFinder::finds(std::string_view text) const {
  if (literals_.empty() || text.size() < 3) return false;
  const char* const bytes = text.data();
  const std::size_t last = text.size() - 1;
  for (std::size_t at = 0; at < last; at += 2) {
    std::uint16_t pair = 0;
    std::memcpy(&pair, bytes + at, sizeof pair);
    if ((pairs_[pair >> 3U] >> (pair & 7U) & 1U) != 0 && stands_at(text, at)) return true;
  }
  return false;
}

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
