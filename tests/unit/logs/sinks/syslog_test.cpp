#include <gtest/gtest.h>
#include <sys/socket.h>
#include <sys/un.h>

#include <algorithm>
#include <array>
#include <future>
#include <string>
#include <vector>

#include "logs/sinks/sender.hpp"
#include "support/authority.hpp"
#include "support/temporary_directory.hpp"
#include "unit/logs/net/loopback_server.hpp"

namespace cofferdam::logs {
namespace {

using namespace std::chrono_literals;
using test::in;
using test::LoopbackServer;
using test::Peer;
using Outcome = SendResult::Outcome;

std::unique_ptr<Sender> sender_to(const std::string& address, const std::function<void(LogSink&)>& change = {}) {
  LogSink sink;
  sink.type = LogSink::Type::syslog;
  sink.address = address;
  if (change) change(sink);
  auto sender = make_syslog_sender(sink, {"web.1", "shop", "box"});
  if (!sender) throw std::runtime_error(sender.error().message);
  return std::move(*sender);
}

std::string body_of(Sender& sender, const std::vector<std::string>& messages) {
  std::vector<Record> records;
  for (const std::string& message : messages) {
    records.emplace_back().message = message;
    records.back().seq = records.size();
  }
  return sender.encode(records);
}

SendResult send(Sender& sender, const std::vector<std::string>& messages) {
  return sender.send(body_of(sender, messages), messages.size(), in(3s));
}

TEST(SyslogSender, CountsItsOctetsOverTcp) {
  std::promise<std::string> got;
  LoopbackServer server([&](const Peer& peer) { got.set_value(peer.read_until("two\nlines")); });
  const auto sender = sender_to("tcp://127.0.0.1:" + std::to_string(server.port()));
  EXPECT_FALSE(sender->acknowledges());
  const std::string body = body_of(*sender, {"one", "two\nlines"});
  EXPECT_EQ(sender->send(body, 2, in(3s)).outcome, Outcome::delivered);
  EXPECT_EQ(got.get_future().get(), body);
}

TEST(SyslogSender, WritesLinesWhereThatIsAskedFor) {
  std::promise<std::string> got;
  LoopbackServer server([&](const Peer& peer) { got.set_value(peer.read_until("three\n")); });
  const auto sender =
      sender_to("tcp://127.0.0.1:" + std::to_string(server.port()), [](LogSink& sink) { sink.octet_counting = false; });
  EXPECT_EQ(send(*sender, {"one\ntwo", "three"}).outcome, Outcome::delivered);
  const std::string text = got.get_future().get();
  EXPECT_EQ(std::ranges::count(text, '\n'), 2);
  EXPECT_TRUE(text.starts_with("<14>1 "));
  EXPECT_NE(text.find(" one#012two\n<14>1 "), std::string::npos) << text;
}

TEST(SyslogSender, ConnectsAgainWhenTheServerHasClosed) {
  std::atomic<int> messages = 0;
  LoopbackServer server([&](const Peer& peer) {
    if (peer.read().contains("message")) ++messages;
  });
  const auto sender = sender_to("tcp://127.0.0.1:" + std::to_string(server.port()));
  for (int i = 1; i <= 3; ++i) {
    EXPECT_EQ(send(*sender, {"message"}).outcome, Outcome::delivered);
    for (int wait = 0; wait < 300 && messages < i; ++wait) std::this_thread::sleep_for(10ms);
    std::this_thread::sleep_for(20ms);  // until the end has come, too
  }
  EXPECT_EQ(messages, 3);
  EXPECT_EQ(server.connections(), 3);
}

TEST(SyslogSender, SaysWhyItCanNotSend) {
  std::string address;
  {
    LoopbackServer server([](const Peer&) {});
    address = "tcp://127.0.0.1:" + std::to_string(server.port());
  }
  const auto sender = sender_to(address);
  const SendResult result = send(*sender, {"x"});
  EXPECT_EQ(result.outcome, Outcome::retry);
  EXPECT_NE(result.why.find("connection refused"), std::string::npos) << result.why;
  EXPECT_EQ(sender->reach(in(3s)).outcome, Outcome::retry);
}

TEST(SyslogSender, SpeaksTls) {
  cofferdam::test::Authority authority;
  cofferdam::test::TlsAcceptor acceptor(authority.issue({}));
  std::promise<std::string> got;
  LoopbackServer server([&](const Peer& peer) {
    const auto session = acceptor.accept(peer.fd());
    got.set_value(session ? session->read() : "no session");
  });
  const auto sender = sender_to("tls://127.0.0.1:" + std::to_string(server.port()),
                                [&](LogSink& sink) { sink.ca_file = authority.file(); });
  const std::string body = body_of(*sender, {"secret"});
  EXPECT_EQ(sender->send(body, 1, in(3s)).outcome, Outcome::delivered);
  EXPECT_EQ(got.get_future().get(), body);
}

class LocalSocket {
 public:
  explicit LocalSocket(int type) : fd_(socket(AF_UNIX, type | SOCK_CLOEXEC, 0)) {
    sockaddr_un address{};
    address.sun_family = AF_UNIX;
    const std::string path = directory_("log");
    path.copy(address.sun_path, sizeof address.sun_path - 1);
    EXPECT_EQ(bind(fd_.get(), reinterpret_cast<sockaddr*>(&address), sizeof address), 0);
    EXPECT_TRUE(type != SOCK_STREAM || listen(fd_.get(), 1) == 0);
  }
  [[nodiscard]] std::string address() const { return "unix:" + directory_("log"); }
  [[nodiscard]] int fd() const { return fd_.get(); }
  [[nodiscard]] static std::string receive(int fd) {
    std::array<char, 65536> bytes{};
    const ssize_t size = recv(fd, bytes.data(), bytes.size(), 0);
    return {bytes.data(), static_cast<std::size_t>(std::max<ssize_t>(size, 0))};
  }

