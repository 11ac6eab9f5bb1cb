#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "plan/plan.hpp"

namespace cofferdam::plan {
namespace {

using testing::HasSubstr;
using testing::IsEmpty;

HostFacts host(int abi, bool pid_1 = true, bool randomised = true) {
  HostFacts facts;
  facts.landlock_abi = abi;
  facts.is_pid_1 = pid_1;
  facts.address_space_randomised = randomised;
  return facts;
}

std::vector<PlannedMount> mounts(std::vector<MountType> types) {
  std::vector<PlannedMount> planned;
  for (const MountType type : types) {
    PlannedMount& mount = planned.emplace_back();
    mount.type = type;
    mount.path = "/mount" + std::to_string(planned.size());
  }
  return planned;
}

const std::vector<kernel::MountEntry> kDisk = {{.id = 1,
                                                .parent = 0,
                                                .root = "/",
                                                .mount_point = "/data",
                                                .type = "ext4",
                                                .source = "/dev/sda",
                                                .read_only = false}};

EnforcementRow row(const std::string& rule, Mode mode, const HostFacts& facts,
                   const std::vector<PlannedMount>& planned = {}, const std::vector<kernel::MountEntry>& foreign = {}) {
  for (const EnforcementRow& each : enforcement_rows(mode, facts, planned, foreign, {})) {
    if (each.rule == rule) return each;
  }
  ADD_FAILURE() << "no row " << rule;
  return {};
}

TEST(Enforcement, EachRuleHasARow) {
  for (const Mode mode : {Mode::local, Mode::container}) {
    std::vector<std::string> rules;
    for (const EnforcementRow& each : enforcement_rows(mode, host(6), {}, {}, {})) {
      rules.push_back(each.rule);
      EXPECT_EQ(each.level, Level::full) << each.rule;
      EXPECT_THAT(each.advice, IsEmpty()) << each.rule;
      EXPECT_NE(each.mechanism, "") << each.rule;
    }
    EXPECT_THAT(rules, testing::ElementsAre("storage", "database", "logs", "processes"));
  }
}

TEST(Enforcement, LogsSayHowTheyAreCapturedAndWhy) {
  const auto mechanism = [](const Logs& logs) {
    return enforcement_rows(Mode::local, host(6), {}, {}, logs).at(2).mechanism;
  };
  Logs logs;
  EXPECT_EQ(mechanism(logs), "two pipes to a pump of its own, as a container has them (capture: pipe)");
  logs.capture = LogCapture::pty;
  logs.syslog_socket = true;
  EXPECT_EQ(mechanism(logs),
            "two pseudoterminals to a pump of its own, because the policy says capture: pty; /dev/log");
}

TEST(Enforcement, LocalStorageNeedsNoLandlock) {
  for (const int abi : {0, 2, 6})
    EXPECT_EQ(row("storage", Mode::local, host(abi), {}, kDisk).level, Level::full) << abi;
  EXPECT_THAT(row("storage", Mode::local, host(0)).mechanism, HasSubstr("no Landlock"));
  EXPECT_THAT(row("storage", Mode::local, host(6)).mechanism, HasSubstr("Landlock ABI 6"));
}

TEST(Enforcement, StorageOfAContainerFollowsLandlockAndWhatIsWritable) {
  struct Row {
    int abi;
    bool disk;
    Level level;
  };
  for (const auto& [abi, disk, level] :
       {Row{0, false, Level::full}, Row{2, false, Level::full}, Row{6, false, Level::full}, Row{0, true, Level::none},
        Row{1, true, Level::partial}, Row{2, true, Level::partial}, Row{3, true, Level::full},
        Row{6, true, Level::full}}) {
    const EnforcementRow storage = row("storage", Mode::container, host(abi), mounts({MountType::tmpfs}),
                                       disk ? kDisk : std::vector<kernel::MountEntry>{});
    EXPECT_EQ(storage.level, level) << abi << " " << disk;
    EXPECT_EQ(storage.advice.empty(), level == Level::full) << abi << " " << disk;
    EXPECT_FALSE(storage.chosen);
    if (level == Level::full) continue;
    EXPECT_THAT(storage.advice, HasSubstr("/data (ext4)"));
    EXPECT_THAT(storage.advice, HasSubstr("--read-only"));
  }
  EXPECT_THAT(row("storage", Mode::container, host(6), mounts({MountType::tmpfs})).mechanism,
              HasSubstr("over 1 tmpfs mount of"));
  EXPECT_THAT(row("storage", Mode::container, host(6), mounts({MountType::tmpfs, MountType::tmpfs})).mechanism,
              HasSubstr("over 2 tmpfs mounts of"));
}

TEST(Enforcement, AKeptMountMakesStoragePartial) {
  for (const Mode mode : {Mode::local, Mode::container}) {
    const EnforcementRow storage = row("storage", mode, host(6), mounts({MountType::tmpfs, MountType::persistent}));
    EXPECT_EQ(storage.level, Level::partial);
    EXPECT_TRUE(storage.chosen);
    EXPECT_THAT(storage.advice, HasSubstr("/mount2 is kept"));
  }
  // The worse of two is said, and nobody has chosen it.
  for (const int abi : {0, 2}) {
    EXPECT_FALSE(row("storage", Mode::container, host(abi), mounts({MountType::persistent}), kDisk).chosen) << abi;
  }
  EXPECT_EQ(row("storage", Mode::container, host(0), mounts({MountType::persistent}), kDisk).level, Level::none);
}

TEST(Enforcement, TheDatabaseRuleNeedsRandomisedAddresses) {
  for (const Mode mode : {Mode::local, Mode::container}) {
    EXPECT_EQ(row("database", mode, host(0)).level, Level::full);
    const EnforcementRow database = row("database", mode, host(6, true, false));
    EXPECT_EQ(database.level, Level::none);
    EXPECT_THAT(database.advice, HasSubstr("kernel.randomize_va_space=2"));
  }
  EXPECT_THAT(row("database", Mode::local, host(6)).mechanism, HasSubstr("pidfd_getfd"));
  EXPECT_THAT(row("database", Mode::container, host(6)).mechanism, HasSubstr("broker"));
}

TEST(Enforcement, ProcessesDieWithAPidNamespaceOrPid1) {
  EXPECT_EQ(row("processes", Mode::local, host(0, false)).level, Level::full);
  EXPECT_EQ(row("processes", Mode::container, host(0, true)).level, Level::full);
  const EnforcementRow subreaper = row("processes", Mode::container, host(6, false));
  EXPECT_EQ(subreaper.level, Level::partial);
  EXPECT_EQ(subreaper.mechanism, "subreaper");
  EXPECT_THAT(subreaper.advice, HasSubstr("PID 1"));
  EXPECT_THAT(row("processes", Mode::container, host(5, false)).mechanism, HasSubstr("signals"));
}

TEST(Enforcement, TheBrokerIsForContainersAndWhereDescriptorsCanNotBeTaken) {
  HostFacts facts = host(6);
  EXPECT_FALSE(uses_broker(Mode::local, facts));
  EXPECT_TRUE(uses_broker(Mode::container, facts));
  facts.steals_descriptors = false;
  EXPECT_TRUE(uses_broker(Mode::local, facts));
  EXPECT_THAT(row("database", Mode::local, facts).mechanism, HasSubstr("socket broker"));
  EXPECT_EQ(row("database", Mode::local, facts).level, Level::full);
  EXPECT_THAT(network_row(Mode::local, facts).mechanism, HasSubstr("socket broker"));
}

TEST(Enforcement, NetworkNamesItsMechanism) {
  HostFacts host;
  host.landlock_abi = 0;
  EXPECT_NE(network_row(Mode::local, host).mechanism.find("pidfd_getfd"), std::string::npos);
  EXPECT_EQ(network_row(Mode::local, host).mechanism.find("Landlock"), std::string::npos);
  host.landlock_abi = 4;
  const EnforcementRow row = network_row(Mode::container, host);
  EXPECT_EQ(row.level, Level::full);
  EXPECT_NE(row.mechanism.find("socket broker"), std::string::npos);
  EXPECT_NE(row.mechanism.find("Landlock ABI 4"), std::string::npos);
}

}  // namespace
}  // namespace cofferdam::plan
