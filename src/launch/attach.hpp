// Places to mount at. Between clone and exec: nothing here allocates or throws.
#pragma once

#include <array>
#include <climits>

#include "launch/prepared.hpp"

namespace cofferdam::launch {

using Path = std::array<char, PATH_MAX>;
// "a/b", in `into`.
const char* join(Path& into, const char* a, const char* b) noexcept;

// A mount point inside what we have mounted already: missing directories are made, in the tmpfs or the upper layer.
// 0 or an errno.
[[nodiscard]] int make_mount_point(const char* path, bool directory) noexcept;

// Puts the detached tree there and closes it. Ends the process when it fails: `step`, and `index` of give_up.
void attach(const Prepared& prepared, int tree, const char* path, bool directory, Step step, int index) noexcept;

}  // namespace cofferdam::launch
