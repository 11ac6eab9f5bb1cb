// make_plan, and the storage of local mode, on a home directory of the test's own.
#include <fcntl.h>
#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <unistd.h>

#include "plan/plan.hpp"
#include "plan/storage.hpp"
#include "support/temporary_directory.hpp"

namespace cofferdam::plan {
namespace {

using testing::Contains;
using testing::ElementsAre;
using testing::HasSubstr;
using testing::IsEmpty;

class Planner : public testing::Test {
 protected:
  Planner() {
    home_.make_directory("app");
    home_.write("bin/server",
                "\x7f"
                "ELF",
                0755);
    policy_.mode = Mode::local;
    host_.uid = 1000;
    host_.gid = 1000;
    host_.landlock_abi = 6;
    request_.argv = {"server", "--port", "8000"};
    request_.environment = {{"PATH", home_("bin")}, {"NAME", "value"}};
    request_.working_directory = home_("app");
  }

  MountRule& add(MountType type, const std::string& path) {
    MountRule& rule = policy_.storage.mounts.emplace_back();
    rule.type = type;
    rule.path = path.starts_with('/') ? path : home_(path);
    rule.written = path;
    rule.origin = {.file = "p.yaml", .line = static_cast<int>(policy_.storage.mounts.size()), .column = 1};
    return rule;
  }
  [[nodiscard]] Result<Plan> make() const { return make_plan(policy_, host_, request_); }
  [[nodiscard]] Plan plan() const {
    auto plan = make();
    if (plan) return *std::move(plan);
    ADD_FAILURE() << plan.error().message;
    return {};
  }
  [[nodiscard]] std::string error() const {
    const auto plan = make();
    return plan ? "no error" : std::to_string(plan.error().exit_code) + " " + plan.error().message;
  }

  // "overlay app", in order; paths below the home.
  [[nodiscard]] std::vector<std::string> mounts() const {
    constexpr const char* kNames[] = {"overlay", "tmpfs", "read-only", "hidden", "persistent"};
    std::vector<std::string> shown;
    for (const PlannedMount& mount : plan().mounts)
      shown.push_back(std::string(kNames[static_cast<int>(mount.type)]) + " " + short_path(mount.path));
    return shown;
  }
  [[nodiscard]] std::string short_path(const std::string& path) const {
    return path == home_.path()                   ? "~"
           : path.starts_with(home_.path() + "/") ? path.substr(home_.path().size() + 1)
                                                  : path;
  }

