// What of an environment steers loaders and interpreters: code that runs before a program's own, or instead of it.
// Pure.
#pragma once

#include <string>
#include <string_view>
#include <vector>

namespace cofferdam::supervise {

// NAME=value, sorted. Left out is what can't bring code in: options of NODE_OPTIONS for memory, warnings and traces
// (Next.js gives them to its server), and entries of NODE_PATH inside a node_modules of `project` (pnpm's programs set
// them), where the app's own modules are.
[[nodiscard]] std::vector<std::string> loader_values(const std::vector<std::string>& environment,
                                                     std::string_view project);

// The name of the first variable that only one of the two has with that value; empty when they are equal.
[[nodiscard]] std::string first_difference(const std::vector<std::string>& a, const std::vector<std::string>& b);

}  // namespace cofferdam::supervise
