// A ruleset in a real kernel: what a process may still change once it has entered one.
#include "kernel/landlock.hpp"

#include <fcntl.h>
#include <gtest/gtest.h>
#include <linux/landlock.h>
#include <netinet/in.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/sysmacros.h>
#include <sys/un.h>
#include <unistd.h>

#include <cerrno>
#include <csignal>
#include <cstddef>
#include <functional>

#include "kernel/fd.hpp"
#include "support/child_process.hpp"
#include "support/temporary_directory.hpp"

namespace cofferdam::kernel {
namespace {

constexpr int kSetupFailed = 99;

class Landlock : public testing::Test {
 protected:
  void SetUp() override {
    if (abi_ == 0) GTEST_SKIP() << "this kernel has no Landlock, or it is switched off";
    inside_.write("file", "12345");
    outside_.write("file", "12345");
    outside_.make_directory("directory");
  }

  // Enters a ruleset that allows writing beneath `inside_`, and to /dev/null; then runs `body`.
  int confined(const std::function<int()>& body, int abi) {
    test::ChildProcess child([&] {
      const Fd ruleset(make_landlock_ruleset(abi));
      const Fd inside(::open(inside_.path().c_str(), O_PATH | O_CLOEXEC));
      const Fd null(::open("/dev/null", O_PATH | O_CLOEXEC));
      if (!ruleset || allow_writes_beneath(ruleset.get(), inside.get(), abi) != 0 ||
          allow_writing_file(ruleset.get(), null.get(), abi) != 0 || ::prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) != 0 ||
          enter_landlock(ruleset.get()) != 0) {
        return kSetupFailed;
      }
      return body();
    });
    return child.wait();
  }
  int confined(const std::function<int()>& body) { return confined(body, abi_); }

  // The errno of each call, compared in the child: the number of the first that is wrong, 0 when none is.
  struct Attempt {
    const char* name;
    std::function<int()> call;
    int wanted;
  };
  void expect_errors(const std::vector<Attempt>& attempts) {
    const int wrong = confined([&] {
      for (std::size_t i = 0; i < attempts.size(); ++i) {
        errno = 0;
        const int error = attempts[i].call() >= 0 ? 0 : errno;
        if (error != attempts[i].wanted) return static_cast<int>(i) + 1;
      }
      return 0;
    });
    EXPECT_NE(wrong, kSetupFailed);
    EXPECT_EQ(wrong, 0) << (wrong > 0 && static_cast<std::size_t>(wrong) <= attempts.size()
                                ? attempts[static_cast<std::size_t>(wrong) - 1].name
                                : "");
  }

  [[nodiscard]] static int bind_to(const std::string& path) {
    const Fd socket(::socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0));
    sockaddr_un address{.sun_family = AF_UNIX, .sun_path = {}};
    path.copy(address.sun_path, sizeof address.sun_path - 1);
    return ::bind(socket.get(), reinterpret_cast<const sockaddr*>(&address), sizeof address);
  }

  int abi_ = landlock_abi();
  test::TemporaryDirectory inside_;
  test::TemporaryDirectory outside_;
};

TEST_F(Landlock, NothingOutsideCanBeChanged) {
  const auto out = [&](const char* name) { return outside_(name); };
  expect_errors({
      {"open for writing", [&] { return ::open(out("file").c_str(), O_WRONLY); }, EACCES},
      {"open for appending", [&] { return ::open(out("file").c_str(), O_RDWR | O_APPEND); }, EACCES},
      {"create", [&] { return ::open(out("new").c_str(), O_WRONLY | O_CREAT, 0600); }, EACCES},
      {"create read-only", [&] { return ::open(out("new").c_str(), O_RDONLY | O_CREAT, 0600); }, EACCES},
      {"mkdir", [&] { return ::mkdir(out("new").c_str(), 0700); }, EACCES},
      {"rmdir", [&] { return ::rmdir(out("directory").c_str()); }, EACCES},
      {"unlink", [&] { return ::unlink(out("file").c_str()); }, EACCES},
      {"symlink", [&] { return ::symlink("x", out("new").c_str()); }, EACCES},
      {"fifo", [&] { return ::mkfifo(out("new").c_str(), 0600); }, EACCES},
      {"socket", [&] { return bind_to(out("new")); }, EACCES},
      {"rename", [&] { return ::rename(out("file").c_str(), out("new").c_str()); }, EACCES},
      {"read", [&] { return ::open(out("file").c_str(), O_RDONLY); }, 0},
  });
  EXPECT_EQ(outside_.read("file"), "12345");
  EXPECT_FALSE(outside_.has("new"));
}

