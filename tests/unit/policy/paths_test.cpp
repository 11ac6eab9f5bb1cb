#include "policy/paths.hpp"

#include <gtest/gtest.h>

namespace cofferdam::policy {
namespace {

const PathBase kBase{"/srv/app", "/home/ada"};

TEST(Paths, ResolveLexically) {
  EXPECT_EQ(resolve_path(".", kBase).value(), "/srv/app");
  EXPECT_EQ(resolve_path("./static/", kBase).value(), "/srv/app/static");
  EXPECT_EQ(resolve_path("static", kBase).value(), "/srv/app/static");
  EXPECT_EQ(resolve_path("../x/./y", kBase).value(), "/srv/x/y");
  EXPECT_EQ(resolve_path("../../../..", kBase).value(), "/");
  EXPECT_EQ(resolve_path("~", kBase).value(), "/home/ada");
  EXPECT_EQ(resolve_path("~/.ssh", kBase).value(), "/home/ada/.ssh");
  EXPECT_EQ(resolve_path("/tmp/../etc/", kBase).value(), "/etc");
  EXPECT_FALSE(resolve_path("~/x", {"/srv/app", ""}));
}

TEST(Paths, GlobsThatMatchAnywhereStay) {
  EXPECT_EQ(resolve_glob("**/x/**", kBase).value(), "**/x/**");
  EXPECT_EQ(resolve_glob("build/**", kBase).value(), "/srv/app/build/**");
  EXPECT_EQ(resolve_glob("~/*.log", kBase).value(), "/home/ada/*.log");
}

// Y5
TEST(Paths, RefuseWhatIsReadInTwoWays) {
  for (const char* text : {"", "//tmp", "/tmp//x", "$HOME/x", "${HOME}", "/tmp/$(id)", "~ada", "~ada/x", "C:\\tmp",
                           "/tmp/\n", "/tmp/\x1b[0m",
                           "/tmp/\xe2\x80\xae"
                           "gpj",
                           "/tmp\xe2\x80\x8b", "\xef\xbc\x8ftmp", "/tmp\xe2\x88\x95x", "\xef\xbd\x9e/.ssh",
                           "\xef\xbc\x8e\xef\xbc\x8e/x", "\xef\xbb\xbf/tmp"}) {
    EXPECT_TRUE(check_path(text)) << text;
  }
  EXPECT_TRUE(check_path(std::string(4096, 'a')));
  for (const char* text :
       {"/tmp", ".", "..", "~", "~/x", "a b", "/home/jos\xc3\xa9", "[slug]", "a~b", "\xe6\x97\xa5\xe6\x9c\xac"}) {
    EXPECT_FALSE(check_path(text)) << text;
  }
}

TEST(Paths, OverBroadMountsAreRefused) {
  const auto refused = [](const char* path, MountType type) {
    return check_mount(path, type, "/home/ada").has_value();
  };
  for (const MountType type :
       {MountType::overlay, MountType::tmpfs, MountType::read_only, MountType::hidden, MountType::persistent}) {
    for (const char* path : {"/", "/proc", "/proc/sys", "/sys", "/sys/fs/cgroup", "/dev", "/dev/pts"}) {
      EXPECT_TRUE(refused(path, type)) << path;
    }
    EXPECT_FALSE(refused("/srv/app", type));
    EXPECT_FALSE(refused("/process", type));
  }
  EXPECT_FALSE(refused("/dev/shm", MountType::tmpfs));
  for (const char* path : {"/usr", "/bin", "/sbin", "/lib", "/lib64", "/boot", "/etc"}) {
    EXPECT_FALSE(refused(path, MountType::overlay)) << path;
    EXPECT_FALSE(refused(path, MountType::read_only)) << path;
    EXPECT_TRUE(refused(path, MountType::tmpfs)) << path;
    EXPECT_TRUE(refused(path, MountType::hidden)) << path;
    EXPECT_TRUE(refused(path, MountType::persistent)) << path;
  }
  EXPECT_FALSE(refused("/etc/app", MountType::tmpfs));
  EXPECT_FALSE(refused("/etc/shadow", MountType::hidden));
  EXPECT_TRUE(refused("/usr/local/bin", MountType::persistent));
  EXPECT_TRUE(refused("/home/ada", MountType::persistent));
  EXPECT_TRUE(refused("/home", MountType::persistent));
  EXPECT_TRUE(refused("/var", MountType::persistent));
  EXPECT_FALSE(refused("/home/ada/.cache", MountType::persistent));
}

TEST(Paths, WatchStopsAtTheHomeDirectory) {
  EXPECT_TRUE(is_too_wide_to_watch("/home/ada", "/home/ada"));
  EXPECT_TRUE(is_too_wide_to_watch("/home", "/home/ada"));
  EXPECT_FALSE(is_too_wide_to_watch("/home/ada/app", "/home/ada"));
  EXPECT_FALSE(is_too_wide_to_watch("/app", ""));
  EXPECT_FALSE(is_too_wide_to_watch("/", "/"));
}

}  // namespace
}  // namespace cofferdam::policy
