// Puts the layers of a policy over each other.
#pragma once

#include "cofferdam/policy.hpp"
#include "policy/layer.hpp"

namespace cofferdam::policy {

// Applies `layer` over what `policy` has from the layers it extends: single values replace, maps merge by key,
// mounts by path, other lists append without repeating an equal row. `database.engines` is a choice, not a
// collection, and replaces. `set` takes a variable out of an inherited `drop`, and the other way round.
void apply_layer(Policy& policy, Layer layer, const PathBase& base, Mistakes& mistakes);

}  // namespace cofferdam::policy
