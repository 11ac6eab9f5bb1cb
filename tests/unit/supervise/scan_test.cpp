#include <fcntl.h>
#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <unistd.h>

#include <cerrno>
#include <chrono>
#include <thread>

#include "unit/supervise/scan_fixture.hpp"

namespace cofferdam::supervise {
namespace {

using testing::ElementsAre;
using testing::HasSubstr;
using testing::IsEmpty;

using Scan = ScanFixture;

TEST_F(Scan, AnEmptyLayerIsNoChange) {
  host_.write("a", "x");
  add_mount(MountType::overlay, "", upper_);
  EXPECT_THAT(changes(), IsEmpty());
}

TEST_F(Scan, WhatIsNewWasCreated) {
  add_mount(MountType::overlay, "", upper_);
  host_.make_directory("old");
  copy_up("old");
  upper_.write("a", "12345");
  upper_.write("new/deep/b", "");
  upper_.write("old/c", "1");
  upper_.make_link("link", "/nowhere");
  ASSERT_EQ(::mkfifo(upper_("pipe").c_str(), 0600), 0);
  const kernel::Fd socket(::socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0));
  sockaddr_un address{.sun_family = AF_UNIX, .sun_path = {}};
  upper_("app.sock").copy(address.sun_path, sizeof address.sun_path - 1);
  ASSERT_EQ(::bind(socket.get(), reinterpret_cast<const sockaddr*>(&address), sizeof address), 0);
  EXPECT_THAT(changes(), ElementsAre("created file a 5", "created socket app.sock", "created symlink link",
                                     "created directory new", "created directory new/deep", "created file new/deep/b",
                                     "created file old/c 1", "created fifo pipe"));
}

TEST_F(Scan, AnUnchangedCopyUpIsNoChange) {
  add_mount(MountType::overlay, "", upper_);
  host_.write("a", "same");
  host_.write("empty", "");
  host_.make_directory("directory");
  host_.make_link("link", "a");
  for (const char* name : {"a", "empty", "directory", "link"}) copy_up(name);
  EXPECT_THAT(changes(), IsEmpty());
}

TEST_F(Scan, ContentThatDiffersWasModified) {
  add_mount(MountType::overlay, "", upper_);
  for (const char* name : {"longer", "same-size", "large", "file-to-link", "file-to-directory"})
    host_.write(name, "12345");
  host_.write("large", std::string(200000, 'x'));
  host_.make_link("link", "a");
  for (const char* name : {"longer", "same-size", "large"}) copy_up(name);
  upper_.write("longer", "123456");
  upper_.write("large", std::string(199999, 'x') + "y");
  upper_.write("same-size", "12346");
  // A program that gives the old time back does not hide it.
  struct stat lower{};
  ASSERT_EQ(::stat(host_("same-size").c_str(), &lower), 0);
  const timespec times[2] = {lower.st_atim, lower.st_mtim};
  ASSERT_EQ(::utimensat(AT_FDCWD, upper_("same-size").c_str(), times, 0), 0);
  upper_.make_link("link", "b");
  upper_.make_link("file-to-link", "a");
  upper_.make_directory("file-to-directory");
  EXPECT_THAT(changes(), ElementsAre("modified directory file-to-directory", "modified symlink file-to-link",
                                     "modified file large 200000", "modified symlink link", "modified file longer 6",
                                     "modified file same-size 5"));
}

TEST_F(Scan, RightsAndTimesAloneAreMetadata) {
  add_mount(MountType::overlay, "", upper_);
  for (const char* name : {"mode", "time"}) host_.write(name, "12345");
  host_.make_directory("directory");
  host_.make_directory("times-of-a-directory");
  for (const char* name : {"mode", "time", "directory", "times-of-a-directory"}) copy_up(name);
  ASSERT_EQ(::chmod(upper_("mode").c_str(), 0755), 0);
  ASSERT_EQ(::chmod(upper_("directory").c_str(), 0700), 0);
  const timespec times[2] = {{1, 0}, {1, 0}};
  ASSERT_EQ(::utimensat(AT_FDCWD, upper_("time").c_str(), times, 0), 0);
  ASSERT_EQ(::utimensat(AT_FDCWD, upper_("times-of-a-directory").c_str(), times, 0), 0);
  EXPECT_THAT(changes(), ElementsAre("metadata directory directory", "metadata file mode 5", "metadata file time 5"));
}

TEST_F(Scan, AWhiteoutIsADeletion) {
  add_mount(MountType::overlay, "", upper_);
  host_.write("file", "12345");
  host_.write("directory/a", "x");
  host_.make_link("link", "file");
  if (!whiteout("file")) GTEST_SKIP() << "no whiteouts on this file system without privileges";
  ASSERT_TRUE(whiteout("directory"));
  ASSERT_TRUE(whiteout("link"));
  ASSERT_TRUE(whiteout("gone-on-the-host-too"));
  EXPECT_THAT(changes(), ElementsAre("deleted directory directory", "deleted file file 5", "deleted symlink link"));
}

TEST_F(Scan, WhatThePolicyHidesIsNoDeletion) {
  plan::PlannedMount& mount = add_mount(MountType::overlay, "", upper_);
  mount.hidden = {".ssh", ".config/keys"};
  host_.write(".ssh/id", "x");
  host_.write(".config/keys", "x");
  host_.write("other", "x");
  if (!whiteout(".ssh")) GTEST_SKIP() << "no whiteouts on this file system without privileges";
  ASSERT_TRUE(whiteout(".config/keys"));
  ASSERT_TRUE(whiteout("other"));
  // The directory on the way is made with the rights of the lower one, but not with its times.
  ASSERT_EQ(::chmod(upper_(".config").c_str(), 0755), 0);
  ASSERT_EQ(::chmod(host_(".config").c_str(), 0755), 0);
  EXPECT_THAT(changes(), ElementsAre("deleted file other 1"));
}

TEST_F(Scan, MountPointsOfOursAreNoChange) {
  const test::TemporaryDirectory inner;
  add_mount(MountType::overlay, "", upper_);
  add_mount(MountType::tmpfs, "var/cache", inner);
  upper_.make_directory("var/cache");
  upper_.write("var/app", "x");
  inner.write("page", "12");
  EXPECT_THAT(changes(), ElementsAre("created file var/app 1", "created file var/cache/page 2"));
}

TEST_F(Scan, BindsInATmpfsAreNoChange) {
  add_mount(MountType::tmpfs, "", upper_);
  upper_.make_directory("postgresql");
  upper_.write("resolv.conf", "");
  upper_.write("mine", "x");
  instance_.binds = {host_("postgresql"), host_("resolv.conf")};
  EXPECT_THAT(changes(), ElementsAre("created file mine 1"));
}

TEST_F(Scan, DirectoriesOnTheWayToABindAreNoChange) {
  add_mount(MountType::tmpfs, "", upper_);
  upper_.write("user/1000/bus", "");
  upper_.write("user/mine", "x");
  instance_.binds = {host_("user/1000/bus")};
  EXPECT_THAT(changes(), ElementsAre("created file user/mine 1"));
}

TEST_F(Scan, TheFileThatAMountSitsOnIsNoChange) {
  const test::TemporaryDirectory bound;
  host_.write("bound", "content");
  add_mount(MountType::overlay, "", upper_);
  add_mount(MountType::read_only, "bound", bound).directory = false;
  upper_.write("bound", "");
  EXPECT_THAT(changes(), ElementsAre());
}

TEST_F(Scan, AnotherOwnerIsMetadata) {
  if (::geteuid() != 0) GTEST_SKIP() << "needs root: a file of another owner";
  add_mount(MountType::overlay, "", upper_);
  host_.write("a", "x");
  host_.make_directory("b");
  host_.make_link("c", "a");
  for (const char* name : {"a", "b", "c"}) {
    copy_up(name);
    ASSERT_EQ(::lchown(upper_(name).c_str(), 12345, 12345), 0);
  }
  EXPECT_THAT(changes(), ElementsAre("metadata file a 1", "metadata directory b", "metadata symlink c"));
}

TEST_F(Scan, WhatIsTooDeepIsSaid) {
  add_mount(MountType::tmpfs, "", upper_);
  std::string name = "d";
  for (int i = 0; i < 520; ++i) name += "/d";
  upper_.make_directory(name);
  rlimit limit{};
  ASSERT_EQ(::getrlimit(RLIMIT_NOFILE, &limit), 0);
  limit.rlim_cur = limit.rlim_max;
  ASSERT_EQ(::setrlimit(RLIMIT_NOFILE, &limit), 0);
  if (limit.rlim_cur < 2000) GTEST_SKIP() << "needs 2,000 open files";
  const Scanned result = scan();
  ASSERT_EQ(result.unreadable.size(), 1U);
  EXPECT_THAT(result.unreadable[0].why, HasSubstr("too deep"));
  EXPECT_EQ(result.changes.size(), 513U);
}

TEST_F(Scan, WhatWasDeletedKeepsItsTypeAndItsPlace) {
  add_mount(MountType::tmpfs, "", upper_);
  upper_.make_directory("b");
  upper_.make_link("c", "x");
  const Baseline baseline = take_baseline(instance_);
  std::filesystem::remove(upper_("b"));
  std::filesystem::remove(upper_("c"));
  upper_.write("d", "");
  EXPECT_THAT(changes(baseline), ElementsAre("deleted directory b", "deleted symlink c", "created file d"));
}

TEST_F(Scan, ATmpfsIsComparedWithWhatItHeld) {
  add_mount(MountType::tmpfs, "", upper_);
  upper_.write("kept", "x");
  upper_.write("rewritten", "x");
  upper_.write("replaced", "x");
  upper_.make_directory("directory");
  const Baseline baseline = take_baseline(instance_);
  ASSERT_EQ(baseline.entries.size(), 4U);
  EXPECT_THAT(changes({}), ElementsAre("created directory directory", "created file kept 1", "created file replaced 1",
                                       "created file rewritten 1"));
  // The deletions are looked for at the path itself, where a container has its tmpfs.
  for (const char* name : {"kept", "rewritten", "replaced"}) host_.write(name, "x");
  host_.make_directory("directory");
  EXPECT_THAT(changes(baseline), IsEmpty());

  upper_.write("rewritten", "123");
  std::filesystem::rename(upper_.write("other", "y"), upper_("replaced"));
  upper_.write("directory/new", "1");
  EXPECT_THAT(changes(baseline),
              ElementsAre("created file directory/new 1", "modified file replaced 1", "modified file rewritten 3"));
  std::filesystem::remove(host_("kept"));
  EXPECT_THAT(changes(baseline), testing::Contains("deleted file kept 1"));
}

TEST_F(Scan, AWriteWhoseTimesWereSetBackIsSeenInATmpfs) {
  add_mount(MountType::tmpfs, "", upper_);
  upper_.make_directory("directory");
  for (const char* name : {"linked", "restricted", "rewritten"}) upper_.write(name, "x");
  host_.make_directory("directory");
  for (const char* name : {"linked", "restricted", "rewritten"}) host_.write(name, "x");
  const Baseline baseline = take_baseline(instance_);
  const auto time = std::filesystem::last_write_time(upper_("rewritten"));
  std::this_thread::sleep_for(std::chrono::milliseconds(20));  // the kernel's clock of files has ticks of up to 10 ms
  upper_.write("rewritten", "y");
  std::filesystem::last_write_time(upper_("rewritten"), time);
  std::filesystem::permissions(upper_("restricted"), std::filesystem::perms::owner_read);
  std::filesystem::permissions(upper_("directory"), std::filesystem::perms::owner_all);
  std::filesystem::create_hard_link(upper_("linked"), upper_("another"));
  EXPECT_THAT(changes(baseline), ElementsAre("created file another 1", "metadata directory directory",
                                             "metadata file restricted 1", "modified file rewritten 1"));
}

TEST_F(Scan, TwoRowsOnOneTmpfsAreReadOnce) {
  const test::TemporaryDirectory inner;
  add_mount(MountType::tmpfs, "", upper_);
  add_mount(MountType::tmpfs, "sub", inner);
  instance_.mounts[1].mount_id = instance_.mounts[0].mount_id;
  upper_.write("sub/a", "x");
  inner.write("a", "x");
  EXPECT_THAT(changes(), ElementsAre("created file sub/a 1"));
  EXPECT_EQ(take_baseline(instance_).entries.size(), 2U);
}

TEST_F(Scan, OnlyLayersOfOursAreRead) {
  add_mount(MountType::persistent, "", upper_);
  upper_.write("kept", "x");
  EXPECT_THAT(changes(), IsEmpty());
  plans_.front().type = MountType::tmpfs;
  EXPECT_THAT(changes(), ElementsAre("created file kept 1"));
  instance_.mounts.front().layer = -1;
  EXPECT_THAT(changes(), IsEmpty());
}

TEST_F(Scan, HostileNamesAreNamesLikeAnyOther) {
  add_mount(MountType::tmpfs, "", upper_);
  const std::string longest(255, 'n');
  for (const std::string& name : {std::string("new\nline"), std::string("-rf"), std::string("\xff\xfe"),
                                  std::string("\x1b[31m"), std::string("..."), std::string(" "), longest}) {
    upper_.write(name, "x");
  }
  EXPECT_THAT(changes(),
              testing::UnorderedElementsAre("created file new\nline 1", "created file -rf 1", "created file \xff\xfe 1",
                                            "created file \x1b[31m 1", "created file ... 1", "created file   1",
                                            "created file " + longest + " 1"));
}

TEST_F(Scan, LinksAreNotFollowed) {
  const test::TemporaryDirectory secret;
  secret.write("key", "secret");
  add_mount(MountType::tmpfs, "", upper_);
  upper_.make_link("out", secret.path());
  EXPECT_THAT(changes(), ElementsAre("created symlink out"));
}

TEST_F(Scan, WhatCannotBeReadIsSaid) {
  add_mount(MountType::tmpfs, "", upper_);
  upper_.write("closed/a", "x");
  ASSERT_EQ(::chmod(upper_("closed").c_str(), 0), 0);
  ASSERT_EQ(::chmod(upper_.path().c_str(), 0755), 0);
  // Root may read everything, so it becomes somebody else for the moment.
  const bool root = ::geteuid() == 0;
  if (root) {
    ASSERT_EQ(::seteuid(65534), 0);
  }
  const Scanned result = scan();
  if (root) {
    ASSERT_EQ(::seteuid(0), 0);
  }
  EXPECT_THAT(shown(result), ElementsAre("created directory closed"));
  ASSERT_EQ(result.unreadable.size(), 1U);
  EXPECT_EQ(result.unreadable[0].path, host_("closed"));
  EXPECT_EQ(result.unreadable[0].why, "Permission denied");
  ASSERT_EQ(::chmod(upper_("closed").c_str(), 0700), 0);
}

}  // namespace
}  // namespace cofferdam::supervise
