// Storage for whatever an application writes: what learn adds to a policy for one run.
#pragma once

#include <span>
#include <string>
#include <vector>

#include "cofferdam/policy.hpp"
#include "kernel/mountinfo.hpp"

namespace cofferdam::learn {

// The directories that need an overlay so that no write is refused: those of the root (`top`, absolute) and the host's
// mounts, without what the policy has a row for, what an instance has of its own, and
// the stores of container engines. Sorted; no more than kMostEverywhere.
inline constexpr std::size_t kMostEverywhere = 32;
[[nodiscard]] std::vector<std::string> everywhere(const Policy& policy, std::span<const std::string> top,
                                                  std::span<const kernel::MountEntry> mounts);

// As the text of a policy that extends another one; empty for none.
[[nodiscard]] std::string as_policy_text(std::span<const std::string> directories);

}  // namespace cofferdam::learn
