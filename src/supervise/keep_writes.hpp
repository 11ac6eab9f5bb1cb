// Copies out of the instance's storage what would be lost with it.
#pragma once

#include <string>
#include <vector>

#include "supervise/scan.hpp"

namespace cofferdam::supervise {

// Copies every created or modified file into `directory` (which must exist), below its absolute path; walks the
// storage anew, so nothing is left out, however much a report folds. Returns what could not be copied, one line each,
// the first hundred.
[[nodiscard]] std::vector<std::string> keep_writes(const InstanceView& instance, const Baseline& baseline,
                                                   const std::string& directory);

// Copies one file of the instance, by the path that the app knows, into the directory `target`. Follows no link on
// either side. False with errno set when it could not be copied.
[[nodiscard]] bool keep_file(const InstanceView& instance, const std::string& path, int target);

}  // namespace cofferdam::supervise
