// How a diagnostic is printed.
#include <gtest/gtest.h>

#include "cofferdam/diagnostic.hpp"

namespace cofferdam {
namespace {

TEST(FormatDiagnostic, LeavesOutWhatIsUnknown) {
  EXPECT_EQ(format_diagnostic({Severity::note, {"f", 0, 0}, "", "m", ""}), "f: note: m");
  EXPECT_EQ(format_diagnostic({Severity::error, {"", 0, 0}, "CD909", "m", "h\ni"}), "error: m [CD909]\n  h\n  i");
  EXPECT_EQ(format_diagnostic({Severity::warning, {"f", 3, 0}, "CD901", "a\x1b", ""}), "f:3: warning: a\\x1b [CD901]");
}

}  // namespace
}  // namespace cofferdam
