#include "logs/sinks/rotation.hpp"

#include <fcntl.h>
#include <gtest/gtest.h>
#include <sys/stat.h>
#include <unistd.h>

#include <filesystem>

#include "support/temporary_directory.hpp"

namespace cofferdam::logs {
namespace {

namespace fs = std::filesystem;

TEST(Locate, FollowsALinkToTheFileItself) {
  const test::TemporaryDirectory directory;
  directory.write("data/app.log", "x");
  directory.make_link("log", "data/app.log");
  const auto place = locate(directory("log")).value();
  ASSERT_TRUE(place);
  EXPECT_EQ(place->name, "app.log");
  EXPECT_EQ(::faccessat(place->directory.get(), "app.log", F_OK, 0), 0);
}

TEST(Locate, APipeHasNoPlaceAndAMissingFileIsAnError) {
  const test::TemporaryDirectory directory;
  ASSERT_EQ(::mkfifo(directory("pipe").c_str(), 0600), 0);
  const auto pipe = locate(directory("pipe"));
  ASSERT_TRUE(pipe);
  EXPECT_FALSE(*pipe);
  const auto missing = locate(directory("missing"));
  ASSERT_FALSE(missing);
  EXPECT_EQ(missing.error().message, "can't find the log file " + directory("missing") + ": No such file or directory");
}

class RotatedFilesTest : public testing::Test {
 protected:
  RotatedFilesTest()
      : at_(::open(directory.path().c_str(), O_RDONLY | O_DIRECTORY | O_CLOEXEC)),
        files(at_.get(), "app.log", LogRotation{}) {}

  [[nodiscard]] kernel::Fd current() const {
    return kernel::Fd(::open(directory("app.log").c_str(), O_WRONLY | O_APPEND | O_CREAT | O_CLOEXEC, 0640));
  }

  test::TemporaryDirectory directory;

 private:
  kernel::Fd at_;

 protected:
  RotatedFiles files;
};

TEST_F(RotatedFilesTest, KnowsItsOwnNamesOnly) {
  for (const char* name : {"app.log.1", "app.log.2.gz", "app.log.10.zst"}) directory.write(name, "x");
  for (const char* name : {"app.log", "app.log.0", "app.log.01", "app.log.1x", "app.log.3.bz2", "app.log.", "app.log2",
                           "other.log.1", "app.log.1.gz.tmp"}) {
    directory.write(name, "x");
  }
  directory.make_directory("app.log.4");
  directory.make_link("app.log.5", "other.log.1");
  const auto list = files.list();
  ASSERT_EQ(list.size(), 3U);
  EXPECT_EQ(files.name_of(list[0]), "app.log.1");
  EXPECT_EQ(files.name_of(list[1]), "app.log.2.gz");
  EXPECT_EQ(files.name_of(list[2]), "app.log.10.zst");
}

TEST_F(RotatedFilesTest, ShiftsCompressedFilesToo) {
  directory.write("app.log", "now");
  directory.write("app.log.1", "one");
  directory.write("app.log.2.gz", "two");
  directory.write("app.log.3.zst", "three");
  const auto fresh = files.rotate(current().get());
  ASSERT_TRUE(fresh);
  EXPECT_TRUE(files.is_current(fresh->get()));
  EXPECT_EQ(directory.read("app.log"), "");
  EXPECT_EQ(directory.read("app.log.1"), "now");
  EXPECT_EQ(directory.read("app.log.2"), "one");
  EXPECT_EQ(directory.read("app.log.3.gz"), "two");
  EXPECT_EQ(directory.read("app.log.4.zst"), "three");
}

TEST_F(RotatedFilesTest, WhoComesSecondOnlyOpensTheNewFile) {
  directory.write("app.log", "now");
  const kernel::Fd other = current();
  ASSERT_TRUE(files.rotate(current().get()));
  const auto fresh = files.rotate(other.get());
  ASSERT_TRUE(fresh);
  EXPECT_TRUE(files.is_current(fresh->get()));
  EXPECT_FALSE(directory.has("app.log.2"));
}

TEST_F(RotatedFilesTest, DoesNotOpenALinkInThePlaceOfTheFile) {
  directory.write("victim", "precious");
  directory.make_link("app.log", "victim");
  EXPECT_FALSE(files.open_current(0640));
}

TEST_F(RotatedFilesTest, ReplacesAFileThatMovedOn) {
  directory.write("app.log.1", "one");
  const std::uint64_t inode = files.list()[0].inode;
  directory.write("app.log", "now");
  ASSERT_TRUE(files.rotate(current().get()));
  directory.write("temporary", "packed");
  EXPECT_TRUE(files.replace(inode, ".gz", "temporary"));
  EXPECT_EQ(directory.read("app.log.2.gz"), "packed");
  EXPECT_FALSE(directory.has("app.log.2"));
  directory.write("temporary", "packed");
  EXPECT_FALSE(files.replace(inode, ".gz", "temporary"));
  EXPECT_FALSE(directory.has("temporary"));
}

}  // namespace
}  // namespace cofferdam::logs
