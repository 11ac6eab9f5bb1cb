#include "supervise/hash_set.hpp"

#include <utility>

namespace cofferdam::supervise {

namespace {

constexpr std::size_t kFirst = 1024;

std::uint64_t stored(std::uint64_t hash) {
  return hash == 0 ? 1 : hash;
}

}  // namespace

// The place of the hash, or the empty one where it belongs.
std::size_t HashSet::place_of(std::uint64_t hash) const {
  const std::size_t last = places_.size() - 1;
  std::size_t place = hash & last;
  while (places_[place] != 0 && places_[place] != hash) place = (place + 1) & last;
  return place;
}

void HashSet::insert(std::uint64_t hash) {
  if (full()) return;
  if (count_ * 4 >= places_.size() * 3) {
    const auto before =
        std::exchange(places_, std::vector<std::uint64_t>(places_.empty() ? kFirst : places_.size() * 2));
    for (const std::uint64_t each : before) {
      if (each != 0) places_[place_of(each)] = each;
    }
  }
  std::uint64_t& place = places_[place_of(stored(hash))];
  if (place == 0) ++count_;
  place = stored(hash);
}

bool HashSet::contains(std::uint64_t hash) const {
  return full() || (!places_.empty() && places_[place_of(stored(hash))] != 0);
}

}  // namespace cofferdam::supervise