  test::TemporaryDirectory home_;
  Policy policy_;
  HostFacts host_;
  PlanRequest request_;
};

TEST_F(Planner, TheCommandAndItsEnvironment) {
  const Plan made = plan();
  EXPECT_THAT(made.argv, ElementsAre("server", "--port", "8000"));
  EXPECT_EQ(made.program.path, home_("bin/server"));
  EXPECT_THAT(made.environment, testing::UnorderedElementsAre("NAME=value", "PATH=" + home_("bin")));
  EXPECT_EQ(made.working_directory, home_("app"));
  EXPECT_EQ(made.identity.uid, 1000U);
  EXPECT_FALSE(made.identity.change);
  EXPECT_FALSE(made.identity.full_map);
  EXPECT_EQ(made.kept_capabilities, 0U);
  home_.make_link("link", "app");
  request_.working_directory = home_("link");
  EXPECT_EQ(plan().working_directory, home_("app"));
}

TEST_F(Planner, ACommandThatCannotRunIsRefusedFirst) {
  request_.argv = {"nothing"};
  add(MountType::tmpfs, "missing");
  EXPECT_THAT(error(), HasSubstr("127 nothing: command not found"));
  home_.write("bin/nothing", "", 0644);
  EXPECT_THAT(error(), HasSubstr("126 can't execute"));
}

TEST_F(Planner, TheModeIsThePolicysElseTheHosts) {
  EXPECT_EQ(plan().mode, Mode::local);
  policy_.mode = Mode::automatic;
  EXPECT_EQ(plan().mode, Mode::local);
  host_.in_container = true;
  host_.is_pid_1 = true;
  EXPECT_EQ(plan().mode, Mode::container);
  policy_.mode = Mode::local;
  EXPECT_EQ(plan().mode, Mode::local);
}

TEST_F(Planner, AnotherUserNeedsRoot) {
  request_.user = UserEntry{.name = "bob", .uid = 2000, .gid = 2000, .home = "/home/bob", .shell = "/bin/sh"};
  EXPECT_THAT(error(), HasSubstr("125 --user needs root"));
  host_.uid = 0;
  host_.gid = 0;
  const Plan made = plan();
  EXPECT_TRUE(made.identity.change);
  EXPECT_TRUE(made.identity.full_map);
  EXPECT_EQ(made.identity.uid, 2000U);
  EXPECT_THAT(made.identity.groups, Contains(2000U));
  // Never making devices, raw sockets, reading by handle, tracing or administration.
  for (const unsigned capability : {27U, 13U, 2U, 19U, 21U})
    EXPECT_EQ(made.kept_capabilities >> capability & 1U, 0U) << capability;
  EXPECT_EQ(made.kept_capabilities >> 7 & 1U, 1U);  // CAP_SETUID
  // In a container the launcher may be root and yet not read what others run.
  policy_.mode = Mode::container;
  host_.is_pid_1 = true;
  host_.reads_other_users = false;
  EXPECT_THAT(error(), HasSubstr("125 --user: without CAP_SYS_PTRACE"));
  EXPECT_THAT(error(), HasSubstr("docker run --user 2000:2000"));
  host_.reads_other_users = true;
  EXPECT_TRUE(plan().identity.change);
  policy_.mode = Mode::local;
  // The same user as before is no change.
  host_.uid = 2000;
  host_.gid = 2000;
  EXPECT_FALSE(plan().identity.change);
}

TEST_F(Planner, MountsAreSortedParentsFirst) {
  for (const char* name : {"app/cache/deep", "b", "app/cache"}) home_.make_directory(name);
  add(MountType::tmpfs, "b");
  add(MountType::tmpfs, "app/cache/deep");
  add(MountType::read_only, "app/cache");
  add(MountType::overlay, "app");
  EXPECT_THAT(mounts(), ElementsAre("overlay app", "read-only app/cache", "tmpfs app/cache/deep", "tmpfs b"));
}

TEST_F(Planner, AMountTakesWhatItCovers) {
  ASSERT_EQ(::chmod(home_.make_directory("app/cache").c_str(), 01770), 0);
  MountRule& rule = add(MountType::tmpfs, "app/cache");
  rule.size = 4096;
  rule.exec = false;
  add(MountType::overlay, "app").watch = true;
  const Plan made = plan();
  ASSERT_EQ(made.mounts.size(), 2U);
  const PlannedMount& cache = made.mounts[1];
  EXPECT_EQ(cache.mode, 01770U);
  EXPECT_EQ(cache.uid, ::geteuid());
  EXPECT_EQ(cache.gid, kernel::identify(AT_FDCWD, home_("app/cache").c_str())->gid);
  EXPECT_EQ(cache.size, 4096U);
  EXPECT_FALSE(cache.exec);
  EXPECT_TRUE(cache.directory);
  EXPECT_EQ(cache.policy.key, "storage.mounts");
  EXPECT_EQ(cache.policy.file, "p.yaml");
  EXPECT_EQ(cache.policy.line, 1);
  EXPECT_TRUE(made.mounts[0].watch);
  EXPECT_TRUE(made.mounts[0].exec);
  EXPECT_EQ(made.mounts[0].size, kDefaultMountSize);
}

TEST_F(Planner, WhatIsMissingIsSkippedWhenShippedAndRefusedWhenWritten) {
  add(MountType::tmpfs, "missing").optional = true;
  EXPECT_THAT(mounts(), IsEmpty());
  policy_.storage.mounts.front().optional = false;
  EXPECT_THAT(error(),
              HasSubstr("125 p.yaml:1: storage.mounts names missing, which does not exist (" + home_("missing") + ")"));
  for (const MountType type : {MountType::overlay, MountType::read_only, MountType::hidden, MountType::persistent}) {
    policy_.storage.mounts.front().type = type;
    EXPECT_THAT(error(), HasSubstr("does not exist"));
  }
}

TEST_F(Planner, OnlyMountsThatHoldNothingCanBeFiles) {
  home_.write("app/file", "x");
  for (const MountType type : {MountType::overlay, MountType::tmpfs}) {
    policy_.storage.mounts.clear();
    add(type, "app/file");
    EXPECT_THAT(error(), HasSubstr("p.yaml:1: app/file is no directory"));
  }
  for (const MountType type : {MountType::read_only, MountType::hidden, MountType::persistent}) {
    policy_.storage.mounts.clear();
    add(type, "app/file");
    const Plan made = plan();
    ASSERT_EQ(made.mounts.size(), 1U);
    EXPECT_FALSE(made.mounts.front().directory);
  }
}

TEST_F(Planner, BelowDevThereIsRoomForATmpfsOnly) {
  add(MountType::tmpfs, "/dev/shm");
  EXPECT_THAT(mounts(), ElementsAre("tmpfs /dev/shm"));
  policy_.storage.mounts.front().type = MountType::overlay;
  EXPECT_THAT(error(), HasSubstr("p.yaml:1: /dev/shm lies below /dev"));
  policy_.storage.mounts.front().optional = true;
  EXPECT_THAT(mounts(), IsEmpty());
  EXPECT_THAT(plan().notices, Contains(HasSubstr("/dev/shm lies below /dev")));
}

TEST_F(Planner, ALinkIsTheDirectoryItLeadsTo) {
  home_.make_link("link", "app");
  add(MountType::tmpfs, "app").size = 1;
  add(MountType::overlay, "link").size = 2;  // the later row decides
  EXPECT_THAT(mounts(), ElementsAre("overlay app"));
  EXPECT_EQ(plan().mounts.front().size, 2U);
}

TEST_F(Planner, HiddenNamesBelowAnOverlayAreWhiteouts) {
  for (const char* name : {".ssh/keys", "app/secret", "app/tmp/secret", "bare"}) home_.make_directory(name);
  home_.write("app/fixed/secret", "x");
  home_.write(".netrc", "x");
  add(MountType::hidden, ".ssh");
  add(MountType::hidden, ".netrc");
  add(MountType::hidden, "app/secret");
  add(MountType::hidden, "app/tmp/secret");
  add(MountType::hidden, "app/fixed/secret");
  add(MountType::overlay, "");
  add(MountType::overlay, "app");
  add(MountType::tmpfs, "app/tmp");
  add(MountType::read_only, "app/fixed");
  policy_.storage.mounts[5].path = home_.path();
  // Nothing of the host is visible in a tmpfs; over a read-only bind something has to be mounted.
  EXPECT_THAT(mounts(), ElementsAre("overlay ~", "overlay app", "read-only app/fixed", "hidden app/fixed/secret",
                                    "tmpfs app/tmp"));
  const Plan made = plan();
  EXPECT_THAT(made.mounts[0].hidden, testing::UnorderedElementsAre(".ssh", ".netrc"));
  EXPECT_THAT(made.mounts[1].hidden, ElementsAre("secret"));
}

TEST_F(Planner, HiddenOutsideOfAnyMountIsOneItself) {
  add(MountType::hidden, "app");
  EXPECT_THAT(mounts(), ElementsAre("hidden app"));
}

TEST_F(Planner, AnOverlayAroundAHostMountIsMirrored) {
  for (const char* name : {"app/disk", "app/sub/disk", "app/sub/beside", "app/cache"}) home_.make_directory(name);
  home_.write("app/file", "x");
  home_.write("app/large", std::string(2000, 'x'));
  home_.make_link("app/link", "file");
  const auto mount = [](int id, const std::string& place) {
    return kernel::MountEntry{.id = static_cast<std::uint64_t>(id),
                              .parent = 0,
                              .root = "/",
                              .mount_point = place,
                              .type = "ext4",
                              .source = "",
                              .read_only = false};
  };
  host_.mounts = {mount(1, "/"), mount(2, home_("app/disk")), mount(3, home_("app/sub/disk"))};
  add(MountType::overlay, "app").size = 4096;  // a quarter of it may be copied
  add(MountType::tmpfs, "app/cache");
  EXPECT_THAT(mounts(), ElementsAre("overlay app", "tmpfs app/cache", "read-only app/disk", "read-only app/large",
                                    "overlay app/sub", "overlay app/sub/beside", "read-only app/sub/disk"));
  const Plan made = plan();
  EXPECT_TRUE(made.mounts[0].mirror);
  EXPECT_THAT(made.mounts[0].mirrored, ElementsAre("cache", "file", "link", "sub"));
  EXPECT_TRUE(made.mounts[4].mirror);
  EXPECT_THAT(made.mounts[4].mirrored, ElementsAre("beside"));
  EXPECT_FALSE(made.mounts[5].mirror);
  EXPECT_THAT(made.notices, Contains(HasSubstr(home_("app/disk") + " is a mount of the host below " + home_("app"))));
  // A mount at the place itself, or beside it, is none below it.
  host_.mounts = {mount(1, "/"), mount(2, home_("app"))};
  EXPECT_THAT(mounts(), ElementsAre("overlay app", "tmpfs app/cache"));
  host_.mounts = {mount(1, "/"), mount(2, home_("app-data"))};
  EXPECT_THAT(mounts(), ElementsAre("overlay app", "tmpfs app/cache"));
}

TEST_F(Planner, AnOverlayWithTooManySiblingsOfAHostMountIsLeftOutOrRefused) {
  home_.make_directory("app/disk");
  for (int i = 0; i < 70; ++i) home_.make_directory("app/" + std::to_string(i));
  host_.mounts = {
      {.id = 1, .parent = 0, .root = "/", .mount_point = "/", .type = "ext4", .source = "", .read_only = false},
      {.id = 2,
       .parent = 1,
       .root = "/",
       .mount_point = home_("app/disk"),
       .type = "ext4",
       .source = "",
       .read_only = false}};
  add(MountType::overlay, "app").optional = true;
  EXPECT_THAT(mounts(), IsEmpty());
  EXPECT_THAT(plan().notices,
              Contains(HasSubstr(home_("app") + " stays read-only: " + home_("app/disk") + " is a mount below it")));
  policy_.storage.mounts.front().optional = false;
  EXPECT_THAT(error(), HasSubstr("p.yaml:1: no overlay on " + home_("app") + " is possible: " + home_("app/disk")));
  // Over other kinds it does not matter.
  policy_.storage.mounts.front().type = MountType::tmpfs;
  EXPECT_THAT(mounts(), ElementsAre("tmpfs app"));
}

TEST_F(Planner, WhatATmpfsWouldCoverIsBoundIn) {
  const std::string sockets = home_.make_directory("run/postgresql");
  home_.write("run/docker.sock", "");
  home_.write("run/other.sock", "");
  home_.make_directory("elsewhere");
  add(MountType::tmpfs, "run");
  add(MountType::tmpfs, "bin");
  request_.socket_places = {home_("run/postgres*"), home_("run/none*"), home_("elsewhere")};
  policy_.sockets = {home_("run/docker.sock")};
  const Plan made = plan();
  std::vector<std::string> binds;
  for (const PlannedBind& bind : made.binds) binds.push_back(short_path(bind.path) + (bind.directory ? "/" : ""));
  EXPECT_THAT(binds, ElementsAre("run/postgresql/", "run/docker.sock", "bin/server"));
  // Over an overlay the host's files are there anyway.
  for (MountRule& rule : policy_.storage.mounts) rule.type = MountType::overlay;
  EXPECT_THAT(plan().binds, IsEmpty());
}

TEST_F(Planner, TheLayersAreBuiltWhereNoMountIs) {
  const std::string scratch = plan().scratch;
  ASSERT_EQ(scratch, "/sys");
  add(MountType::read_only, "/sys/kernel");
  EXPECT_NE(plan().scratch, "/sys");
  EXPECT_THAT(plan().scratch, testing::StartsWith("/"));
}

TEST_F(Planner, MoreMountsThanThePageHoldsAreRefused) {
  for (int i = 0; i < 65; ++i) {
    const std::string name = "app/" + std::to_string(i);
    home_.make_directory(name);
    add(MountType::tmpfs, name);
  }
  EXPECT_THAT(error(), HasSubstr("125 the policy has 65 mounts; at most 64 are possible"));
  policy_.storage.mounts.pop_back();
  EXPECT_EQ(plan().mounts.size(), 64U);
}

TEST_F(Planner, RowsOfTheAppAreLookedUp) {
  home_.write("bin/celery", "#!" + home_("bin/server") + "\n", 0755);
  policy_.also = {{.exe = "celery", .argv = {"*", "worker"}, .origin = {}},
                  {.exe = "not-installed", .argv = {}, .origin = {}}};
  const Plan made = plan();
  ASSERT_EQ(made.also.size(), 2U);
  ASSERT_TRUE(made.also[0].program.has_value());
  EXPECT_EQ(made.also[0].program->script, home_("bin/celery"));
  EXPECT_EQ(made.also[0].program->executable, home_("bin/server"));
  EXPECT_EQ(made.also[0].written, "celery");
  EXPECT_THAT(made.also[0].argv, ElementsAre("*", "worker"));
  EXPECT_FALSE(made.also[1].program.has_value());
  EXPECT_EQ(made.also[1].written, "not-installed");
}

TEST_F(Planner, LostEnforcementIsRefusedUnlessThePolicySaysDegraded) {
  host_.address_space_randomised = false;
  EXPECT_THAT(error(), HasSubstr("125 rule database is none here"));
  EXPECT_THAT(error(), HasSubstr("enforcement: degraded"));
  policy_.enforcement = EnforcementMode::degraded;
  EXPECT_THAT(plan().notices, ElementsAre(HasSubstr("rule database is none here")));
}

TEST_F(Planner, WhatThePolicyGivesAwayIsSaidAndNotRefused) {
  home_.make_directory("app/build");
  add(MountType::persistent, "app/build");
  EXPECT_THAT(plan().notices, ElementsAre(HasSubstr(home_("app/build") + " is kept")));
}

TEST_F(Planner, ADatabaseClientIsNoEntry) {
  for (const char* client : {"psql", "/usr/bin/psql", "./mysql", "redis-cli"}) {
    request_.argv = {client, "-c", "select 1"};
    const auto checked = check_entry(request_);
    ASSERT_FALSE(checked.has_value()) << client;
    EXPECT_EQ(checked.error().exit_code, 125);
    EXPECT_THAT(checked.error().message, HasSubstr("[CD504]"));
    EXPECT_THAT(checked.error().message, HasSubstr(std::string("cofferdam shell -- ") + client + " -c 'select 1'"));
  }
  request_.argv = {"psql", "postgres://ada:hunter2@db/app"};
  EXPECT_THAT(check_entry(request_).error().message, testing::Not(HasSubstr("hunter2")));
  for (const char* app : {"gunicorn", "psqlx", "/psql/server"}) {
    request_.argv = {app};
    EXPECT_TRUE(check_entry(request_).has_value()) << app;
  }
}

TEST(Canonical, AMissingPathStaysAsItIs) {
  const test::TemporaryDirectory directory;
  directory.write("a/b", "");
  directory.make_link("link", "a");
  EXPECT_EQ(canonical(directory("link/../a//b")), directory("a/b"));
  EXPECT_EQ(canonical(directory("none/./x")), directory("none/./x"));
}

}  // namespace
}  // namespace cofferdam::plan
