#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <cerrno>
#include <set>
#include <string>

#include "launch/launcher.hpp"

namespace cofferdam::launch {
namespace {

using testing::AllOf;
using testing::HasSubstr;
using testing::Not;

Error error_of(const plan::Plan& plan, Step step, int error, int index = -1) {
  SharedPage page;
  page.failed_step = static_cast<int>(step);
  page.failed_errno = error;
  page.failed_index = index;
  return step_error(plan, page);
}

plan::Plan sample_plan() {
  plan::Plan plan;
  plan.program.path = "/srv/app";
  plan.working_directory = "/srv";
  plan.identity.full_map = true;
  plan::PlannedMount& mount = plan.mounts.emplace_back();
  mount.path = "/tmp";
  mount.policy = {"storage.mounts", "p.yaml", 7};
  return plan;
}

TEST(Step, EachHasWordsOfItsOwn) {
  std::set<std::string> seen;
  for (int step = 0; step <= static_cast<int>(Step::execute); ++step) {
    EXPECT_TRUE(seen.insert(describe(static_cast<Step>(step))).second)
        << step << " " << describe(static_cast<Step>(step));
  }
  // A number that was never written by a child of ours still has words.
  EXPECT_STREQ(describe(static_cast<Step>(4711)), "start");
}

TEST(StepError, NamesTheStepAndTheError) {
  const Error error = error_of(sample_plan(), Step::mount_proc, EPERM);
  EXPECT_EQ(error.message, "can't mount /proc: Operation not permitted");
  EXPECT_EQ(error.errnum, EPERM);
  EXPECT_EQ(error.exit_code, 125);
}

TEST(StepError, NamesTheMountAndItsRow) {
  plan::Plan plan = sample_plan();
  EXPECT_EQ(error_of(plan, Step::mount_tmpfs, EINVAL, 0).message,
            "can't mount the tmpfs /tmp (p.yaml:7): Invalid argument");
  plan.mounts.front().policy.line = 0;
  EXPECT_THAT(error_of(plan, Step::mount_tmpfs, EINVAL, 0).message, HasSubstr("/tmp (p.yaml): "));
  // An index that the page does not back is not believed.
  for (const int index : {1, 4711, -2}) {
    EXPECT_EQ(error_of(plan, Step::mount_tmpfs, EINVAL, index).message, "can't mount the tmpfs: Invalid argument")
        << index;
  }
}

TEST(StepError, ACommandThatDoesNotStartHasTheContainersExitCode) {
  struct Row {
    int error;
    int exit_code;
    const char* part;
  };
  for (const auto& [error, exit_code, part] :
       {Row{ENOENT, 127, "type: read-only}"}, Row{EACCES, 126, "permission denied inside the instance"},
        Row{ENOEXEC, 126, "#!/bin/sh"}, Row{E2BIG, 126, "too long"}, Row{ETXTBSY, 126, "Text file busy"}}) {
    const Error made = error_of(sample_plan(), Step::execute, error);
    EXPECT_EQ(made.exit_code, exit_code) << error;
    EXPECT_EQ(made.errnum, error);
    EXPECT_THAT(made.message, HasSubstr("/srv/app"));
    EXPECT_THAT(made.message, HasSubstr(part));
  }
}

TEST(StepError, SaysTheWayOutWhereThereIsOne) {
  plan::Plan plan = sample_plan();
  EXPECT_THAT(error_of(plan, Step::change_directory, ENOENT).message,
              HasSubstr("/srv is not visible inside the instance"));
  EXPECT_THAT(error_of(plan, Step::load_filter, EBUSY).message, HasSubstr("cofferdam inside cofferdam"));
  EXPECT_THAT(error_of(plan, Step::load_filter, EINVAL).message, Not(HasSubstr("inside cofferdam")));

  plan.identity.full_map = false;
  for (const Step step : {Step::map_ids, Step::make_read_only, Step::take_handles}) {
    for (const int error : {EPERM, EACCES}) {
      EXPECT_THAT(error_of(plan, step, error).message, HasSubstr("sudo cofferdam run --user"));
    }
    EXPECT_THAT(error_of(plan, step, ENOMEM).message, Not(HasSubstr("sudo")));
  }
  EXPECT_THAT(error_of(plan, Step::mount_proc, EPERM).message, Not(HasSubstr("sudo")));
  const std::string without = error_of(plan, Step::make_namespaces, EPERM).message;
  EXPECT_THAT(without, AllOf(HasSubstr("namespaces: Operation not permitted"), HasSubstr("chroot"), HasSubstr("sudo")));
  EXPECT_THAT(error_of(plan, Step::map_ids, EPERM).message, Not(HasSubstr("chroot")));
  plan.mode = Mode::container;
  EXPECT_THAT(error_of(plan, Step::map_ids, EPERM).message, Not(HasSubstr("sudo")));
  plan.mode = Mode::local;
  plan.identity.full_map = true;  // root has them
  const std::string of_root = error_of(plan, Step::make_namespaces, EPERM).message;
  EXPECT_THAT(of_root, AllOf(HasSubstr("chroot"), Not(HasSubstr("sudo"))));
  EXPECT_THAT(error_of(plan, Step::make_namespaces, ENOSPC).message, Not(HasSubstr("chroot")));
  EXPECT_THAT(error_of(plan, Step::map_ids, EPERM).message, Not(HasSubstr("sudo")));
}

}  // namespace
}  // namespace cofferdam::launch
