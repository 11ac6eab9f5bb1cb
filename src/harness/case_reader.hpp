// One case, from the tree of its file to values.
#pragma once

#include <string>

#include "harness/test_case.hpp"
#include "policy/document.hpp"

namespace cofferdam::harness {

// What a case takes over from its file.
struct FileDefaults {
  std::string file;       // as the user named it
  std::string directory;  // that it lies in, absolute
  std::string policy;     // as written; empty: none
  std::string tree;       // `directory`, as written; empty: none
};

// Reads a tree that validate() has seen; what it refused is left out in silence.
[[nodiscard]] TestCase read_case(const policy::Node& node, const FileDefaults& defaults);

}  // namespace cofferdam::harness
