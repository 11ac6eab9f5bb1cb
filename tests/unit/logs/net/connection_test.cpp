#include "logs/net/connection.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <sys/un.h>

#include <array>
#include <future>

#include "support/temporary_directory.hpp"
#include "unit/logs/net/loopback_server.hpp"

namespace cofferdam::logs {
namespace {

using namespace std::chrono_literals;
using test::in;
using test::LoopbackServer;
using test::Peer;
using testing::AnyOf;
using testing::HasSubstr;

// All that comes until the peer closes.
Result<std::string> read_all(Connection& connection) {
  std::string all;
  std::array<char, 4096> buffer;
  while (true) {
    const auto got = connection.read(buffer.data(), buffer.size(), in(2s));
    if (!got) return std::unexpected(got.error());
    if (*got == 0) return all;
    all.append(buffer.data(), *got);
  }
}

void echo_once(const Peer& peer) {
  peer.write(peer.read());
}

TEST(Connection, SpeaksOverIpv4Ipv6AndNames) {
  LoopbackServer v4(echo_once);
  LoopbackServer v6(echo_once, AF_INET6);
  // localhost is 127.0.0.1 and ::1; nobody listens on the first with the port of the second.
  for (const Endpoint& endpoint :
       {v4.endpoint(), v4.endpoint("localhost"), v6.endpoint("::1"), v6.endpoint("localhost")}) {
    auto connection = Connection::open(endpoint, in(2s));
    ASSERT_TRUE(connection) << connection.error().message;
    ASSERT_TRUE(connection->write("hello", in(2s)));
    EXPECT_EQ(read_all(*connection), "hello");
  }
}

TEST(Connection, NamesThePlaceAndTheReason) {
  Endpoint endpoint;
  endpoint.host = "127.0.0.1";
  endpoint.port = test::unused_port();
  const std::string port = std::to_string(endpoint.port);
  const auto refused = Connection::open(endpoint, in(2s));
  ASSERT_FALSE(refused);
  EXPECT_EQ(refused.error().message, "127.0.0.1:" + port + ": connection refused");
  EXPECT_EQ(refused.error().errnum, ECONNREFUSED);
  endpoint.host = "localhost";
  EXPECT_EQ(Connection::open(endpoint, in(2s)).error().message,
            "localhost:" + port + ": 127.0.0.1 connection refused, ::1 connection refused");
  endpoint.host = "nobody.invalid";
  EXPECT_THAT(Connection::open(endpoint, in(1s)).error().message, HasSubstr("nobody.invalid"));
}

TEST(Connection, GivesUpAtTheDeadline) {
  // A listener whose queue is full answers no SYN.
  const kernel::Fd listener(socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0));
  sockaddr_in address{};
  address.sin_family = AF_INET;
  address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
  socklen_t size = sizeof address;
  ASSERT_EQ(bind(listener.get(), reinterpret_cast<sockaddr*>(&address), size), 0);
  ASSERT_EQ(listen(listener.get(), 0), 0);
  getsockname(listener.get(), reinterpret_cast<sockaddr*>(&address), &size);
  Endpoint endpoint;
  endpoint.host = "127.0.0.1";
  endpoint.port = ntohs(address.sin_port);
  std::vector<Connection> queued;
  Result<void> result;
  auto start = std::chrono::steady_clock::now();
  while (result && queued.size() < 8) {
    start = std::chrono::steady_clock::now();
    auto connection = Connection::open(endpoint, start + 150ms);
    if (connection) {
      queued.push_back(std::move(*connection));
    } else {
      result = std::unexpected(connection.error());
    }
  }
  const auto took = std::chrono::steady_clock::now() - start;
  ASSERT_FALSE(result);
  EXPECT_THAT(result.error().message, HasSubstr("no answer in time"));
  EXPECT_GE(took, 149ms);
  EXPECT_LT(took, 200ms);
}

TEST(Connection, KnowsWhenItIsOfNoFurtherUse) {
  std::promise<void> speak;
  std::promise<void> close;
  auto may_speak = speak.get_future().share();
  auto may_close = close.get_future().share();
  LoopbackServer server([&](const Peer& peer) {
    if (peer.number() == 0) {
      may_close.wait();
    } else {
      may_speak.wait();
      peer.write("unasked");
      peer.wait_for_close();
    }
  });
  auto closed = Connection::open(server.endpoint(), in(2s));
  ASSERT_TRUE(closed);
  EXPECT_FALSE(closed->is_stale());
  close.set_value();
  std::this_thread::sleep_for(20ms);
  EXPECT_TRUE(closed->is_stale());

  auto spoken = Connection::open(server.endpoint(), in(2s));
  ASSERT_TRUE(spoken);
  EXPECT_FALSE(spoken->is_stale());
  speak.set_value();
  std::this_thread::sleep_for(20ms);
  EXPECT_TRUE(spoken->is_stale());
}

// The process has the default action for SIGPIPE: it would be killed.
TEST(Connection, ReportsAPeerThatIsGoneWithoutASignal) {
  LoopbackServer server([](const Peer& peer) { peer.reset(); });
  auto connection = Connection::open(server.endpoint(), in(2s));
  ASSERT_TRUE(connection);
  Result<void> written;
  for (int i = 0; i < 100 && written; ++i) {
    written = connection->write("x", in(2s));
    std::this_thread::sleep_for(1ms);
  }
  ASSERT_FALSE(written);
  EXPECT_THAT(written.error().message, AnyOf(HasSubstr("connection reset by peer"), HasSubstr("broken pipe")));
}

TEST(Connection, WritesAsFastAsASlowPeerReads) {
  const std::string sent(4 << 20, 'x');
  std::promise<std::size_t> received;
  LoopbackServer server([&](const Peer& peer) {
    std::size_t all = 0;
    for (int i = 0; i < 20; ++i) {
      all += peer.read().size();
      std::this_thread::sleep_for(5ms);
    }
    for (std::string more = peer.read(); !more.empty(); more = peer.read()) all += more.size();
    received.set_value(all);
  });
  {
    auto connection = Connection::open(server.endpoint(), in(2s));
    ASSERT_TRUE(connection);
    ASSERT_TRUE(connection->write(sent, in(10s)));
  }
  EXPECT_EQ(received.get_future().get(), sent.size());
}

TEST(Connection, ReadsToTheEndOfAHalfClosedPeer) {
  std::promise<std::string> rest;
  LoopbackServer server([&](const Peer& peer) {
    peer.write("bye");
    shutdown(peer.fd(), SHUT_WR);
    rest.set_value(peer.read());
  });
  auto connection = Connection::open(server.endpoint(), in(2s));
  ASSERT_TRUE(connection);
  EXPECT_EQ(read_all(*connection), "bye");
  EXPECT_TRUE(connection->write("still here", in(2s)));  // the other direction is open
  EXPECT_EQ(rest.get_future().get(), "still here");
}

// --- datagrams and unix sockets --------------------------------------------------------------------------------------

std::string receive(int fd) {
  std::string got(64 << 10, '\0');
  pollfd ready{fd, POLLIN, 0};
  if (poll(&ready, 1, 2000) != 1) return "nothing";
  const ssize_t size = recv(fd, got.data(), got.size(), 0);
  got.resize(size > 0 ? static_cast<std::size_t>(size) : 0);
  return got;
}

kernel::Fd bind_unix(const std::string& path, int type) {
  kernel::Fd fd(socket(AF_UNIX, type | SOCK_CLOEXEC, 0));
  sockaddr_un address{};
  address.sun_family = AF_UNIX;
  std::memcpy(address.sun_path, path.data(), path.size());
  EXPECT_EQ(bind(fd.get(), reinterpret_cast<sockaddr*>(&address), sizeof address), 0);
  return fd;
}

TEST(Connection, SendsDatagramsOverUdp) {
  kernel::Fd receiver(socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC, 0));
  sockaddr_in address{};
  address.sin_family = AF_INET;
  address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
  socklen_t size = sizeof address;
  ASSERT_EQ(bind(receiver.get(), reinterpret_cast<sockaddr*>(&address), size), 0);
  getsockname(receiver.get(), reinterpret_cast<sockaddr*>(&address), &size);
  Endpoint endpoint;
  endpoint.transport = Endpoint::Transport::udp;
  endpoint.host = "127.0.0.1";
  endpoint.port = ntohs(address.sin_port);
  auto connection = Connection::open(endpoint, in(1s));
  ASSERT_TRUE(connection) << connection.error().message;
  ASSERT_TRUE(connection->write("one", in(1s)));
  ASSERT_TRUE(connection->write("two", in(1s)));
  EXPECT_EQ(receive(receiver.get()), "one");
  EXPECT_EQ(receive(receiver.get()), "two");
  const auto large = connection->write(std::string(70000, 'x'), in(1s));
  ASSERT_FALSE(large);
  EXPECT_EQ(large.error().errnum, EMSGSIZE);
  EXPECT_FALSE(connection->is_stale());

