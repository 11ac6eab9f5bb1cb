#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <pthread.h>
#include <zlib.h>

#include <array>
#include <functional>
#include <future>

#include "logs/sinks/protobuf.hpp"
#include "logs/sinks/sender.hpp"
#include "support/authority.hpp"
#include "unit/logs/net/loopback_server.hpp"

namespace cofferdam::logs {
namespace {

using namespace std::chrono_literals;
using test::in;
using test::LoopbackServer;
using test::Peer;
using testing::HasSubstr;
using testing::Not;
using Outcome = SendResult::Outcome;

const SenderContext kContext = {"web.1", "gunicorn", "build-7"};

LogSink sink_for(std::uint16_t port) {
  LogSink sink;
  sink.type = LogSink::Type::otlp;
  sink.address = "http://127.0.0.1:" + std::to_string(port);
  return sink;
}

std::unique_ptr<Sender> sender_for(const LogSink& sink) {
  auto sender = make_otlp_sender(sink, kContext);
  EXPECT_TRUE(sender) << sender.error().message;
  return sender ? std::move(*sender) : nullptr;
}

Record record_of(std::string_view message) {
  Record record;
  record.time = 1700000000000000001;
  record.seq = 1;
  record.message = message;
  return record;
}

// What the sender makes of one answer to a request with ten records.
SendResult result_of(const std::string& answer) {
  LoopbackServer server([&](const Peer& peer) {
    (void)peer.read_request();
    peer.write(answer);
  });
  return sender_for(sink_for(server.port()))->send("body", 10, in(2s));
}

std::string with_status(const std::string& status, const std::string& more = "", const std::string& body = "") {
  return "HTTP/1.1 " + status + "\r\n" + more + "Content-Length: " + std::to_string(body.size()) + "\r\n\r\n" + body;
}

TEST(OtlpSender, SendsWhatTheSpecificationAsksFor) {
  std::promise<std::string> request;
  LoopbackServer server([&](const Peer& peer) {
    request.set_value(peer.read_request());
    peer.write(with_status("200 OK", "Content-Type: application/x-protobuf\r\n"));
  });
  LogSink sink = sink_for(server.port());
  sink.headers = {{"X-Scope-OrgID", "team"}, {"Authorization", "Bearer s3cret"}};
  const auto sender = sender_for(sink);
  EXPECT_TRUE(sender->acknowledges());
  EXPECT_EQ(sender->describe(), "otlp " + sink.address + "/v1/logs");
  const Record record = record_of("hello");
  const std::string body = sender->encode({&record, 1});
  const auto result = sender->send(body, 1, in(2s));
  EXPECT_EQ(result.outcome, Outcome::delivered);
  EXPECT_EQ(result.why, "");
  const std::string got = request.get_future().get();
  EXPECT_THAT(got, testing::StartsWith("POST /v1/logs HTTP/1.1\r\nHost: 127.0.0.1:"));
  for (const char* line :
       {"\r\nContent-Type: application/x-protobuf\r\n", "\r\nUser-Agent: cofferdam/" COFFERDAM_VERSION "\r\n",
        "\r\nX-Scope-OrgID: team\r\n", "\r\nAuthorization: Bearer s3cret\r\n"}) {
    EXPECT_THAT(got, HasSubstr(line));
  }
  EXPECT_THAT(got, Not(HasSubstr("Content-Encoding")));
  EXPECT_THAT(got, testing::EndsWith("\r\n\r\n" + body));
  for (const char* attribute : {"service.name\x12\x0a\x0a\x08gunicorn", "service.instance.id\x12\x07\x0a\x05web.1",
                                "host.name\x12\x09\x0a\x07"
                                "build-7"}) {
    EXPECT_THAT(body, HasSubstr(attribute));
  }
}

TEST(OtlpSender, CompressesToTheSameBytesEachTime) {
  std::promise<std::string> request;
  LoopbackServer server([&](const Peer& peer) {
    request.set_value(peer.read_request());
    peer.write(with_status("200 OK"));
  });
  LogSink sink = sink_for(server.port());
  sink.json = true;
  sink.resource = {{"service.name", "shop"}};
  const std::vector<Record> records(1000, record_of("the same line again and again"));
  const std::string plain = sender_for(sink)->encode(records);
  sink.compress = LogSink::Compress::gzip;
  const auto sender = sender_for(sink);
  const std::string body = sender->encode(records);
  EXPECT_EQ(body, sender_for(sink)->encode(records));
  EXPECT_LT(body.size(), plain.size() / 10);
  std::string unpacked(plain.size() + 1, '\0');
  z_stream stream{};
  ASSERT_EQ(inflateInit2(&stream, 31), Z_OK);
  stream.next_in = reinterpret_cast<Bytef*>(const_cast<char*>(body.data()));
  stream.avail_in = static_cast<uInt>(body.size());
  stream.next_out = reinterpret_cast<Bytef*>(unpacked.data());
  stream.avail_out = static_cast<uInt>(unpacked.size());
  EXPECT_EQ(inflate(&stream, Z_FINISH), Z_STREAM_END);
  unpacked.resize(stream.total_out);
  inflateEnd(&stream);
  EXPECT_EQ(unpacked, plain);
  EXPECT_THAT(plain, HasSubstr(R"({"key":"service.name","value":{"stringValue":"shop"}})"));

  EXPECT_EQ(sender->send(body, 1000, in(2s)).outcome, Outcome::delivered);
  const std::string got = request.get_future().get();
  EXPECT_THAT(got, HasSubstr("\r\nContent-Encoding: gzip\r\n"));
  EXPECT_THAT(got, HasSubstr("\r\nContent-Type: application/json\r\n"));
}

TEST(OtlpSender, FollowsTheSpecificationOnAnswers) {
  const std::vector<std::pair<const char*, Outcome>> rows = {
      {"200 OK", Outcome::delivered},
      {"204 No Content", Outcome::delivered},
      {"260 Blocked", Outcome::rejected},
      {"301 Moved", Outcome::failed},
      {"400 Bad Request", Outcome::rejected},
      {"401 Unauthorized", Outcome::failed},
      {"403 Forbidden", Outcome::failed},
      {"404 Not Found", Outcome::failed},
      {"408 Request Timeout", Outcome::rejected},
      {"413 Payload Too Large", Outcome::rejected},
      {"415 Unsupported Media Type", Outcome::failed},
      {"429 Too Many Requests", Outcome::retry},
      {"500 Internal Server Error", Outcome::rejected},
      {"502 Bad Gateway", Outcome::retry},
      {"503 Service Unavailable", Outcome::retry},
      {"504 Gateway Timeout", Outcome::retry},
  };
  for (const auto& [status, outcome] : rows) {
    const auto result = result_of(with_status(status));
    EXPECT_EQ(result.outcome, outcome) << status;
    EXPECT_EQ(result.rejected_records, 0u);
    if (outcome == Outcome::delivered) {
      EXPECT_EQ(result.why, "");
    } else {
      EXPECT_THAT(result.why, testing::StartsWith(status));
    }
  }
}

TEST(OtlpSender, PassesOnWhenToRetry) {
  EXPECT_EQ(result_of(with_status("429 Too Many Requests", "Retry-After: 3\r\n")).retry_after, 3s);
  EXPECT_EQ(result_of(with_status("503 Service Unavailable")).retry_after, std::nullopt);
  EXPECT_EQ(result_of(with_status("400 Bad Request", "Retry-After: 3\r\n")).retry_after, std::nullopt);
}

TEST(OtlpSender, CountsWhatAServerRejectsOfABatch) {
  std::string partial;
  protobuf::append_message(partial, 1, [](std::string& out) {
    protobuf::append_number(out, 1, 4);
    protobuf::append_bytes(out, 2, "too old");
  });
  auto result = result_of(with_status("200 OK", "Content-Type: application/x-protobuf\r\n", partial));
  EXPECT_EQ(result.outcome, Outcome::delivered);
  EXPECT_EQ(result.rejected_records, 4u);
  EXPECT_EQ(result.why, "rejected by the server: too old");
  result = result_of(
      with_status("200 OK", "Content-Type: application/json\r\n", R"({"partialSuccess":{"rejectedLogRecords":"99"}})"));
  EXPECT_EQ(result.rejected_records, 10u);  // never more than it was sent
}

TEST(OtlpSender, TellsWhatTheServerSays) {
  const auto result = result_of(with_status("400 Bad Request", "Content-Type: application/json\r\n",
                                            R"({"code":3,"message":"bad record\u001b[2J at https://u:s3cret@db"})"));
  EXPECT_THAT(result.why, HasSubstr("(bad record\\x1b[2J at https://"));
  EXPECT_THAT(result.why, Not(HasSubstr("s3cret")));
  EXPECT_THAT(result_of(with_status("302 Found", "Location: https://login.example/\r\n")).why,
              HasSubstr("https://login.example/"));
}

TEST(OtlpSender, RetriesWhatIsNotKnownToBeDelivered) {
  const auto refused = sender_for(sink_for(test::unused_port()))->send("body", 1, in(1s));
  EXPECT_EQ(refused.outcome, Outcome::retry);
  EXPECT_THAT(refused.why, HasSubstr("connection refused"));
  EXPECT_EQ(result_of("").outcome, Outcome::retry);
  EXPECT_EQ(result_of("HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\nab").outcome, Outcome::retry);
  EXPECT_EQ(result_of("garbage\r\n\r\n").outcome, Outcome::retry);
}

// Calls `task` in a thread with the stack of a worker.
void on_small_stack(const std::function<void()>& task) {
  pthread_attr_t attributes;
  pthread_attr_init(&attributes);
  pthread_attr_setstacksize(&attributes, 256 << 10);
  pthread_t thread{};
  const auto call = [](void* function) -> void* {
    (*static_cast<const std::function<void()>*>(function))();
    return nullptr;
  };
  ASSERT_EQ(pthread_create(&thread, &attributes, call, const_cast<std::function<void()>*>(&task)), 0);
  pthread_join(thread, nullptr);
  pthread_attr_destroy(&attributes);
}

TEST(OtlpSender, SpeaksTlsOnTheStackOfAWorker) {
  cofferdam::test::Authority authority;
  cofferdam::test::TlsAcceptor acceptor(authority.issue());
  LoopbackServer server([&](const Peer& peer) {
    const auto session = acceptor.accept(peer.fd());
    if (!session) return;
    for (std::string all; !all.ends_with("\r\n\r\nbody");) {
      const std::string more = session->read();
      if (more.empty()) return;
      all += more;
    }
    session->write(with_status("200 OK"));
    peer.wait_for_close();
  });
  LogSink sink = sink_for(server.port());
  sink.address.insert(4, 1, 's');
  sink.ca_file = authority.file();
  on_small_stack([&] { EXPECT_EQ(sender_for(sink)->send("body", 1, in(3s)).outcome, Outcome::delivered); });
  const cofferdam::test::Authority other;
  sink.ca_file = other.file();
  const auto refused = sender_for(sink)->send("body", 1, in(3s));
  EXPECT_EQ(refused.outcome, Outcome::retry);
  EXPECT_THAT(refused.why, HasSubstr("name that authority's certificate in ca_file"));
}

TEST(OtlpSender, NamesTheKeyOfAMistake) {
  const auto mistake = [](auto change) {
    LogSink sink = sink_for(4318);
    change(sink);
    const auto sender = make_otlp_sender(sink, kContext);
    return sender ? "" : sender.error().message;
  };
  EXPECT_THAT(mistake([](LogSink& sink) { sink.address = "collector:4318"; }), HasSubstr("endpoint: "));
  EXPECT_THAT(mistake([](LogSink& sink) {
                sink.address = "https://collector";
                sink.ca_file = "/nonexistent";
              }),
              HasSubstr("ca_file /nonexistent: no such file"));
  EXPECT_THAT(mistake([](LogSink& sink) { sink.headers = {{"X Y", "z"}}; }), HasSubstr("headers: "));
  EXPECT_THAT(mistake([](LogSink& sink) { sink.headers = {{"content-TYPE", "text/plain"}}; }),
              HasSubstr("headers: content-TYPE"));
  EXPECT_EQ(mistake([](LogSink&) {}), "");
}

TEST(OtlpSender, DescribesItselfWithoutSecrets) {
  LogSink sink;
  sink.address = "http://user:s3cret@collector.example/otlp/v1/logs?token=s3cret";
  EXPECT_EQ(sender_for(sink)->describe(), "otlp http://collector.example/otlp/v1/logs");
}

}  // namespace
}  // namespace cofferdam::logs
