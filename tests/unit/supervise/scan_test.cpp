#include "supervise/scan.hpp"

#include <fcntl.h>
#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <unistd.h>

#include <cerrno>
#include <deque>

#include "kernel/mount.hpp"
#include "support/temporary_directory.hpp"

namespace cofferdam::supervise {
namespace {

using testing::ElementsAre;
using testing::HasSubstr;
using testing::IsEmpty;

// A host tree, and an instance whose layers are directories of their own.
class Scan : public testing::Test {
 protected:
  // A mount over host directory `name` whose layer is `upper`.
  plan::PlannedMount& add_mount(MountType type, const std::string& name, const test::TemporaryDirectory& upper) {
    plan::PlannedMount& plan = plans_.emplace_back();
    plan.type = type;
    plan.path = name.empty() ? host_.path() : host_(name);
    layers_.emplace_back(::open(upper.path().c_str(), O_RDONLY | O_DIRECTORY | O_CLOEXEC));
    instance_.mounts.push_back({.plan = &plan, .mount_id = plans_.size(), .root = -1, .layer = layers_.back().get()});
    return plan;
  }

  // "created file a 5": change, type, path below the host tree, bytes.
  [[nodiscard]] std::vector<std::string> shown(const ScanResult& result) const {
    std::vector<std::string> lines;
    for (const ScannedChange& each : result.changes) {
      EXPECT_TRUE(each.path.starts_with(host_.path() + "/")) << each.path;
      lines.push_back(std::string(to_string(each.change)) + " " + each.type + " " +
                      each.path.substr(host_.path().size() + 1) +
                      (each.bytes > 0 && each.type == "file" ? " " + std::to_string(each.bytes) : ""));
    }
    return lines;
  }
  [[nodiscard]] std::vector<std::string> changes(const Baseline& baseline = {}) const {
    const ScanResult result = scan_storage(instance_, baseline);
    EXPECT_THAT(result.unreadable, IsEmpty());
    return shown(result);
  }

  // What the kernel does at the first change of a lower file: content, rights and times as they were.
  void copy_up(const std::string& name) const {
    std::filesystem::create_directories(std::filesystem::path(upper_(name)).parent_path());
    struct stat status{};
    ASSERT_EQ(::lstat(host_(name).c_str(), &status), 0);
    if (S_ISDIR(status.st_mode)) {
      std::filesystem::create_directory(upper_(name));
    } else {
      std::filesystem::copy(host_(name), upper_(name), std::filesystem::copy_options::copy_symlinks);
    }
    const timespec times[2] = {status.st_atim, status.st_mtim};
    ASSERT_EQ(::utimensat(AT_FDCWD, upper_(name).c_str(), times, AT_SYMLINK_NOFOLLOW), 0);
    if (!S_ISLNK(status.st_mode)) {
      ASSERT_EQ(::chmod(upper_(name).c_str(), status.st_mode & 07777), 0);
    }
  }
  [[nodiscard]] bool whiteout(const std::string& name) const {
    std::filesystem::create_directories(std::filesystem::path(upper_(name)).parent_path());
    return kernel::make_whiteout(AT_FDCWD, upper_(name).c_str()) == 0;
  }

  test::TemporaryDirectory host_;
  test::TemporaryDirectory upper_;
  std::deque<plan::PlannedMount> plans_;
  std::deque<kernel::Fd> layers_;
  InstanceView instance_;
};

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
  EXPECT_THAT(scan_storage(instance_, {}).unreadable, ElementsAre(HasSubstr("too deep")));
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
  const ScanResult result = scan_storage(instance_, {});
  if (root) {
    ASSERT_EQ(::seteuid(0), 0);
  }
  EXPECT_THAT(shown(result), ElementsAre("created directory closed"));
  EXPECT_THAT(result.unreadable, ElementsAre(HasSubstr("closed: Permission denied")));
  ASSERT_EQ(::chmod(upper_("closed").c_str(), 0700), 0);
}

class KeepWrites : public Scan {
 protected:
  std::vector<std::string> keep() { return keep_writes(instance_, scan_storage(instance_, {}), target_.path()); }
  // Where a file of the instance is kept.
  [[nodiscard]] std::string kept(const std::string& name) const { return target_.read(host_(name).substr(1)); }

