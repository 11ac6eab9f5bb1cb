// Lines of /proc/self/mountinfo as Docker 20.10 and Kubernetes write them.
#include "plan/container_mounts.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

namespace cofferdam::plan {
namespace {

using testing::HasSubstr;
using testing::IsEmpty;

kernel::MountEntry line(const std::string& text) {
  const auto entries = kernel::parse_mountinfo(text);
  EXPECT_EQ(entries.size(), 1U) << text;
  return entries.empty() ? kernel::MountEntry{} : entries.front();
}

const char* const kOwn = "100 78 0:49 / /tmp rw,nosuid,nodev,noexec,relatime - tmpfs tmpfs rw";
const char* const kShm = "94 80 0:48 / /dev/shm rw,nosuid,nodev,noexec,relatime - tmpfs shm rw,size=65536k";
const char* const kHostShm = "95 77 0:27 / /dev/shm rw,relatime - tmpfs tmpfs rw,size=24683656k";
const char* const kBind = "96 78 0:27 /of-the-host /cache rw,relatime - tmpfs tmpfs rw,size=24683656k";
const char* const kVolume = "97 78 0:41 / /cache rw,relatime master:3 - tmpfs tmpfs rw";
const std::string kAnonymous = "065b12b7171a297f18efcdfd9ea2953bbcc8cfb0aae2d892b36e3dacf809b6ff";

TEST(OwnTmpfs, IsWhatTheRuntimeMadeForThisContainer) {
  HostFacts host;
  EXPECT_THAT(why_not_own(line(kOwn), host), IsEmpty());
  EXPECT_THAT(why_not_own(line(kShm), host), IsEmpty());
}

TEST(OwnTmpfs, IsNoBindAndNoVolume) {
  const HostFacts host;
  EXPECT_THAT(why_not_own(line(kBind), host), HasSubstr("/of-the-host of a tmpfs outside of this container"));
  EXPECT_THAT(why_not_own(line(kVolume), host), HasSubstr("something outside of this container has mounted"));
}

TEST(OwnTmpfs, IsNotTheHostsSharedMemory) {
  HostFacts host;
  host.shares_ipc = true;
  EXPECT_THAT(why_not_own(line(kHostShm), host), HasSubstr("--ipc host"));
  EXPECT_THAT(why_not_own(line(kOwn), host), IsEmpty());
}

TEST(OwnTmpfs, IsNotOlderThanTheContainer) {
  HostFacts host;
  host.born = 1000;
  host.made[95] = 989;
  EXPECT_THAT(why_not_own(line(kHostShm), host), HasSubstr("older than this container"));
  host.made[95] = 990;  // made while the container was: the runtime takes its time
  EXPECT_THAT(why_not_own(line(kHostShm), host), IsEmpty());
  host.made[95] = 2000;
  EXPECT_THAT(why_not_own(line(kHostShm), host), IsEmpty());
  host.made[95] = 1;
  host.born.reset();  // /dev is no tmpfs of the container: nothing to compare with
  EXPECT_THAT(why_not_own(line(kHostShm), host), IsEmpty());
}

TEST(OwnTmpfs, IsAnyOfAPod) {
  HostFacts host;
  host.kubernetes = true;
  host.born = 1000;
  host.made[96] = 1;
  EXPECT_THAT(why_not_own(line(kBind), host), IsEmpty());
  EXPECT_THAT(why_not_own(line(kVolume), host), IsEmpty());
}

TEST(Disk, HasTheNameThatItsMakerGaveIt) {
  const auto named = [](const std::string& root) {
    return name_disk(line("9 1 254:0 " + root + " /d rw - ext4 /dev/vda rw"));
  };
  EXPECT_EQ(named("/var/lib/docker/volumes/uploads/_data"), "the Docker volume uploads (ext4)");
  EXPECT_EQ(named("/var/lib/docker/volumes/" + kAnonymous + "/_data"), "an anonymous Docker volume (ext4)");
  EXPECT_EQ(named("/var/lib/kubelet/pods/1/volumes/kubernetes.io~empty-dir/tmp"),
            "an emptyDir on the node's disk (ext4)");
  EXPECT_EQ(named("/var/lib/kubelet/pods/1/volumes/kubernetes.io~csi/pvc/mount"), "a volume of the pod (ext4)");
  EXPECT_EQ(named("/srv/data"), "a directory of the host, /srv/data (ext4)");
  EXPECT_EQ(named("/"), "a disk (ext4)");
}

TEST(Disk, IsAnonymousWhenDockerMadeItsName) {
  const auto anonymous = [](const std::string& root) {
    return is_anonymous_volume(line("9 1 254:0 " + root + " /d rw - ext4 /dev/vda rw"));
  };
  EXPECT_TRUE(anonymous("/var/lib/docker/volumes/" + kAnonymous + "/_data"));
  EXPECT_FALSE(anonymous("/var/lib/docker/volumes/" + kAnonymous.substr(1) + "/_data"));
  EXPECT_FALSE(anonymous("/var/lib/docker/volumes/uploads/_data"));
  EXPECT_FALSE(anonymous("/"));
}

}  // namespace
}  // namespace cofferdam::plan
