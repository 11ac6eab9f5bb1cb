// The findings of a report in the form that CI servers show as tests (the JUnit XML of Jenkins).
#pragma once

#include <string>

#include "cofferdam/report.hpp"

namespace cofferdam::report {

// A test for each rule of production, which fails with its findings of severity error and warning; notes are its
// output.
[[nodiscard]] std::string to_junit(const Report& report);

}  // namespace cofferdam::report
