// The shipped policies, compiled in from policies/*.yaml.
#pragma once

#include <string_view>
#include <vector>

namespace cofferdam::policy {

struct BuiltinPolicy {
  std::string_view name;
  std::string_view text;
};

[[nodiscard]] const std::vector<BuiltinPolicy>& builtin_policies();

}  // namespace cofferdam::policy
