#include "supervise/keep_writes.hpp"

#include <fcntl.h>
#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <sys/stat.h>

#include <cerrno>

#include "unit/supervise/scan_fixture.hpp"

namespace cofferdam::supervise {
namespace {

using testing::ElementsAre;
using testing::HasSubstr;
using testing::IsEmpty;

class KeepWrites : public ScanFixture {
 protected:
  std::vector<std::string> keep() { return keep_writes(instance_, {}, target_.path()); }
  [[nodiscard]] bool keep_one(const std::string& name) const {
    const kernel::Fd target(::open(target_.path().c_str(), O_PATH | O_DIRECTORY | O_CLOEXEC));
    return keep_file(instance_, host_(name), target.get());
  }
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
  // What the scan saw is exchanged before it is copied.
  std::filesystem::remove_all(upper_("directory"));
  upper_.make_link("directory", secret.path());
  std::filesystem::remove(upper_("file"));
  upper_.make_link("file", secret("key"));
  EXPECT_FALSE(keep_one("directory/key"));
  EXPECT_FALSE(keep_one("file"));
  EXPECT_EQ(errno, ELOOP);
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

TEST_F(KeepWrites, WhatSomebodyPutIntoTheTargetIsLeftAlone) {
  const test::TemporaryDirectory elsewhere;
  elsewhere.write("victim", "old");
  add_mount(MountType::tmpfs, "", upper_);
  for (const char* name : {"pipe", "second"}) upper_.write(name, "new");
  const std::string place = target_(host_.path().substr(1));
  std::filesystem::create_directories(place);
  ASSERT_EQ(::mkfifo((place + "/pipe").c_str(), 0600), 0);
  std::filesystem::create_hard_link(elsewhere("victim"), place + "/second");
  EXPECT_THAT(keep(), testing::SizeIs(2));  // and nobody waits for a reader of the pipe
  EXPECT_EQ(elsewhere.read("victim"), "old");
}

TEST_F(KeepWrites, AFileInThePlaceOfANestedMountIsNoError) {
  add_mount(MountType::tmpfs, "", upper_);
  const test::TemporaryDirectory inner;
  add_mount(MountType::tmpfs, "sub", inner);
  EXPECT_NO_THROW((void)keep_file(instance_, host_("sub"), AT_FDCWD));
}

TEST_F(KeepWrites, NamesCannotCommandTheTerminal) {
  add_mount(MountType::tmpfs, "", upper_);
  upper_.write("\x1b[31mred\n", "x");
  target_.write(host_.path().substr(1), "in the way");
  for (const std::string& problem : keep()) {
    EXPECT_EQ(problem.find('\x1b'), std::string::npos);
    EXPECT_EQ(problem.find('\n'), std::string::npos);
  }
}

TEST_F(KeepWrites, ATargetThatIsMissingIsOneProblem) {
  add_mount(MountType::tmpfs, "", upper_);
  upper_.write("a", "x");
  upper_.write("b", "x");
  EXPECT_THAT(keep_writes(instance_, {}, target_("none")),
              ElementsAre(target_("none") + ": No such file or directory"));
}

TEST_F(KeepWrites, APipeInThePlaceOfAFileBlocksNobody) {
  add_mount(MountType::tmpfs, "", upper_);
  upper_.write("a", "x");
  std::filesystem::remove(upper_("a"));
  ASSERT_EQ(::mkfifo(upper_("a").c_str(), 0600), 0);
  (void)keep_one("a");
  EXPECT_EQ(kept("a"), "");
}

}  // namespace
}  // namespace cofferdam::supervise
