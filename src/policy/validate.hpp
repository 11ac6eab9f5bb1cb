// Checks a file's tree against its key table.
#pragma once

#include "policy/document.hpp"
#include "policy/mistakes.hpp"
#include "policy/schema.hpp"

namespace cofferdam::policy {

// Reports everything that is wrong with the tree as long as it needs only this file: unknown keys, keys of a
// later version, missing keys, wrong types and illegal values. What depends on other files, on the home
// directory or on a second key, the readers in layer.cpp and mounts.cpp check.
void validate(const Node& root, Mistakes& mistakes, const KeyTable& table = policy_keys());

}  // namespace cofferdam::policy
