// What logs::JsonEncoder writes, parse_record reads.
#include <gtest/gtest.h>

#include "cofferdam/record.hpp"
#include "logs/json_encoder.hpp"

namespace cofferdam {
namespace {

LogRecord written_and_read(const logs::Record& record) {
  logs::OutBuffer out;
  logs::JsonEncoder("web.1").append(record, out);
  auto read = parse_record(out.view());
  if (!read) ADD_FAILURE() << read.error().message;
  return read.value_or(LogRecord{});
}

TEST(RecordReader, ReadsAMessage) {
  logs::Record record;
  record.time = 1'700'000'000'000'000'005;
  record.seq = 3;
  record.stream = LogStream::err;
  record.level = LogLevel::critical;
  record.message = "a \"b\"\n\xc3\xa9";
  const LogRecord read = written_and_read(record);
  EXPECT_EQ(read.message, record.message);
  EXPECT_EQ(read.ts.tv_sec, 1'700'000'000);
  EXPECT_EQ(read.ts.tv_nsec, 5);
  EXPECT_EQ(read.seq, 3U);
  EXPECT_EQ(read.instance, "web.1");
  EXPECT_EQ(read.stream, LogStream::err);
  EXPECT_EQ(read.level, LogLevel::critical);
  EXPECT_TRUE(read.ends_line);
}

TEST(RecordReader, ReadsBytesOfAnyLength) {
  std::string bytes;
  for (int i = 0; i < 260; ++i) {
    bytes += static_cast<char>(255 - i);
    logs::Record record;
    record.message = bytes;
    EXPECT_EQ(written_and_read(record).message, bytes);
  }
}

TEST(RecordReader, KnowsWhatEndsNoLine) {
  logs::Record record;
  record.message = "part";
  record.eol = false;
  EXPECT_FALSE(written_and_read(record).ends_line);
  record.eol = true;
  record.partial_id = 7;
  record.partial_last = false;
  EXPECT_FALSE(written_and_read(record).ends_line);
  record.partial_last = true;
  EXPECT_TRUE(written_and_read(record).ends_line);
}

TEST(RecordReader, ReadsDetails) {
  const auto read = parse_record(
      R"({"stream":"cofferdam","message":"m","trace_id":"t","span_id":"s","fields":{"a":"b","n":1.5,"o":{"x":[]}},)"
      R"("gap":{"first":2,"last":4,"count":3,"reason":"full"}})");
  ASSERT_TRUE(read);
  EXPECT_EQ(read->stream, LogStream::own);
  EXPECT_EQ(read->fields, (std::map<std::string, std::string>{{"a", "b"}, {"n", "1.5"}, {"o", R"({"x":[]})"}}));
  EXPECT_EQ(read->trace_id + read->span_id, "ts");
  EXPECT_EQ(read->gap_count, 3U);
  EXPECT_EQ(read->gap_reason, "full");
}

TEST(RecordReader, RefusesWhatIsNoRecord) {
  EXPECT_FALSE(parse_record(""));
  EXPECT_FALSE(parse_record("hello"));
  EXPECT_FALSE(parse_record("{\"message\":\"no stream\"}"));
}

}  // namespace
}  // namespace cofferdam
