#include <fcntl.h>
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "plan/storage.hpp"
#include "support/temporary_directory.hpp"

namespace cofferdam::plan {
namespace {

using testing::AllOf;
using testing::ElementsAre;
using testing::HasSubstr;
using testing::IsEmpty;
using testing::Not;

constexpr std::uint64_t kMiB = 1ULL << 20;

PlannedMount tmpfs(const std::string& path, std::uint64_t size) {
  PlannedMount mount;
  mount.path = mount.mount_point = path;
  mount.size = size;
  mount.policy = {"storage.mounts", "p.yaml", 7};
  return mount;
}

TEST(HowToGive, SaysTheSizeInEachLanguage) {
  EXPECT_EQ(how_to_give("/var/My_Cache", 64 * kMiB),
            "  docker run: --tmpfs /var/My_Cache:size=64m\n"
            "  compose:    tmpfs: [\"/var/My_Cache:size=64m\"]\n"
            "  Kubernetes: volumes: [{name: my-cache, emptyDir: {medium: Memory, sizeLimit: 64Mi}}] and volumeMounts: "
            "[{name: my-cache, mountPath: /var/My_Cache}]");
  EXPECT_THAT(how_to_give("/", 0), AllOf(HasSubstr("--tmpfs /\n"), HasSubstr("name: data"), Not(HasSubstr("size"))));
  EXPECT_THAT(how_to_give("/a", 3ULL << 30), AllOf(HasSubstr("size=3g"), HasSubstr("sizeLimit: 3Gi")));
  EXPECT_THAT(how_to_give("/a", 96 << 10), AllOf(HasSubstr("size=96k"), HasSubstr("sizeLimit: 96Ki")));
}

TEST(HowToEnlarge, NamesTheLineOfThePolicy) {
  PlannedMount mount = tmpfs("/tmp", 0);
  EXPECT_EQ(how_to_enlarge(mount, false, 512 * kMiB, 0), "write size: 512MiB in p.yaml:7");
  EXPECT_EQ(how_to_enlarge(mount, false, 0, 2048), "write inodes: 2048 in p.yaml:7");
  mount.policy.file = "twelve-factor (built in)";
  EXPECT_EQ(how_to_enlarge(mount, false, 512 * kMiB, 0),
            "add {path: /tmp, type: tmpfs, size: 512MiB} to storage.mounts of your policy");
  mount.type = MountType::overlay;
  EXPECT_THAT(how_to_enlarge(mount, false, 0, 2048), HasSubstr("{path: /tmp, type: overlay, inodes: 2048}"));
}

TEST(HowToEnlarge, NamesTheOptionsOfTheContainer) {
  PlannedMount mount = tmpfs("/tmp/app", 0);
  mount.mount_point = "/tmp";
  EXPECT_EQ(
      how_to_enlarge(mount, true, 32 * kMiB, 0),
      "start it with docker run --tmpfs /tmp:size=32m (compose: tmpfs: [\"/tmp:size=32m\"]; Kubernetes: emptyDir: "
      "{medium: Memory, sizeLimit: 32Mi})");
  EXPECT_THAT(how_to_enlarge(mount, true, 0, 2048), HasSubstr("--tmpfs /tmp:nr_inodes=2048"));
  mount.path = mount.mount_point = "/dev/shm";
  EXPECT_THAT(how_to_enlarge(mount, true, 128 * kMiB, 0),
              AllOf(HasSubstr("--shm-size 128m"), HasSubstr("shm_size: 128m")));
}

TEST(Sizes, MoreThanThereIsOfMemoryIsSaid) {
  Plan plan;
  plan.mode = Mode::local;
  plan.host.memory.machine = 2ULL << 30;
  plan.mounts = {tmpfs("/tmp", 8ULL << 30), tmpfs("/run", 2ULL << 30)};
  compare_sizes(plan);
  EXPECT_THAT(plan.notices, ElementsAre("size: 8GiB of /tmp is more than the 2.0 GiB that this machine has"));
  plan.notices.clear();
  plan.host.memory.limit = 1ULL << 30;
  compare_sizes(plan);
  EXPECT_THAT(plan.notices,
              ElementsAre(HasSubstr("8GiB of /tmp"),
                          "size: 2GiB of /run is more than the 1.0 GiB that the memory limit here allows"));
  plan.notices.clear();
  plan.mounts.front().type = MountType::persistent;
  plan.mounts.back().size = 4096;
  compare_sizes(plan);
  EXPECT_THAT(plan.notices, IsEmpty());
}

// The container's tmpfs is the directory of the test; what it has is the file system's figure.
class ContainerSizes : public testing::Test {
 protected:
  ContainerSizes() {
    plan_.mode = Mode::container;
    PlannedMount mount = tmpfs(tree_.path(), 0);
    mount.mount_id = 5;
    mount.exec = false;
    plan_.mounts = {mount};
    plan_.host.mounts = kernel::parse_mountinfo("5 1 0:9 / " + tree_.path() + " rw - tmpfs tmpfs rw,size=1024k");
    plan_.host.memory.machine = 1ULL << 60;
  }
  std::vector<std::string> notices() {
    compare_sizes(plan_);
    return plan_.notices;
  }
  test::TemporaryDirectory tree_;
  Plan plan_;
};

TEST_F(ContainerSizes, NothingToSay) {
  EXPECT_THAT(notices(), IsEmpty());
}

TEST_F(ContainerSizes, LessThanThePolicyWishes) {
  plan_.mounts.front().size = 1ULL << 60;
  plan_.mounts.front().inodes = 1ULL << 60;
  EXPECT_THAT(notices(), ElementsAre(AllOf(HasSubstr("less than the"), HasSubstr(":size=1073741824g")),
                                     AllOf(HasSubstr("inodes here"), HasSubstr("nr_inodes=1152921504606846976"))));
}

TEST_F(ContainerSizes, NoSizeAtAll) {
  plan_.host.mounts.front().sized = false;
  plan_.host.memory.limit = 1 << 20;
  EXPECT_THAT(notices(), ElementsAre(AllOf(HasSubstr("no size was given"), HasSubstr("memory limit of 1.0 MiB"),
                                           HasSubstr("killed before the app gets ENOSPC"),
                                           HasSubstr("--tmpfs " + tree_.path() + ":size="))));
}

TEST_F(ContainerSizes, MoreThanTheContainerMayUse) {
  plan_.host.memory.limit = 1 << 20;
  EXPECT_THAT(notices(), ElementsAre(AllOf(HasSubstr("may grow to"), HasSubstr("1.0 MiB of memory"))));
}

TEST_F(ContainerSizes, NoExecIsDockersDefault) {
  plan_.host.mounts.front().no_exec = true;
  EXPECT_THAT(notices(), IsEmpty());  // exec: false is what the policy wants
  plan_.mounts.front().exec = true;
  EXPECT_THAT(notices(), ElementsAre(HasSubstr("--tmpfs " + tree_.path() + ":exec")));
}

TEST_F(ContainerSizes, AnEmptyDirLivesAsLongAsThePod) {
  plan_.host.kubernetes = true;
  EXPECT_THAT(notices(), ElementsAre(HasSubstr("survives a restart of the container")));
}

}  // namespace
}  // namespace cofferdam::plan
