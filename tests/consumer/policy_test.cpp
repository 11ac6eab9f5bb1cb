// Loading policies: by name, from a file, from text, and what is wrong with them.
#include <cofferdam/doctor.hpp>
#include <cofferdam/policy.hpp>
#include <cofferdam/testing.hpp>
#include <filesystem>
#include <fstream>

using cofferdam::Diagnostic;
using cofferdam::PolicyContext;
using testing::Contains;
using testing::HasSubstr;
using testing::SizeIs;

namespace {

PolicyContext context_of(const std::string& text) {
  PolicyContext context = cofferdam::current_policy_context();
  context.inline_text = text;
  return context;
}

}  // namespace

TEST(Policy, IsLoadedByItsName) {
  EXPECT_THAT(cofferdam::shipped_policies(), Contains("django"));
  const auto loaded = cofferdam::load_policy("django", context_of(""));
  ASSERT_TRUE(loaded);
  EXPECT_FALSE(loaded->policy.storage.mounts.empty());
}

TEST(Policy, IsLoadedFromAFile) {
  std::ofstream("policy.yaml") << "version: 1\nextends: twelve-factor\nnetwork: {egress: deny}\n";
  const auto loaded = cofferdam::load_policy("./policy.yaml", context_of(""));
  ASSERT_TRUE(loaded);
  EXPECT_TRUE(loaded->policy.network.deny);
  EXPECT_EQ(loaded->policy.network.origin.line, 3);
  std::filesystem::remove("policy.yaml");
}

TEST(Policy, TextStandsOverTheOneThatIsLoaded) {
  const auto loaded = cofferdam::load_policy("django", context_of("limits: {open_files: 77}"));
  ASSERT_TRUE(loaded);
  EXPECT_EQ(loaded->policy.limits.open_files.value, 77U);
  EXPECT_EQ(loaded->policy.limits.open_files.origin.file, cofferdam::kInlinePolicyName);
  EXPECT_EQ(loaded->policy.name, "django");
}

TEST(Policy, EveryMistakeOfATextIsTold) {
  const auto loaded =
      cofferdam::load_policy("django", context_of("network: {egres: deny}\nlimits: {open_files: many}"));
  ASSERT_FALSE(loaded);
  ASSERT_THAT(loaded.error(), SizeIs(2));
  EXPECT_THAT(cofferdam::format_diagnostic(loaded.error()[0]),
              HasSubstr("(inline policy):1:11: error: unknown key 'egres'"));
  EXPECT_EQ(loaded.error()[1].where.line, 2);
}

TEST(Doctor, TellsWhatIsEnforcedHere) {
  const auto here = cofferdam::doctor();
  ASSERT_TRUE(here) << here.error().message;
  EXPECT_EQ(here->mode, "local");
  EXPECT_EQ(here->level("database"), cofferdam::Level::full);
  EXPECT_EQ(here->level("no such rule"), cofferdam::Level::none);
  EXPECT_FALSE(here->probes.empty());
  EXPECT_FALSE(here->storage.empty());
}

TEST(Doctor, LooksAtThePolicy) {
  const auto here = cofferdam::doctor({.policy_text = "access: {debug: allow}"});
  ASSERT_TRUE(here) << here.error().message;
  EXPECT_EQ(here->level("database"), cofferdam::Level::partial);
  EXPECT_FALSE(here->all_full());
}

TEST(Doctor, RefusesAnInvalidPolicy) {
  const auto here = cofferdam::doctor({.policy_text = "network: {egres: deny}"});
  ASSERT_FALSE(here);
  EXPECT_EQ(here.error().exit_code, 2);
  EXPECT_THAT(here.error().message, HasSubstr("did you mean 'egress'?"));
}
