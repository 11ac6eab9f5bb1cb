#include "kernel/confine.hpp"

#include <fcntl.h>
#include <gtest/gtest.h>
#include <sys/ptrace.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cerrno>
#include <csignal>
#include <filesystem>
#include <functional>
#include <string>
#include <thread>

#include "kernel/landlock.hpp"

namespace cofferdam::kernel {
namespace {

// The status of a confined process that returns from `body`.
int confined(const Confinement& confinement, const std::function<int()>& body) {
  const pid_t child = fork();
  if (child == 0) {
    if (confine(confinement) != 0) _exit(99);
    _exit(body());
  }
  int status = 0;
  EXPECT_EQ(waitpid(child, &status, 0), child);
  return WIFEXITED(status) ? WEXITSTATUS(status) : 128 + WTERMSIG(status);
}

TEST(Confine, NoOtherProcessIsReached) {
  const pid_t self = getpid();
  EXPECT_EQ(confined({}, [&] { return kill(self, 0) == -1 && errno == EPERM ? 0 : 1; }), 0);
  EXPECT_EQ(confined({}, [] { return fork() == -1 && errno == EPERM ? 0 : 1; }), 0);
  EXPECT_EQ(confined({}, [] { return execl("/bin/true", "true", nullptr) == -1 && errno == EPERM ? 0 : 1; }), 0);
  EXPECT_EQ(confined({}, [&] { return ptrace(PTRACE_ATTACH, self, 0, 0) == -1 && errno == EPERM ? 0 : 1; }), 0);
}

TEST(Confine, ThreadsWork) {
  EXPECT_EQ(confined({},
                     [] {
                       int seen = 0;
                       std::thread([&] { seen = 1; }).join();
                       return seen == 1 ? 0 : 1;
                     }),
            0);
}

TEST(Confine, SocketsOnlyWhereTheyAreNeeded) {
  const auto can = [](int family) { return [family] { return socket(family, SOCK_STREAM, 0) >= 0 ? 0 : 1; }; };
  EXPECT_EQ(confined({}, can(AF_INET)), 1);
  Confinement network;
  network.network = true;
  EXPECT_EQ(confined(network, can(AF_INET)), 0);
  EXPECT_EQ(confined(network, can(AF_UNIX)), 0);
  EXPECT_EQ(confined(network, can(AF_NETLINK)), 1);
  EXPECT_EQ(confined(network, [] { return listen(socket(AF_INET, SOCK_STREAM, 0), 1) == -1 ? 0 : 1; }), 0);
}

TEST(Confine, FilesOnlyInTheDirectoriesGiven) {
  if (landlock_abi() == 0) GTEST_SKIP() << "no Landlock";
  const std::filesystem::path place =
      std::filesystem::temp_directory_path() / ("cofferdam-confine-" + std::to_string(getpid()));
  std::filesystem::create_directories(place / "given");
  std::filesystem::create_directories(place / "other");
  const int directory = open((place / "given").c_str(), O_PATH | O_DIRECTORY | O_CLOEXEC);
  Confinement confinement;
  confinement.directories = {&directory, 1};
  const auto makes = [&](const char* name) {
    return [path = place / name] { return open(path.c_str(), O_WRONLY | O_CREAT, 0600) >= 0 ? 0 : 1; };
  };
  EXPECT_EQ(confined(confinement, makes("given/a")), 0);
  EXPECT_EQ(confined(confinement, makes("other/a")), 1);
  EXPECT_EQ(confined(confinement,
                     [&] { return rename((place / "given/a").c_str(), (place / "given/b").c_str()) == 0 ? 0 : 1; }),
            0);
  close(directory);
  std::filesystem::remove_all(place);
}

TEST(Confine, AbortStillKills) {
  EXPECT_EQ(confined({},
                     []() -> int {
                       (void)std::signal(SIGABRT, SIG_DFL);
                       abort();
                     }),
            128 + SIGABRT);
}

}  // namespace
}  // namespace cofferdam::kernel
