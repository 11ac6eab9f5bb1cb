#include "logs/sinks/json_cursor.hpp"

#include <gtest/gtest.h>

namespace cofferdam::logs {
namespace {

using Kind = JsonCursor::Kind;

TEST(JsonCursor, WalksThroughAValue) {
  JsonCursor json(R"( {"a" : [1, -2.5e3 ,true,null], "b\n":{"c":"x"} ,"d":{}} )");
  ASSERT_EQ(json.kind(), Kind::object);
  json.enter();
  ASSERT_TRUE(json.next());
  EXPECT_EQ(json.string(), "a");
  json.colon();
  ASSERT_EQ(json.kind(), Kind::array);
  json.enter();
  ASSERT_TRUE(json.next());
  EXPECT_EQ(json.number(), "1");
  ASSERT_TRUE(json.next());
  EXPECT_EQ(json.kind(), Kind::number);
  EXPECT_EQ(json.number(), "-2.5e3");
  ASSERT_TRUE(json.next());
  EXPECT_TRUE(json.boolean());
  ASSERT_TRUE(json.next());
  EXPECT_EQ(json.kind(), Kind::null);
  EXPECT_EQ(json.skip(), "null");
  ASSERT_FALSE(json.next());
  ASSERT_TRUE(json.next());
  EXPECT_EQ(json.string(), "b\n");
  json.colon();
  EXPECT_EQ(json.skip(), R"({"c":"x"})");
  ASSERT_TRUE(json.next());
  EXPECT_EQ(json.string(), "d");
  json.colon();
  EXPECT_EQ(json.kind(), Kind::object);
  EXPECT_EQ(json.skip(), "{}");
  EXPECT_FALSE(json.next());
  EXPECT_FALSE(json.next());
}

TEST(JsonCursor, DecodesStrings) {
  const auto decode = [](std::string_view text) { return JsonCursor(text).string(); };
  EXPECT_EQ(decode(R"("\"\\\/\b\f\n\r\t")"), "\"\\/\b\f\n\r\t");
  EXPECT_EQ(decode(R"("\u0041\u00e9\u20ac\ud83d\ude00")"), "A\u00e9\u20ac\U0001f600");
  EXPECT_EQ(decode(R"("\u0000")"), std::string(1, '\0'));
  EXPECT_EQ(decode(R"("\ud83dx")"), "\ufffdx");
  EXPECT_EQ(decode(R"("\ude00\ud83d\u0041")"), "\ufffd\ufffdA");
}

TEST(JsonCursor, EndsWithTextThatIsNoJson) {
  for (const std::string_view text :
       {"", " ", "[", "{", "\"", "\"\\", "\"\\u12", "[,]", "{:}", "[1 2", "@", "]", "}", "{\"a\"", "[\"a\\\"]", ":"}) {
    JsonCursor json(text);
    for (int steps = 0; steps < 32 && json.kind() != Kind::invalid; ++steps) (void)json.skip();
    JsonCursor walked(text);
    walked.enter();
    int steps = 0;
    while (walked.next() && steps < 32) {
      (void)walked.string();
      walked.colon();
      (void)walked.skip();
      ++steps;
    }
    EXPECT_LT(steps, 32) << text;
  }
}

TEST(JsonCursor, SkipsAnyDepth) {
  const std::string deep = std::string(100000, '[') + "\"]\"" + std::string(100000, ']');
  EXPECT_EQ(JsonCursor(deep).skip(), deep);
}

}  // namespace
}  // namespace cofferdam::logs
