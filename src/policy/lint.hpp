// What a reviewer of a policy would ask: rows that do nothing, rows that allow more than they seem to, secrets in the
// text. A policy with such rows works; nothing here is needed to run under it.
#pragma once

#include <vector>

#include "cofferdam/policy.hpp"

namespace cofferdam::policy {

// In the order of the keys. Rows of shipped policies are not judged: who reads this can't change them.
[[nodiscard]] std::vector<Diagnostic> lint_policy(const Policy& policy);

}  // namespace cofferdam::policy
