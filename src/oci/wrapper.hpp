// cofferdam as an OCI runtime: it stands before runc or crun, puts the policy into what they are about to read, and
// becomes them. Everything else passes through untouched.
#pragma once

#include <string>
#include <vector>

#include "cofferdam/result.hpp"

namespace cofferdam::oci {

// The runtime that is meant: `wish` (a path or a name on PATH), else runc, else crun. Never this binary itself. Errors
// name what was looked for.
[[nodiscard]] Result<std::string> find_runtime(const std::string& wish, const std::string& launcher);

// `wish`: as for find_runtime(). Returns only when the runtime could not be started, or must not be: its exit status.
// Nothing is written to standard output, and to standard error only where the engine names no log.
int run_oci(const std::vector<std::string>& arguments, const std::string& wish);

}  // namespace cofferdam::oci
