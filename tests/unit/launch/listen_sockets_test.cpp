#include "launch/listen_sockets.hpp"

#include <fcntl.h>
#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <netinet/in.h>
#include <sys/socket.h>

#include "kernel/fd.hpp"

namespace cofferdam::launch {
namespace {

using testing::HasSubstr;

TEST(CountListenSockets, IsForTheProcessThatIsNamed) {
  struct Row {
    std::map<std::string, std::string> environment;
    int count;
  };
  for (const Row& row : {Row{{{"LISTEN_PID", "7"}, {"LISTEN_FDS", "2"}}, 2}, Row{{{"LISTEN_PID", "7"}}, 0},
                         Row{{{"LISTEN_PID", "8"}, {"LISTEN_FDS", "2"}}, 0}, Row{{{"LISTEN_FDS", "2"}}, 0},
                         Row{{{"LISTEN_PID", "7x"}, {"LISTEN_FDS", "2"}}, 0},
                         Row{{{"LISTEN_PID", "7"}, {"LISTEN_FDS", "0"}}, 0}, Row{{}, 0}}) {
    const auto count = count_listen_sockets(row.environment, 7);
    ASSERT_TRUE(count.has_value());
    EXPECT_EQ(*count, row.count);
  }
}

TEST(CountListenSockets, RefusesWhatIsNoNumber) {
  for (const char* text : {"", "-1", "two", "1025", "99999999999999999999", "2 "}) {
    const auto count = count_listen_sockets({{"LISTEN_PID", "7"}, {"LISTEN_FDS", text}}, 7);
    ASSERT_FALSE(count.has_value()) << text;
    EXPECT_THAT(count.error().message, HasSubstr("LISTEN_FDS=" + std::string(text)));
  }
}

kernel::Fd listening(int domain, int type) {
  kernel::Fd fd(socket(domain, type | SOCK_CLOEXEC, 0));
  EXPECT_EQ(listen(fd.get(), 1), 0);
  return fd;
}

TEST(CheckListenSocket, LetsInWhatListens) {
  EXPECT_TRUE(check_listen_socket(listening(AF_INET, SOCK_STREAM).get()));
  EXPECT_TRUE(check_listen_socket(listening(AF_INET6, SOCK_STREAM).get()));
  const kernel::Fd local(socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0));
  const sockaddr address{AF_UNIX, {}};
  ASSERT_EQ(bind(local.get(), &address, sizeof(sa_family_t)), 0);  // the kernel chooses an abstract name
  ASSERT_EQ(listen(local.get(), 1), 0);
  EXPECT_TRUE(check_listen_socket(local.get()));
}

TEST(CheckListenSocket, SaysWhatTheDescriptorIsInstead) {
  const kernel::Fd directory(open("/", O_RDONLY | O_DIRECTORY | O_CLOEXEC));
  const kernel::Fd unconnected(socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0));
  const kernel::Fd datagrams(socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC, 0));
  const kernel::Fd netlink(socket(AF_NETLINK, SOCK_RAW | SOCK_CLOEXEC, 0));
  const auto problem = [](int fd) {
    const auto good = check_listen_socket(fd);
    return good ? std::string() : good.error().message;
  };
  EXPECT_THAT(problem(directory.get()), HasSubstr("descriptor " + std::to_string(directory.get()) + " is no socket"));
  EXPECT_THAT(problem(unconnected.get()), HasSubstr("does not listen"));
  EXPECT_THAT(problem(datagrams.get()), HasSubstr("does not listen"));
  EXPECT_THAT(problem(netlink.get()), HasSubstr("neither an internet nor a unix socket"));
  EXPECT_THAT(problem(1000), HasSubstr("is not open"));
}

}  // namespace
}  // namespace cofferdam::launch
