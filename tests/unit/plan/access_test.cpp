#include "plan/access.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <algorithm>

namespace cofferdam::plan {
namespace {

using testing::HasSubstr;
using testing::IsEmpty;
using testing::Not;

HostFacts host(int abi) {
  HostFacts facts;
  facts.landlock_abi = abi;
  return facts;
}

TEST(AccessRow, IsFullInBothModes) {
  for (const Mode mode : {Mode::local, Mode::container}) {
    for (const int abi : {0, 6}) {
      const EnforcementRow row = access_row(mode, host(abi), {}, false);
      EXPECT_EQ(row.rule, "access");
      EXPECT_EQ(row.level, Level::full);
      EXPECT_THAT(row.advice, IsEmpty());
      EXPECT_THAT(row.mechanism, HasSubstr("nobody traces anybody"));
    }
  }
  EXPECT_THAT(access_row(Mode::container, host(6), {}, false).mechanism, HasSubstr("the filter and Landlock"));
  EXPECT_THAT(access_row(Mode::container, host(0), {}, false).mechanism, Not(HasSubstr("Landlock")));
}

TEST(AccessRow, SaysWhatThePolicyGivesAway) {
  Policy policy;
  policy.access.remote_login = true;
  const EnforcementRow row = access_row(Mode::local, host(6), policy, false);
  EXPECT_EQ(row.level, Level::none);
  EXPECT_TRUE(row.chosen);
  EXPECT_THAT(row.advice, HasSubstr("access.remote_login: allow"));
}

TEST(AccessPlan, GivesAOneOffATerminalAndNoListenerOfLogins) {
  const AccessPlan app = access_plan(Mode::local, {}, false);
  EXPECT_FALSE(app.terminals);
  const AccessPlan one_off = access_plan(Mode::local, {}, true);
  EXPECT_TRUE(one_off.terminals);
  EXPECT_FALSE(one_off.logins);
  EXPECT_FALSE(one_off.debugging);
  EXPECT_THAT(one_off.one_off, HasSubstr("cofferdam shell"));
  EXPECT_THAT(access_plan(Mode::container, {}, false).one_off, HasSubstr("docker run -it --entrypoint sh"));
}

std::vector<EnforcementRow> weakened(const Policy& policy) {
  std::vector<EnforcementRow> rows = {{"storage", Level::full, "m", {}},
                                      {"database", Level::full, "m", {}},
                                      {"logs", Level::full, "m", {}},
                                      {"access", Level::full, "m", {}}};
  weaken(rows, openings_of(policy));
  return rows;
}

std::vector<std::string> partial_rules(const Policy& policy) {
  std::vector<std::string> rules;
  for (const EnforcementRow& row : weakened(policy)) {
    if (row.level == Level::full) continue;
    EXPECT_EQ(row.level, Level::partial) << row.rule;
    EXPECT_TRUE(row.chosen) << row.rule;
    EXPECT_THAT(row.advice, HasSubstr("the policy lets in")) << row.rule;
    rules.push_back(row.rule);
  }
  return rules;
}

TEST(Openings, DebuggersWeakenWhoTheAppIs) {
  Policy policy;
  EXPECT_THAT(partial_rules(policy), IsEmpty());
  policy.access.debug = true;
  EXPECT_THAT(partial_rules(policy), testing::ElementsAre("database", "access"));
  EXPECT_THAT(notice_of(openings_of(policy).front()), HasSubstr("that weakens the rules database, access"));
}

TEST(Openings, SocketsWeakenWhatTheirServersCanDo) {
  const auto of = [](const char* path) {
    Policy policy;
    policy.sockets = {path};
    return partial_rules(policy);
  };
  EXPECT_THAT(of("/no/such/docker.sock"), testing::ElementsAre("storage", "database", "access"));
  EXPECT_THAT(of("/run/user/4711/bus"), testing::ElementsAre("storage", "database", "access"));
  EXPECT_THAT(of("/tmp/.X11-unix/X99"), testing::ElementsAre("access"));
  EXPECT_THAT(of("@/tmp/.X11-unix/X99"), testing::ElementsAre("access"));
  EXPECT_THAT(of("/run/user/4711/wayland-7"), IsEmpty());
  EXPECT_THAT(of("/srv/unknown.sock"), IsEmpty());
  Policy unknown;
  unknown.sockets = {"/srv/unknown.sock"};
  EXPECT_EQ(notice_of(openings_of(unknown).front()),
            "the host's socket /srv/unknown.sock is let in: who serves it works outside the policy");
}

TEST(Openings, AreNoExcuseForARowThatWasWeakerBefore) {
  std::vector<EnforcementRow> rows = {{"database", Level::none, "m", "no address space randomisation"}};
  Policy policy;
  policy.access.debug = true;
  weaken(rows, openings_of(policy));
  EXPECT_EQ(rows.front().level, Level::none);
  EXPECT_FALSE(rows.front().chosen) << "strict must refuse it as before";
}

}  // namespace
}  // namespace cofferdam::plan
