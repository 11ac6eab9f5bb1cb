#include "logs/sinks/syslog_encoder.hpp"

#include <gtest/gtest.h>

#include <string>
#include <vector>

namespace cofferdam::logs {
namespace {

constexpr std::int64_t kTime = 1'769'860'800'123'456'789;  // 2026-01-31T12:00:00.123456789Z

SyslogEncoder::Options options() {
  SyslogEncoder::Options options;
  options.host = "box";
  options.app = "shop";
  options.instance = "web.1";
  return options;
}

Record record_of(std::string_view message) {
  Record record;
  record.time = kTime;
  record.seq = 7;
  record.message = message;
  return record;
}

std::vector<std::string> frames_of(const SyslogEncoder& encoder, const Record& record) {
  const std::string bytes = encoder.encode({&record, 1});
  std::vector<std::string> frames;
  for (std::string_view rest = bytes; !rest.empty();) {
    const std::string_view frame = take_frame(rest);
    EXPECT_FALSE(frame.empty());
    frames.emplace_back(frame);
  }
  return frames;
}

std::string one_frame(const Record& record, const SyslogEncoder::Options& how = options()) {
  const auto frames = frames_of(SyslogEncoder(how), record);
  EXPECT_EQ(frames.size(), 1U);
  return frames.front();
}

const std::string kHead = "<14>1 2026-01-31T12:00:00.123456Z box shop web.1 stdout [meta sequenceId=\"7\"]";

TEST(SyslogEncoder, ARecordIsOneMessage) {
  EXPECT_EQ(one_frame(record_of("hello")), kHead + " hello");
  EXPECT_EQ(one_frame(record_of("")), kHead + " ");
  EXPECT_EQ(one_frame(record_of("a\nb\tc \xff")), kHead + " a\nb\tc \xff");
}

TEST(SyslogEncoder, LevelAndFacilityAreThePriority) {
  Record record = record_of("x");
  const std::vector<std::pair<LogLevel, std::string>> wanted = {{LogLevel::debug, "<135>"},
                                                                {LogLevel::info, "<134>"},
                                                                {LogLevel::warning, "<132>"},
                                                                {LogLevel::error, "<131>"},
                                                                {LogLevel::critical, "<130>"}};
  auto how = options();
  how.facility = syslog_facility("local0");
  for (const auto& [level, priority] : wanted) {
    record.level = level;
    EXPECT_TRUE(one_frame(record, how).starts_with(priority)) << to_string(level);
  }
  EXPECT_EQ(syslog_facility("user"), 1);
  EXPECT_EQ(syslog_facility("local7"), 23);
  EXPECT_EQ(syslog_facility(""), -1);
  EXPECT_EQ(syslog_facility("nonsense"), -1);
}

// RFC 5424 section 6.2.4 to 6.2.7: printable ASCII, bounded, "-" for nothing.
TEST(SyslogEncoder, HeaderFieldsAreWhatReceiversTake) {
  auto how = options();
  how.host = "";
  how.app = "my shop\n" + std::string(100, 'x');
  how.instance =
      "w\xc3\xa9"
      "b";
  const std::string frame = one_frame(record_of("x"), how);
  EXPECT_NE(frame.find("Z - my_shop_" + std::string(40, 'x') + " w__b stdout "), std::string::npos) << frame;
}

TEST(SyslogEncoder, FieldsAreStructuredData) {
  Record record = record_of("sold");
  const std::vector<Field> fields = {
      {"order", "7"}, {"who", R"("a\"b]c\\d")"}, {"a b=c]", "true"}, {"text", R"("x\ny")"}};
  record.fields = fields;
  record.trace_id = "0af7651916cd43dd8448eb211c80319c";
  record.eol = false;
  EXPECT_EQ(one_frame(record),
            kHead + R"([cofferdam@32473 eol="false" trace_id="0af7651916cd43dd8448eb211c80319c" order="7")" +
                R"( who="a\"b\]c\\d" a_b_c_="true" text="x#012y"] sold)");
}

TEST(SyslogEncoder, FieldsThatLeaveNoRoomFollowTheMessage) {
  const std::string long_value = "\"" + std::string(500, 'v') + "\"";
  const std::vector<Field> fields = {{"order", "7"}, {"long", long_value}};
  Record record = record_of("sold");
  record.fields = fields;
  auto how = options();
  how.max_message = 480;
  std::string text;
  for (const std::string& frame : frames_of(SyslogEncoder(how), record)) {
    EXPECT_LE(frame.size(), 480U);
    text += frame.substr(frame.find("] ") + 2);
  }
  EXPECT_EQ(text, "sold order=\"7\" long=\"" + std::string(500, 'v') + "\"");
}

TEST(SyslogEncoder, ALongMessageIsDividedBetweenCharacters) {
  std::string message;
  while (message.size() < 5000) message += "\xe2\x82\xac-";
  auto how = options();
  how.max_message = 1000;
  const auto frames = frames_of(SyslogEncoder(how), record_of(message));
  std::string text;
  for (std::size_t i = 0; i < frames.size(); ++i) {
    EXPECT_LE(frames[i].size(), 1000U);
    const std::string mark =
        "part=\"" + std::to_string(i + 1) + "\"" + (i + 1 < frames.size() ? " more=\"true\"] " : "] ");
    const std::size_t at = frames[i].find(mark);
    ASSERT_NE(at, std::string::npos) << frames[i];
    const std::string part = frames[i].substr(at + mark.size());
    EXPECT_NE(static_cast<unsigned char>(part.front()) & 0xc0, 0x80);
    text += part;
  }
  EXPECT_GT(frames.size(), 4U);
  EXPECT_EQ(text, message);
}

TEST(SyslogEncoder, GapsAndPartsSayWhatTheyAre) {
  Record gap = record_of("5 records are missing");
  gap.gap_count = 5;
  gap.gap_first = 3;
  gap.gap_reason = "buffer full";
  EXPECT_NE(one_frame(gap).find("gap_count=\"5\" gap_first=\"3\" gap_reason=\"buffer full\"]"), std::string::npos);
  Record part = record_of("begin");
  part.partial_id = 2;
  part.partial_n = 1;
  part.partial_last = false;
  EXPECT_NE(one_frame(part).find("partial_id=\"2\" partial_n=\"1\" partial_last=\"false\"]"), std::string::npos);
}

TEST(SyslogEncoder, SequenceNumbersWrapAsTheRfcSays) {
  Record record = record_of("x");
  record.seq = 2'147'483'647;
  EXPECT_NE(one_frame(record).find("sequenceId=\"2147483647\""), std::string::npos);
  record.seq = 2'147'483'648;
  EXPECT_NE(one_frame(record).find("sequenceId=\"1\""), std::string::npos);
}

TEST(SyslogEncoder, OnALocalSocketItIsTheFormOfTheLibrary) {
  setenv("TZ", "UTC", 1);
  tzset();
  auto how = options();
  how.local = true;
  how.one_line = true;
  Record record = record_of("two\nlines");
  const std::vector<Field> fields = {{"order", "7"}};
  record.fields = fields;
  EXPECT_EQ(one_frame(record, how), "<14>Jan 31 12:00:00 shop[web.1]: two#012lines order=\"7\"");
}

TEST(SyslogEncoder, FramesThatAreNoneAreNotTaken) {
  for (const std::string bytes : {"", "5", "5 abc", "x abc", "99999999999999999999 a", "-1 a"}) {
    std::string_view rest = bytes;
    EXPECT_TRUE(take_frame(rest).empty()) << bytes;
    EXPECT_TRUE(rest.empty()) << bytes;
  }
}

}  // namespace
}  // namespace cofferdam::logs
