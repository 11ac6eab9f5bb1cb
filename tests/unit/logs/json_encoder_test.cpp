#include "logs/json_encoder.hpp"

#include <gtest/gtest.h>

#include <algorithm>
#include <cstring>
#include <map>
#include <memory>
#include <nlohmann/json.hpp>
#include <random>
#include <string>
#include <vector>

#include "base/text.hpp"
#include "logs/framer.hpp"
#include "logs/level.hpp"
#include "logs/stamper.hpp"

namespace cofferdam::logs {
namespace {

using nlohmann::json;

// A line's way from the framer to JSON.
class Encoder {
 public:
  static constexpr std::size_t kMaxRecord = 16384;

  explicit Encoder(std::string_view instance) : json_(instance), stamper_(kMaxRecord, json_.overhead()) {}

  void set_time(const std::timespec& now) { stamper_.set_time(now); }
  void append(const Piece& piece, OutBuffer& out) {
    Line line;
    line.piece = piece;
    line.level = detect_level(piece.bytes);
    stamper_.stamp(line, [&](const Record& record) { json_.append(record, out); });
  }

 private:
  JsonEncoder json_;
  Stamper stamper_;
};

std::string decode_base64(const std::string& text) {
  std::string out;
  unsigned group = 0;
  int bits = 0;
  for (const char c : text) {
    if (c == '=') break;
    const unsigned value = c >= 'A' && c <= 'Z'   ? static_cast<unsigned>(c - 'A')
                           : c >= 'a' && c <= 'z' ? static_cast<unsigned>(c - 'a') + 26
                           : c >= '0' && c <= '9' ? static_cast<unsigned>(c - '0') + 52
                           : c == '+'             ? 62U
                                                  : 63U;
    group = group << 6U | value;
    bits += 6;
    if (bits >= 8) {
      bits -= 8;
      out += static_cast<char>(group >> static_cast<unsigned>(bits) & 0xffU);
    }
  }
  return out;
}

std::string text_of(const json& record) {
  if (!record.contains("message_b64")) return record.at("message").get<std::string>();
  EXPECT_EQ(record.at("encoding"), "base64");
  EXPECT_FALSE(record.contains("message"));
  return decode_base64(record.at("message_b64").get<std::string>());
}

// What a consumer sees, with all promises about the records checked on the way.
struct Reading {
  std::vector<json> records;
  std::map<std::string, std::string> streams;  // bytes given back

  explicit Reading(std::string_view lines) {
    std::string last_time;
    std::map<std::string, std::pair<std::uint64_t, std::uint64_t>> open;  // stream -> id, n
    while (!lines.empty()) {
      const std::size_t feed = lines.find('\n');
      EXPECT_NE(feed, std::string_view::npos);
      EXPECT_LT(feed, Encoder::kMaxRecord);
      const std::string_view line = lines.substr(0, feed);
      lines.remove_prefix(feed + 1);
      EXPECT_TRUE(std::none_of(line.begin(), line.end(), [](char c) { return static_cast<unsigned char>(c) < 0x20; }));
      json record = json::parse(line, nullptr, false);
      if (record.is_discarded()) {
        ADD_FAILURE() << "no JSON: " << line.substr(0, 200);
        return;
      }
      EXPECT_EQ(record.at("seq"), records.size() + 1);
      const std::string time = record.at("ts");
      EXPECT_EQ(time.size(), 30U);
      EXPECT_LT(last_time, time);
      last_time = time;
      const std::string stream = record.at("stream");
      std::string& bytes = streams[stream];
      bytes += text_of(record);
      bool last = true;
      if (record.contains("partial")) {
        const json& partial = record["partial"];
        auto& [id, n] = open[stream];
        EXPECT_TRUE(id == 0 || partial.at("id") == id);
        id = partial.at("id");
        EXPECT_EQ(partial.at("n"), ++n);
        last = partial.at("last");
        if (last) open.erase(stream);
      } else {
        EXPECT_FALSE(open.contains(stream));
      }
      if (last && !record.contains("eol")) bytes += '\n';
      records.push_back(std::move(record));
    }
    EXPECT_TRUE(open.empty());
  }
};

std::string encode(Encoder& encoder, const std::vector<Piece>& pieces) {
  OutBuffer out;
  for (const Piece& piece : pieces) encoder.append(piece, out);
  return std::string(out.view());
}

TEST(JsonEncoder, WritesTheRecordOfTheDesign) {
  Encoder encoder("web.1");
  encoder.set_time({1769860800, 5});
  EXPECT_EQ(encode(encoder, {{Stream::out, "hello \"x\"\t\\"}}),
            R"({"ts":"2026-01-31T12:00:00.000000005Z","seq":1,"instance":"web.1","stream":"stdout","level":"info",)"
            R"("message":"hello \"x\"\t\\"})"
            "\n");
  EXPECT_EQ(encode(encoder, {{Stream::err, "ERROR no", true, true, false}}),
            R"({"ts":"2026-01-31T12:00:00.000000006Z","seq":2,"instance":"web.1","stream":"stderr","level":"error",)"
            R"("message":"ERROR no","eol":false})"
            "\n");
}

