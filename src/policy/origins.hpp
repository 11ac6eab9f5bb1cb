// Where the values of a policy were written.
#pragma once

#include "cofferdam/policy.hpp"
#include "policy/document.hpp"
#include "policy/mistakes.hpp"
#include "policy/paths.hpp"

namespace cofferdam::policy {

// Of one file, by the keys of PolicyOrigins. Of a value that is there twice the first counts.
[[nodiscard]] PolicyOrigins read_origins(const Node& root, const PathBase& base, const Mistakes& mistakes);

// Puts those of a file over those of what it extends, as apply_layer() does it with the values: an item that a list has
// already stays where it was first written.
void merge_origins(PolicyOrigins& to, PolicyOrigins from);

// The place of `item` in the list `key`, else that of the list (`redact: all`), else nullptr.
[[nodiscard]] const Origin* find_item_origin(const PolicyOrigins& origins, const std::string& key,
                                             const std::string& item);

}  // namespace cofferdam::policy
