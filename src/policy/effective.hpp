// A policy as one file: what it and all that it extends amount to.
#pragma once

#include <string>

#include "cofferdam/policy.hpp"

namespace cofferdam::policy {

// YAML of version 1 with `extends: none` and absolute paths; a comment says where each row was written. It loads again
// to the same policy. Values of environment.set stand in it as they are.
[[nodiscard]] std::string effective_yaml(const Policy& policy);

}  // namespace cofferdam::policy
