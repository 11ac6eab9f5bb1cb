#include <gtest/gtest.h>
#include <openssl/evp.h>

#include <functional>
#include <future>
#include <msgpack.hpp>
#include <string>
#include <vector>

#include "logs/sinks/fluentd_encoder.hpp"
#include "logs/sinks/sender.hpp"
#include "unit/logs/net/loopback_server.hpp"

namespace cofferdam::logs {
namespace {

using namespace std::chrono_literals;
using test::in;
using test::LoopbackServer;
using test::Peer;
using Outcome = SendResult::Outcome;
using Map = std::map<std::string, msgpack::object>;

// --- the encoder

struct Entry {
  std::string time;  // the bytes of the EventTime
  Map record;
};
struct Message {
  msgpack::object_handle handle, entries_handle;
  std::string tag;
  std::vector<Entry> entries;
  Map options;
};

Message read(std::string_view bytes) {
  Message message;
  std::size_t used = 0;
  message.handle = msgpack::unpack(bytes.data(), bytes.size(), used);
  EXPECT_EQ(used, bytes.size());
  const auto& parts = message.handle.get().via.array;
  EXPECT_EQ(parts.size, 3U);
  message.tag = parts.ptr[0].as<std::string>();
  message.options = parts.ptr[2].as<Map>();
  const auto& packed = parts.ptr[1].via.bin;
  for (std::size_t at = 0; at < packed.size && !message.options.contains("compressed");) {
    const msgpack::object_handle one = msgpack::unpack(packed.ptr, packed.size, at);
    const auto& entry = one.get().via.array;
    EXPECT_EQ(entry.size, 2U);
    EXPECT_EQ(entry.ptr[0].type, msgpack::type::EXT);
    Entry& read = message.entries.emplace_back();
    read.time.assign(entry.ptr[0].via.ext.ptr, entry.ptr[0].via.ext.size + 1);
    for (std::uint32_t i = 0; i < entry.ptr[1].via.map.size; ++i) {
      const auto& member = entry.ptr[1].via.map.ptr[i];
      const bool fresh = read.record.emplace(member.key.as<std::string>(), msgpack::clone(member.val).get()).second;
      EXPECT_TRUE(fresh) << "twice: " << member.key;
    }
  }
  return message;
}

std::string shown(const Record& record) {
  std::ostringstream text;
  const FluentdEncoder encoder("shop", "web.1", {});
  const std::string bytes = encoder.encode({&record, 1});
  std::size_t at = 0;
  const msgpack::object_handle handle = msgpack::unpack(bytes.data(), bytes.size());
  const auto& packed = handle.get().via.array.ptr[1].via.bin;
  const msgpack::object_handle entry = msgpack::unpack(packed.ptr, packed.size, at);
  text << entry.get().via.array.ptr[1];
  return text.str();
}

TEST(FluentdEncoder, ARecordIsAMap) {
  Record record;
  record.message = "sold";
  record.seq = 7;
  EXPECT_EQ(shown(record), R"({"message":"sold","level":"info","stream":"stdout","instance":"web.1","seq":7})");
  const std::vector<Field> fields = {
      {"order", "7"},   {"price", "1.5"}, {"big", "18446744073709551615"}, {"huge", "1e999"},
      {"paid", "true"}, {"none", "null"}, {"who", R"("\u20ac\n")"},        {"deep", R"({"a":[1,{"b":"c"}],"d":{}})"}};
  record.fields = fields;
  record.trace_id = "0af7651916cd43dd8448eb211c80319c";
  record.eol = false;
  EXPECT_EQ(shown(record),
            R"({"message":"sold","level":"info","stream":"stdout","instance":"web.1","seq":7,"eol":false,)"
            R"("trace_id":"0af7651916cd43dd8448eb211c80319c","order":7,"price":1.5,"big":18446744073709551615,)"
            "\"huge\":\"1e999\",\"paid\":true,\"none\":null,\"who\":\"\xe2\x82\xac\\n\","
            R"("deep":{"a":[1,{"b":"c"}],"d":{}}})");
}

TEST(FluentdEncoder, BytesPartsAndGapsSayWhatTheyAre) {
  Record record;
  record.message = "x\xff";
  record.text = false;
  record.partial_id = 2;
  record.partial_n = 1;
  record.partial_last = false;
  EXPECT_EQ(shown(record),
            R"({"message_b64":"eP8=","encoding":"base64","level":"info","stream":"stdout","instance":"web.1","seq":0,)"
            R"("partial_id":2,"partial_n":1,"partial_last":false})");
  Record gap;
  gap.message = "3 records are missing";
  gap.stream = Stream::own;
  gap.level = LogLevel::warning;
  gap.seq = 9;
  gap.gap_count = 3;
  gap.gap_first = 7;
  gap.gap_reason = "buffer full";
  EXPECT_EQ(shown(gap),
            R"({"message":"3 records are missing","level":"warning","stream":"cofferdam","instance":"web.1","seq":9,)"
            R"("gap_count":3,"gap_first":7,"gap_reason":"buffer full"})");
}

TEST(FluentdEncoder, TimeIsToTheNanosecond) {
  Record record;
  record.time = 1'769'860'800'123'456'789;
  const std::string bytes = FluentdEncoder("t", "web.1", {}).encode({&record, 1});
  const Message message = read(bytes);
  ASSERT_EQ(message.entries.size(), 1U);
  EXPECT_EQ(message.entries[0].time, std::string("\0\x69\x7d\xee\xc0\x07\x5b\xcd\x15", 9));
  EXPECT_EQ(message.tag, "t");
}

TEST(FluentdEncoder, TheSameRecordsHaveTheSameChunk) {
  std::vector<Record> records(3);
  for (std::size_t i = 0; i < 3; ++i) records[i].seq = i + 1;
  const FluentdEncoder encoder("t", "web.1", {});
  const std::string bytes = encoder.encode(records);
  EXPECT_EQ(bytes, encoder.encode(records));
  const Message message = read(bytes);
  EXPECT_EQ(message.options.at("size").as<int>(), 3);
  EXPECT_EQ(message.options.at("chunk").as<std::string>(), chunk_of(bytes));
  EXPECT_EQ(chunk_of(bytes).size(), 24U);
  EXPECT_NE(chunk_of(bytes), chunk_of(encoder.encode({records.data(), 2})));
  const std::string compressed = FluentdEncoder("t", "web.1", {.gzip = true}).encode(records);
  EXPECT_EQ(read(compressed).options.at("compressed").as<std::string>(), "gzip");
  EXPECT_FALSE(read(FluentdEncoder("t", "web.1", {.ack = false}).encode(records)).options.contains("chunk"));
}

// --- the sender

std::string sha512(const std::string& text) {
  std::array<unsigned char, EVP_MAX_MD_SIZE> digest{};
  unsigned size = 0;
  EVP_Digest(text.data(), text.size(), digest.data(), &size, EVP_sha512(), nullptr);
  std::string hex;
  for (unsigned i = 0; i < size; ++i) {
    std::array<char, 3> two{};
    (void)std::snprintf(two.data(), two.size(), "%02x", digest.at(i));
    hex += two.data();
  }
  return hex;
}

template <class... Values>
std::string packed(const Values&... values) {
  msgpack::sbuffer out;
  (msgpack::pack(out, values), ...);
  return {out.data(), out.size()};
}
std::string helo() {
  return packed(std::make_tuple(std::string("HELO"), std::map<std::string, std::string>{{"nonce", "N"}, {"auth", ""}}));
}
std::string ack(const std::string& chunk) {
  return packed(std::map<std::string, std::string>{{"ack", chunk}});
}
// A whole message of the client; empty at the end.
std::string take_message(const Peer& peer) {
  std::string all;
  for (;;) {
    const std::string more = peer.read();
    if (more.empty()) return {};
    all += more;
    try {
      (void)msgpack::unpack(all.data(), all.size());
      return all;
    } catch (const msgpack::insufficient_bytes&) {
    }
  }
}
void acknowledge(const Peer& peer) {
  for (std::string message = take_message(peer); !message.empty(); message = take_message(peer)) {
    peer.write(ack(chunk_of(message)));
  }
}

class FluentdSender : public ::testing::Test {
 protected:
  void serve(LoopbackServer::Handler handler) { server_.emplace(std::move(handler)); }
  SendResult send(const std::function<void(LogSink&)>& change = {}, std::chrono::milliseconds time = 3s) {
    if (!sender_) {
      LogSink sink;
      sink.type = LogSink::Type::fluentd;
      sink.address = "127.0.0.1:" + std::to_string(server_->port());
      if (change) change(sink);
      sender_ = make_fluentd_sender(sink, {"web.1", "shop", "box"}).value();
    }
    Record record;
    record.message = "x";
    record.seq = ++seq_;
    return sender_->send(sender_->encode({&record, 1}), 1, in(time));
  }

