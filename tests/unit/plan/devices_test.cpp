#include "plan/devices.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <sys/stat.h>
#include <sys/sysmacros.h>

namespace cofferdam::plan {
namespace {

using testing::HasSubstr;

Policy with_device(const std::string& path) {
  Policy policy;
  policy.devices.push_back({path, {"p.yaml", 3, 11}});
  return policy;
}

std::string refusal_of(const std::string& path, Mode mode = Mode::local) {
  Plan plan;
  plan.mode = mode;
  const auto openings = plan_devices(with_device(path), plan);
  if (openings) ADD_FAILURE() << path << " was let in";
  return openings ? "" : openings.error().message;
}

TEST(DeviceKind, RefusesWhatReachesAroundTheRules) {
  struct Node {
    const char* path;
    mode_t mode;
    unsigned major, minor;
  };
  for (const Node& node : {Node{"/dev/sda", S_IFBLK, 8, 0},
                           {"/dev/loop0", S_IFBLK, 7, 0},
                           {"/dev/mem", S_IFCHR, 1, 1},
                           {"/dev/port", S_IFCHR, 1, 4},
                           {"/dev/kmsg", S_IFCHR, 1, 11},
                           {"/dev/tty1", S_IFCHR, 4, 1},
                           {"/dev/console", S_IFCHR, 5, 1},
                           {"/dev/ptmx", S_IFCHR, 5, 2},
                           {"/dev/pts/0", S_IFCHR, 136, 0},
                           {"/dev/vcs1", S_IFCHR, 7, 1},
                           {"/dev/net/tun", S_IFCHR, 10, 200},
                           {"/dev/uinput", S_IFCHR, 10, 223},
                           {"/dev/uhid", S_IFCHR, 10, 239},
                           {"/dev/fuse", S_IFCHR, 10, 229},
                           {"/dev/mapper/control", S_IFCHR, 10, 236},
                           {"/dev/loop-control", S_IFCHR, 10, 237},
                           {"/dev/vfio/12", S_IFCHR, 240, 1},
                           {"/dev/sg0", S_IFCHR, 21, 0},
                           {"/dev/nvme0", S_IFCHR, 241, 0},
                           {"/dev/bsg/0:0:0:0", S_IFCHR, 242, 0},
                           {"/dev/userfaultfd", S_IFCHR, 10, 125},
                           {"/dev/cpu/0/msr", S_IFCHR, 202, 0},
                           // By its number, whatever it is called.
                           {"/dev/harmless", S_IFCHR, 1, 1}}) {
    EXPECT_FALSE(device_kind(node.path, node.mode, makedev(node.major, node.minor)).refused.empty()) << node.path;
  }
}

TEST(DeviceKind, SaysWhatADeviceWeakens) {
  const auto rules = [](const char* path, unsigned major, unsigned minor) {
    const DeviceKind& kind = device_kind(path, S_IFCHR, makedev(major, minor));
    EXPECT_TRUE(kind.refused.empty()) << path;
    EXPECT_FALSE(kind.why.empty()) << path;
    return std::string(kind.rules);
  };
  EXPECT_EQ(rules("/dev/dri/renderD128", 226, 128), "");
  EXPECT_EQ(rules("/dev/dri/card0", 226, 0), "");
  EXPECT_EQ(rules("/dev/nvidia0", 195, 0), "");
  EXPECT_EQ(rules("/dev/nvidia-uvm", 511, 0), "");
  EXPECT_EQ(rules("/dev/kfd", 510, 0), "");
  EXPECT_EQ(rules("/dev/snd/pcmC0D0p", 116, 2), "");
  EXPECT_EQ(rules("/dev/kvm", 10, 232), "");
  EXPECT_EQ(rules("/dev/ttyUSB0", 188, 0), "access");
  EXPECT_EQ(rules("/dev/ttyS0", 4, 64), "access");
  EXPECT_EQ(rules("/dev/input/event3", 13, 67), "access");
  EXPECT_EQ(rules("/dev/hidraw0", 509, 0), "access");
  EXPECT_EQ(rules("/dev/bus/usb/001/002", 189, 1), "storage");
  EXPECT_EQ(rules("/dev/something", 508, 0), "");
}

TEST(Devices, ThatAreInEveryInstanceNeedNoWord) {
  Plan plan;
  const auto openings = plan_devices(with_device("/dev/null"), plan);
  ASSERT_TRUE(openings);
  EXPECT_TRUE(openings->empty());
  EXPECT_TRUE(plan.devices.empty());
}

TEST(Devices, ThatAreMissingAreAnErrorWithTheWayToGiveThem) {
  EXPECT_THAT(refusal_of("/dev/no-such-device"), HasSubstr("devices: /dev/no-such-device (p.yaml:3) can't be let in"));
  const std::string text = refusal_of("/dev/no-such-device", Mode::container);
  EXPECT_THAT(text, HasSubstr("docker run --device /dev/no-such-device"));
  EXPECT_THAT(text, HasSubstr("compose: devices: [\"/dev/no-such-device:/dev/no-such-device\"]"));
}

TEST(Devices, OfTheMachinesTerminalsAreRefused) {
  const std::string text = refusal_of("/dev/ptmx");
  EXPECT_THAT(text, HasSubstr("devices: /dev/ptmx (p.yaml:3) is refused"));
  EXPECT_THAT(text, HasSubstr("access: {remote_login: allow}"));
}

}  // namespace
}  // namespace cofferdam::plan
