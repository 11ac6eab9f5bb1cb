// From the files that an application wrote to the directories that a policy would name: what nobody would write by hand
// (a pid, a random ending, a number) is left out of the path, and what must not be mounted is said instead.
#pragma once

#include <cstdint>
#include <functional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

namespace cofferdam::learn {

// One file, or several of a directory by one program, that were written where the policy has no mount.
struct Written {
  std::string path;         // absolute, normalised; of several: one of them
  std::uint64_t bytes = 0;  // at the end of the run
  std::string program;      // the one that wrote it most, by name
};

// What a mount must never touch, and what the host has: a mount needs a directory that is there.
struct Bounds {
  std::string home;                                      // absolute, normalised; empty when unset
  std::vector<std::string> hidden;                       // `hidden` rows: nothing at, above or beneath them is proposed
  std::function<bool(const std::string&)> is_directory;  // of the host
};

// A directory to name in `storage.mounts`.
struct Place {
  std::string directory;
  std::uint64_t bytes = 0;            // sum of its files
  std::vector<std::string> programs;  // who wrote there, sorted, each once
  std::string example;                // the path of its largest file
};

// A directory that was written to and can't be named, with the reason for the comment that stands in its place.
struct LeftOut {
  Place place;
  std::string why;
};

struct Places {
  std::vector<Place> mounts;  // by path; none beneath another
  std::vector<LeftOut> left_out;
};

// The directory of each file, without the part from its first passing component on, or the nearest one above that the
// host has; directories beneath another one of the result are merged into it.
[[nodiscard]] Places places_of(std::span<const Written> files, const Bounds& bounds);

// The size to write for a mount that held `peak` bytes at most: the next power of two that leaves a quarter free, and
// at least 16 MiB.
[[nodiscard]] std::uint64_t size_for(std::uint64_t peak);

}  // namespace cofferdam::learn