  receiver.reset();
  ASSERT_TRUE(connection->write("nobody reads it", in(1s)));
  std::this_thread::sleep_for(20ms);  // the ICMP message comes back
  EXPECT_TRUE(connection->is_stale());
}

TEST(Connection, SpeaksOverUnixStreamSockets) {
  const cofferdam::test::TemporaryDirectory directory;
  const std::string path = directory.path() + "/stream";
  const kernel::Fd listener = bind_unix(path, SOCK_STREAM);
  ASSERT_EQ(listen(listener.get(), 1), 0);
  Endpoint endpoint;
  endpoint.transport = Endpoint::Transport::unix_stream;
  endpoint.path = path;
  auto connection = Connection::open(endpoint, in(1s));
  ASSERT_TRUE(connection) << connection.error().message;
  const kernel::Fd accepted(accept4(listener.get(), nullptr, nullptr, SOCK_CLOEXEC));
  ASSERT_TRUE(connection->write("hello", in(1s)));
  EXPECT_EQ(receive(accepted.get()), "hello");
  EXPECT_EQ(to_string(endpoint), "unix:" + path);

  endpoint.path = directory.path() + "/none";
  EXPECT_EQ(Connection::open(endpoint, in(1s)).error().message, endpoint.path + ": no such file or directory");
  endpoint.path = std::string(200, 'x');
  EXPECT_THAT(Connection::open(endpoint, in(1s)).error().message, HasSubstr("1 to 107 bytes"));
}