TEST_F(Landlock, InsideEverythingButDevicesCan) {
  const auto in = [&](const char* name) { return inside_(name); };
  expect_errors({
      {"write", [&] { return ::open(in("file").c_str(), O_WRONLY | O_TRUNC); }, 0},
      {"create", [&] { return ::open(in("a").c_str(), O_WRONLY | O_CREAT | O_EXCL, 0600); }, 0},
      {"mkdir", [&] { return ::mkdir(in("d").c_str(), 0700); }, 0},
      {"create below", [&] { return ::open(in("d/a").c_str(), O_WRONLY | O_CREAT, 0600); }, 0},
      {"rename in one directory", [&] { return ::rename(in("a").c_str(), in("b").c_str()); }, 0},
      {"symlink", [&] { return ::symlink("x", in("link").c_str()); }, 0},
      {"fifo", [&] { return ::mkfifo(in("fifo").c_str(), 0600); }, 0},
      {"socket", [&] { return bind_to(in("sock")); }, 0},
      {"unlink", [&] { return ::unlink(in("b").c_str()); }, 0},
      {"unlink below", [&] { return ::unlink(in("d/a").c_str()); }, 0},
      {"rmdir", [&] { return ::rmdir(in("d").c_str()); }, 0},
  });
  EXPECT_EQ(inside_.read("file"), "");
}

TEST_F(Landlock, ADeviceIsNeverMade) {
  // Landlock is asked before the capability is, so an ordinary user gets the same answer.
  expect_errors(
      {{"device", [&] { return ::mknod(inside_("device").c_str(), S_IFCHR | 0600, makedev(1, 3)); }, EACCES}});
}

TEST_F(Landlock, NullStaysWritableAndItsNeighboursDoNot) {
  expect_errors({
      {"null", [] { return ::open("/dev/null", O_WRONLY | O_TRUNC); }, 0},
      {"zero", [] { return ::open("/dev/zero", O_WRONLY); }, EACCES},
  });
}

TEST_F(Landlock, AnExistingFileIsNotCutOutside) {
  if (abi_ < 3) GTEST_SKIP() << "this kernel's Landlock does not cover truncate (ABI 3)";
  expect_errors({
      {"outside", [&] { return ::truncate(outside_("file").c_str(), 0); }, EACCES},
      {"inside", [&] { return ::truncate(inside_("file").c_str(), 1); }, 0},
  });
  EXPECT_EQ(outside_.read("file"), "12345");
  EXPECT_EQ(inside_.read("file"), "1");
}

TEST_F(Landlock, FilesMoveWithinTheRulesAndNotAcross) {
  if (abi_ < 2) GTEST_SKIP() << "this kernel's Landlock has no refer right (ABI 2)";
  inside_.make_directory("a");
  inside_.make_directory("b");
  inside_.write("a/file", "x");
  expect_errors({
      {"between directories", [&] { return ::rename(inside_("a/file").c_str(), inside_("b/file").c_str()); }, 0},
      {"link between directories", [&] { return ::link(inside_("b/file").c_str(), inside_("a/file").c_str()); }, 0},
      {"out", [&] { return ::rename(inside_("b/file").c_str(), outside_("new").c_str()); }, EACCES},
      {"in", [&] { return ::rename(outside_("file").c_str(), inside_("new").c_str()); }, EACCES},
      {"link in", [&] { return ::link(outside_("file").c_str(), inside_("linked").c_str()); }, EXDEV},
  });
}