TEST(JsonEncoder, TimeGoesOnWhenTheClockGoesBack) {
  Encoder encoder("web.1");
  encoder.set_time({1769860800, 999'999'999});
  std::string lines = encode(encoder, {{Stream::out, "a"}, {Stream::out, "b"}});
  encoder.set_time({1769860000, 0});
  lines += encode(encoder, {{Stream::out, "c"}});
  encoder.set_time({1769860801, 0});
  lines += encode(encoder, {{Stream::out, "d"}});
  const Reading reading(lines);
  EXPECT_EQ(reading.records[1]["ts"], "2026-01-31T12:00:01.000000000Z");
  EXPECT_EQ(reading.records[3]["ts"], "2026-01-31T12:00:01.000000002Z");
}

TEST(JsonEncoder, KeepsNulAndInvalidUtf8) {
  Encoder encoder("web.1");
  const std::string nul("a\0b", 3);
  const Reading reading(encode(encoder, {{Stream::out, nul},
                                         {Stream::out, "x\xff\xfey"},
                                         {Stream::out,
                                          "\xc2\x9b"
                                          "31m\x7f\xe2\x80\xa8\r"}}));
  EXPECT_EQ(reading.records[0]["message"], nul);
  EXPECT_EQ(reading.records[1]["message_b64"], "eP/+eQ==");
  EXPECT_EQ(reading.records[2]["message"],
            "\xc2\x9b"
            "31m\x7f\xe2\x80\xa8\r");
}

TEST(JsonEncoder, NothingThatCommandsATerminalIsWritten) {
  Encoder encoder("web.1");
  const std::string line = encode(encoder, {{Stream::out, "\x1b]0;x\x07\xc2\x9b\x7f"}});
  EXPECT_NE(line.find(R"(\u001b]0;x\u0007\u009b\u007f)"), std::string::npos);
}

TEST(JsonEncoder, LongLinesBecomePartialRecordsBelowTheLimit) {
  for (const std::string& unit : {std::string("x"), std::string("\""), std::string("\x01"), std::string("\xe2\x82\xac"),
                                  std::string("\xff"), std::string("ab\xf0\x9f\x98\x80")}) {
    Encoder encoder("web.1");
    std::string line;
    while (line.size() < 100'000) line += unit;
    const Reading reading(encode(encoder, {{Stream::out, line}}));
    EXPECT_EQ(reading.streams.at("stdout"), line + "\n");
    EXPECT_GE(reading.records.size(), 7U);
    // Full records, not crumbs.
    EXPECT_LE(reading.records.size(), 100'000U * 6 / 15'000 + 2);
  }
}

TEST(JsonEncoder, EveryLengthAroundTheLimitIsOneLineOrSplit) {
  for (std::size_t size = 15'900; size < 16'500; size += 3) {
    Encoder encoder("web.1");
    const std::string line(size, 'x');
    const Reading reading(encode(encoder, {{Stream::out, line}}));
    ASSERT_EQ(reading.streams.at("stdout"), line + "\n");
  }
}

TEST(JsonEncoder, PiecesOfOneLineShareAnIdAndItsLevel) {
  Encoder encoder("web.1");
  const Reading reading(encode(encoder, {{Stream::out, "ERROR ab", true, false},
                                         {Stream::err, "between"},
                                         {Stream::out, "cd", false, false},
                                         {Stream::out, "", false, true},
                                         {Stream::out, "next"}}));
  EXPECT_EQ(reading.streams.at("stdout"), "ERROR abcd\nnext\n");
  EXPECT_EQ(reading.records[2]["level"], "error");
  EXPECT_EQ(reading.records[3]["partial"]["last"], true);
  EXPECT_FALSE(reading.records[4].contains("partial"));
}

TEST(JsonEncoder, GivesBackAnyBytesOfBothStreams) {
  std::mt19937 random(11);
  for (int round = 0; round < 24; ++round) {
    std::array<std::string, 2> bytes;
    for (std::string& text : bytes) {
      text.resize(random() % (round % 8 == 0 ? 700'000 : 30'000));
      const bool ascii = random() % 2 == 0;
      for (char& c : text) {
        c = random() % (round % 4 == 0 ? 100'000 : 90) == 0 ? '\n'
            : ascii                                         ? static_cast<char>(random() % 128)
                                                            : static_cast<char>(random());
      }
    }
    Encoder encoder("web.1");
    OutBuffer out;
    const auto memory = std::make_unique<std::array<FramerMemory, 2>>();
    std::array<Framer, 2> framers{Framer(Stream::out, (*memory)[0]), Framer(Stream::err, (*memory)[1])};
    std::array<std::string_view, 2> rest{bytes[0], bytes[1]};
    const auto append = [&](const Piece& piece) { encoder.append(piece, out); };
    while (!rest[0].empty() || !rest[1].empty()) {
      const std::size_t which = random() % 2;
      encoder.set_time({1769860800, static_cast<long>(random() % 1'000'000'000)});
      framers[which].make_room();
      const auto space = framers[which].space();
      const std::size_t size = std::min<std::size_t>({rest[which].size(), space.size(), 1 + random() % 70'000});
      if (size == 0) continue;
      std::memcpy(space.data(), rest[which].data(), size);
      framers[which].commit(size, append);
      rest[which].remove_prefix(size);
    }
    for (Framer& framer : framers) framer.finish(append);
    Reading reading(out.view());
    ASSERT_TRUE(reading.streams["stdout"] == bytes[0]) << round;
    ASSERT_TRUE(reading.streams["stderr"] == bytes[1]) << round;
  }
}

}  // namespace
}  // namespace cofferdam::logs