TEST(Connection, WaitsWhileTheQueueOfAUnixDatagramSocketIsFull) {
  const cofferdam::test::TemporaryDirectory directory;
  Endpoint endpoint;
  endpoint.transport = Endpoint::Transport::unix_datagram;
  endpoint.path = directory.path() + "/datagram";
  kernel::Fd receiver = bind_unix(endpoint.path, SOCK_DGRAM);
  auto connection = Connection::open(endpoint, in(1s));
  ASSERT_TRUE(connection) << connection.error().message;

  int sent = 0;
  Result<void> written;
  while (sent < 100000 && (written = connection->write(std::to_string(sent), in(50ms)))) ++sent;
  ASSERT_FALSE(written);
  EXPECT_EQ(written.error().errnum, ETIMEDOUT);
  EXPECT_EQ(receive(receiver.get()), "0");
  EXPECT_TRUE(connection->write("more", in(1s)));  // there is room again

  receiver.reset();
  EXPECT_THAT(connection->write("gone", in(1s)).error().message, HasSubstr("connection refused"));
}

TEST(Endpoint, IsWrittenAsPeopleTypeIt) {
  EXPECT_EQ(to_string(Endpoint{.transport = Endpoint::Transport::tls, .host = "collector", .port = 6514}),
            "tls://collector:6514");
  EXPECT_EQ(to_string(Endpoint{.transport = Endpoint::Transport::udp, .host = "::1", .port = 514}), "udp://[::1]:514");
  EXPECT_EQ(to_string(Endpoint{.transport = Endpoint::Transport::unix_datagram, .path = "/dev/log"}), "unix:/dev/log");
}

}  // namespace
}  // namespace cofferdam::logs