TEST_F(Landlock, SignalsStayInTheDomain) {
  if (abi_ < 6) GTEST_SKIP() << "this kernel's Landlock does not scope signals (ABI 6)";
  const pid_t parent = ::getpid();
  expect_errors({
      {"parent", [parent] { return ::kill(parent, 0); }, EPERM},
      {"itself", [] { return ::kill(::getpid(), 0); }, 0},
  });
}

TEST_F(Landlock, AbstractSocketsStayInTheDomain) {
  if (abi_ < 6) GTEST_SKIP() << "this kernel's Landlock does not scope abstract sockets (ABI 6)";
  const Fd receiver(::socket(AF_UNIX, SOCK_DGRAM | SOCK_CLOEXEC, 0));
  sockaddr_un address{.sun_family = AF_UNIX, .sun_path = {}};
  const std::string name = "cofferdam-test-" + std::to_string(::getpid());
  name.copy(address.sun_path + 1, sizeof address.sun_path - 2);
  const auto length = static_cast<socklen_t>(offsetof(sockaddr_un, sun_path) + 1 + name.size());
  const auto* const target = reinterpret_cast<const sockaddr*>(&address);
  ASSERT_EQ(::bind(receiver.get(), target, length), 0);
  const auto send = [&] {
    const Fd sender(::socket(AF_UNIX, SOCK_DGRAM | SOCK_CLOEXEC, 0));
    return static_cast<int>(::sendto(sender.get(), "x", 1, 0, target, length));
  };
  EXPECT_EQ(send(), 1);
  expect_errors({{"datagram to the outside", send, EPERM}});
}

TEST_F(Landlock, ADescriptorThatIsOpenIsNotCovered) {
  const Fd before(::open(outside_("file").c_str(), O_WRONLY | O_CLOEXEC));
  expect_errors({{"write", [&] { return static_cast<int>(::write(before.get(), "x", 1)); }, 0}});
  EXPECT_EQ(outside_.read("file"), "x2345");
}

TEST_F(Landlock, AnOlderAbiStillMakesARuleset) {
  for (int abi = 1; abi <= abi_; ++abi) {
    EXPECT_EQ(confined([&] { return ::open(outside_("file").c_str(), O_WRONLY) < 0 && errno == EACCES ? 0 : 1; }, abi),
              0)
        << abi;
  }
}

TEST_F(Landlock, ErrorsAreNegative) {
  EXPECT_LT(enter_landlock(-1), 0);
  EXPECT_EQ(allow_writes_beneath(-1, 0, abi_), -EBADF);
  const Fd ruleset(make_landlock_ruleset(abi_));
  ASSERT_TRUE(ruleset);
  EXPECT_LT(allow_writes_beneath(ruleset.get(), -1, abi_), 0);
}

TEST_F(Landlock, NobodyInsideConnectsATcpSocket) {
  if (abi_ < 4) GTEST_SKIP() << "Landlock ABI 4 (TCP rules, Linux 6.7)";
  const Fd listener(::socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0));
  sockaddr_in address{};
  address.sin_family = AF_INET;
  address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
  socklen_t length = sizeof address;
  auto* raw = reinterpret_cast<sockaddr*>(&address);
  ASSERT_EQ(::bind(listener.get(), raw, length), 0);
  ASSERT_EQ(::listen(listener.get(), 1), 0);
  ASSERT_EQ(::getsockname(listener.get(), raw, &length), 0);
  const auto connects = [&] { return ::connect(::socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0), raw, length); };
  EXPECT_EQ(connects(), 0) << "outside";
  expect_errors({{"connect", connects, EACCES},
                 {"listen", [&] { return ::listen(::socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0), 1); }, 0}});
}

}  // namespace
}  // namespace cofferdam::kernel
