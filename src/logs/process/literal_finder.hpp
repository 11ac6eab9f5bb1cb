// Looks for any of some short texts at once.
#pragma once

#include <array>
#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

namespace cofferdam::logs {

// ASCII letters match in any case. Made for text in which nothing is found: every second pair of bytes is looked up in
// a table of the pairs that are rarest in log lines among those of each literal; only at such a place is the literal
// compared. With AVX2, 32 places at a time are held against the rarest three bytes of all literals first.
class LiteralFinder {
 public:
  // Literals of at least 3 bytes; with none, nothing is ever found.
  explicit LiteralFinder(const std::vector<std::string>& literals);

  [[nodiscard]] bool finds(std::string_view text) const;

 private:
  struct Literal {
    std::string text;      // in lower case
    std::size_t pair = 0;  // where its rarest three bytes begin
  };

  // For each of three bytes behind each other: by the low and by the high half of the byte, a bit each group of
  // literals that may have it there. Each table twice, as a shuffle of 32 bytes wants it.
  struct Halves {
    alignas(32) std::array<std::uint8_t, 32> low{};
    alignas(32) std::array<std::uint8_t, 32> high{};
  };

  void note_halves();
  [[nodiscard]] bool is_pair(std::string_view text, std::size_t at) const;
  [[nodiscard]] bool stands_at(std::string_view text, std::size_t at) const;
  [[nodiscard]] bool finds_from(std::string_view text, std::size_t at) const;
  [[nodiscard]] bool finds_avx2(std::string_view text) const;

  std::vector<Literal> literals_;
  std::vector<std::vector<std::uint32_t>> of_pair_;  // by hash of a pair: the literals that have it
  std::vector<std::uint8_t> pairs_;                  // 64 Ki bits: the pairs, in any case
  std::array<Halves, 3> halves_;
};

}  // namespace cofferdam::logs
