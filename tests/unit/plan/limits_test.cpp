#include "plan/limits.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "plan/plan.hpp"

namespace cofferdam::plan {
namespace {

using kernel::Controller;
using testing::AllOf;
using testing::ElementsAre;
using testing::HasSubstr;
using testing::IsEmpty;

constexpr std::uint64_t kMiB = 1ULL << 20;

Limits limits(std::uint64_t memory, std::uint64_t processes = 0, std::uint64_t cpu = 0, std::uint64_t open_files = 0) {
  Limits all;
  all.memory.value = memory;
  all.processes.value = processes;
  all.cpu.value = cpu;
  all.open_files.value = open_files;
  return all;
}

LimitFacts granted(std::array<bool, 3> controllers, bool unified = true) {
  LimitFacts facts;
  facts.grant.controllers = controllers;
  facts.grant.kind = unified ? "cgroup v2" : "cgroup v1";
  facts.grant.problem = "/sys/fs/cgroup/x: Permission denied";
  facts.own.of(Controller::memory) = kernel::CgroupSeat{"/sys/fs/cgroup/x", "/sys/fs/cgroup", unified};
  return facts;
}

TEST(CgroupLimits, LeaveRoomForTheInit) {
  const auto wanted = cgroup_limits(limits(5, 512, 1500));
  EXPECT_EQ(wanted.memory, 5U);
  EXPECT_EQ(wanted.processes, 513U);
  EXPECT_EQ(wanted.cpu, 1500U);
  EXPECT_FALSE(cgroup_limits(limits(0, 0, 0, 1024)).any());
}

TEST(LimitsRow, IsFullWhereAllIsGiven) {
  const auto row = limits_row(Mode::local, limits(64 * kMiB, 32, 1500, 1024), granted({true, true, true}), false);
  EXPECT_EQ(row.rule, "limits");
  EXPECT_EQ(row.level, Level::full);
  EXPECT_EQ(row.mechanism, "cgroup v2: memory 64MiB, processes 32, cpu 1.5; RLIMIT_NOFILE: open_files 1024");
  EXPECT_EQ(row.advice, "");
}

TEST(LimitsRow, OpenFilesNeedNoCgroup) {
  const auto row = limits_row(Mode::local, limits(0, 0, 0, 1024), {}, false);
  EXPECT_EQ(row.level, Level::full);
  EXPECT_EQ(row.mechanism, "RLIMIT_NOFILE: open_files 1024");
}

TEST(LimitsRow, IsPartialWhereSomeIsMissing) {
  const auto row = limits_row(Mode::local, limits(64 * kMiB, 0, 500), granted({true, true, false}), true);
  EXPECT_EQ(row.level, Level::partial);
  EXPECT_EQ(row.mechanism, "cgroup v2: memory 64MiB");
  EXPECT_EQ(row.advice,
            "cpu is not limited: /sys/fs/cgroup/x: Permission denied. Start cofferdam in a scope of its own: "
            "systemd-run --scope -p Delegate=yes cofferdam run ...");
  EXPECT_EQ(limits_row(Mode::local, limits(1 * kMiB, 0, 0, 99), granted({}), false).level, Level::partial);
}

TEST(LimitsRow, IsNoneWithoutACgroup) {
  auto row = limits_row(Mode::local, limits(64 * kMiB, 9), granted({}), false);
  EXPECT_EQ(row.level, Level::none);
  EXPECT_EQ(row.mechanism, "no cgroup");
  EXPECT_THAT(row.advice, AllOf(HasSubstr("memory, processes are not limited"),
                                HasSubstr("systemd-run --user --scope -p Delegate=yes cofferdam run")));
  row = limits_row(Mode::local, limits(64 * kMiB), granted({}, false), false);
  EXPECT_THAT(row.advice, HasSubstr("sudo cofferdam run --user"));
}

TEST(LimitsRow, OfAContainerIsWhatItHas) {
  LimitFacts facts;
  facts.container = {.memory = 32 * kMiB, .processes = 100, .cpu = 2000};
  auto row = limits_row(Mode::container, limits(64 * kMiB, 100, 2000), facts, true);
  EXPECT_EQ(row.level, Level::full);
  EXPECT_EQ(row.mechanism, "the container's cgroup: memory 32 MiB, processes 100, cpu 2");
  row = limits_row(Mode::container, limits(16 * kMiB, 50, 1500), facts, true);
  EXPECT_EQ(row.level, Level::none);
  EXPECT_THAT(row.advice,
              AllOf(HasSubstr("the container has a limit of memory of 32 MiB: start it with docker run --memory 16m "
                              "--memory-swap 16m (compose: mem_limit: 16m; Kubernetes: resources: {limits: {memory: "
                              "16Mi}})"),
                    HasSubstr("--pids-limit 50 (compose: pids_limit: 50; Kubernetes: podPidsLimit"),
                    HasSubstr("--cpus 1.5 (compose: cpus: 1.5; Kubernetes: resources: {limits: {cpu: 1500m}})")));
  row = limits_row(Mode::container, limits(16 * kMiB), {}, true);
  EXPECT_THAT(row.advice, HasSubstr("the container has no limit of memory: start it with"));
}

TEST(LimitNotices, SayWhatALimitDoesNotDo) {
  LimitFacts facts = granted({true, true, true});
  facts.processors = 2;
  facts.open_files = 1000;
  EXPECT_THAT(limit_notices(Mode::local, limits(64 * kMiB, 9, 2000, 1000), facts, 128 * kMiB), IsEmpty());
  EXPECT_THAT(limit_notices(Mode::local, limits(256 * kMiB, 9, 2500, 1001), facts, 128 * kMiB),
              ElementsAre("limits.memory: 256MiB is more than the 128 MiB of memory that there is here",
                          "limits.cpu: 2.5 is more than the 2 processors of this machine: it limits nothing here",
                          AllOf(HasSubstr("limits.open_files: 1001 is more than"), HasSubstr("the app gets 1000"))));
}

TEST(LimitNotices, SayWhatAContainerLacks) {
  LimitFacts facts;
  facts.container = {.memory = 32 * kMiB, .processes = 0, .cpu = 500};
  EXPECT_THAT(limit_notices(Mode::container, limits(64 * kMiB, 10, 500), facts, 32 * kMiB),
              ElementsAre(HasSubstr("the container's limit of memory is 32 MiB, less than the 64MiB of the policy: "
                                    "start it with docker run --memory 64m")));
}

TEST(Plan, StartsWithoutALimitThatCantBeEnforcedAndSaysSo) {
  Policy policy;
  policy.mode = Mode::container;
  policy.limits = limits(64 * kMiB, 0, 0, 50);
  HostFacts host;
  host.landlock_abi = 6;
  host.is_pid_1 = true;
  host.limits.open_files = 40;
  const auto planned =
      make_plan(policy, host,
                {.argv = {"/bin/sh"}, .environment = {}, .working_directory = "/", .user = {}, .socket_places = {}});
  ASSERT_TRUE(planned) << planned.error().message;
  EXPECT_EQ(planned->enforcement.back().rule, "limits");
  EXPECT_EQ(planned->enforcement.back().level, Level::partial);
  EXPECT_EQ(planned->open_files, 40U);
  EXPECT_THAT(planned->notices, testing::Contains(HasSubstr("rule limits is partial here")));
}

}  // namespace
}  // namespace cofferdam::plan
