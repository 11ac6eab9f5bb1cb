#include "plan/name_table.hpp"

#include <gtest/gtest.h>

namespace cofferdam::plan {
namespace {

using namespace std::chrono_literals;

constexpr NameTable::Time kStart{100h};

NameAnswer answer(std::initializer_list<const char*> addresses, std::chrono::seconds ttl = 60s) {
  NameAnswer result;
  result.host = "db";
  result.ttl = ttl;
  for (const char* text : addresses) result.addresses.push_back(parse_ip(text).value_or(IpAddress{}));
  if (result.addresses.empty()) result.error = "can't resolve 'db': no answer";
  return result;
}

std::string shown(const std::vector<IpAddress>& addresses) {
  std::string text;
  for (const IpAddress& address : addresses) text += (text.empty() ? "" : " ") + to_string(address);
  return text;
}

TEST(NameTable, AnUnknownNameIsDueAndHasNoAddress) {
  const NameTable table;
  EXPECT_TRUE(table.is_due("db", kStart, false));
  EXPECT_EQ(shown(table.current("db", kStart)), "");
  EXPECT_EQ(shown(table.ever("db")), "");
}

TEST(NameTable, TheTtlSaysWhenToAskAgain) {
  struct Row {
    std::chrono::seconds ttl;
    std::chrono::seconds due;
  };
  for (const Row& row : {Row{60s, 60s}, Row{0s, NameTable::kLeastTtl}, Row{86400s, NameTable::kMostTtl}}) {
    NameTable table;
    table.learn(answer({"10.0.0.1"}, row.ttl), kStart);
    EXPECT_FALSE(table.is_due("db", kStart + row.due - 1ms, false)) << row.ttl.count();
    EXPECT_TRUE(table.is_due("db", kStart + row.due, false)) << row.ttl.count();
    EXPECT_FALSE(table.is_due("db", kStart + 999ms, true));
    EXPECT_TRUE(table.is_due("db", kStart + NameTable::kLeastPressing, true));
  }
}

TEST(NameTable, AFailureKeepsWhatIsKnownAndWaitsBeforeItAsksAgain) {
  NameTable table;
  table.learn(answer({"10.0.0.1"}), kStart);
  table.learn(answer({}), kStart + 60s);
  EXPECT_EQ(shown(table.current("db", kStart + 10h)), "10.0.0.1");
  EXPECT_FALSE(table.is_due("db", kStart + 62s, true));
  EXPECT_TRUE(table.is_due("db", kStart + 60s + NameTable::kLeastTtl, true));
}

TEST(NameTable, AnAddressThatVanishesHasAGraceAndIsRemembered) {
  NameTable table;
  table.learn(answer({"10.0.0.1"}), kStart);
  table.learn(answer({"10.0.0.2"}), kStart + 60s);
  EXPECT_EQ(shown(table.current("db", kStart + 61s)), "10.0.0.1 10.0.0.2");
  EXPECT_EQ(shown(table.current("db", kStart + NameTable::kGrace)), "10.0.0.2");
  EXPECT_EQ(shown(table.ever("db")), "10.0.0.1 10.0.0.2");
  table.learn(answer({"10.0.0.1"}), kStart + 2h);
  EXPECT_EQ(shown(table.current("db", kStart + 10h)), "10.0.0.1") << "the last answer is good until the next";
}

TEST(NameTable, MemoryIsBounded) {
  NameTable table;
  for (int i = 0; i < 2000; ++i) {
    const std::string address = "10.0." + std::to_string(i / 250) + "." + std::to_string(i % 250);
    table.learn(answer({"10.1.1.1", address.c_str()}), kStart + std::chrono::seconds(i));
  }
  EXPECT_EQ(table.ever("db").size(), NameTable::kMostAddresses);
  EXPECT_NE(shown(table.ever("db")).find("10.1.1.1"), std::string::npos) << "what every answer has stays";
}

}  // namespace
}  // namespace cofferdam::plan
