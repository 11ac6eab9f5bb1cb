#include "logs/process/joiner.hpp"

#include <gtest/gtest.h>

#include <algorithm>
#include <optional>
#include <string>

#include "unit/logs/process/joiner_fixture.hpp"

namespace cofferdam::logs {
namespace {

const std::string kTrace = "Traceback (most recent call last):\n  File \"a.py\", line 1, in f\nKeyError: 1\n";

TEST(Joiner, ALineOfAnotherProcessEndsTheTrace) {
  Reader reader;
  reader.read("java.lang.Error: x\n\tat a.B.c(B.java:1)\n2026-11-23 05:33:10 INFO other\n\tat a.B.d(B.java:2)\n");
  reader.finish();
  EXPECT_EQ(reader.texts(), (Strings{"java.lang.Error: x\n\tat a.B.c(B.java:1)", "2026-11-23 05:33:10 INFO other",
                                     "\tat a.B.d(B.java:2)"}));
}

TEST(Joiner, AnOrdinaryLineIsNotHeld) {
  for (const char* line : {"plain\n", "2026-11-23 05:33:10 INFO x\n", "  indented\n", "\n", "{\"a\":1}\n", "\t\n",
                           "key: value\n", "Listening on 0.0.0.0:80\n"}) {
    Reader reader;
    reader.read(line);
    EXPECT_EQ(reader.bytes(), line);
    EXPECT_FALSE(reader.joiner->due());
  }
}

TEST(Joiner, ALineThatAnnouncesAnExceptionWaitsTwoMilliseconds) {
  Reader reader;
  reader.read("ERROR:root:failed\n");
  EXPECT_TRUE(reader.seen.empty());
  ASSERT_TRUE(reader.joiner->due());
  EXPECT_EQ(*reader.joiner->due(), reader.now + 2);
  reader.wait(1);
  EXPECT_TRUE(reader.seen.empty());
  reader.wait(1);
  EXPECT_EQ(reader.texts(), Strings{"ERROR:root:failed"});
  EXPECT_FALSE(reader.joiner->due());
  reader.read(kTrace);
  reader.finish();
  EXPECT_EQ(reader.seen.size(), 2U);
}

TEST(Joiner, ATraceWaits500MillisecondsForItsNextLine) {
  Reader reader;
  reader.read(kTrace);
  EXPECT_EQ(reader.joiner->due(), std::optional(reader.now + 500));
  reader.wait(499);
  EXPECT_TRUE(reader.seen.empty());
  reader.wait(1);
  EXPECT_EQ(reader.bytes(), kTrace);
  EXPECT_EQ(reader.seen.size(), 1U);
}

TEST(Joiner, AHeadWithoutFramesWaits100Milliseconds) {
  Reader reader;
  reader.read("java.io.IOException: gone\n");
  EXPECT_EQ(reader.joiner->due(), std::optional(reader.now + 100));
  reader.wait(100);
  EXPECT_EQ(reader.seen.size(), 1U);
}

TEST(Joiner, ATraceThatGoesOnIsEmittedAfterTwoSeconds) {
  Reader reader;
  reader.read("java.lang.Error: x\n");
  for (int i = 0; i < 30; ++i) {
    reader.read("\tat a.B.c(B.java:1)\n");
    reader.wait(90);
  }
  ASSERT_FALSE(reader.seen.empty());
  EXPECT_EQ(std::ranges::count(reader.seen[0].text, '\n'), 23);
  reader.finish();
  // What follows has no head: each line is a record.
  EXPECT_EQ(reader.seen.size(), 1U + 7U);
}

TEST(Joiner, ATraceHasAtMostAThousandLines) {
  std::string bytes = "java.lang.StackOverflowError\n";
  for (int i = 0; i < 1024; ++i) bytes += "\tat a.B.c(B.java:1)\n";
  Reader reader;
  reader.read(bytes);
  reader.finish();
  EXPECT_EQ(reader.bytes(), bytes);
  EXPECT_EQ(std::ranges::count(reader.seen[0].text, '\n'), 999);
  EXPECT_EQ(reader.seen.size(), 1U + 25U);
}

TEST(Joiner, ATraceHasAtMostAMebibyte) {
  std::string bytes = "java.lang.Error: x\n";
  for (int i = 0; i < 20; ++i) bytes += "\tat a." + std::string(100000, 'B') + "(B.java:1)\n";
  Reader reader;
  reader.read(bytes);
  reader.finish();
  EXPECT_EQ(reader.bytes(), bytes);
  EXPECT_GT(reader.seen[0].text.size(), 1000000U - 100000U);
  EXPECT_LE(reader.seen[0].text.size(), Joiner::kMaxBytes);
}

TEST(Joiner, LinesTooLongForMemoryPassAndEndTheTrace) {
  const std::string bytes = "java.lang.Error: x\n\tat a.B.c(B.java:1)\n\tat a." + std::string(600000, 'B') +
                            "(B.java:1)\n\tat a.B.c(B.java:2)\n";
  Reader reader;
  reader.read(bytes);
  reader.finish();
  EXPECT_EQ(reader.bytes(), bytes);
  ASSERT_EQ(reader.seen.size(), 1U + 3U + 1U);
  EXPECT_FALSE(reader.seen[1].last);
  EXPECT_FALSE(reader.seen[2].first);
}

TEST(Joiner, AnUnterminatedLastLineStaysUnterminated) {
  for (const std::string bytes :
       {"java.lang.Error: x\n\tat a.B.c(B.java:1)", "java.lang.Error: x", "ERROR x\n\nplain", "ERROR x"}) {
    Reader reader;
    reader.read(bytes);
    reader.finish();
    EXPECT_EQ(reader.bytes(), bytes);
    EXPECT_FALSE(reader.seen.back().eol);
  }
}

TEST(Joiner, OnlyTheRulesThatAreNamedJoin) {
  for (const std::string_view rule : kMultilineRules) {
    Reader reader(Strings{std::string(rule)});
    reader.read(kTrace + "ends it\n");
    reader.finish();
    EXPECT_EQ(reader.seen.size(), rule == "python" ? 2U : 4U) << rule;
    EXPECT_EQ(reader.bytes(), kTrace + "ends it\n");
  }
}

}  // namespace
}  // namespace cofferdam::logs
