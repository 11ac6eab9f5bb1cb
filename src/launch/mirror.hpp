// Copies of host directories in the layers of an overlay. Used between clone and exec: nothing here allocates or
// throws.
#pragma once

#include "plan/plan.hpp"

namespace cofferdam::launch {

// Owner, mode and times of a directory as the host has them, so that the merged view looks like the original.
void copy_attributes(int from_dirfd, const char* from, int to_dirfd, const char* to) noexcept;

// The lower layer of a mirrored overlay (PlannedMount::mirror), made at `base`/lower, in the same tmpfs as the upper
// one: copies of the names of the directory `from`. Returns a descriptor of it or -errno. What has gone since the plan
// was made, or can't be read, is not there.
[[nodiscard]] int make_mirror(const plan::PlannedMount& mount, int from, const char* base) noexcept;

}  // namespace cofferdam::launch
