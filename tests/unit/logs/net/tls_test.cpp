#include "logs/net/tls.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <array>
#include <cstdlib>
#include <fstream>
#include <future>
#include <optional>

#include "logs/net/http_client.hpp"
#include "support/authority.hpp"
#include "unit/logs/net/loopback_server.hpp"

namespace cofferdam::logs {
namespace {

using namespace std::chrono_literals;
using cofferdam::test::Authority;
using cofferdam::test::Certificate;
using cofferdam::test::CertificateWish;
using cofferdam::test::TlsAcceptor;
using test::in;
using test::LoopbackServer;
using test::Peer;
using testing::HasSubstr;

class Tls : public testing::Test {
 protected:
  using Session = TlsAcceptor::Session;

  // A server with such a certificate; `handler` is called after each good handshake.
  LoopbackServer& serve(const CertificateWish& wish, std::function<void(Session&)> handler = {},
                        const std::string& newest = {}) {
    acceptor_.emplace(authority_.issue(wish), newest);
    server_.emplace([this, handler = std::move(handler)](const Peer& peer) {
      const auto session = acceptor_->accept(peer.fd());
      if (session && handler) handler(*session);
      if (session && !handler) peer.wait_for_close();
    });
    return *server_;
  }
  Endpoint endpoint(std::string host = "127.0.0.1") const {
    Endpoint result = server_->endpoint(std::move(host));
    result.transport = Endpoint::Transport::tls;
    result.ca_file = authority_.file();
    return result;
  }
  // What opening complains about, with the place cut off; empty when it went well.
  std::string complaint(const Endpoint& endpoint) const {
    const auto connection = Connection::open(endpoint, in(3s));
    if (connection) return "";
    const std::string place = endpoint.host + ":" + std::to_string(endpoint.port) + ": ";
    EXPECT_TRUE(connection.error().message.starts_with(place)) << connection.error().message;
    return connection.error().message.substr(std::min(place.size(), connection.error().message.size()));
  }

