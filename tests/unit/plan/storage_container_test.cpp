// The storage of container mode. The mounts are the test's own words for the directories of a temporary tree: what
// kernel::identify says is one mount there is given the type that a row needs.
#include <fcntl.h>
#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <sys/stat.h>
#include <unistd.h>

#include "plan/storage.hpp"
#include "support/temporary_directory.hpp"

namespace cofferdam::plan {
namespace {

using testing::ElementsAre;
using testing::HasSubstr;
using testing::IsEmpty;

class ContainerStorage : public testing::Test {
 protected:
  ContainerStorage() : mount_id_(kernel::identify(AT_FDCWD, tree_.path().c_str())->mount_id) {}
  void SetUp() override {
    if (mount_id_ == 0) GTEST_SKIP() << "this kernel has no mount ids in statx (Linux 5.8)";
  }

  MountRule& add(MountType type, const std::string& name) {
    MountRule& rule = policy_.storage.mounts.emplace_back();
    rule.type = type;
    rule.path = name.empty() ? tree_.path() : tree_(name);
    rule.written = name;
    rule.origin = {.file = "p.yaml", .line = 3, .column = 1};
    return rule;
  }
  // What the temporary tree lies on.
  kernel::MountEntry& tree_is(const std::string& type, bool read_only = false) {
    return add_entry(mount_id_, tree_.path(), type, read_only);
  }
  kernel::MountEntry& add_entry(std::uint64_t id, const std::string& place, const std::string& type,
                                bool read_only = false) {
    return host_.mounts.emplace_back(kernel::MountEntry{.id = id,
                                                        .parent = 1,
                                                        .root = "/",
                                                        .mount_point = place,
                                                        .type = type,
                                                        .source = "none",
                                                        .read_only = read_only});
  }
  [[nodiscard]] Result<Plan> make() const {
    Plan plan;
    plan.mode = Mode::container;
    plan.host = host_;
    if (auto stored = plan_container_storage(policy_, plan); !stored) return std::unexpected(stored.error());
    return plan;
  }
  [[nodiscard]] Plan plan() const {
    auto plan = make();
    if (plan) return *std::move(plan);
    ADD_FAILURE() << plan.error().message;
    return {};
  }
  [[nodiscard]] std::string error() const {
    const auto plan = make();
    return plan ? "no error" : plan.error().message;
  }
  [[nodiscard]] std::vector<std::string> foreign() const {
    std::vector<std::string> places;
    for (const auto& entry : plan().foreign_mounts) places.push_back(entry.mount_point);
    return places;
  }

