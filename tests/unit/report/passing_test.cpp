#include "report/passing.hpp"

#include <gtest/gtest.h>

namespace cofferdam::report {
namespace {

TEST(IsPassing, KnowsWhatEachRunMakesUp) {
  for (const char* name : {"tmpabc123", "sess_0a1b2c3d", "app.12345.pid", "000017", "tmp_k3x9qa",
                           "3f2b8c1e-9d4a-4e6b-8f01-23456789abcd", "phpA1b2C3"}) {
    EXPECT_TRUE(is_passing(name)) << name;
  }
  for (const char* name : {"templates", "temporary", "tmp", "sessions", "uploads", "php", "v2", "app.pid", "facade"}) {
    EXPECT_FALSE(is_passing(name)) << name;
  }
}

TEST(WithoutPassing, HasAStarForWhatPasses) {
  EXPECT_EQ(without_passing("/srv/app/spool/17/part"), "/srv/app/spool/*/part");
  EXPECT_EQ(without_passing("/tmp/tmpk3x9qa"), "/tmp/*");
  EXPECT_EQ(without_passing("media/2026/01"), "media/*/*");
  EXPECT_EQ(without_passing("media"), "media");
  EXPECT_EQ(without_passing("/"), "/");
  EXPECT_EQ(without_passing(""), "");
}

}  // namespace
}  // namespace cofferdam::report