  std::optional<LoopbackServer> server_;
  std::unique_ptr<Sender> sender_;
  std::uint64_t seq_ = 0;
};

TEST_F(FluentdSender, WaitsForTheAcknowledgementOfItsChunk) {
  serve([](const Peer& peer) {
    const std::string first = take_message(peer);
    peer.write(ack("of somebody else"));
    const std::string answer = ack(chunk_of(first));
    peer.write(answer.substr(0, 7));
    std::this_thread::sleep_for(20ms);
    peer.write(answer.substr(7));
    acknowledge(peer);
  });
  for (int i = 0; i < 3; ++i) EXPECT_EQ(send().outcome, Outcome::delivered);
  EXPECT_EQ(server_->connections(), 1);
}

TEST_F(FluentdSender, WithoutAcknowledgementsKeepsItsConnection) {
  std::atomic<int> messages = 0;
  serve([&](const Peer& peer) {
    while (!take_message(peer).empty()) ++messages;
  });
  for (int i = 0; i < 3; ++i) {
    EXPECT_EQ(send([](LogSink& sink) { sink.ack = false; }).outcome, Outcome::delivered);
    while (messages <= i) std::this_thread::sleep_for(1ms);
  }
  EXPECT_FALSE(sender_->acknowledges());
  EXPECT_EQ(server_->connections(), 1);
}

TEST_F(FluentdSender, TriesAgainWhenNothingOrNonsenseIsAnswered) {
  int turn = 0;
  serve([&](const Peer& peer) {
    switch (turn++) {
      case 0:
        (void)take_message(peer);
        peer.wait_for_close();
        return;
      case 1:
        (void)take_message(peer);
        peer.write("\xc1\xc1\xc1");
        peer.wait_for_close();
        return;
      case 2: (void)take_message(peer); return;
      case 3: peer.reset(); return;
      default: acknowledge(peer);
    }
  });
  const std::vector<std::string> reasons = {"no acknowledgement", "no MessagePack", "closed", ""};
  for (const std::string& reason : reasons) {
    const SendResult result = send({}, 200ms);
    EXPECT_EQ(result.outcome, Outcome::retry);
    EXPECT_NE(result.why.find(reason), std::string::npos) << result.why;
  }
  EXPECT_EQ(send().outcome, Outcome::delivered);
}

TEST_F(FluentdSender, ShowsThatItKnowsTheSharedKey) {
  serve([](const Peer& peer) {
    peer.write(helo());
    const std::string bytes = take_message(peer);
    const msgpack::object_handle ping = msgpack::unpack(bytes.data(), bytes.size());
    const auto parts = ping.get().as<std::vector<std::string>>();
    const bool known =
        parts.at(0) == "PING" && parts.at(1) == "box" && parts.at(3) == sha512(parts.at(2) + "box" + "N" + "the key");
    peer.write(packed(std::make_tuple(std::string("PONG"), known, std::string(known ? "" : "shared_key mismatch"),
                                      std::string("collector"), sha512(parts.at(2) + "collector" + "N" + "the key"))));
    if (known) acknowledge(peer);
  });
  EXPECT_EQ(send([](LogSink& sink) { sink.shared_key = "the key"; }).outcome, Outcome::delivered);
  sender_.reset();
  const SendResult refused = send([](LogSink& sink) { sink.shared_key = "another"; });
  EXPECT_EQ(refused.outcome, Outcome::failed);
  EXPECT_NE(refused.why.find("refuses the shared key: shared_key mismatch"), std::string::npos) << refused.why;
}

TEST_F(FluentdSender, BelievesNoServerThatDoesNotKnowTheKey) {
  serve([](const Peer& peer) {
    peer.write(helo());
    (void)take_message(peer);
    peer.write(packed(
        std::make_tuple(std::string("PONG"), true, std::string(), std::string("collector"), sha512("something"))));
    peer.wait_for_close();
  });
  const SendResult result = send([](LogSink& sink) { sink.shared_key = "the key"; });
  EXPECT_EQ(result.outcome, Outcome::failed);
  EXPECT_NE(result.why.find("does not know the shared key"), std::string::npos) << result.why;
}

TEST_F(FluentdSender, SaysThatAServerAsksForAKey) {
  serve([](const Peer& peer) {
    peer.write(helo());
    peer.wait_for_close();
  });
  const SendResult result = send();
  EXPECT_EQ(result.outcome, Outcome::failed);
  EXPECT_NE(result.why.find("asks for a shared key"), std::string::npos) << result.why;
}

TEST_F(FluentdSender, ReachesAServer) {
  serve([](const Peer& peer) { acknowledge(peer); });
  EXPECT_EQ(send().outcome, Outcome::delivered);
  EXPECT_EQ(sender_->reach(in(1s)).outcome, Outcome::delivered);
  EXPECT_EQ(server_->connections(), 1);
}

}  // namespace
}  // namespace cofferdam::logs
