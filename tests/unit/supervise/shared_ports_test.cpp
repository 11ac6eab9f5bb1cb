#include "supervise/shared_ports.hpp"

#include <arpa/inet.h>
#include <gtest/gtest.h>
#include <netinet/in.h>
#include <poll.h>
#include <sys/stat.h>
#include <unistd.h>

#include <array>
#include <cerrno>
#include <map>
#include <memory>

namespace cofferdam::supervise {
namespace {

std::uint64_t inode_of(int fd) {
  struct stat status{};
  return fstat(fd, &status) == 0 ? status.st_ino : 0;
}

sockaddr_in loopback(std::uint16_t port, const char* address = "127.0.0.1") {
  sockaddr_in in{};
  in.sin_family = AF_INET;
  in.sin_port = htons(port);
  inet_pton(AF_INET, address, &in.sin_addr);
  return in;
}

std::span<const std::byte> bytes_of(const auto& address) {
  return std::as_bytes(std::span(&address, 1));
}

// The sockets of this process stand for those of the apps.
class SharedPortsTest : public testing::Test {
 protected:
  void SetUp() override {
    const kernel::Fd probe(socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0));
    auto any = loopback(0);
    ASSERT_EQ(bind(probe.get(), reinterpret_cast<sockaddr*>(&any), sizeof any), 0);
    socklen_t length = sizeof any;
    ASSERT_EQ(getsockname(probe.get(), reinterpret_cast<sockaddr*>(&any), &length), 0);
    port_ = ntohs(any.sin_port);
    for (const char* name : {"web.1", "web.2", "web.3"}) {
      ports_.join(name, true, [] { return std::set<pid_t>{getpid()}; });
    }
  }

  int bind_one(const std::string& name, const kernel::Fd& app, const char* address = "127.0.0.1") {
    const auto in = loopback(port_, address);
    return ports_.bind(name, kernel::Fd(dup(app.get())), inode_of(app.get()), bytes_of(in),
                       {getpid(), getpid(), app.get()});
  }

  void serve(const std::string& name) {
    auto& app = apps_[name];
    app.reset(socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0));
    ASSERT_EQ(bind_one(name, app), 0);
    ASSERT_EQ(ports_.listen(inode_of(app.get()), 128), 0);
  }

  // Connects, and says who has got each connection.
  std::map<std::string, int> spread(int connections, std::uint16_t source_port = 0) {
    std::map<std::string, int> got;
    for (int i = 0; i < connections; ++i) {
      const kernel::Fd client(socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0));
      constexpr int kOn = 1;
      setsockopt(client.get(), SOL_SOCKET, SO_REUSEADDR, &kOn, sizeof kOn);
      const linger reset{1, 0};  // so that the source port is free at once
      setsockopt(client.get(), SOL_SOCKET, SO_LINGER, &reset, sizeof reset);
      if (source_port != 0) {
        const auto from = loopback(source_port);
        EXPECT_EQ(bind(client.get(), reinterpret_cast<const sockaddr*>(&from), sizeof from), 0);
      }
      const auto to = loopback(port_);
      if (connect(client.get(), reinterpret_cast<const sockaddr*>(&to), sizeof to) != 0) {
        ++got["refused"];
        continue;
      }
      for (const auto& [name, app] : apps_) {
        const kernel::Fd accepted(accept4(app.get(), nullptr, nullptr, SOCK_CLOEXEC));
        if (accepted) ++got[name];
      }
    }
    return got;
  }

  std::uint16_t port_ = 0;
  SharedPorts ports_;
  std::map<std::string, kernel::Fd> apps_;
};

TEST_F(SharedPortsTest, ConnectionsAreSpreadEvenly) {
  for (const char* name : {"web.1", "web.2", "web.3"}) serve(name);
  const auto got = spread(600);
  for (const char* name : {"web.1", "web.2", "web.3"}) {
    EXPECT_GT(got.at(name), 130) << name;  // 200 expected, 6 standard deviations
    EXPECT_LT(got.at(name), 270) << name;
  }
}

TEST_F(SharedPortsTest, AClosedInstanceGetsNone) {
  for (const char* name : {"web.1", "web.2", "web.3"}) serve(name);
  ports_.set_open("web.2", false);
  const auto got = spread(100);
  EXPECT_FALSE(got.contains("web.2"));
  EXPECT_EQ(got.at("web.1") + got.at("web.3"), 100);
  ports_.set_open("web.1", false);
  EXPECT_EQ(spread(50).at("web.3"), 50);
  ports_.set_open("web.2", true);
  EXPECT_TRUE(spread(100).contains("web.2"));
}

TEST_F(SharedPortsTest, OneThatJoinsClosedGetsNoneUntilItIsOpened) {
  serve("web.1");
  ports_.join("web.4", false, [] { return std::set<pid_t>{getpid()}; });
  serve("web.4");
  EXPECT_EQ(spread(50).at("web.1"), 50);
  ports_.set_open("web.4", true);
  EXPECT_TRUE(spread(100).contains("web.4"));
}

TEST_F(SharedPortsTest, PlacesAreKnownAfterOthersHaveLeft) {
  for (const char* name : {"web.1", "web.2", "web.3"}) serve(name);
  apps_.erase("web.1");
  ports_.leave("web.1");  // web.3 has its place now
  ports_.set_open("web.2", false);
  EXPECT_EQ(spread(50).at("web.3"), 50);
  ports_.set_open("web.2", true);
  ports_.set_open("web.3", false);
  EXPECT_EQ(spread(50).at("web.2"), 50);
}

