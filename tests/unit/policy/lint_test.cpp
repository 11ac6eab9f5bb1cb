// What a review of a policy finds, and what it must not find.
#include "policy/lint.hpp"

#include <gmock/gmock.h>

#include "policy/builtin.hpp"
#include "policy/destination.hpp"
#include "policy/destination_cover.hpp"
#include "unit/policy/policy_files.hpp"

namespace cofferdam {
namespace {

using testing::ElementsAre;
using testing::HasSubstr;
using testing::IsEmpty;

class PolicyLint : public PolicyFiles {
 protected:
  // "LINE CODE", in order.
  [[nodiscard]] std::vector<std::string> found(const std::string& yaml) {
    std::vector<std::string> out;
    for (const Diagnostic& each : policy::lint_policy(policy_of("version: 1\n" + yaml))) {
      EXPECT_EQ(each.severity, Severity::warning);
      EXPECT_FALSE(each.hint.empty()) << each.message;
      out.push_back(std::to_string(each.where.line) + " " + each.code);
      last_ = each.message;
    }
    return out;
  }
  std::string last_;
};

// As if somebody had written them: the rows of what is shipped are not judged otherwise.
TEST_F(PolicyLint, ShippedPoliciesAreClean) {
  for (const policy::BuiltinPolicy& builtin : policy::builtin_policies()) {
    const std::vector<Diagnostic> lint = policy::lint_policy(policy_of(std::string(builtin.text)));
    EXPECT_THAT(lint, IsEmpty()) << builtin.name << ": " << lint.front().message;
  }
}

TEST_F(PolicyLint, RowsOfWhatIsExtendedAreNotJudged) {
  EXPECT_THAT(found("extends: twelve-factor\nstorage: {mounts: [{path: /opt, type: tmpfs}]}\n"), IsEmpty()) << last_;
}

TEST_F(PolicyLint, RowsThatAnotherOneCovers) {
  EXPECT_THAT(found("extends: none\n"
                    "database:\n"
                    "  allow:\n"
                    "    - 10.0.0.0/8:5432\n"
                    "    - 10.1.2.3:5432\n"
                    "    - 10.1.2.3:5433\n"
                    "    - env:A\n"
                    "    - {from: one-off, to: env:A}\n"),
              ElementsAre("6 CD950"));
  EXPECT_THAT(last_, HasSubstr("allowed by '10.0.0.0/8:5432' at p.yaml:5 already"));
  EXPECT_THAT(
      found("extends: none\napp:\n  also:\n    - celery\n    - {exe: celery, argv: [\"*\", beat]}\n    - flower\n"),
      ElementsAre("6 CD950"));
  EXPECT_THAT(
      found("extends: none\nnetwork:\n  egress: deny\n  allow:\n    - api.example.com\n    - \"api.example.com:443\"\n"
            "    - \"other.example.com:443\"\n"),
      ElementsAre("7 CD950"));
}

TEST_F(PolicyLint, MountsThatDoNothing) {
  EXPECT_THAT(found("extends: none\n"
                    "storage:\n"
                    "  mounts:\n"
                    "    - {path: /opt, type: read-only}\n"
                    "    - {path: /srv, type: overlay}\n"
                    "    - {path: /srv/static, type: read-only}\n"
                    "    - {path: /srv/static/more, type: read-only}\n"
                    "    - {path: /srv/data, type: overlay}\n"
                    "    - {path: /srv/large, type: overlay, size: 1GiB}\n"
                    "    - {path: /srv/static/cache, type: overlay}\n"
                    "    - {path: /scratch, type: tmpfs}\n"
                    "    - {path: /scratch/keys, type: hidden}\n"
                    "    - {path: /srv/keys, type: hidden}\n"
                    "    - {path: /srv/keys/more, type: hidden}\n"),
              ElementsAre("5 CD950", "8 CD950", "9 CD950", "13 CD950", "15 CD950"));
}

TEST_F(PolicyLint, RowsThatAllowTooMuch) {
  EXPECT_THAT(
      found("extends: none\ndatabase:\n  allow:\n    - {from: any, to: \"db.local:5432\"}\n    - 0.0.0.0/0:6379\n"),
      ElementsAre("5 CD951", "6 CD951"));
  EXPECT_THAT(found("extends: none\nnetwork:\n  egress: deny\n  allow:\n    - 0.0.0.0/0\n"), ElementsAre("6 CD951"));
  EXPECT_THAT(found("extends: none\nnetwork:\n  egress: deny\n  allow:\n    - 0.0.0.0/0:443\n"), IsEmpty());
  EXPECT_THAT(found("extends: none\nnetwork:\n  allow:\n    - 10.0.0.0/8\n"), ElementsAre("5 CD950"));
  EXPECT_THAT(found("extends: none\nstorage: {audit: {ignore: [\"**\"]}}\n"), ElementsAre("0 CD951"));
}

TEST_F(PolicyLint, SecretsAndContradictions) {
  EXPECT_THAT(found("extends: none\nenvironment:\n  set: {DJANGO_SECRET_KEY: x, DATABASE_URL: \"postgres://u:p@h/d\", "
                    "TOKEN: \"\"}\n"),
              ElementsAre("0 CD912", "0 CD912"));
  EXPECT_THAT(found("extends: none\nenvironment:\n  set: {URL: \"http://h:80/a@b\", USER: \"u\", KEYBOARD: us}\n"),
              IsEmpty());
  EXPECT_THAT(found("extends: none\nenvironment: {set: {A: b}, require: [A, C], drop: [C]}\n"),
              ElementsAre("0 CD950", "0 CD950"));
}

TEST_F(PolicyLint, Covering) {
  const auto covers = [](const char* wide, const char* narrow) {
    return policy::covers(*policy::parse_egress(wide), *policy::parse_egress(narrow));
  };
  EXPECT_TRUE(covers("10.0.0.0/8", "10.2.0.0/16:443"));
  EXPECT_TRUE(covers("[fd00::]/8:443", "[fd00::1]:443"));
  EXPECT_FALSE(covers("10.0.0.0/8:443", "10.2.0.0/16"));
  EXPECT_FALSE(covers("10.2.0.0/16", "10.0.0.0/8"));
  EXPECT_FALSE(covers("0.0.0.0/0", "[::1]:1"));
  EXPECT_FALSE(covers("0.0.0.0/0", "example.com:1")) << "no name is looked up";
}

}  // namespace
}  // namespace cofferdam
