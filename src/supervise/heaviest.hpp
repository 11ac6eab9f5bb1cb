// What takes most of a mount: a quick look at its tree, for a message that must come before the app meets ENOSPC.
#pragma once

#include <cstdint>
#include <string>

namespace cofferdam::supervise {

struct Heaviest {
  std::string path;  // relative to the directory looked at, at most two components; empty when nothing stands out
  std::uint64_t bytes = 0;
  std::uint64_t inodes = 0;
  bool complete = true;  // false: only the first entries were looked at, level by level; the figures are lower bounds
};

// Looks at no more than this many entries, which takes some 5 ms.
inline constexpr std::size_t kHeaviestEntries = 4096;

// The child of `directory` that holds the most bytes (allocated, as the mount counts them) or, with `by_inodes`, the
// most entries, if that is a quarter of what was seen; when three quarters of it lie in one of its own children, that
// one. Other mounts are not entered and links
// not followed. `directory` is a readable descriptor, which is not moved.
[[nodiscard]] Heaviest find_heaviest(int directory, bool by_inodes, std::size_t most_entries = kHeaviestEntries);

}  // namespace cofferdam::supervise
