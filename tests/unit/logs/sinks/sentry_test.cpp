#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <zlib.h>

#include <nlohmann/json.hpp>
#include <random>

#include "logs/sinks/sender.hpp"
#include "logs/sinks/sentry_dsn.hpp"
#include "logs/sinks/sentry_encoder.hpp"
#include "logs/sinks/sentry_limits.hpp"
#include "unit/logs/net/loopback_server.hpp"

namespace cofferdam::logs {
namespace {

using namespace std::chrono_literals;
using nlohmann::json;
using test::in;
using test::LoopbackServer;
using test::Peer;
using testing::HasSubstr;
using testing::Not;
using Outcome = SendResult::Outcome;

const SenderContext kContext = {"web.1", "gunicorn", "build-7"};
constexpr std::string_view kKey = "0123456789abcdef0123456789abcdef";

std::string dsn_of(std::uint16_t port) {
  return "http://" + std::string(kKey) + "@127.0.0.1:" + std::to_string(port) + "/42";
}

Record record_of(std::string_view message) {
  Record record;
  record.time = 1700000000123456789;
  record.seq = 7;
  record.stream = Stream::err;
  record.level = LogLevel::error;
  record.message = message;
  return record;
}

// The event of an envelope, read as strictly as it is described: lines, and a length that holds.
json event_of(const std::string& envelope) {
  const std::size_t first = envelope.find('\n');
  const std::size_t second = envelope.find('\n', first + 1);
  const json header = json::parse(envelope.substr(0, first));
  const json item = json::parse(envelope.substr(first + 1, second - first - 1));
  EXPECT_EQ(item["type"], "event");
  const std::string payload = envelope.substr(second + 1);
  EXPECT_EQ(payload.size(), item["length"].get<std::size_t>() + 1);
  EXPECT_TRUE(payload.ends_with('\n'));
  const json event = json::parse(payload);
  EXPECT_EQ(event["event_id"], header["event_id"]);
  EXPECT_EQ(event["event_id"].get<std::string>().size(), 32U);
  return event;
}

json encoded(const Record& record) {
  return event_of(SentryEncoder({"web.1", "gunicorn", "build-7", "production", "shop@1.2"}).encode(record));
}

TEST(SentryDsn, GivesTheAddressOfTheProject) {
  const auto dsn = parse_sentry_dsn("https://abc123@o1.ingest.sentry.io/42");
  ASSERT_TRUE(dsn) << dsn.error().message;
  EXPECT_EQ(dsn->key, "abc123");
  EXPECT_EQ(dsn->url.endpoint.host, "o1.ingest.sentry.io");
  EXPECT_EQ(dsn->url.endpoint.port, 443);
  EXPECT_EQ(dsn->url.endpoint.transport, Endpoint::Transport::tls);
  EXPECT_EQ(dsn->url.target, "/api/42/envelope/");
  EXPECT_EQ(dsn->url.authorization, "");
  EXPECT_EQ(dsn->place, "https://o1.ingest.sentry.io/42");
}

TEST(SentryDsn, TakesPathsPortsAndOldSecrets) {
  const auto dsn = parse_sentry_dsn("http://abc:s3cret@[::1]:9000/a/b/42/");
  ASSERT_TRUE(dsn) << dsn.error().message;
  EXPECT_EQ(dsn->key, "abc");
  EXPECT_EQ(dsn->url.endpoint.host, "::1");
  EXPECT_EQ(dsn->url.endpoint.port, 9000);
  EXPECT_EQ(dsn->url.target, "/a/b/api/42/envelope/");
  EXPECT_THAT(dsn->place, Not(HasSubstr("s3cret")));
}

TEST(SentryDsn, SaysWhatIsWrongAndShowsNothing) {
  const std::vector<std::pair<const char*, const char*>> wrong = {
      {"", "begins with"},
      {"s3cret", "begins with"},
      {"ftp://s3cret@h/1", "begins with"},
      {"https://h.example/1", "no key"},
      {"https://@h.example/1", "letters and digits"},
      {"https://s3 cret@h.example/1", "letters and digits"},
      {"https://s3cret,x=y@h.example/1", "letters and digits"},
      {"https://s3cret@/1", "host"},
      {"https://s3cret@h.example", "no project"},
      {"https://s3cret@h.example/", "no project"},
      {"https://s3cret@h.example/shop", "no project"},
      {"https://s3cret@h.example:99999/1", "port"},
      {"https://s3cret@h.example/1?x", "no ?"},
  };
  for (const auto& [text, why] : wrong) {
    const auto dsn = parse_sentry_dsn(text);
    ASSERT_FALSE(dsn) << text;
    EXPECT_THAT(dsn.error().message, HasSubstr(why)) << text;
    EXPECT_THAT(dsn.error().message, Not(HasSubstr("s3"))) << text;
  }
}

TEST(SentryEncoder, ALineIsAMessage) {
  Record record = record_of("refused: no such order");
  const std::vector<Field> fields = {{"order", "42"}, {"logger", R"("shop.orders")"}, {"seq", "\"theirs\""}};
  record.fields = fields;
  record.trace_id = "0123456789abcdef0123456789abcdef";
  record.span_id = "0123456789abcdef";
  const json event = encoded(record);
  EXPECT_EQ(event["logentry"]["formatted"], "refused: no such order");
  EXPECT_FALSE(event.contains("exception"));
  EXPECT_FALSE(event.contains("fingerprint"));
  EXPECT_EQ(event["timestamp"], "2023-11-14T22:13:20.123456789Z");
  EXPECT_EQ(event["level"], "error");
  EXPECT_EQ(event["platform"], "other");
  EXPECT_EQ(event["logger"], "shop.orders");
  EXPECT_EQ(event["server_name"], "build-7");
  EXPECT_EQ(event["release"], "shop@1.2");
  EXPECT_EQ(event["environment"], "production");
  EXPECT_EQ(event["tags"], json({{"instance", "web.1"}, {"stream", "stderr"}, {"app", "gunicorn"}}));
  EXPECT_EQ(event["extra"], json({{"seq", 7}, {"order", 42}, {"logger", "shop.orders"}, {"app.seq", "theirs"}}));
  EXPECT_EQ(event["contexts"]["trace"]["trace_id"], record.trace_id);
  EXPECT_EQ(event["contexts"]["trace"]["span_id"], record.span_id);
}

TEST(SentryEncoder, ATraceIsAnException) {
  const Record record = record_of(
      "ERROR:root:the job failed\nTraceback (most recent call last):\n"
      "  File \"/srv/app/a.py\", line 3, in <module>\n    work()\n"
      "  File \"/usr/lib/python3.11/json/decoder.py\", line 355, in decode\nValueError: no JSON");
  const json event = encoded(record);
  EXPECT_EQ(event["platform"], "python");
  EXPECT_EQ(event["logentry"]["formatted"], "ERROR:root:the job failed");
  const json& exception = event["exception"]["values"][0];
  EXPECT_EQ(event["exception"]["values"].size(), 1U);
  EXPECT_EQ(exception["type"], "ValueError");
  EXPECT_EQ(exception["value"], "no JSON");
  EXPECT_EQ(exception["stacktrace"]["frames"], json::parse(R"x([
      {"function":"<module>","filename":"/srv/app/a.py","abs_path":"/srv/app/a.py","lineno":3,
       "context_line":"work()","in_app":true},
      {"function":"decode","filename":"/usr/lib/python3.11/json/decoder.py",
       "abs_path":"/usr/lib/python3.11/json/decoder.py","lineno":355,"in_app":false}])x"));
  EXPECT_EQ(event["extra"]["stack_trace_text"], record.message);
}

TEST(SentryEncoder, FindsTheTraceThatALoggerWroteIntoAField) {
  const std::string trace = R"x("Error: gone\n    at take (/srv/app/shop.js:3:9)")x";
  const std::string inside = R"({"type":"Error","message":"gone","stack":)" + trace + "}";
  for (const auto& field : {Field{"stack", trace}, Field{"err", inside}}) {
    Record record = record_of("the order failed");
    record.fields = {&field, 1};
    const json event = encoded(record);
    EXPECT_EQ(event["logentry"]["formatted"], "the order failed");
    EXPECT_EQ(event["exception"]["values"][0]["type"], "Error");
    EXPECT_EQ(event["exception"]["values"][0]["value"], "gone");
  }
}

TEST(SentryEncoder, ACrashIsAnExceptionThatNobodyHandled) {
  Record record = record_of("the app was ended by SIGSEGV");
  record.stream = Stream::own;
  record.level = LogLevel::critical;
  const Field field = {"signal", R"("SIGSEGV")"};
  record.fields = {&field, 1};
  const json event = encoded(record);
  EXPECT_EQ(event["level"], "fatal");
  EXPECT_EQ(event["logger"], "cofferdam");
  EXPECT_EQ(event["tags"]["signal"], "SIGSEGV");
  const json& exception = event["exception"]["values"][0];
  EXPECT_EQ(exception["type"], "SIGSEGV");
  EXPECT_EQ(exception["mechanism"]["type"], "signal");
  EXPECT_EQ(exception["mechanism"]["handled"], false);
  EXPECT_EQ(exception["mechanism"]["meta"]["signal"]["name"], "SIGSEGV");
}

TEST(SentryEncoder, AFindingHasItsCode) {
  Record record = record_of("the app opened a connection to a database");
  record.stream = Stream::own;
  const Field field = {"code", R"("CD201")"};
  record.fields = {&field, 1};
  EXPECT_EQ(encoded(record)["tags"]["code"], "CD201");
  record.stream = Stream::out;
  EXPECT_FALSE(encoded(record)["tags"].contains("code")) << "an app's field is no finding";
}

TEST(SentryEncoder, GapsAreOneIssue) {
  Record record = record_of("3 records are missing");
  record.gap_count = 3;
  record.gap_first = 5;
  record.gap_reason = "buffer full";
  const json event = encoded(record);
  EXPECT_EQ(event["fingerprint"], json::array({"cofferdam-gap"}));
  EXPECT_EQ(event["extra"]["gap_count"], 3);
  EXPECT_EQ(event["extra"]["gap_reason"], "buffer full");
}

TEST(SentryEncoder, TheSameRecordIsTheSameEvent) {
  const SentryEncoder encoder({"web.1", "gunicorn", "build-7", "", ""});
  Record record = record_of("again");
  EXPECT_EQ(encoder.encode(record), encoder.encode(record));
  const std::string id = encoded(record)["event_id"];
  record.seq = 8;
  EXPECT_NE(encoded(record)["event_id"], id);
  record.seq = 7;
  record.time += 1;
  EXPECT_NE(encoded(record)["event_id"], id);
}

TEST(SentryEncoder, AnyBytesMakeValidJson) {
  std::mt19937 random(3);
  for (int round = 0; round < 2000; ++round) {
    std::string message(random() % 300, '\0');
    for (char& c : message) c = static_cast<char>(random());
    Record record = record_of(message);
    record.text = false;
    EXPECT_EQ(encoded(record)["level"], "error");
  }
  std::string longest;
  for (int i = 0; i < 5000; ++i) longest += "\u20ac";
  const std::string kept = encoded(record_of(longest))["logentry"]["formatted"];
  EXPECT_EQ(kept.size(), 8190U);
}

TEST(SentryLimits, AreReadAsTheProtocolSays) {
  EXPECT_EQ(parse_sentry_limits(""), std::nullopt);
  EXPECT_EQ(parse_sentry_limits("60::organization"), 60s);
  EXPECT_EQ(parse_sentry_limits("60:error:key"), 60s);
  EXPECT_EQ(parse_sentry_limits("60:transaction;error;security:key:reason"), 60s);
  EXPECT_EQ(parse_sentry_limits("60:transaction:key"), std::nullopt);
  EXPECT_EQ(parse_sentry_limits("60:transaction:key, 2700:default;error:organization, 5::project"), 2700s);
  EXPECT_EQ(parse_sentry_limits("1.5::organization"), 2s);
  EXPECT_EQ(parse_sentry_limits("99999999999999999999::organization"), 24h);
  for (const char* odd : {"x::y", "-1::y", ":::", ",,,", "60", "nan::y", "60;error", " "}) {
    EXPECT_EQ(parse_sentry_limits(odd), std::nullopt) << odd;
  }
}

std::unique_ptr<Sender> sender_for(std::uint16_t port) {
  LogSink sink;
  sink.type = LogSink::Type::sentry;
  sink.address = dsn_of(port);
  auto sender = make_sentry_sender(sink, kContext);
  EXPECT_TRUE(sender) << sender.error().message;
  return sender ? std::move(*sender) : nullptr;
}

std::string with_status(const std::string& status, const std::string& more = "") {
  return "HTTP/1.1 " + status + "\r\n" + more + "Content-Length: 2\r\n\r\n{}";
}

SendResult result_of(const std::string& answer) {
  LoopbackServer server([&](const Peer& peer) {
    (void)peer.read_request();
    peer.write(answer);
  });
  return sender_for(server.port())->send("body", 1, in(2s));
}

std::string inflated(const std::string& body) {
  std::string plain(1 << 16, '\0');
  z_stream stream{};
  EXPECT_EQ(inflateInit2(&stream, 31), Z_OK);
  stream.next_in = reinterpret_cast<Bytef*>(const_cast<char*>(body.data()));
  stream.avail_in = static_cast<uInt>(body.size());
  stream.next_out = reinterpret_cast<Bytef*>(plain.data());
  stream.avail_out = static_cast<uInt>(plain.size());
  EXPECT_EQ(inflate(&stream, Z_FINISH), Z_STREAM_END);
  plain.resize(stream.total_out);
  inflateEnd(&stream);
  return plain;
}

TEST(SentrySender, SendsOneEnvelopeARecord) {
  std::string request;
  std::string body;
  Outcome outcome = Outcome::failed;
  {
    LoopbackServer server([&](const Peer& peer) {
      request = peer.read_request();
      peer.write(with_status("200 OK"));
    });
    const auto sender = sender_for(server.port());
    EXPECT_EQ(sender->limits().records, 1U);
    EXPECT_TRUE(sender->acknowledges());
    EXPECT_EQ(sender->describe(), "sentry http://127.0.0.1:" + std::to_string(server.port()) + "/42");
    const Record record = record_of("hello");
    body = sender->encode({&record, 1});
    outcome = sender->send(body, 1, in(2s)).outcome;
  }
  EXPECT_EQ(outcome, Outcome::delivered);
  EXPECT_THAT(request, testing::StartsWith("POST /api/42/envelope/ HTTP/1.1\r\n"));
  for (const char* line : {"\r\nContent-Type: application/x-sentry-envelope\r\n", "\r\nContent-Encoding: gzip\r\n",
                           "\r\nX-Sentry-Auth: Sentry sentry_version=7, sentry_client=cofferdam/" COFFERDAM_VERSION
                           ", sentry_key=0123456789abcdef0123456789abcdef\r\n"}) {
    EXPECT_THAT(request, HasSubstr(line));
  }
  EXPECT_THAT(request, Not(HasSubstr("\r\nAuthorization:")));
  EXPECT_TRUE(request.ends_with(body));
  EXPECT_EQ(event_of(inflated(body))["logentry"]["formatted"], "hello");
}

TEST(SentrySender, AnswersMeanWhatTheProtocolSays) {
  EXPECT_EQ(result_of(with_status("200 OK")).outcome, Outcome::delivered);
  EXPECT_EQ(result_of(with_status("202 Accepted")).outcome, Outcome::delivered);
  EXPECT_EQ(result_of(with_status("400 Bad Request")).outcome, Outcome::rejected);
  EXPECT_EQ(result_of(with_status("413 Payload Too Large")).outcome, Outcome::rejected);
  EXPECT_EQ(result_of(with_status("401 Unauthorized")).outcome, Outcome::failed);
  EXPECT_EQ(result_of(with_status("403 Forbidden")).outcome, Outcome::failed);
  EXPECT_EQ(result_of(with_status("302 Found", "Location: /login\r\n")).outcome, Outcome::failed);
  EXPECT_EQ(result_of(with_status("500 Internal Server Error")).outcome, Outcome::retry);
  const auto busy = result_of(with_status("503 Service Unavailable", "Retry-After: 7\r\n"));
  EXPECT_EQ(busy.outcome, Outcome::retry);
  EXPECT_EQ(busy.retry_after, 7s);
  EXPECT_THAT(result_of(with_status("400 Bad Request", "X-Sentry-Error: event payload is empty\r\n")).why,
              HasSubstr("event payload is empty"));
}

// While it is limited, it asks nothing of the server, and says for how long.
TEST(SentrySender, SendsNothingWhileItIsLimited) {
  const std::vector<std::pair<std::string, const char*>> answers = {
      {with_status("429 Too Many Requests"), "for 60 s"},
      {with_status("429 Too Many Requests", "Retry-After: 20\r\n"), "for 20 s"},
      {with_status("429 Too Many Requests", "Retry-After: 20\r\nX-Sentry-Rate-Limits: 40:error:key\r\n"), "for 40 s"},
  };
  for (const auto& [answer, why] : answers) {
    std::atomic<int> requests = 0;
    LoopbackServer server([&](const Peer& peer) {
      while (!peer.read_request().empty()) {
        ++requests;
        peer.write(answer);
      }
    });
    const auto sender = sender_for(server.port());
    for (int i = 0; i < 3; ++i) {
      const auto result = sender->send("body", 1, in(2s));
      EXPECT_EQ(result.outcome, Outcome::rejected);
      EXPECT_THAT(result.why, HasSubstr(why));
    }
    EXPECT_EQ(requests, 1);
  }
}

TEST(SentrySender, ALimitMayComeWithSuccessAndEnds) {
  std::atomic<int> requests = 0;
  LoopbackServer server([&](const Peer& peer) {
    while (!peer.read_request().empty()) {
      ++requests;
      peer.write(with_status("200 OK", requests == 1 ? "X-Sentry-Rate-Limits: 1:error:key\r\n"
                                                     : "X-Sentry-Rate-Limits: 60:transaction:key\r\n"));
    }
  });
  const auto sender = sender_for(server.port());
  EXPECT_EQ(sender->send("body", 1, in(2s)).outcome, Outcome::delivered);
  EXPECT_EQ(sender->send("body", 1, in(2s)).outcome, Outcome::rejected);
  std::this_thread::sleep_for(1100ms);
  EXPECT_EQ(sender->send("body", 1, in(2s)).outcome, Outcome::delivered);
  EXPECT_EQ(sender->send("body", 1, in(2s)).outcome, Outcome::delivered);
  EXPECT_EQ(requests, 3);
}

TEST(SentrySender, FaultsOfTheNetworkAreRepeated) {
  EXPECT_EQ(sender_for(test::unused_port())->send("body", 1, in(2s)).outcome, Outcome::retry);
  LoopbackServer hanging([](const Peer& peer) { peer.wait_for_close(); });
  const auto began = std::chrono::steady_clock::now();
  EXPECT_EQ(sender_for(hanging.port())->send("body", 1, in(200ms)).outcome, Outcome::retry);
  EXPECT_LT(std::chrono::steady_clock::now() - began, 1500ms);
  LoopbackServer resetting([](const Peer& peer) {
    (void)peer.read_until("\r\n\r\n");
    peer.reset();
  });
  EXPECT_EQ(sender_for(resetting.port())->send("body", 1, in(2s)).outcome, Outcome::retry);
}

TEST(SentrySender, AWrongDsnIsAnErrorOfTheKey) {
  LogSink sink;
  sink.type = LogSink::Type::sentry;
  sink.address = "https://s3cret@h.example/shop";
  const auto sender = make_sentry_sender(sink, kContext);
  ASSERT_FALSE(sender);
  EXPECT_THAT(sender.error().message, testing::StartsWith("dsn: "));
  EXPECT_THAT(sender.error().message, Not(HasSubstr("s3cret")));
}

}  // namespace
}  // namespace cofferdam::logs
