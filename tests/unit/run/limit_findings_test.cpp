#include "run/limit_findings.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

namespace cofferdam::run {
namespace {

using testing::AllOf;
using testing::HasSubstr;
using testing::Not;

constexpr std::uint64_t kMiB = 1ULL << 20;
constexpr int kKilled = 9;  // of wait(2)

plan::Plan local_plan() {
  plan::Plan plan;
  plan.limits.memory = {64 * kMiB, {"p.yaml", 3, 5}};
  plan.limits.processes = {32, {"p.yaml", 4, 5}};
  plan.limits.cpu = {500, {"p.yaml", 5, 5}};
  return plan;
}

OutOfMemory kill_of(std::uint64_t peak) {
  OutOfMemory event;
  event.figures.memory_peak = peak;
  event.figures.oom_kills = 1;
  return event;
}

TEST(MemoryFinding, HasTheFigures) {
  OutOfMemory event = kill_of(64 * kMiB);
  event.figures.shared_memory = 8 * kMiB;
  event.killed = {{"python3", 123, 50 * kMiB}};
  event.storage = {{"/tmp", 99, 0, 0, 0}, {"/dev/shm", 99, 8 * kMiB, 0, 0}};
  const Finding finding = memory_finding(local_plan(), event);
  EXPECT_EQ(finding.code, "CD520");
  EXPECT_EQ(finding.severity, Severity::error);
  EXPECT_EQ(finding.policy.key, "limits.memory");
  EXPECT_EQ(finding.policy.line, 3);
  EXPECT_EQ(finding.message,
            "out of memory: the limit of 64 MiB was reached (peak 64 MiB), and the kernel killed python3 (pid 123 "
            "of this machine, 50 MiB); 8.0 MiB of it were in tmpfs mounts and shared memory, 8.0 MiB in /dev/shm");
  EXPECT_EQ(finding.fix,
            "use less memory, or raise limits.memory in p.yaml:3; production kills the container the same way (exit "
            "137, OOMKilled) and starts it again");
}

TEST(MemoryFinding, SaysWhenTmpfsIsTheCause) {
  OutOfMemory event = kill_of(64 * kMiB);
  event.storage = {{"/tmp", 99, 40 * kMiB, 0, 0}};
  EXPECT_THAT(memory_finding(local_plan(), event).fix, HasSubstr("write less to tmpfs mounts, which count as memory"));
}

TEST(MemoryFinding, NamesTheAppWithoutTheLogOfTheKernel) {
  OutOfMemory event = kill_of(0);
  event.status = kKilled;
  EXPECT_THAT(memory_finding(local_plan(), event).message, HasSubstr("the kernel killed the app itself; tmpfs"));
  event.figures.oom_kills = 3;
  EXPECT_THAT(memory_finding(local_plan(), event).message,
              HasSubstr("3 processes of the instance, the app among them; tmpfs"));
  event.status = 0;
  EXPECT_THAT(memory_finding(local_plan(), event).message, HasSubstr("killed 3 processes of the instance"));
  event.killed.assign(5, {"w", 7, 0});
  EXPECT_THAT(memory_finding(local_plan(), event).message, HasSubstr("w (pid 7 of this machine) and 2 more"));
}

TEST(MemoryFinding, AKillBelowTheLimitIsTheMachines) {
  const Finding finding = memory_finding(local_plan(), kill_of(10 * kMiB));
  EXPECT_THAT(finding.message, AllOf(HasSubstr("not by a limit of the instance (peak 10 MiB)"),
                                     HasSubstr("the machine, or a cgroup around, had no more")));
  EXPECT_THAT(finding.fix, Not(HasSubstr("raise limits.memory")));
}

TEST(MemoryFinding, OfAContainerNamesItsOption) {
  plan::Plan plan;
  plan.mode = Mode::container;
  plan.host.memory.limit = 256 * kMiB;
  const Finding finding = memory_finding(plan, kill_of(256 * kMiB));
  EXPECT_THAT(finding.message, HasSubstr("the limit of 256 MiB"));
  EXPECT_THAT(finding.fix, HasSubstr("start the container with docker run --memory 512m"));
}

TEST(ProcessesFinding, NamesTheLimit) {
  const Finding finding = processes_finding(local_plan(), 7);
  EXPECT_EQ(finding.code, "CD521");
  EXPECT_EQ(finding.message,
            "a process or thread could not be started (7 times): the limit of 32 was reached, and fork fails with "
            "EAGAIN");
  EXPECT_THAT(finding.fix, HasSubstr("raise limits.processes in p.yaml:4"));
}

TEST(CpuFinding, IsANoteFromAQuarterOfTheTime) {
  kernel::CgroupFigures figures;
  figures.periods = 50;
  figures.throttled = 31;
  figures.throttled_usec = 3'400'000;
  const auto finding = cpu_finding(local_plan(), figures);
  ASSERT_TRUE(finding);
  EXPECT_EQ(finding->code, "CD522");
  EXPECT_EQ(finding->severity, Severity::note);
  EXPECT_EQ(finding->message,
            "the app had to wait for its processors in 62 % of the time that it ran (31 of 50 periods of 100 ms, "
            "3400ms in all): the limit is 0.5");
  figures.throttled = 12;
  EXPECT_FALSE(cpu_finding(local_plan(), figures));
  figures = {.periods = 19, .throttled = 19};
  EXPECT_FALSE(cpu_finding(local_plan(), figures));
}

}  // namespace
}  // namespace cofferdam::run
