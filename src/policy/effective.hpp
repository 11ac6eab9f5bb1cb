// A policy as one file: what it and all that it extends amount to.
#pragma once

#include <string>

#include "cofferdam/policy.hpp"

namespace cofferdam::policy {

// YAML of version 1 with `extends: none` and absolute paths, one value a line. It loads again to the same policy.
// Values of environment.set stand in it as they are. With `origins`, those of LoadedPolicy, a comment at each value
// says where it was written; a value that holds by default has the comment "default". Without, only rows have one.
[[nodiscard]] std::string effective_yaml(const Policy& policy, const PolicyOrigins* origins = nullptr);

}  // namespace cofferdam::policy
