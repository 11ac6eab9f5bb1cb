#include "logs/sinks/open.hpp"

#include <fcntl.h>
#include <gtest/gtest.h>
#include <sys/stat.h>
#include <unistd.h>

#include <filesystem>
#include <fstream>

#include "unit/logs/sink_fixture.hpp"

namespace cofferdam::logs {
namespace {

class OpenSinks : public ::testing::Test {
 protected:
  void SetUp() override {
    directory = std::filesystem::temp_directory_path() / ("cofferdam-sinks-" + std::to_string(getpid()));
    std::filesystem::create_directories(directory);
  }
  void TearDown() override { std::filesystem::remove_all(directory); }
  std::filesystem::path directory;
};

TEST_F(OpenSinks, NoSinkMeansTheConsole) {
  const auto opened = open_sinks({});
  ASSERT_TRUE(opened);
  ASSERT_EQ(opened->size(), 1U);
  EXPECT_EQ(opened->front().sink.type, LogSink::Type::console);
}

TEST_F(OpenSinks, AFileIsAppendedToAndNotInherited) {
  const std::string path = directory / "a.jsonl";
  std::ofstream(path) << "before\n";
  {
    const auto opened = open_sinks({file_sink(path)});
    ASSERT_TRUE(opened);
    const int fd = opened->front().file.get();
    EXPECT_EQ(fcntl(fd, F_GETFD), FD_CLOEXEC);
    ASSERT_EQ(::write(fd, "after\n", 6), 6);
  }
  std::ifstream file(path);
  EXPECT_EQ(std::string(std::istreambuf_iterator<char>(file), {}), "before\nafter\n");
}

TEST_F(OpenSinks, ANewFileIsNotReadableByOthers) {
  const std::string path = directory / "b.jsonl";
  const mode_t before = umask(0);
  ASSERT_TRUE(open_sinks({file_sink(path)}));
  umask(before);
  struct stat status{};
  ASSERT_EQ(stat(path.c_str(), &status), 0);
  EXPECT_EQ(status.st_mode & 0777U, 0640U);
}

TEST_F(OpenSinks, ErrorsNameThePathTheLineAndTheFix) {
  const std::string path = directory / "missing/a.jsonl";
  const auto opened = open_sinks({file_sink(path, {"cofferdam.yaml", 12, 7})});
  ASSERT_FALSE(opened);
  EXPECT_EQ(opened.error().message, "cofferdam.yaml:12: can't open the log file " + path +
                                        ": No such file or directory; the directory " +
                                        (directory / "missing").string() + " does not exist: create it");
  EXPECT_EQ(opened.error().errnum, ENOENT);
  const auto folder = open_sinks({file_sink(directory)});
  ASSERT_FALSE(folder);
  EXPECT_EQ(folder.error().errnum, EISDIR);
}

TEST_F(OpenSinks, MoreThanEightAreRefused) {
  EXPECT_TRUE(open_sinks(std::vector<LogSink>(8)));
  EXPECT_FALSE(open_sinks(std::vector<LogSink>(9)));
}

}  // namespace
}  // namespace cofferdam::logs
