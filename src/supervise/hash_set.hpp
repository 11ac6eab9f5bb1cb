// A set of 64-bit hashes that only grows, in 8 to 16 bytes each, up to kMost of them (8 MiB); then it has them all.
#pragma once

#include <cstddef>
#include <cstdint>
#include <vector>

namespace cofferdam::supervise {

class HashSet {
 public:
  static constexpr std::size_t kMost = 700'000;

  void insert(std::uint64_t hash);
  [[nodiscard]] bool contains(std::uint64_t hash) const;
  [[nodiscard]] bool full() const { return count_ >= kMost; }

 private:
  [[nodiscard]] std::size_t place_of(std::uint64_t hash) const;

  std::vector<std::uint64_t> places_;  // a power of two of them; 0 is an empty one
  std::size_t count_ = 0;
};

}  // namespace cofferdam::supervise
