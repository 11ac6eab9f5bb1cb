// The file of --baseline.
#pragma once

#include <string>

#include "report/baseline.hpp"

namespace cofferdam::cli {

// Empty without a name. A file that is not there is an error, unless it is going to be written. Messages name the file.
[[nodiscard]] Result<report::Baseline> read_baseline(const std::string& file, bool may_be_missing);

// As a whole, or not at all.
[[nodiscard]] Result<void> write_whole(const std::string& file, const std::string& text);

// Takes known findings out of the report and says how many there were, and which entries have not occurred.
void compare_with_baseline(Report& report, const report::Baseline& baseline, const std::string& file);

}  // namespace cofferdam::cli
