#include "logs/sinks/file.hpp"

#include <fcntl.h>
#include <gtest/gtest.h>
#include <signal.h>
#include <sys/resource.h>
#include <sys/wait.h>
#include <unistd.h>

#include <filesystem>
#include <fstream>

namespace cofferdam::logs {
namespace {

// A file size limit stands in for a full disk: the write is short, then fails, then succeeds again.
TEST(FileSink, CompletesARecordThatWasCutByAFullDisk) {
  const std::string path = std::filesystem::temp_directory_path() / ("cofferdam-file-" + std::to_string(getpid()));
  const pid_t child = fork();
  if (child == 0) {
    (void)signal(SIGXFSZ, SIG_IGN);
    const int fd = open(path.c_str(), O_WRONLY | O_APPEND | O_CREAT | O_TRUNC | O_CLOEXEC, 0640);
    FileSink sink(Encoding::json, fd);
    rlimit limit{10, RLIM_INFINITY};
    setrlimit(RLIMIT_FSIZE, &limit);
    const Delivery first = sink.deliver({"{\"a\":1}\n{\"b\":2}\n{\"c\":3}\n", 3});
    const Delivery second = sink.deliver({"{\"d\":4}\n", 1});
    limit.rlim_cur = RLIM_INFINITY;
    setrlimit(RLIMIT_FSIZE, &limit);
    const Delivery third = sink.deliver({"{\"e\":5}\n", 1});
    const bool right = first.delivered == 1 && first.dropped == 2 && second.dropped == 1 && third.delivered == 1 &&
                       !first.gone && !second.gone;
    _exit(right ? 0 : 1);
  }
  int status = 0;
  waitpid(child, &status, 0);
  EXPECT_EQ(status, 0);
  std::ifstream file(path);
  EXPECT_EQ(std::string(std::istreambuf_iterator<char>(file), {}), "{\"a\":1}\n{\"b\":2}\n{\"e\":5}\n");
  std::filesystem::remove(path);
}

}  // namespace
}  // namespace cofferdam::logs
