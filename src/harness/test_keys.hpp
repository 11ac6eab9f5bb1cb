// The key table of policy tests. To add a key, add a row here and its reading in test_file.cpp.
#pragma once

#include "policy/schema.hpp"

namespace cofferdam::harness {

// policies/test-schema.json is policy::schema_json() of it.
[[nodiscard]] const policy::KeyTable& test_keys();

}  // namespace cofferdam::harness