  test::TemporaryDirectory tree_;
  std::uint64_t mount_id_;
  Policy policy_;
  HostFacts host_;
};

TEST_F(ContainerStorage, ATmpfsOfTheContainerIsTheInstances) {
  tree_is("tmpfs");
  ASSERT_EQ(::chmod(tree_.make_directory("cache").c_str(), 01777), 0);
  add(MountType::tmpfs, "cache");
  const Plan made = plan();
  ASSERT_EQ(made.mounts.size(), 1U);
  EXPECT_EQ(made.mounts.front().type, MountType::tmpfs);
  EXPECT_EQ(made.mounts.front().path, tree_("cache"));
  EXPECT_EQ(made.mounts.front().mount_id, mount_id_);
  EXPECT_EQ(made.mounts.front().mode, 01777U);
  EXPECT_EQ(made.mounts.front().policy.line, 3);
  EXPECT_THAT(made.foreign_mounts, IsEmpty());
}

TEST_F(ContainerStorage, AnOverlayOnATmpfsIsATmpfs) {
  tree_is("tmpfs");
  add(MountType::overlay, "");
  ASSERT_EQ(plan().mounts.size(), 1U);
  EXPECT_EQ(plan().mounts.front().type, MountType::tmpfs);
}

TEST_F(ContainerStorage, AWrittenTmpfsThatIsNoneIsRefusedWithTheWayToGiveIt) {
  tree_is("ext4");
  const std::string place = tree_.make_directory("cache");
  add(MountType::tmpfs, "cache");
  EXPECT_THAT(error(), HasSubstr("p.yaml:3: storage.mounts wants a tmpfs at " + place +
                                 ", but it lies on a disk (ext4), mounted at " + tree_.path()));
  EXPECT_THAT(error(), HasSubstr("docker run: --tmpfs " + place + "\n"));
  EXPECT_THAT(error(), HasSubstr("tmpfs: [\"" + place + "\"]"));
  EXPECT_THAT(error(), HasSubstr("{name: cache, emptyDir: {medium: Memory}}"));
  EXPECT_THAT(error(), HasSubstr("mountPath: " + place));
  host_.mounts.clear();
  tree_is("tmpfs", true);
  EXPECT_THAT(error(), HasSubstr("but it is mounted read-only"));
  policy_.storage.mounts.front().path = tree_("none");
  EXPECT_THAT(error(), HasSubstr("but it does not exist in this container"));
}

TEST_F(ContainerStorage, WhatIsShippedOrAnOverlayIsReadOnlyThen) {
  tree_is("ext4");
  tree_.make_directory("cache");
  add(MountType::tmpfs, "cache").optional = true;
  add(MountType::tmpfs, "none").optional = true;  // not there: not even a word
  add(MountType::overlay, "");
  const Plan made = plan();
  EXPECT_THAT(made.mounts, IsEmpty());
  EXPECT_THAT(made.notices, ElementsAre(HasSubstr(tree_("cache") + " is read-only here"),
                                        HasSubstr(tree_.path() + " is read-only here")));
}

TEST_F(ContainerStorage, ThePlaceCountsAndNotItsName) {
  // The named path looks as if it lay below the tmpfs; the link leads out of it.
  const test::TemporaryDirectory outside;
  const auto outside_id = kernel::identify(AT_FDCWD, "/proc")->mount_id;
  tree_is("tmpfs");
  add_entry(outside_id, "/proc", "proc");
  tree_.make_link("cache", "/proc");
  add(MountType::tmpfs, "cache");
  EXPECT_THAT(error(), HasSubstr("wants a tmpfs at /proc, but it lies on proc"));
}

TEST_F(ContainerStorage, PersistentIsTheUsersWord) {
  tree_is("ext4");
  add(MountType::persistent, "");
  ASSERT_EQ(plan().mounts.size(), 1U);
  EXPECT_EQ(plan().mounts.front().type, MountType::persistent);
  EXPECT_THAT(plan().foreign_mounts, IsEmpty());
  host_.mounts.front().read_only = true;
  EXPECT_THAT(error(), HasSubstr("is mounted read-only"));
  host_.mounts.front().read_only = false;
  host_.mounts.front().type = "tmpfs";  // nothing there is kept
  EXPECT_EQ(plan().mounts.front().type, MountType::tmpfs);
}

TEST_F(ContainerStorage, ReadOnlyAndHiddenNeedNoMount) {
  tree_is("tmpfs");
  tree_.make_directory("secret");
  add(MountType::read_only, "");
  add(MountType::hidden, "secret");
  add(MountType::hidden, "none");
  const Plan made = plan();
  EXPECT_THAT(made.mounts, IsEmpty());
  EXPECT_THAT(made.notices, ElementsAre(HasSubstr(tree_("secret") + " is not hidden")));
}

TEST_F(ContainerStorage, TwoRowsOfOnePlaceAreOne) {
  tree_is("tmpfs");
  tree_.make_directory("a");
  tree_.make_directory("b");
  tree_.make_link("link", "a");
  add(MountType::tmpfs, "b");
  add(MountType::tmpfs, "a");
  add(MountType::tmpfs, "link");
  const Plan made = plan();
  ASSERT_EQ(made.mounts.size(), 2U);
  EXPECT_EQ(made.mounts[0].path, tree_("a"));
  EXPECT_EQ(made.mounts[1].path, tree_("b"));
}

TEST_F(ContainerStorage, ADiskBelowANamedTmpfsIsRefused) {
  tree_is("tmpfs");
  add(MountType::tmpfs, "");
  kernel::MountEntry& disk = add_entry(777001, tree_("uploads"), "ext4");
  EXPECT_THAT(error(), HasSubstr("the ext4 mounted at " + tree_("uploads") + " lies below the tmpfs " + tree_.path()));
  EXPECT_THAT(error(), HasSubstr("type: persistent"));
  disk.read_only = true;
  EXPECT_TRUE(make().has_value());
  disk.read_only = false;
  disk.type = "tmpfs";
  EXPECT_TRUE(make().has_value());
  disk.type = "proc";
  EXPECT_TRUE(make().has_value());
  disk.type = "ext4";
  disk.mount_point = tree_.path() + "-beside";
  EXPECT_TRUE(make().has_value());
}

TEST_F(ContainerStorage, ForeignMountsAreWhatTheAppCouldWrite) {
  tree_is("tmpfs");
  add(MountType::tmpfs, "");
  const test::TemporaryDirectory data;
  const test::TemporaryDirectory sealed;
  add_entry(777001, data.path(), "ext4");
  add_entry(777002, sealed.path(), "ext4", true);
  add_entry(777003, "/cofferdam-none", "ext4");
  for (const char* type : {"proc", "sysfs", "cgroup2", "devpts", "mqueue"}) add_entry(777004, data.path(), type);
  EXPECT_THAT(foreign(), ElementsAre(data.path()));
  add_entry(777005, "/", "overlay");
  if (::geteuid() == 0) {
    EXPECT_THAT(foreign(), ElementsAre(data.path(), "/"));
  } else {
    EXPECT_THAT(foreign(), ElementsAre(data.path()));  // an ordinary user can't write the root
  }
}

TEST_F(ContainerStorage, ATmpfsOfSomebodyElseIsRefused) {
  tree_is("tmpfs").root = "/of-the-host";
  add(MountType::tmpfs, "");
  EXPECT_THAT(error(), HasSubstr("but it is /of-the-host of a tmpfs outside of this container"));
  EXPECT_THAT(error(), HasSubstr("--tmpfs " + tree_.path()));
  policy_.storage.mounts.front().optional = true;
  EXPECT_THAT(plan().mounts, IsEmpty());
  EXPECT_THAT(plan().notices, ElementsAre(HasSubstr("is read-only here: it is /of-the-host of a tmpfs outside")));
  EXPECT_THAT(foreign(), ElementsAre(tree_.path()));
  host_.kubernetes = true;  // a subPath of an emptyDir looks the same
  ASSERT_EQ(plan().mounts.size(), 1U);
}

TEST_F(ContainerStorage, ATmpfsOfSomebodyElseBelowIsRefused) {
  tree_is("tmpfs");
  add(MountType::tmpfs, "");
  add_entry(777001, tree_("shared"), "tmpfs");
  EXPECT_TRUE(make().has_value());
  host_.mounts.back().from_outside = true;
  EXPECT_THAT(error(), HasSubstr("the tmpfs mounted at " + tree_("shared") + " is a tmpfs that something outside"));
  EXPECT_THAT(error(), HasSubstr("lies below the tmpfs " + tree_.path()));
}

TEST_F(ContainerStorage, OnlyTheUsersOwnRowIsAWish) {
  tree_is("tmpfs");
  MountRule& rule = add(MountType::tmpfs, "");
  rule.size = 1 << 20;
  rule.inodes = 100;
  EXPECT_EQ(plan().mounts.front().size, 1U << 20);
  EXPECT_EQ(plan().mounts.front().inodes, 100U);
  EXPECT_EQ(plan().mounts.front().mount_point, tree_.path());
  rule.optional = true;
  EXPECT_EQ(plan().mounts.front().size, 0U);
  EXPECT_EQ(plan().mounts.front().inodes, 0U);
}

// CD108: what Docker leaves writable whatever --read-only says.
TEST_F(ContainerStorage, AVolumeThatStaysWritableIsAFinding) {
  tree_is("tmpfs");
  host_.landlock_abi = 6;
  const test::TemporaryDirectory volume;
  const std::string name(64, 'a');
  add_entry(777001, volume.path(), "ext4").root = "/var/lib/docker/volumes/" + name + "/_data";
  const auto findings = plan().findings;
  ASSERT_EQ(findings.size(), 1U);
  EXPECT_EQ(findings.front().code, "CD108");
  EXPECT_EQ(findings.front().severity, Severity::warning);
  EXPECT_EQ(findings.front().path, volume.path());
  EXPECT_THAT(findings.front().message, HasSubstr(volume.path() + " is an anonymous Docker volume (ext4)"));
  EXPECT_THAT(findings.front().message, HasSubstr("even with --read-only"));
  EXPECT_THAT(findings.front().fix, HasSubstr("docker run --tmpfs " + volume.path() + " (compose"));
  host_.mounts.back().root = "/srv/data";
  EXPECT_EQ(plan().findings.front().severity, Severity::note);  // bound in on purpose, and Landlock keeps the app out
  host_.landlock_abi = 0;
  EXPECT_EQ(plan().findings.front().severity, Severity::warning);
  add(MountType::persistent, "").path = volume.path();
  host_.mounts.back().id = kernel::identify(AT_FDCWD, volume.path().c_str())->mount_id;
  host_.mounts.front().id = 777002;
  EXPECT_THAT(plan().findings, IsEmpty());  // the policy knows
  policy_.storage.mounts.clear();
  host_.mounts.back().read_only = true;
  EXPECT_THAT(plan().findings, IsEmpty());
  host_.mounts.back().read_only = false;
  host_.mounts.back().mount_point = volume.write("resolv.conf", "");  // Docker binds its files
  EXPECT_THAT(plan().findings, IsEmpty());
}

TEST_F(ContainerStorage, AMaskOfProcIsNoStorage) {
  tree_is("tmpfs");
  add(MountType::tmpfs, "");
  add_entry(777001, "/dev/null", "tmpfs").root = "/null";
  EXPECT_THAT(foreign(), IsEmpty());
}

}  // namespace
}  // namespace cofferdam::plan