TEST_F(SharedPortsTest, AProbeReachesAClosedInstance) {
  for (const char* name : {"web.1", "web.2", "web.3"}) serve(name);
  ports_.set_open("web.3", false);
  const kernel::Fd any(socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0));
  auto from = loopback(0);
  ASSERT_EQ(bind(any.get(), reinterpret_cast<sockaddr*>(&from), sizeof from), 0);
  socklen_t length = sizeof from;
  getsockname(any.get(), reinterpret_cast<sockaddr*>(&from), &length);
  const std::uint16_t source = ntohs(from.sin_port);
  ports_.steer(source, "web.3");
  constexpr int kOn = 1;
  setsockopt(any.get(), SOL_SOCKET, SO_REUSEADDR, &kOn, sizeof kOn);
  EXPECT_EQ(spread(5, source).at("web.3"), 5);
  EXPECT_FALSE(spread(50).contains("web.3"));
  ports_.stop_steering("web.3");
  EXPECT_FALSE(spread(5, source).contains("web.3"));
}

TEST_F(SharedPortsTest, OneInstanceCantBindTwice) {
  serve("web.1");
  const kernel::Fd second(socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0));
  EXPECT_EQ(bind_one("web.1", second), EADDRINUSE);
  EXPECT_EQ(bind_one("web.1", second, "0.0.0.0"), EADDRINUSE);
  EXPECT_EQ(bind_one("web.1", second, "127.0.0.2"), 0);
}

TEST_F(SharedPortsTest, AnAppThatSharesItselfMayBindTwice) {
  constexpr int kOn = 1;
  std::array<kernel::Fd, 2> workers;
  for (kernel::Fd& worker : workers) {
    worker.reset(socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0));
    setsockopt(worker.get(), SOL_SOCKET, SO_REUSEPORT, &kOn, sizeof kOn);
    EXPECT_EQ(bind_one("web.1", worker), 0);
  }
}

TEST_F(SharedPortsTest, APortOfAStrangerIsTaken) {
  const kernel::Fd stranger(socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0));
  constexpr int kOn = 1;
  setsockopt(stranger.get(), SOL_SOCKET, SO_REUSEPORT, &kOn, sizeof kOn);
  const auto in = loopback(port_);
  ASSERT_EQ(bind(stranger.get(), reinterpret_cast<const sockaddr*>(&in), sizeof in), 0);
  ASSERT_EQ(listen(stranger.get(), 1), 0);
  const kernel::Fd app(socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0));
  EXPECT_EQ(bind_one("web.1", app), EADDRINUSE);
}

TEST_F(SharedPortsTest, AStrangerCantTakeASharedPort) {
  serve("web.1");
  const kernel::Fd stranger(socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0));
  const auto in = loopback(port_);
  EXPECT_EQ(bind(stranger.get(), reinterpret_cast<const sockaddr*>(&in), sizeof in), -1);
  EXPECT_EQ(errno, EADDRINUSE);
}

TEST_F(SharedPortsTest, WhatTheAppHasClosedIsGivenUp) {
  ports_.join("web.1", true, [] { return std::set<pid_t>{}; });  // not the duplicate, which is this process's, too
  serve("web.1");
  apps_.erase("web.1");
  serve("web.1");  // a reloader binds again at once
  EXPECT_EQ(spread(5).at("web.1"), 5);
  apps_.erase("web.1");
  ports_.look();
  EXPECT_TRUE(ports_.empty());
  EXPECT_EQ(spread(1).at("refused"), 1);
}

TEST_F(SharedPortsTest, WaitingConnectionsAreCounted) {
  serve("web.1");
  EXPECT_EQ(ports_.waiting("web.1"), 0U);
  std::array<kernel::Fd, 3> clients;
  for (kernel::Fd& client : clients) {
    client.reset(socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0));
    const auto to = loopback(port_);
    ASSERT_EQ(connect(client.get(), reinterpret_cast<const sockaddr*>(&to), sizeof to), 0);
  }
  EXPECT_EQ(ports_.waiting("web.1"), 3U);
  const kernel::Fd accepted(accept4(apps_.at("web.1").get(), nullptr, nullptr, SOCK_CLOEXEC));
  EXPECT_EQ(ports_.waiting("web.1"), 2U);
  ASSERT_EQ(ports_.listening("web.1").size(), 1U);
  EXPECT_TRUE(ports_.listening("web.2").empty());
}

TEST_F(SharedPortsTest, AnInstanceMayShareSoManyPorts) {
  std::vector<kernel::Fd> apps(SharedPorts::kMostSockets);
  int bound = 0;
  for (kernel::Fd& app : apps) {
    EXPECT_FALSE(ports_.is_full("web.1"));
    app.reset(socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0));
    const std::string address = "127.0." + std::to_string(bound / 200 + 1) + "." + std::to_string(bound % 200 + 1);
    ASSERT_EQ(bind_one("web.1", app, address.c_str()), 0);
    ++bound;
  }
  EXPECT_TRUE(ports_.is_full("web.1"));
  EXPECT_FALSE(ports_.is_full("web.2"));
}

TEST_F(SharedPortsTest, SocketsOfOthersAreNotListenedFor) {
  const kernel::Fd app(socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0));
  EXPECT_EQ(ports_.listen(inode_of(app.get()), 1), std::nullopt);
}

}  // namespace
}  // namespace cofferdam::supervise
