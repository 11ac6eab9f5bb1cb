#include "logs/net/http_client.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <future>

#include "unit/logs/net/loopback_server.hpp"

namespace cofferdam::logs {
namespace {

using namespace std::chrono_literals;
using test::in;
using test::LoopbackServer;
using test::Peer;
using testing::HasSubstr;

HttpClient client_of(const LoopbackServer& server) {
  return HttpClient(*parse_http_url("http://127.0.0.1:" + std::to_string(server.port()) + "/v1/logs"));
}

TEST(HttpClient, SendsARequestAndReadsTheAnswer) {
  std::promise<std::string> request;
  LoopbackServer server([&](const Peer& peer) {
    request.set_value(peer.read_request());
    peer.write("HTTP/1.1 503 Service Unavailable\r\nRetry-After: 7\r\nContent-Length: 4\r\n\r\nbusy");
    peer.wait_for_close();
  });
  auto client = client_of(server);
  const auto answer = client.post("hello", {{"Content-Type", "text/plain"}}, in(2s));
  ASSERT_TRUE(answer) << answer.error().message;
  EXPECT_EQ(answer->status, 503);
  EXPECT_EQ(answer->reason, "Service Unavailable");
  EXPECT_EQ(answer->headers.at("retry-after"), "7");
  EXPECT_EQ(answer->body, "busy");
  EXPECT_EQ(request.get_future().get(), "POST /v1/logs HTTP/1.1\r\nHost: 127.0.0.1:" + std::to_string(server.port()) +
                                            "\r\nUser-Agent: cofferdam/" COFFERDAM_VERSION
                                            "\r\nContent-Type: text/plain\r\nContent-Length: 5\r\n\r\nhello");
}

// What a server may send, cut into single bytes, and what the client makes of it.
struct Answer {
  const char* name;
  std::string bytes;
  std::string body;       // of a good answer
  std::string complaint;  // else: part of the message
  friend std::ostream& operator<<(std::ostream& out, const Answer& answer) { return out << answer.name; }
};
class HttpAnswers : public testing::TestWithParam<Answer> {};

TEST_P(HttpAnswers, AreReadWhateverTheReads) {
  for (const std::size_t piece : {std::size_t{1}, std::size_t{7}, std::size_t{1} << 20}) {
    LoopbackServer server([&](const Peer& peer) {
      (void)peer.read_request();
      for (std::size_t i = 0; i < GetParam().bytes.size(); i += piece) {
        if (piece == 1 && i > 4096) {
          peer.write(std::string_view(GetParam().bytes).substr(i));
          break;
        }
        peer.write(std::string_view(GetParam().bytes).substr(i, piece));
      }
    });
    auto client = client_of(server);
    const auto answer = client.post("x", {}, in(3s));
    if (GetParam().complaint.empty()) {
      ASSERT_TRUE(answer) << answer.error().message;
      EXPECT_EQ(answer->status, 200);
      EXPECT_EQ(answer->body, GetParam().body);
    } else {
      ASSERT_FALSE(answer);
      EXPECT_THAT(answer.error().message, HasSubstr(GetParam().complaint));
      EXPECT_THAT(answer.error().message, HasSubstr("127.0.0.1:" + std::to_string(server.port())));
    }
  }
}

INSTANTIATE_TEST_SUITE_P(
    All, HttpAnswers,
    testing::Values(
        Answer{"length", "HTTP/1.1 200 OK\r\nContent-Length: 3\r\n\r\nabc", "abc", ""},
        Answer{"empty", "HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n", "", ""},
        Answer{"chunked",
               "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n3;x=y\r\nabc\r\n2\r\nde\r\n0\r\nT: 1\r\n\r\n",
               "abcde", ""},
        Answer{"until the end", "HTTP/1.0 200 OK\r\n\r\nabc", "abc", ""},
        Answer{"interim", "HTTP/1.1 103 Early Hints\r\nLink: x\r\n\r\nHTTP/1.1 200 OK\r\nContent-Length: 1\r\n\r\na",
               "a", ""},
        Answer{"nothing", "", "", "closed without an answer"},
        Answer{"cut header", "HTTP/1.1 200 OK\r\nConte", "", "closed in the middle"},
        Answer{"cut body", "HTTP/1.1 200 OK\r\nContent-Length: 9\r\n\r\nabc", "", "closed in the middle"},
        Answer{"cut chunk", "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n9\r\nabc", "",
               "closed in the middle"},
        Answer{"garbage", "SSH-2.0-OpenSSH_9.2\r\n", "", "not HTTP"},
        Answer{"binary", std::string("\x15\x03\x01\x00\x02\x02\x50", 7) + std::string(64, '\0'), "", "not HTTP"},
        Answer{"header flood", "HTTP/1.1 200 OK\r\n" + std::string(200000, 'a'), "", "64 KiB"},
        Answer{"many headers",
               [] {
                 std::string all = "HTTP/1.1 200 OK\r\n";
                 for (int i = 0; i < 10000; ++i) all += "X-Header-" + std::to_string(i) + ": value\r\n";
                 return all + "Content-Length: 0\r\n\r\n";
               }(),
               "", "64 KiB"},
        Answer{"chunk extension flood",
               "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n1;" + std::string(200000, 'a'), "", "not HTTP"},
        Answer{"large body", "HTTP/1.1 200 OK\r\nContent-Length: 4194305\r\n\r\n", "", "larger than 4 MiB"},
        Answer{"large chunks",
               "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n500000\r\n" + std::string(0x500000, 'a'), "",
               "larger than 4 MiB"},
        Answer{"large until the end", "HTTP/1.0 200 OK\r\n\r\n" + std::string(0x500000, 'a'), "", "larger than 4 MiB"},
        Answer{"interim without an end",
               [] {
                 std::string all;
                 for (int i = 0; i < 20; ++i) all += "HTTP/1.1 102 Processing\r\n\r\n";
                 return all;
               }(),
               "", "interim"}));

TEST(HttpClient, KeepsTheConnection) {
  LoopbackServer server([](const Peer& peer) {
    while (!peer.read_request().empty()) peer.write("HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok");
  });
  auto client = client_of(server);
  for (int i = 0; i < 3; ++i) ASSERT_TRUE(client.post("x", {}, in(2s)));
  EXPECT_EQ(server.connections(), 1);
  client.close();
  ASSERT_TRUE(client.post("x", {}, in(2s)));
  EXPECT_EQ(server.connections(), 2);
}

TEST(HttpClient, OpensAnotherConnectionWhenTheServerHasClosedAnIdleOne) {
  LoopbackServer server([](const Peer& peer) {
    (void)peer.read_request();
    peer.write("HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok");
  });
  auto client = client_of(server);
  for (int i = 0; i < 3; ++i) {
    const auto answer = client.post("x", {}, in(2s));
    ASSERT_TRUE(answer) << answer.error().message;
    std::this_thread::sleep_for(10ms);  // the server's FIN
  }
  EXPECT_EQ(server.connections(), 3);
}

TEST(HttpClient, HonoursConnectionClose) {
  LoopbackServer server([](const Peer& peer) {
    (void)peer.read_request();
    peer.write("HTTP/1.1 200 OK\r\nConnection: close\r\nContent-Length: 2\r\n\r\nok");
    peer.wait_for_close();  // the client's part
  });
  auto client = client_of(server);
  for (int i = 0; i < 2; ++i) ASSERT_TRUE(client.post("x", {}, in(2s)));
  EXPECT_EQ(server.connections(), 2);
}

TEST(HttpClient, DropsAConnectionThatHoldsMoreThanTheAnswer) {
  LoopbackServer server([](const Peer& peer) {
    (void)peer.read_request();
    peer.write("HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nokHTTP/1.1 200 OK\r\nContent-Length: 4\r\n\r\nevil");
    peer.wait_for_close();
  });
  auto client = client_of(server);
  EXPECT_EQ(client.post("x", {}, in(2s))->body, "ok");
  EXPECT_EQ(client.post("x", {}, in(2s))->body, "ok");
  EXPECT_EQ(server.connections(), 2);
}

TEST(HttpClient, ReportsAResetInTheMiddleOfTheRequest) {
  LoopbackServer server([](const Peer& peer) {
    (void)peer.read();
    peer.reset();
  });
  auto client = client_of(server);
  const auto answer = client.post(std::string(8 << 20, 'x'), {}, in(3s));
  ASSERT_FALSE(answer);
  EXPECT_THAT(answer.error().message, testing::AnyOf(HasSubstr("connection reset"), HasSubstr("broken pipe")));
}

TEST(HttpClient, TakesAnAnswerThatComesBeforeTheRequestIsRead) {
  LoopbackServer server([](const Peer& peer) {
    (void)peer.read();
    peer.write("HTTP/1.1 413 Payload Too Large\r\nContent-Length: 0\r\nConnection: close\r\n\r\n");
    shutdown(peer.fd(), SHUT_WR);
    std::this_thread::sleep_for(50ms);  // then the rest of the request meets a reset
  });
  auto client = client_of(server);
  const auto answer = client.post(std::string(32 << 20, 'x'), {}, in(3s));
  ASSERT_TRUE(answer) << answer.error().message;
  EXPECT_EQ(answer->status, 413);
}

// The deadline holds whatever the server is slow at, and not more than 50 ms late.
struct Slow {
  const char* name;
  LoopbackServer::Handler handler;
  friend std::ostream& operator<<(std::ostream& out, const Slow& slow) { return out << slow.name; }
};
class HttpDeadlines : public testing::TestWithParam<Slow> {};

TEST_P(HttpDeadlines, Hold) {
  LoopbackServer server(GetParam().handler);
  auto client = client_of(server);
  const auto start = std::chrono::steady_clock::now();
  const auto answer = client.post(std::string(8 << 20, 'x'), {}, start + 200ms);
  const auto took = std::chrono::steady_clock::now() - start;
  ASSERT_FALSE(answer);
  EXPECT_THAT(answer.error().message, HasSubstr("no answer in time"));
  EXPECT_EQ(answer.error().errnum, ETIMEDOUT);
  EXPECT_GE(took, 199ms);
  EXPECT_LT(took, 250ms);
}

INSTANTIATE_TEST_SUITE_P(All, HttpDeadlines,
                         testing::Values(Slow{"accepts and hangs",
                                              [](const Peer& peer) {
                                                pollfd hung{peer.fd(), POLLRDHUP, 0};
                                                poll(&hung, 1, 2000);
                                              }},
                                         Slow{"reads and hangs", [](const Peer& peer) { peer.wait_for_close(); }},
                                         Slow{"answers a byte a time", [](const Peer& peer) {
                                                (void)peer.read_request();
                                                peer.write("HTTP/1.1 200 OK\r\nX: ");
                                                for (int i = 0; i < 100; ++i) {
                                                  peer.write("x");
                                                  std::this_thread::sleep_for(20ms);
                                                }
                                              }}));

TEST(HttpClient, RefusesHeadersThatAreNone) {
  HttpClient client(*parse_http_url("http://127.0.0.1:1"));
  EXPECT_THAT(client.post("", {{"X-Y", "a\r\nb: c"}}, in(1s)).error().message, HasSubstr("X-Y"));
  EXPECT_THAT(client.post("", {{"X Y", "a"}}, in(1s)).error().message, HasSubstr("\"X Y\""));
}

TEST(ParseHttpUrl, TakesItsParts) {
  const auto url = parse_http_url("https://us%65r:p%40ss@collector.example/otlp/v1/logs?x=1#top");
  ASSERT_TRUE(url) << url.error().message;
  EXPECT_EQ(url->endpoint.transport, Endpoint::Transport::tls);
  EXPECT_EQ(url->endpoint.host, "collector.example");
  EXPECT_EQ(url->endpoint.port, 443);
  EXPECT_EQ(url->host_header, "collector.example");
  EXPECT_EQ(url->target, "/otlp/v1/logs?x=1");
  EXPECT_EQ(url->authorization, "Basic dXNlcjpwQHNz");

  const auto plain = parse_http_url("HTTP://[::1]:4318");
  ASSERT_TRUE(plain);
  EXPECT_EQ(plain->endpoint.host, "::1");
  EXPECT_EQ(plain->endpoint.port, 4318);
  EXPECT_EQ(plain->host_header, "[::1]:4318");
  EXPECT_EQ(plain->target, "/");
  EXPECT_EQ(parse_http_url("http://h?q")->target, "/?q");
}

TEST(ParseHttpUrl, RefusesWhatIsNoneWithoutRepeatingItsPassword) {
  for (const char* url : {"", "collector:4318", "ftp://h", "http://", "http://u:s3cret@", "http://h:0",
                          "http://h:65536", "http://h:x", "http://[::1", "http://[h]", "http://[::1]x", "http://::1:80",
                          "http://u:s3cret%4@h", "http://h/a b", "http://h/\r\nX: y", "http://:80"}) {
    const auto parsed = parse_http_url(url);
    ASSERT_FALSE(parsed) << url;
    EXPECT_THAT(parsed.error().message, testing::Not(HasSubstr("s3cret")));
  }
}

TEST(ParseRetryAfter, TakesSecondsAndDates) {
  const auto now = std::chrono::system_clock::from_time_t(784111777);  // Sun, 06 Nov 1994 08:49:37 GMT
  EXPECT_EQ(parse_retry_after("0", now), 0ms);
  EXPECT_EQ(parse_retry_after(" 120 ", now), 120s);
  EXPECT_EQ(parse_retry_after("86400", now), 5min);
  EXPECT_EQ(parse_retry_after("99999999999999999999999", now), 5min);
  EXPECT_EQ(parse_retry_after("Sun, 06 Nov 1994 08:50:37 GMT", now), 60s);
  EXPECT_EQ(parse_retry_after("Sunday, 06-Nov-94 08:50:37 GMT", now), 60s);
  EXPECT_EQ(parse_retry_after("Sun Nov  6 08:50:37 1994", now), 60s);
  EXPECT_EQ(parse_retry_after("Sun, 06 Nov 1994 08:49:00 GMT", now), 0ms);
  EXPECT_EQ(parse_retry_after("Fri, 31 Dec 9999 23:59:59 GMT", now), 5min);
  for (const char* none : {"", "soon", "-1", "1.5", "12x", "Sun, 06 Nov 1994 08:50:37 GMT+1"}) {
    EXPECT_EQ(parse_retry_after(none, now), std::nullopt) << none;
  }
}

}  // namespace
}  // namespace cofferdam::logs
