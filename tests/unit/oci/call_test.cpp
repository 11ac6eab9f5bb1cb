// The command lines that engines were seen to use (dockerd 20.10, containerd 1.6, podman 4.3, ctr), and what would hide
// a container from its policy.
#include "oci/call.hpp"

#include <gtest/gtest.h>

namespace cofferdam::oci {
namespace {

using Kind = Call::Kind;

TEST(OciCall, OfContainerdsShim) {
  const Call call = parse_call({"--root", "/run/r", "--log", "/b/log.json", "--log-format", "json", "create",
                                "--bundle", "/b", "--pid-file", "/b/init.pid", "web"});
  EXPECT_EQ(call.kind, Kind::prepares);
  EXPECT_EQ(call.command, "create");
  EXPECT_EQ(call.root, "/run/r");
  EXPECT_EQ(call.log, "/b/log.json");
  EXPECT_TRUE(call.json_log);
  EXPECT_EQ(call.bundle, "/b");
  EXPECT_EQ(call.id, "web");
}

TEST(OciCall, OfConmon) {
  const Call call = parse_call({"--log-format=json", "--log", "f", "--cgroup-manager", "cgroupfs", "create", "--bundle",
                                "/b", "--pid-file", "p", "web"});
  EXPECT_EQ(call.kind, Kind::prepares);
  EXPECT_EQ(call.bundle, "/b");
  EXPECT_TRUE(call.json_log);
}

TEST(OciCall, BundleInEveryForm) {
  EXPECT_EQ(parse_call({"create", "-b", "/b", "web"}).bundle, "/b");
  EXPECT_EQ(parse_call({"create", "--bundle=/b", "web"}).bundle, "/b");
  EXPECT_EQ(parse_call({"create", "-bundle", "/b", "web"}).bundle, "/b");
  EXPECT_EQ(parse_call({"create", "-bundle=/b", "web"}).bundle, "/b");
  EXPECT_EQ(parse_call({"create", "web", "--bundle", "/b"}).bundle, "/b");
  EXPECT_EQ(parse_call({"create", "web"}).bundle, ".");
}

TEST(OciCall, RunAndRestoreAreGovernedToo) {
  EXPECT_EQ(parse_call({"run", "--bundle", "/b", "web"}).kind, Kind::prepares);
  EXPECT_EQ(parse_call({"restore", "--image-path", "create", "--bundle", "/b", "web"}).command, "restore");
}

TEST(OciCall, AContainerWithTheNameOfACommand) {
  const Call call = parse_call({"create", "--bundle", "create", "start"});
  EXPECT_EQ(call.command, "create");
  EXPECT_EQ(call.bundle, "create");
  EXPECT_EQ(call.id, "start");
  EXPECT_EQ(parse_call({"kill", "create", "15"}).kind, Kind::other);
  EXPECT_EQ(parse_call({"--root", "create", "delete", "--force", "run"}).command, "delete");
}

TEST(OciCall, ANewOptionHidesNoCommand) {
  EXPECT_EQ(parse_call({"--invented", "value", "create", "--bundle", "/b", "web"}).kind, Kind::prepares);
  EXPECT_EQ(parse_call({"--invented", "--debug", "create", "--bundle", "/b", "web"}).kind, Kind::prepares);
}

TEST(OciCall, OptionsAlone) {
  EXPECT_EQ(parse_call({"--version"}).kind, Kind::other);
  EXPECT_EQ(parse_call({"--version"}).command, "");
  EXPECT_EQ(parse_call({}).command, "");
  EXPECT_EQ(parse_call({"features"}).command, "features");
}

TEST(OciCall, ExecOfAShim) {
  const Call call = parse_call({"--root", "/r", "exec", "--process", "/tmp/runc-process1", "--console-socket", "/s",
                                "--detach", "--pid-file", "/b/1.pid", "web"});
  EXPECT_EQ(call.kind, Kind::executes);
  EXPECT_EQ(call.process, "/tmp/runc-process1");
  EXPECT_EQ(call.id, "web");
  EXPECT_FALSE(call.terminal);
}

TEST(OciCall, ExecByHand) {
  const Call call = parse_call({"exec", "-t", "--user", "-t", "web", "ls", "-t", "--process", "x"});
  EXPECT_TRUE(call.terminal);
  EXPECT_EQ(call.id, "web");
  EXPECT_EQ(call.process, "");
  EXPECT_FALSE(parse_call({"exec", "web", "ls", "-t"}).terminal);
}

}  // namespace
}  // namespace cofferdam::oci
