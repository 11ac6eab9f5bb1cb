// The matchers on real runs, and what they say when they fail.
#include <gtest/gtest-spi.h>

#include <cofferdam/testing.hpp>

using namespace cofferdam;
using testing::AllOf;
using testing::HasSubstr;
using testing::Not;

namespace {

// The explanation of a matcher for a run that it does not match (or does, with Not).
template <class Matcher>
std::string words_of(const Result<FinishedRun>& run, const Matcher& matcher) {
  testing::StringMatchResultListener listener;
  (void)testing::SafeMatcherCast<const Result<FinishedRun>&>(matcher).MatchAndExplain(run, &listener);
  return listener.str();
}

template <class Matcher>
std::string description_of(const Matcher& matcher) {
  return testing::DescribeMatcher<const Result<FinishedRun>&>(matcher);
}

}  // namespace

class Matchers : public testing::Test {
 protected:
  // One run for all of them.
  static void SetUpTestSuite() {
    run_ = cofferdam::run(
        {.command = {SHOP, "say", "hello", "connect", "5432", "psql", "5432", "write", "media/1/a.png", "exit", "3"}});
  }
  static Result<FinishedRun> run_;
};
Result<FinishedRun> Matchers::run_ = cofferdam::fail("not yet");

TEST_F(Matchers, Match) {
  EXPECT_THAT(run_, Exited(3));
  EXPECT_THAT(run_, Not(Exited(0)));
  EXPECT_THAT(run_, Logged("hello"));
  EXPECT_THAT(run_, Logged(testing::MatchesRegex("psql ended with [1-9][0-9]*")));
  EXPECT_THAT(run_, Not(Logged("goodbye")));
  EXPECT_THAT(run_, Refused("psql", "localhost:5432"));
  EXPECT_THAT(run_, Refused("psql", "127.0.0.1:*"));
  EXPECT_THAT(run_, Not(Refused("shop", "*:5432")));
  EXPECT_THAT(run_, Allowed("shop", "localhost:5432"));
  EXPECT_THAT(run_, Allowed(SHOP, "*:5432"));
  EXPECT_THAT(run_, Not(Allowed("psql", "*")));
  EXPECT_THAT(run_, Lost("media/**/*.png"));
  EXPECT_THAT(run_, Lost("a.png"));
  EXPECT_THAT(run_, Not(Lost("media/*.png")));
  EXPECT_THAT(run_, Not(Lost("/a.png")));
  EXPECT_THAT(run_, HasFinding("CD201"));
  EXPECT_THAT(run_, HasFinding("CD201", "psql"));
  EXPECT_THAT(run_, Not(HasFinding("CD201", "shop")));
  EXPECT_THAT(run_, Not(NoFindings()));
  EXPECT_THAT(run_, Not(TimedOut()));
  ASSERT_TRUE(run_);
  EXPECT_THAT(*run_, AllOf(Exited(3), Logged("hello")));  // a FinishedRun is as good
}

TEST_F(Matchers, SayWhatWasThereInstead) {
  EXPECT_THAT(words_of(run_, cofferdam::Allowed("psql", "*:6379")),
              AllOf(HasSubstr("psql, started by "), HasSubstr(" -> 127.0.0.1:5432: refused")));
  EXPECT_THAT(words_of(run_, cofferdam::Lost("*.jpg")), HasSubstr("/media/1/a.png (created, "));
  EXPECT_THAT(words_of(run_, cofferdam::NoFindings()),
              AllOf(HasSubstr("CD201 error: "), HasSubstr("\n      fix: "), HasSubstr("\n      by:  psql")));
  EXPECT_THAT(words_of(run_, cofferdam::Exited(0)),
              AllOf(HasSubstr("which exited 3"), HasSubstr("stdout info: hello")));
  EXPECT_EQ(description_of(cofferdam::Refused("psql", "localhost:5432")), "had psql -> localhost:5432 refused");
  EXPECT_EQ(description_of(Not(cofferdam::Lost("*.png"))), "did not lose *.png");
}

TEST(MatchersOfNoRun, FailTheTestWhateverTheyAre) {
  static Result<FinishedRun> run = cofferdam::run({.command = {"/no/such/program"}});
  EXPECT_NONFATAL_FAILURE(EXPECT_THAT(run, Not(Lost("*.png"))), "this did not run: /no/such/program: no such file");
}

TEST(MatchersOfAGoodRun, FindNothing) {
  const auto run = cofferdam::run({.command = {"true"}});
  EXPECT_THAT(run, AllOf(Exited(0), NoFindings(), Not(Lost("**"))));
  EXPECT_EQ(words_of(run, cofferdam::HasFinding("CD201")), "which has no findings");
}