 private:
  cofferdam::test::TemporaryDirectory directory_;
  kernel::Fd fd_;
};

TEST(SyslogSender, SendsADatagramARecordToALocalSocket) {
  const LocalSocket local(SOCK_DGRAM);
  const auto sender = sender_to(local.address());
  EXPECT_EQ(send(*sender, {"one", "two"}).outcome, Outcome::delivered);
  EXPECT_TRUE(LocalSocket::receive(local.fd()).ends_with(" shop[web.1]: one"));
  EXPECT_TRUE(LocalSocket::receive(local.fd()).ends_with(" shop[web.1]: two"));
}

TEST(SyslogSender, TakesAStreamSocketAtTheSamePath) {
  const LocalSocket local(SOCK_STREAM);
  const auto sender = sender_to(local.address());
  EXPECT_EQ(send(*sender, {"one", "two"}).outcome, Outcome::delivered);
  const kernel::Fd peer(accept4(local.fd(), nullptr, nullptr, SOCK_CLOEXEC));
  const std::string got = LocalSocket::receive(peer.get());
  EXPECT_EQ(std::ranges::count(got, '\n'), 2) << got;
  EXPECT_TRUE(got.ends_with(" shop[web.1]: two\n")) << got;
}

// A full socket makes it wait until the deadline, and what was sent is not sent again.
TEST(SyslogSender, GoesOnWhereADatagramSocketWasFull) {
  const LocalSocket local(SOCK_DGRAM);
  const auto sender = sender_to(local.address());
  std::vector<std::string> messages;
  for (int i = 0; i < 200; ++i) messages.push_back("m" + std::to_string(i) + " " + std::string(4000, 'x'));
  const std::string body = body_of(*sender, messages);
  EXPECT_EQ(sender->send(body, messages.size(), in(50ms)).outcome, Outcome::retry);
  std::vector<std::string> got;
  auto rest = std::async(std::launch::async, [&] { return sender->send(body, messages.size(), in(5s)); });
  while (got.size() < messages.size()) got.push_back(LocalSocket::receive(local.fd()));
  EXPECT_EQ(rest.get().outcome, Outcome::delivered);
  for (std::size_t i = 0; i < got.size(); ++i) {
    EXPECT_NE(got[i].find(" shop[web.1]: m" + std::to_string(i) + " "), std::string::npos) << i;
  }
}

}  // namespace
}  // namespace cofferdam::logs