  test::TemporaryDirectory target_;
};

TEST_F(KeepWrites, CopiesWhatWasCreatedAndModified) {
  const test::TemporaryDirectory inner;
  add_mount(MountType::overlay, "", upper_);
  add_mount(MountType::tmpfs, "tmp", inner);
  host_.write("modified", "1");
  host_.write("deleted", "1");
  host_.write("same", "1");
  copy_up("same");
  upper_.write("modified", "22");
  upper_.write("new/deep/file", std::string(100000, 'z'));
  inner.write("sub/a", "tmp");
  (void)whiteout("deleted");
  EXPECT_THAT(keep(), IsEmpty());
  EXPECT_EQ(kept("modified"), "22");
  EXPECT_EQ(kept("new/deep/file"), std::string(100000, 'z'));
  EXPECT_EQ(kept("tmp/sub/a"), "tmp");
  EXPECT_EQ(kept("same"), "(none)");
  EXPECT_EQ(kept("deleted"), "(none)");
  // Once more over what is there.
  upper_.write("modified", "3");
  EXPECT_THAT(keep(), IsEmpty());
  EXPECT_EQ(kept("modified"), "3");
}

TEST_F(KeepWrites, KeptFilesAreTheUsersOwn) {
  add_mount(MountType::tmpfs, "", upper_);
  upper_.write("script", "x", 0777);
  upper_.write("setuid", "x", 04755);
  ASSERT_THAT(keep(), IsEmpty());
  struct stat status{};
  ASSERT_EQ(::stat(target_(host_("script").substr(1)).c_str(), &status), 0);
  EXPECT_EQ(status.st_mode & 07777, 0700U);
  ASSERT_EQ(::stat(target_(host_("setuid").substr(1)).c_str(), &status), 0);
  EXPECT_EQ(status.st_mode & 07777, 0700U);
}

TEST_F(KeepWrites, NeverFollowsALinkOfTheInstance) {
  const test::TemporaryDirectory secret;
  secret.write("key", "secret");
  add_mount(MountType::tmpfs, "", upper_);
  upper_.write("directory/key", "own");
  upper_.write("file", "own");
  const ScanResult scan = scan_storage(instance_, {});
  // What the scan saw is exchanged before it is copied.
  std::filesystem::remove_all(upper_("directory"));
  upper_.make_link("directory", secret.path());
  std::filesystem::remove(upper_("file"));
  upper_.make_link("file", secret("key"));
  EXPECT_THAT(keep_writes(instance_, scan, target_.path()),
              ElementsAre(HasSubstr("directory/key: "), HasSubstr("file: Too many levels of symbolic links")));
  EXPECT_EQ(kept("directory/key"), "(none)");
  EXPECT_EQ(kept("file"), "(none)");
}

TEST_F(KeepWrites, NeverWritesThroughALinkOfTheTarget) {
  const test::TemporaryDirectory elsewhere;
  add_mount(MountType::tmpfs, "", upper_);
  elsewhere.write("victim", "old");
  upper_.write("file", "new");
  target_.make_link(host_("file").substr(1), elsewhere("victim"));
  EXPECT_THAT(keep(), ElementsAre(HasSubstr("file: ")));
  EXPECT_EQ(elsewhere.read("victim"), "old");
}

TEST_F(KeepWrites, NeverMakesDirectoriesThroughALinkOfTheTarget) {
  const test::TemporaryDirectory elsewhere;
  add_mount(MountType::tmpfs, "", upper_);
  upper_.write("directory/deep/file", "new");
  target_.make_link(host_("directory").substr(1), elsewhere.path());
  EXPECT_THAT(keep(), ElementsAre(HasSubstr("file: ")));
  EXPECT_FALSE(elsewhere.has("deep"));
}

TEST_F(KeepWrites, ATargetThatIsMissingIsOneProblem) {
  add_mount(MountType::tmpfs, "", upper_);
  upper_.write("a", "x");
  upper_.write("b", "x");
  EXPECT_THAT(keep_writes(instance_, scan_storage(instance_, {}), target_("none")),
              ElementsAre(target_("none") + ": No such file or directory"));
}

TEST_F(KeepWrites, APipeInThePlaceOfAFileBlocksNobody) {
  add_mount(MountType::tmpfs, "", upper_);
  upper_.write("a", "x");
  const ScanResult scan = scan_storage(instance_, {});
  std::filesystem::remove(upper_("a"));
  ASSERT_EQ(::mkfifo(upper_("a").c_str(), 0600), 0);
  (void)keep_writes(instance_, scan, target_.path());
  EXPECT_EQ(kept("a"), "");
}

}  // namespace
}  // namespace cofferdam::supervise
