#include "harness/text_match.hpp"

#include <gtest/gtest.h>

namespace cofferdam::harness {
namespace {

TEST(TextMatch, LastLineEndsDoNotCount) {
  TextMatcher matcher;
  matcher.equals = "one\ntwo";
  EXPECT_TRUE(mismatches(matcher, "one\ntwo\n", "stdout").empty());
  const auto wrong = mismatches(matcher, "one\nthree\n", "stdout");
  ASSERT_EQ(wrong.size(), 1U);
  EXPECT_EQ(wrong.front(), "stdout is not as expected: line 2 should be 'two' and is 'three'");
}

TEST(TextMatch, EachPartIsToldOf) {
  TextMatcher matcher;
  matcher.contains = {"a", "b"};
  matcher.lacks = {"c"};
  matcher.regex = "^x$";
  EXPECT_EQ(mismatches(matcher, "c", "stderr").size(), 4U);
  EXPECT_TRUE(mismatches(matcher, "ab\nx\n", "stderr").empty());
}

TEST(TextMatch, ProgramsByNamePathAndCommandLine) {
  const std::vector<std::string> argv = {"python3", "-m", "celery", "worker"};
  for (const char* pattern : {"python3", "python3.11", "/usr/bin/python3.11", "python3 -m celery *", "*/python3*"})
    EXPECT_TRUE(is_program(pattern, "/usr/bin/python3.11", argv)) << pattern;
  for (const char* pattern : {"python", "celery", "usr", "python3 -m celery"})
    EXPECT_FALSE(is_program(pattern, "/usr/bin/python3.11", argv)) << pattern;
}

TEST(TextMatch, DestinationsByNameOfThisMachine) {
  EXPECT_TRUE(is_destination("localhost:5432", "127.0.0.1:5432"));
  EXPECT_TRUE(is_destination("localhost:5432", "[::1]:5432"));
  EXPECT_TRUE(is_destination("[::1]:5432", "[::1]:5432"));
  EXPECT_TRUE(is_destination("127.0.0.1:*", "127.0.0.1:5432"));
  EXPECT_FALSE(is_destination("localhost:5432", "127.0.0.1:54321"));
}

}  // namespace
}  // namespace cofferdam::harness
