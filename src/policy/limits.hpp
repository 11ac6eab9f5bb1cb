// The `limits` of a policy: read, merged, held against the sizes of the storage.
#pragma once

#include <string>
#include <vector>

#include "cofferdam/policy.hpp"
#include "policy/document.hpp"
#include "policy/mistakes.hpp"

namespace cofferdam::policy {

// Reads the map that validate() has seen; what it refused is left out.
[[nodiscard]] Limits read_limits(const Node& limits, const Mistakes& mistakes);

// What `from` says takes the place of what `to` has.
void apply_limits(Limits& to, const Limits& from);

// A mount that may hold more than limits.memory, which counts what it holds: a row that the user gave a size is a
// warning at its place, the others are one note at limits.memory.
[[nodiscard]] std::vector<Diagnostic> check_limits(const Policy& policy);

// Thousandths of a processor as a policy writes them: 1500 is "1.5".
[[nodiscard]] std::string cores_text(std::uint64_t thousandths);

}  // namespace cofferdam::policy