  Authority authority_;
  std::optional<TlsAcceptor> acceptor_;
  std::optional<LoopbackServer> server_;
};

TEST_F(Tls, SpeaksWithAVerifiedServer) {
  std::promise<std::string> name;
  std::promise<std::string> version;
  const std::string large(3 << 20, 'x');
  serve({}, [&](Session& session) {
    name.set_value(session.server_name());
    version.set_value(session.version());
    std::string all;
    while (all.size() < large.size()) all += session.read();
    session.write(std::to_string(all.size()));
    session.close();
  });
  auto connection = Connection::open(endpoint("localhost"), in(3s));
  ASSERT_TRUE(connection) << connection.error().message;
  std::this_thread::sleep_for(20ms);
  EXPECT_FALSE(connection->is_stale());  // although session tickets have come
  ASSERT_TRUE(connection->write(large, in(5s)));
  std::array<char, 64> buffer;
  EXPECT_EQ(connection->read(buffer.data(), buffer.size(), in(5s)), 7u);
  EXPECT_EQ(std::string_view(buffer.data(), 7), "3145728");
  EXPECT_EQ(connection->read(buffer.data(), buffer.size(), in(5s)), 0u);
  EXPECT_TRUE(connection->is_stale());
  EXPECT_EQ(name.get_future().get(), "localhost");
  EXPECT_EQ(version.get_future().get(), "TLSv1.3");
}

TEST_F(Tls, SpeaksTls12AndNothingOlder) {
  serve({}, {}, "TLSv1.2");
  EXPECT_EQ(complaint(endpoint()), "");
  server_.reset();
  serve({}, {}, "TLSv1.1");
  EXPECT_EQ(complaint(endpoint()), "the peer does not offer TLS 1.2 or later");
}

TEST_F(Tls, VerifiesIpAddressesAndNames) {
  serve({});
  EXPECT_EQ(complaint(endpoint("127.0.0.1")), "");
  EXPECT_EQ(complaint(endpoint("localhost")), "");
  EXPECT_EQ(complaint(endpoint("localhost.")), "");
  server_.reset();
  serve({.names = {"DNS:*.app.localhost"}});
  EXPECT_EQ(complaint(endpoint("a.app.localhost")), "");
  EXPECT_EQ(complaint(endpoint("a.b.app.localhost")),
            "the server's certificate is for *.app.localhost, not for a.b.app.localhost");
}

TEST_F(Tls, SaysWhyACertificateIsRefused) {
  serve({.valid_from = -2h, .valid_until = -1h});
  EXPECT_EQ(complaint(endpoint()), "the server's certificate has expired");
  server_.reset();
  serve({.valid_from = 1h, .valid_until = 2h});
  EXPECT_EQ(complaint(endpoint()), "the server's certificate is not valid yet (is the clock right?)");
  server_.reset();
  serve({.names = {"DNS:db.example", "IP:10.0.0.7"}});
  EXPECT_EQ(complaint(endpoint()), "the server's certificate is for db.example, 10.0.0.7, not for 127.0.0.1");
  EXPECT_EQ(complaint(endpoint("localhost")),
            "the server's certificate is for db.example, 10.0.0.7, not for localhost");
  server_.reset();
  serve({.self_signed = true});
  EXPECT_EQ(complaint(endpoint()),
            "the server's certificate is self-signed, and not in " + authority_.file() + "; name it in ca_file");
  server_.reset();
  serve({});
  const Authority other;
  Endpoint wrong = endpoint();
  wrong.ca_file = other.file();
  EXPECT_EQ(complaint(wrong), "the server's certificate is of an authority that is not in " + other.file() +
                                  "; name that authority's certificate in ca_file");
}

TEST_F(Tls, TakesAnyCertificateWithoutVerification) {
  serve({.names = {"DNS:db.example"}, .valid_from = -2h, .valid_until = -1h, .self_signed = true});
  Endpoint anyone = endpoint();
  anyone.verify = false;
  anyone.ca_file = "/nonexistent";
  EXPECT_EQ(complaint(anyone), "");
}

TEST_F(Tls, TakesASelfSignedCertificateThatIsNamed) {
  const Certificate own = authority_.issue({.self_signed = true});
  TlsAcceptor acceptor(own);
  LoopbackServer server([&](const Peer& peer) {
    if (const auto session = acceptor.accept(peer.fd())) peer.wait_for_close();
  });
  Endpoint named = server.endpoint();
  named.transport = Endpoint::Transport::tls;
  named.ca_file = own.certificate;
  EXPECT_EQ(complaint(named), "");
}

TEST_F(Tls, FindsTheAuthorities) {
  serve({});
  Endpoint plain = endpoint();
  plain.ca_file = "";
  const char* before = std::getenv("SSL_CERT_FILE");
  const std::string restored = before != nullptr ? before : "";
  ASSERT_EQ(unsetenv("SSL_CERT_FILE"), 0);
  // With the system's bundle, where this machine has one.
  EXPECT_THAT(complaint(plain), testing::AnyOf(HasSubstr("is of an authority that is not in /etc/"),
                                               HasSubstr("no certificate authorities")));
  ASSERT_EQ(setenv("SSL_CERT_FILE", authority_.file().c_str(), 1), 0);
  EXPECT_EQ(complaint(plain), "");
  ASSERT_EQ(setenv("SSL_CERT_FILE", "/nonexistent", 1), 0);
  EXPECT_EQ(check_endpoint(plain).error().message, "SSL_CERT_FILE /nonexistent: no such file or directory");
  ASSERT_EQ(restored.empty() ? unsetenv("SSL_CERT_FILE") : setenv("SSL_CERT_FILE", restored.c_str(), 1), 0);

  EXPECT_TRUE(check_endpoint(endpoint()));
  plain.ca_file = "/nonexistent/ca.pem";
  EXPECT_EQ(check_endpoint(plain).error().message, "ca_file /nonexistent/ca.pem: no such file or directory");
  plain.ca_file = COFFERDAM_SOURCE_DIR "/README.md";
  EXPECT_EQ(check_endpoint(plain).error().message,
            "ca_file " COFFERDAM_SOURCE_DIR "/README.md: holds no certificate in PEM form");
}

TEST_F(Tls, KnowsAPeerThatDoesNotSpeakTls) {
  LoopbackServer server([](const Peer& peer) {
    (void)peer.read();
    peer.write("HTTP/1.1 400 Bad Request\r\n\r\n");
  });
  Endpoint plain = server.endpoint();
  plain.transport = Endpoint::Transport::tls;
  plain.ca_file = authority_.file();
  EXPECT_EQ(complaint(plain), "the peer does not speak TLS");
}

TEST_F(Tls, EndsAHandshakeThatHangsAtTheDeadline) {
  LoopbackServer server([](const Peer& peer) { peer.wait_for_close(); });
  Endpoint hanging = server.endpoint();
  hanging.transport = Endpoint::Transport::tls;
  hanging.ca_file = authority_.file();
  const auto start = std::chrono::steady_clock::now();
  const auto connection = Connection::open(hanging, start + 200ms);
  const auto took = std::chrono::steady_clock::now() - start;
  ASSERT_FALSE(connection);
  EXPECT_THAT(connection.error().message, HasSubstr("TLS handshake: no answer in time"));
  EXPECT_GE(took, 199ms);
  EXPECT_LT(took, 250ms);
}

TEST_F(Tls, TellsACutFromAnOrderlyEnd) {
  serve({}, [](Session& session) { session.write("half of it"); });  // and the socket is closed without a good-bye
  auto connection = Connection::open(endpoint(), in(3s));
  ASSERT_TRUE(connection) << connection.error().message;
  std::array<char, 64> buffer;
  EXPECT_EQ(connection->read(buffer.data(), buffer.size(), in(3s)), 10u);
  const auto end = connection->read(buffer.data(), buffer.size(), in(3s));
  ASSERT_FALSE(end);
  EXPECT_THAT(end.error().message, HasSubstr("cut"));
  EXPECT_TRUE(connection->is_stale());
}

// SIGPIPE has its default action here, too.
TEST_F(Tls, ReportsAPeerThatIsGoneWithoutASignal) {
  serve({}, [](Session&) {});
  auto connection = Connection::open(endpoint(), in(3s));
  ASSERT_TRUE(connection);
  Result<void> written;
  for (int i = 0; i < 100 && written; ++i) {
    written = connection->write("x", in(2s));
    std::this_thread::sleep_for(1ms);
  }
  EXPECT_FALSE(written);
}

TEST_F(Tls, CarriesHttpOverAKeptConnection) {
  serve({}, [](Session& session) {
    std::string request;
    for (std::string more = session.read(); !more.empty(); more = session.read()) {
      request += more;
      if (!request.ends_with("\r\n\r\nx")) continue;
      session.write("HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok");
      request.clear();
    }
  });
  HttpUrl url = *parse_http_url("https://localhost:" + std::to_string(server_->port()));
  url.endpoint.ca_file = authority_.file();
  HttpClient client(url);
  for (int i = 0; i < 3; ++i) {
    const auto answer = client.post("x", {}, in(3s));
    ASSERT_TRUE(answer) << answer.error().message;
    EXPECT_EQ(answer->body, "ok");
  }
  EXPECT_EQ(server_->connections(), 1);
}

}  // namespace
}  // namespace cofferdam::logs
