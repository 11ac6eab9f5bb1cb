// current_policy_context and shipped_policies of cofferdam/policy.hpp.
#include <unistd.h>

#include <algorithm>
#include <filesystem>
#include <string_view>
#include <system_error>

#include "cofferdam/policy.hpp"
#include "policy/builtin.hpp"

namespace cofferdam {

PolicyContext current_policy_context() {
  PolicyContext context;
  std::error_code gone;
  context.working_directory = std::filesystem::current_path(gone).string();
  if (gone) context.working_directory = "/";
  for (char** entry = environ; entry != nullptr && *entry != nullptr; ++entry) {
    const std::string_view variable = *entry;
    const std::size_t equals = variable.find('=', 1);
    if (equals != std::string_view::npos)
      context.environment.emplace(variable.substr(0, equals), variable.substr(equals + 1));
  }
  if (const auto home = context.environment.find("HOME"); home != context.environment.end())
    context.home = home->second;
  return context;
}

std::vector<std::string> shipped_policies() {
  std::vector<std::string> names;
  for (const policy::BuiltinPolicy& each : policy::builtin_policies()) names.emplace_back(each.name);
  std::ranges::sort(names);
  return names;
}

}  // namespace cofferdam
