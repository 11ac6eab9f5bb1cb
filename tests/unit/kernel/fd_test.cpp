#include "kernel/fd.hpp"

#include <fcntl.h>
#include <gtest/gtest.h>
#include <sys/stat.h>
#include <sys/sysmacros.h>
#include <unistd.h>

#include <cerrno>
#include <csignal>

#include "support/child_process.hpp"
#include "support/temporary_directory.hpp"

namespace cofferdam::kernel {
namespace {

bool is_open(int fd) {
  return ::fcntl(fd, F_GETFD) >= 0;
}

TEST(Fd, ClosesWhatItOwns) {
  int number = -1;
  {
    const Fd fd(::open("/", O_PATH | O_CLOEXEC));
    number = fd.get();
    EXPECT_TRUE(fd);
    EXPECT_TRUE(is_open(number));
  }
  EXPECT_FALSE(is_open(number));
  EXPECT_FALSE(Fd());
  EXPECT_FALSE(Fd(-1));
}

TEST(Fd, MovesAndReleases) {
  Fd first(::open("/", O_PATH | O_CLOEXEC));
  const int number = first.get();
  Fd second(std::move(first));
  EXPECT_EQ(second.get(), number);
  EXPECT_FALSE(first);  // NOLINT(bugprone-use-after-move)
  Fd third(::open("/", O_PATH | O_CLOEXEC));
  const int replaced = third.get();
  third = std::move(second);
  EXPECT_EQ(third.get(), number);
  EXPECT_FALSE(is_open(replaced));
  Fd& same = third;
  third = std::move(same);
  EXPECT_TRUE(is_open(number));
  EXPECT_EQ(third.release(), number);
  EXPECT_FALSE(third);
  EXPECT_TRUE(is_open(number));
  third.reset(number);
  third.reset();
  EXPECT_FALSE(is_open(number));
}

TEST(Fd, ClosingKeepsErrno) {
  Fd fd(::open("/", O_PATH | O_CLOEXEC));
  errno = EXDEV;
  fd.reset(-1);
  EXPECT_EQ(errno, EXDEV);
}

TEST(Pipe, IsClosedOnExecAndCarries) {
  const Pipe pipe = make_pipe().value();
  EXPECT_EQ(::fcntl(pipe.read.get(), F_GETFD), FD_CLOEXEC);
  EXPECT_EQ(::fcntl(pipe.write.get(), F_GETFD), FD_CLOEXEC);
  EXPECT_TRUE(write_all(pipe.write.get(), "ab"));
  char text[2] = {};
  EXPECT_EQ(::read(pipe.read.get(), text, 2), 2);
  EXPECT_EQ(std::string(text, 2), "ab");
}

class FileCalls : public testing::Test {
 protected:
  test::TemporaryDirectory directory_;
};

TEST_F(FileCalls, OpenNamesThePathInItsError) {
  const auto fd = open_file(directory_.write("a", "x"), O_RDONLY);
  ASSERT_TRUE(fd.has_value());
  EXPECT_EQ(::fcntl(fd->get(), F_GETFD), FD_CLOEXEC);
  const auto missing = open_file(directory_("none"), O_RDONLY);
  ASSERT_FALSE(missing.has_value());
  EXPECT_EQ(missing.error().errnum, ENOENT);
  EXPECT_EQ(missing.error().message, directory_("none") + ": No such file or directory");
}

TEST_F(FileCalls, ReadStopsAtTheLimit) {
  const std::string text(10000, 'x');
  directory_.write("a", text);
  EXPECT_EQ(read_file(directory_("a"), 1 << 20).value(), text);
  EXPECT_EQ(read_file(directory_("a"), 4096).value().size(), 4096U);
  EXPECT_EQ(read_file(directory_("a"), 5000).value().size(), 5000U);
  EXPECT_EQ(read_file(directory_("a"), 0).value(), "");
  directory_.write("zero", std::string("a\0b", 3));
  EXPECT_EQ(read_file(directory_("zero"), 9).value(), std::string("a\0b", 3));
  EXPECT_EQ(read_file(directory_("none"), 9).error().errnum, ENOENT);
  EXPECT_EQ(read_file(directory_.path(), 9).error().errnum, EISDIR);
}

TEST_F(FileCalls, LinksOfAnyLength) {
  for (const std::size_t length : {1U, 255U, 256U, 257U, 1023U, 1024U, 4000U}) {
    const std::string target(length, 't');
    directory_.make_link("link" + std::to_string(length), target);
    EXPECT_EQ(read_link_at(AT_FDCWD, directory_("link" + std::to_string(length)).c_str()).value(), target) << length;
  }
  directory_.write("file", "");
  EXPECT_EQ(read_link_at(AT_FDCWD, directory_("file").c_str()).error().errnum, EINVAL);
}

TEST_F(FileCalls, WriteAllWaitsForNobodyWhoHasGone) {
  Pipe pipe = make_pipe().value();
  const std::string much(200000, 'm');  // more than a pipe holds
  const test::ChildProcess writer([&] {
    pipe.read.reset();
    return write_all(pipe.write.get(), much) ? 0 : 1;
  });
  pipe.write.reset();
  std::string got;
  char buffer[4096];
  for (ssize_t size = 0; (size = ::read(pipe.read.get(), buffer, sizeof buffer)) > 0;)
    got.append(buffer, static_cast<std::size_t>(size));
  EXPECT_EQ(got, much);

  Pipe broken = make_pipe().value();
  broken.read.reset();
  test::ChildProcess alone([&] {
    (void)::signal(SIGPIPE, SIG_IGN);
    return !write_all(broken.write.get(), "x") && errno == EPIPE ? 0 : 1;
  });
  EXPECT_EQ(alone.wait(), 0);
}

TEST_F(FileCalls, IdentifyTellsFilesApart) {
  directory_.write("a", "12345", 0640);
  directory_.make_link("link", "a");
  const FileIdentity file = identify(AT_FDCWD, directory_("a").c_str()).value();
  struct stat status{};
  ASSERT_EQ(::stat(directory_("a").c_str(), &status), 0);
  EXPECT_EQ(file.device, status.st_dev);
  EXPECT_EQ(file.inode, status.st_ino);
  EXPECT_EQ(file.mode, S_IFREG | 0640U);
  EXPECT_EQ(file.size, 5U);
  EXPECT_EQ(file.uid, ::geteuid());
  EXPECT_TRUE(identify(AT_FDCWD, directory_("link").c_str())->same_file(file));
  EXPECT_FALSE(identify(AT_FDCWD, directory_("link").c_str(), false)->same_file(file));
  const Fd fd(::open(directory_("a").c_str(), O_PATH | O_CLOEXEC));
  EXPECT_TRUE(identify(fd.get(), "")->same_file(file));
  EXPECT_EQ(identify(fd.get(), "")->mount_id, file.mount_id);
  EXPECT_FALSE(identify(AT_FDCWD, "/proc/self/stat")->mount_id == file.mount_id && file.mount_id != 0);
  EXPECT_EQ(identify(-1, "").error().errnum, EBADF);
  EXPECT_EQ(identify(AT_FDCWD, directory_("none").c_str()).error().errnum, ENOENT);
}

TEST_F(FileCalls, ResolutionStaysWhereItIsTold) {
  directory_.write("inside/file", "x");
  directory_.write("outside", "x");
  directory_.make_link("inside/up", "../outside");
  directory_.make_link("inside/root", "/file");
  directory_.make_link("inside/near", "file");
  const Fd inside(::open(directory_("inside").c_str(), O_PATH | O_DIRECTORY | O_CLOEXEC));
  const auto error = [&](const char* path, std::uint64_t resolve) {
    errno = 0;
    const Fd fd = open_resolved(inside.get(), path, O_RDONLY, resolve);
    return fd ? 0 : errno;
  };
  EXPECT_EQ(error("file", kBeneath), 0);
  EXPECT_EQ(error("near", kBeneath), 0);
  EXPECT_EQ(error("near", kBeneath | kNoSymlinks), ELOOP);
  for (const char* path : {"up", "root", "../outside", "/etc/passwd"}) EXPECT_EQ(error(path, kBeneath), EXDEV) << path;
  EXPECT_EQ(error("root", kInRoot), 0);
  EXPECT_EQ(error("../file", kInRoot), 0);
  EXPECT_EQ(error("up", kInRoot), ENOENT);
  const Fd proc(::open("/proc/self", O_PATH | O_DIRECTORY | O_CLOEXEC));
  EXPECT_FALSE(open_resolved(proc.get(), "root/tmp", O_PATH, kNoMagicLinks));
  EXPECT_EQ(errno, ELOOP);
  const Fd root(::open("/", O_PATH | O_DIRECTORY | O_CLOEXEC));
  EXPECT_FALSE(open_resolved(root.get(), "proc/self", O_PATH, kNoMountCrossing));
  EXPECT_EQ(errno, EXDEV);
  const Fd made = open_resolved(inside.get(), "new", O_WRONLY | O_CREAT | O_EXCL, kBeneath, 0600);
  ASSERT_TRUE(made);
  EXPECT_EQ(::fcntl(made.get(), F_GETFD), FD_CLOEXEC);
}

TEST(AboveStdio, MovesOnlyWhatCollides) {
  test::ChildProcess child([] {
    (void)::close(0);
    Fd low(::open("/", O_PATH));
    if (low.get() != 0) return 1;
    auto moved = above_stdio(std::move(low));
    if (!moved || moved->get() < 3 || is_open(0) || ::fcntl(moved->get(), F_GETFD) != FD_CLOEXEC) return 2;
    const int number = moved->get();
    auto same = above_stdio(*std::move(moved));
    return same && same->get() == number ? 0 : 3;
  });
  EXPECT_EQ(child.wait(), 0);
}

}  // namespace
}  // namespace cofferdam::kernel
