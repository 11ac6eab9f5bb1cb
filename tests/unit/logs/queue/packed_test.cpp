#include "logs/queue/packed.hpp"

#include <gtest/gtest.h>

#include <random>
#include <string>

namespace cofferdam::logs {
namespace {

std::string packed(const Record& record) {
  std::string bytes(packed_size(record), '\0');
  EXPECT_EQ(pack(record, bytes.data()), bytes.data() + bytes.size());
  return bytes;
}

Record full_record(std::vector<Field>& fields) {
  fields = {{"user", R"({"id":7})"}, {"", "null"}, {std::string_view("k\0y", 3), "\"v\""}};
  Record record;
  record.time = 1'700'000'000'123'456'789;
  record.seq = 42;
  record.stream = Stream::syslog;
  record.level = LogLevel::critical;
  record.message = std::string_view("a\nb\0\xff", 5);
  record.text = false;
  record.eol = false;
  record.partial_id = 3;
  record.partial_n = 2;
  record.partial_last = false;
  record.fields = fields;
  record.trace_id = "0123456789abcdef0123456789abcdef";
  record.span_id = "0123456789abcdef";
  record.gap_count = 12;
  record.gap_first = 31;
  record.gap_reason = "buffer full";
  return record;
}

TEST(Packed, KeepsEveryMember) {
  std::vector<Field> fields;
  const Record before = full_record(fields);
  const std::string bytes = packed(before);
  Record after;
  std::vector<Field> unpacked;
  ASSERT_TRUE(unpack(bytes, after, unpacked));
  EXPECT_EQ(after.time, before.time);
  EXPECT_EQ(after.seq, before.seq);
  EXPECT_EQ(after.stream, before.stream);
  EXPECT_EQ(after.level, before.level);
  EXPECT_EQ(after.message, before.message);
  EXPECT_EQ(after.text, before.text);
  EXPECT_EQ(after.eol, before.eol);
  EXPECT_EQ(after.partial_id, before.partial_id);
  EXPECT_EQ(after.partial_n, before.partial_n);
  EXPECT_EQ(after.partial_last, before.partial_last);
  EXPECT_EQ(after.trace_id, before.trace_id);
  EXPECT_EQ(after.span_id, before.span_id);
  EXPECT_EQ(after.gap_count, before.gap_count);
  EXPECT_EQ(after.gap_first, before.gap_first);
  EXPECT_EQ(after.gap_reason, before.gap_reason);
  ASSERT_EQ(after.fields.size(), 3U);
  for (std::size_t i = 0; i < 3; ++i) {
    EXPECT_EQ(after.fields[i].key, fields[i].key);
    EXPECT_EQ(after.fields[i].json, fields[i].json);
  }
  PackedHead head;
  ASSERT_TRUE(peek(bytes, head));
  EXPECT_EQ(head.seq, 42U);
  EXPECT_EQ(head.time, before.time);
  EXPECT_EQ(head.gap_count, 12U);
  EXPECT_EQ(head.gap_first, 31U);
  EXPECT_EQ(head.fields, 3U);
}

TEST(Packed, IsTheSameInABuffer) {
  std::vector<Field> fields;
  const Record record = full_record(fields);
  OutBuffer out;
  out.append("before");
  pack(record, out);
  EXPECT_EQ(out.view(), "before" + packed(record));
}

TEST(Packed, AnOrdinaryRecordCosts32Bytes) {
  Record record;
  record.message = "hello";
  EXPECT_EQ(packed_size(record), 37U);
  Record after;
  std::vector<Field> fields;
  ASSERT_TRUE(unpack(packed(record), after, fields));
  EXPECT_TRUE(after.text && after.eol && after.partial_last);
  EXPECT_EQ(after.partial_id, 0U);
  EXPECT_EQ(after.gap_count, 0U);
}

TEST(Packed, EveryShorterOrLongerOneIsRefused) {
  std::vector<Field> fields;
  const std::string bytes = packed(full_record(fields));
  Record record;
  std::vector<Field> unpacked(1);
  for (std::size_t size = 0; size < bytes.size(); ++size) {
    EXPECT_FALSE(unpack(std::string_view(bytes).substr(0, size), record, unpacked)) << size;
    EXPECT_EQ(unpacked.size(), 1U);
  }
  EXPECT_FALSE(unpack(bytes + "x", record, unpacked));
}

TEST(Packed, RefusesAnUnknownStreamLevelAndFlag) {
  Record record;
  record.message = "x";
  std::vector<Field> fields;
  for (const std::size_t place : {28, 29, 30}) {
    std::string bytes = packed(record);
    bytes[place] = static_cast<char>(200);
    EXPECT_FALSE(unpack(bytes, record, fields)) << place;
  }
}

// Any bytes are safe: what is taken for a record lies within them, which AddressSanitizer checks.
TEST(Packed, SurvivesAnyBytes) {
  std::mt19937 random(7);
  std::vector<Field> fields;
  const std::string good = packed(full_record(fields));
  std::size_t taken = 0;
  std::size_t sum = 0;
  for (int round = 0; round < 200'000; ++round) {
    std::string bytes = good;
    for (auto change = random() % 4 + 1; change != 0; --change) {
      const std::size_t place = random() % bytes.size();
      switch (random() % 3) {
        case 0: bytes[place] = static_cast<char>(random()); break;
        case 1: bytes[place] = static_cast<char>(bytes[place] ^ (1U << random() % 8)); break;
        default: bytes.erase(place, random() % 8); break;
      }
      if (bytes.empty()) break;
    }
    // In memory of exactly that size, so that a read beyond its end is found.
    const std::vector<char> exact(bytes.begin(), bytes.end());
    Record record;
    std::vector<Field> unpacked;
    if (!unpack({exact.data(), exact.size()}, record, unpacked)) continue;
    ++taken;
    for (const char byte : record.message) sum += static_cast<unsigned char>(byte);
    for (const Field& field : record.fields) {
      for (const char byte : field.json) sum += static_cast<unsigned char>(byte);
    }
    EXPECT_LE(packed_size(record), exact.size());
  }
  EXPECT_GT(taken, 1000U);
  EXPECT_GT(sum, taken);
}

}  // namespace
}  // namespace cofferdam::logs
