// Keys of a policy that stand in a test, written as the text of a policy.
#pragma once

#include <string>
#include <string_view>

#include "policy/document.hpp"

namespace cofferdam::harness {

// `with` as a policy's text in YAML's flow style, every key and value on the line that it has in the test file, so that
// what is said about it can name that line. The first line is left to `version` and `extends`: see policy_file().
// An `extends` of its own is not expected here.
[[nodiscard]] std::string policy_text(const policy::Node& with);

// A policy that extends `parent`, a shipped name or an absolute path, with these keys.
[[nodiscard]] std::string policy_file(std::string_view text, std::string_view parent);

}  // namespace cofferdam::harness
