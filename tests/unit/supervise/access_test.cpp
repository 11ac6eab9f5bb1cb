#include "supervise/access.hpp"

#include <fcntl.h>
#include <gtest/gtest.h>
#include <netinet/in.h>
#include <sys/socket.h>
#include <unistd.h>

#include <array>
#include <cstdlib>

namespace cofferdam::supervise {
namespace {

// What is seen of this process's standard input while it is `fd`; -1: closed.
Input input_with(int fd) {
  const kernel::Fd kept(fcntl(STDIN_FILENO, F_DUPFD_CLOEXEC, 3));
  if (fd >= 0) {
    dup2(fd, STDIN_FILENO);
  } else {
    close(STDIN_FILENO);
  }
  const auto view = kernel::ThreadView::open(gettid());
  const Input input = view ? standard_input_of(*view) : Input::network;
  if (kept) {
    dup2(kept.get(), STDIN_FILENO);
  } else {
    close(STDIN_FILENO);
  }
  return input;
}

TEST(StandardInput, IsNothingPipeNetworkOrTerminal) {
  EXPECT_EQ(input_with(-1), Input::nothing);
  for (const char* path : {"/dev/null", "/dev/zero", "/proc/self/status", "/"}) {
    const kernel::Fd file(open(path, O_RDONLY | O_CLOEXEC));
    EXPECT_EQ(input_with(file.get()), Input::nothing) << path;
  }
  const auto pipe = kernel::make_pipe();
  EXPECT_EQ(input_with(pipe->read.get()), Input::pipe);
  std::array<int, 2> pair{};
  ASSERT_EQ(socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, pair.data()), 0);
  const kernel::Fd ours(pair[0]);
  const kernel::Fd theirs(pair[1]);
  EXPECT_EQ(input_with(theirs.get()), Input::pipe);
  for (const int family : {AF_INET, AF_INET6}) {
    for (const int type : {SOCK_STREAM, SOCK_DGRAM}) {
      const kernel::Fd socket(::socket(family, type | SOCK_CLOEXEC, 0));
      if (!socket) continue;
      EXPECT_EQ(input_with(socket.get()), Input::network) << family << " " << type;
    }
  }
  const kernel::Fd terminal(posix_openpt(O_RDWR | O_NOCTTY | O_CLOEXEC));
  if (!terminal) GTEST_SKIP() << "no pseudoterminals here";
  EXPECT_EQ(input_with(terminal.get()), Input::terminal);
}

ExecRecord record_of(std::string executable, std::vector<std::string> argv) {
  ExecRecord record;
  record.executable = std::move(executable);
  record.argv = std::move(argv);
  return record;
}

class Logins : public testing::Test {
 protected:
  // Whether such an image, fed from the network, is one.
  bool is_login(std::string executable, std::vector<std::string> argv, bool terminals = false) {
    plan::AccessPlan plan;
    plan.terminals = terminals;
    EventLog events("web.1", {});
    const AccessRule rule(plan, events);
    const kernel::Fd socket(::socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0));
    const kernel::Fd kept(fcntl(STDIN_FILENO, F_DUPFD_CLOEXEC, 3));
    dup2(socket.get(), STDIN_FILENO);
    const auto view = kernel::ThreadView::open(gettid());
    const bool answer = rule.is_login(*view, record_of(std::move(executable), std::move(argv)));
    dup2(kept.get(), STDIN_FILENO);
    return answer;
  }
};

TEST_F(Logins, AreShellsByWhateverNameTheyAreCalled) {
  EXPECT_TRUE(is_login("/bin/dash", {"sh"}));
  EXPECT_TRUE(is_login("/usr/bin/bash", {"worker"}));
  EXPECT_TRUE(is_login("/usr/bin/bash", {"-bash"}));
  EXPECT_TRUE(is_login("/usr/bin/bash", {}));
  EXPECT_TRUE(is_login("/bin/busybox", {"sh"}));
  EXPECT_TRUE(is_login("/bin/busybox", {"busybox", "ash", "-i"}));
  EXPECT_TRUE(is_login("/lib/x86_64-linux-gnu/ld-linux-x86-64.so.2", {"ld.so", "--library-path", "/x", "/bin/bash"}));
  EXPECT_TRUE(is_login("/lib/ld-musl-x86_64.so.1", {"ld-musl-x86_64.so.1", "/bin/sh", "-i"}));
}

TEST_F(Logins, AreNoOtherPrograms) {
  EXPECT_FALSE(is_login("/usr/bin/python3.11", {"sh"}));
  EXPECT_FALSE(is_login("/usr/sbin/sshd", {"sshd", "-i"}));
  EXPECT_FALSE(is_login("/bin/busybox", {"cat", "sh"}));
  EXPECT_FALSE(is_login("/bin/busybox", {"busybox", "cat", "sh"}));
  EXPECT_FALSE(is_login("/bin/dash", {"sh", "-c", "sh -i"}));
  EXPECT_FALSE(is_login("/bin/bash", {"bash", "handler.sh"}));
  EXPECT_FALSE(is_login("/lib64/ld-linux-x86-64.so.2", {"ld.so", "/usr/bin/python3", "x"}));
}

TEST_F(Logins, AreLetInWhereTerminalsAre) {
  EXPECT_FALSE(is_login("/bin/bash", {"bash", "-i"}, true));
}

}  // namespace
}  // namespace cofferdam::supervise
