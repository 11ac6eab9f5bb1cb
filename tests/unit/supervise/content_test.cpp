#include "supervise/content.hpp"

#include <fcntl.h>
#include <gtest/gtest.h>
#include <sys/stat.h>
#include <unistd.h>

#include <string>

#include "kernel/fd.hpp"
#include "support/temporary_directory.hpp"

namespace cofferdam::supervise {
namespace {

using namespace std::string_literals;

class Content : public testing::Test {
 protected:
  std::string kind(const char* name) const {
    struct stat status{};
    if (fstatat(parent.get(), name, &status, AT_SYMLINK_NOFOLLOW) != 0) return "no such file";
    return std::string(content_of(parent.get(), name, status));
  }
  test::TemporaryDirectory directory;
  kernel::Fd parent{open(directory.path().c_str(), O_PATH | O_DIRECTORY | O_CLOEXEC)};
};

TEST_F(Content, RegularFilesAreKnownByTheirFirstBytes) {
  directory.write("a", "SQLite format 3\0 and the pages"s);
  directory.write("b", "\x89PNG\r\n\x1a\n"s);
  directory.write("c", "hello"s);
  directory.write("d", ""s);
  EXPECT_EQ(kind("a"), "sqlite");
  EXPECT_EQ(kind("b"), "image");
  EXPECT_EQ(kind("c"), "");
  EXPECT_EQ(kind("d"), "");
}

// A FIFO would hold the launcher, a link lead out of the layer.
TEST_F(Content, NothingElseIsOpened) {
  directory.write("a", "SQLite format 3\0"s);
  ASSERT_EQ(symlinkat("a", parent.get(), "link"), 0);
  ASSERT_EQ(mkfifo((directory.path() + "/fifo").c_str(), 0600), 0);
  ASSERT_EQ(mkdirat(parent.get(), "folder", 0700), 0);
  for (const char* name : {"link", "fifo", "folder"}) EXPECT_EQ(kind(name), "") << name;
  // What was a file when it was looked at and is a FIFO or a link now.
  struct stat status{};
  ASSERT_EQ(fstatat(parent.get(), "a", &status, 0), 0);
  for (const char* name : {"link", "fifo", "gone"}) EXPECT_EQ(content_of(parent.get(), name, status), "") << name;
}

}  // namespace
}  // namespace cofferdam::supervise
