// The rows of `storage.mounts`.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "cofferdam/policy.hpp"
#include "policy/document.hpp"
#include "policy/mistakes.hpp"
#include "policy/paths.hpp"

namespace cofferdam::policy {

// A row as one file has it. What is unset comes from the row with the same path that the file extends.
struct MountRow {
  template <class T>
  struct Placed {
    T value;
    Place place;
  };
  std::string path;  // resolved
  std::string written;
  Place place;  // of the row's path
  bool shipped = false;
  bool type_refused = false;  // `type` is there or misspelt: what is wrong with it has been reported
  std::optional<MountType> type;
  std::optional<Placed<std::uint64_t>> size;
  std::optional<Placed<std::uint64_t>> inodes;
  std::optional<Placed<bool>> watch;
  std::optional<Placed<bool>> exec;
  std::optional<Placed<bool>> optional;
};

// Reads the list. Reports a path that does not resolve and a path named twice. Optional rows, those of a shipped policy
// among them, that mean nothing on this machine (`~` without a home, `.` in `/`, `.` being `~`) are left out with one
// note each.
[[nodiscard]] std::vector<MountRow> read_mounts(const Node& list, const PathBase& base, bool shipped,
                                                Mistakes& mistakes);

// Puts the rows of a file over those of what it extends. Reports, at the rows' places, keys that do not apply
// to the type and paths on which such a mount is not allowed.
void merge_mounts(std::vector<MountRule>& mounts, const std::vector<MountRow>& rows, const PathBase& base,
                  Mistakes& mistakes);

}  // namespace cofferdam::policy
