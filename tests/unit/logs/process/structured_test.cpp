#include "logs/process/structured.hpp"

#include <gtest/gtest.h>

#include <string>

namespace cofferdam::logs {
namespace {

LogParse parse_of(LogStructured mode) {
  LogParse parse;
  parse.json = parse.logfmt = mode;
  return parse;
}

// What a line becomes, on one line: `level|trace|span|message|key=json key=json`; `text` when it stays text.
std::string read(std::string_view line, LogStructured mode = LogStructured::merge) {
  StructuredParser parser(parse_of(mode));
  Structured out;
  // On the heap and no longer than it is, so that a sanitizer sees what reads beyond it.
  const std::vector<char> exact(line.begin(), line.end());
  if (!parser.parse({exact.data(), exact.size()}, out)) return "text";
  std::string seen = out.level ? to_string(*out.level) : "-";
  seen.append("|").append(out.trace_id).append("|").append(out.span_id).append("|").append(out.message).append("|");
  for (const Field& field : out.fields) {
    if (!seen.ends_with('|')) seen += ' ';
    seen.append(field.key).append("=").append(field.json);
  }
  return seen;
}

std::string merge(std::string_view line) {
  return read(line, LogStructured::merge);
}

TEST(StructuredJson, MergeLiftsWhatARecordHasAndKeepsTheRest) {
  EXPECT_EQ(merge(R"({"level":"warn","time":"12:00","msg":"slow","ms":12.50,"ok":true,"tags":["a", {"b":null}]})"),
            R"(warning|||slow|time="12:00" ms=12.50 ok=true tags=["a", {"b":null}])");
  EXPECT_EQ(merge(R"({})"), "-||||");
  EXPECT_EQ(merge(" \t{ \"a\" : 1 , \"b\" : [ ] }\r"), "-||||a=1 b=[ ]");
  EXPECT_EQ(merge(R"({"status":200})"), "-||||status=200");
  EXPECT_EQ(merge("{\"a\":1,\n \"msg\":\"joined\"}"), "-|||joined|a=1");
}

TEST(StructuredJson, KeepReadsLevelAndIdsOnly) {
  const std::string line =
      R"({"msg":"x","severity":"ERROR","trace_id":"0af7651916cd43dd8448eb211c80319c","span_id":"b7ad6b7169203331"})";
  EXPECT_EQ(read(line, LogStructured::keep), "error|0af7651916cd43dd8448eb211c80319c|b7ad6b7169203331|" + line + "|");
  EXPECT_EQ(read("  {\"a\":1} ", LogStructured::keep), "-|||  {\"a\":1} |");
}

TEST(StructuredJson, NestPutsTheFieldsBelowData) {
  EXPECT_EQ(read(R"({"ts":1,"msg":"a\nb","level":30,"x":{"y":"z"},"a\tb":"\u00e9"})", LogStructured::nest),
            R"(info|||a
b|data={"ts":1,"x":{"y":"z"},"a\tb":"\u00e9"})");
  EXPECT_EQ(read(R"({"msg":"all lifted"})", LogStructured::nest), "-|||all lifted|");
}

TEST(StructuredJson, EachModeStandsForItself) {
  LogParse parse;
  parse.json = LogStructured::merge;
  StructuredParser parser(parse);
  Structured out;
  ASSERT_TRUE(parser.parse(R"({"msg":"x","a":1})", out));
  EXPECT_EQ(out.message, "x");
  ASSERT_TRUE(parser.parse("msg=x a=1", out));
  EXPECT_EQ(out.message, "msg=x a=1");
  EXPECT_TRUE(out.fields.empty());
}

TEST(StructuredJson, MessageIsTheFirstOfItsNamesThatIsAString) {
  EXPECT_EQ(merge(R"({"event":"c","message":"b","msg":"a"})"), R"(-|||a|event="c" app.message="b")");
  EXPECT_EQ(merge(R"({"msg":null,"message":{"x":1},"event":"c"})"), R"(-|||c|msg=null app.message={"x":1})");
  EXPECT_EQ(merge(R"({"message":5})"), "-||||app.message=5");
  EXPECT_EQ(merge(R"({"\u006dsg":"\"\\\/\b\f\t\u20ac\ud83d\ude00\u0000"})"),
            "-|||\"\\/\b\f\t\xe2\x82\xac\xf0\x9f\x98\x80" + std::string(1, '\0') + "|");
}

TEST(StructuredJson, LevelsOfLoggers) {
  const std::pair<const char*, const char*> cases[] = {
      {R"({"level":"INFO"})", "info||||"},
      {R"({"level":50})", "error||||"},                                                  // pino
      {R"({"level":3})", "error||||"},                                                   // syslog
      {R"({"level":300,"level_name":"WARNING"})", "warning||||level_name=\"WARNING\""},  // Monolog
      {R"({"@l":"Fatal","@t":"x"})", "critical||||@t=\"x\""},                            // Serilog
      {R"({"log.level":"error","ecs.version":"1.6.0"})", "error||||ecs.version=\"1.6.0\""},
      {R"({"levelname":"CRITICAL"})", "critical||||"},
      {R"({"level":"high"})", "-||||app.level=\"high\""},
      {R"({"level":35.5})", "-||||app.level=35.5"},
      {R"({"level":-1})", "-||||app.level=-1"},
      {R"({"level":99999999999999999999})", "-||||app.level=99999999999999999999"},
      {R"({"level":"high","severity":"ERROR"})", "error||||app.level=\"high\""},
      {R"({"severity":"ERROR","level":"info"})", "info||||severity=\"ERROR\""}};
  for (const auto& [line, seen] : cases) EXPECT_EQ(merge(line), seen) << line;
}

TEST(StructuredJson, IdsOfTraces) {
  const std::string trace(32, 'a');
  EXPECT_EQ(merge(R"({"traceId":")" + std::string(32, 'A') + R"("})"), "-|" + trace + "|||");
  EXPECT_EQ(merge(R"({"trace.id":")" + trace + R"(","otelSpanID":"00000000000000aB"})"),
            "-|" + trace + "|00000000000000ab||");
  EXPECT_EQ(merge(R"({"trace_id":"463ac35c9f6413ad"})"), "-|0000000000000000463ac35c9f6413ad|||");
  EXPECT_EQ(merge(R"({"dd.trace_id":"1234567890123456"})"), R"(-||||dd.trace_id="1234567890123456")");
  EXPECT_EQ(merge(R"({"dd.trace_id":")" + trace + R"("})"), "-|" + trace + "|||");
  EXPECT_EQ(merge(R"({"otelTraceID":"0"})"), R"(-||||otelTraceID="0")");
  const std::string zeros(32, '0');
  EXPECT_EQ(merge(R"({"trace_id":")" + zeros + R"("})"), "-||||app.trace_id=\"" + zeros + "\"");
  EXPECT_EQ(merge(R"({"trace_id":12345,"span_id":"xyz"})"), R"(-||||app.trace_id=12345 app.span_id="xyz")");
}

TEST(StructuredJson, NothingOfARecordIsOverwritten) {
  EXPECT_EQ(merge(R"({"ts":1,"seq":2,"instance":3,"stream":4,"message_b64":5,"encoding":6,"partial":7,"eol":8,)"
                  R"("fields":9,"gap":10,"time":11,"@timestamp":12,"data":13})"),
            "-||||app.ts=1 app.seq=2 app.instance=3 app.stream=4 app.message_b64=5 app.encoding=6 app.partial=7 "
            "app.eol=8 app.fields=9 app.gap=10 time=11 @timestamp=12 data=13");
  EXPECT_EQ(merge(R"({"ts":1,"app.ts":2})"), "text");
  EXPECT_EQ(read(R"({"ts":1,"app.ts":2})", LogStructured::nest), R"(-||||data={"ts":1,"app.ts":2})");
}

TEST(StructuredJson, WhatIsNotValidStaysText) {
  for (const char* line : {"{",
                           "}",
                           "{]",
                           "{a:1}",
                           "{'a':1}",
                           R"({"a"})",
                           R"({"a":})",
                           R"({"a":1,})",
                           R"({,"a":1})",
                           R"({"a":1}})",
                           R"({"a":1} x)",
                           R"({"a":1}{"b":2})",
                           R"({"a" 1})",
                           R"({"a":1 "b":2})",
                           R"([1])",
                           R"("a")",
                           "1",
                           "null",
                           R"({"a":01})",
                           R"({"a":-})",
                           R"({"a":+1})",
                           R"({"a":.5})",
                           R"({"a":1.})",
                           R"({"a":1e})",
                           R"({"a":1e+})",
                           R"({"a":0x1})",
                           R"({"a":NaN})",
                           R"({"a":Infinity})",
                           R"({"a":tru})",
                           R"({"a":True})",
                           R"({"a":nul})",
                           R"({"a":"\x"})",
                           R"({"a":"\u12"})",
                           R"({"a":"\u12g4"})",
                           R"({"a":"x)",
                           R"({"a":"\)",
                           R"({"a":"\")",
                           R"({"a":[1})",
                           R"({"a":[1}])",
                           R"({"a":{"b":1]})",
                           R"({"a":[1,]})",
                           R"({"a":[,1]})",
                           R"({"a":[1 2]})",
                           R"({"a":{"b"}})",
                           R"({"a":{"b":}})",
                           R"({"a":{1:2}})",
                           R"({"a":{"b":1,}})",
                           R"({"a":[}})",
                           "{\"a\":\"\x01\"}",
                           "{\"a\":\"x\ty\"}",
                           "{\"a\":1}\x0b",
                           "\xef\xbb\xbf{}",
                           R"({"a":/**/1})",
                           R"({"a":1}//)"}) {
    EXPECT_EQ(merge(line), "text") << line;
  }
}

TEST(StructuredJson, WhatCouldNotStandInALineStaysText) {
  for (const char* line : {R"({"a":"\ud800"})", R"({"a":"\udc00"})", R"({"a":"\ud800\ud800"})", R"({"a":"\ud800x"})",
                           R"({"a":"\ud83d\u0041"})", R"({"\ud800":1})", "{\"a\":\"\xff\"}", "{\"a\":\"\xc0\xaf\"}",
                           "{\"a\":\"\xed\xa0\x80\"}", "{\"a\":\"\xf5\x80\x80\x80\"}", "{\"a\":\"\xe2\x82\"}",
                           "{\"a\":\"\x7f\"}", "{\"a\":\"\xc2\x9b\"}", "{\"a\":\"\xe2\x80\xa8\"}",
                           "{\"a\":\"\xe2\x80\xa9\"}", "{\"a\":[\n1]}", "{\"a\":{\"b\"\t:1}}", "{\"a\":[1\r]}"}) {
    EXPECT_EQ(merge(line), "text") << line;
  }
  EXPECT_EQ(merge("{\"a\":\"\xc3\xa9\xe2\x82\xac\xf0\x9f\x98\x80\xc2\xa0\"}"),
            "-||||a=\"\xc3\xa9\xe2\x82\xac\xf0\x9f\x98\x80\xc2\xa0\"");
}

TEST(StructuredJson, ANameTwiceStaysText) {
  EXPECT_EQ(merge(R"({"a":1,"b":2,"a":3})"), "text");
  EXPECT_EQ(merge(R"({"a":1,"\u0061":3})"), "text");
  EXPECT_EQ(merge(R"({"":1,"":3})"), "text");
  EXPECT_EQ(merge(R"({"a":{"b":1,"b":2}})"), R"(-||||a={"b":1,"b":2})");
}

TEST(StructuredJson, IsBounded) {
  const auto nested = [](std::size_t depth) {
    return "{\"a\":" + std::string(depth - 1, '[') + std::string(depth - 1, ']') + "}";
  };
  EXPECT_NE(merge(nested(32)), "text");
  EXPECT_EQ(merge(nested(33)), "text");
  EXPECT_EQ(merge("{\"a\":" + std::string(200'000, '[')), "text");

  const auto members = [](int count) {
    std::string line = "{";
    for (int i = 0; i < count; ++i) line += (i == 0 ? "\"k" : ",\"k") + std::to_string(i) + "\":" + std::to_string(i);
    return line + "}";
  };
  EXPECT_NE(merge(members(128)), "text");
  EXPECT_EQ(merge(members(129)), "text");

  EXPECT_NE(merge("{\"" + std::string(251, 'k') + "\":1}"), "text");
  EXPECT_EQ(merge("{\"" + std::string(252, 'k') + "\":1}"), "text");

  const std::string frame = R"({"a":""})";
  const auto sized = [&](std::size_t size) { return R"({"a":")" + std::string(size - frame.size(), 'x') + R"("})"; };
  EXPECT_NE(merge(sized(256 << 10)), "text");
  EXPECT_EQ(merge(sized((256 << 10) + 1)), "text");
}

// The views point into memory that must not move while a line is read.
TEST(StructuredJson, ManyChangedPartsAreAllThere) {
  std::string line = R"({"msg":")";
  for (int i = 0; i < 1000; ++i) line += R"(\u00e9)";
  line += R"(","trace_id":"ABCDEFABCDEFABCD","span_id":"ABCDEFABCDEFABCD")";
  for (const char* key : {"ts", "seq", "stream", "level", "fields", "gap"}) {
    line += std::string(",\"") + key + "\":\"" + key + "\"";
  }
  for (int i = 0; i < 100; ++i) line += ",\"\\u006b" + std::to_string(i) + "\":\"\\u00e9\"";
  line += "}";
  std::string expected = "-|0000000000000000abcdefabcdefabcd|abcdefabcdefabcd|";
  for (int i = 0; i < 1000; ++i) expected += "\xc3\xa9";
  expected += R"(|app.ts="ts" app.seq="seq" app.stream="stream" app.level="level" app.fields="fields" app.gap="gap")";
  for (int i = 0; i < 100; ++i) expected += " k" + std::to_string(i) + R"(="\u00e9")";
  EXPECT_EQ(merge(line), expected);
}

TEST(StructuredJson, AnObjectIsUsedAgain) {
  StructuredParser parser(parse_of(LogStructured::merge));
  Structured out;
  ASSERT_TRUE(parser.parse(R"({"msg":"a","level":"error","span_id":"b7ad6b7169203331","x":1})", out));
  ASSERT_TRUE(parser.parse(R"({"y":2})", out));
  EXPECT_EQ(out.message, "");
  EXPECT_EQ(out.level, std::nullopt);
  EXPECT_EQ(out.span_id, "");
  ASSERT_EQ(out.fields.size(), 1U);
  EXPECT_EQ(out.fields[0].key, "y");
}

TEST(StructuredLogfmt, MergeLiftsWhatARecordHas) {
  EXPECT_EQ(merge(R"(time="2026-01-31T12:00:00Z" level=warning msg="slow \"query\"" ms=12 ok)"),
            R"(warning|||slow "query"|time="2026-01-31T12:00:00Z" ms="12" ok=true)");
  EXPECT_EQ(merge(R"(at=info method=GET path="/a b" fwd="1.2.3.4" dyno=web.1 service=18ms status=200)"),
            R"(-||||at="info" method="GET" path="/a b" fwd="1.2.3.4" dyno="web.1" service="18ms" status="200")");
  EXPECT_EQ(merge(R"(level=30 msg=x)"), "info|||x|");
  EXPECT_EQ(merge(R"(ts=1 url=/a?b=c&d=e path=C:\x empty= sample#memory=1MB)"),
            R"(-||||app.ts="1" url="/a?b=c&d=e" path="C:\\x" empty="" sample#memory="1MB")");
  EXPECT_EQ(merge("lvl=dbug msg=x"), "debug|||x|");
  EXPECT_EQ(merge("a=\xc3\xa9 b=1"), "-||||a=\"\xc3\xa9\" b=\"1\"");
}

TEST(StructuredLogfmt, KeepAndNest) {
  EXPECT_EQ(read("level=error msg=x traceID=463ac35c9f6413ad", LogStructured::keep),
            "error|0000000000000000463ac35c9f6413ad||level=error msg=x traceID=463ac35c9f6413ad|");
  EXPECT_EQ(read(R"(level=error msg=x path=a\b q="\u00e9" done)", LogStructured::nest),
            R"(error|||x|data={"path":"a\\b","q":"\u00e9","done":true})");
}

TEST(StructuredLogfmt, IsTakenOnlyWhenItIsCertain) {
  for (const char* line : {"a=1",
                           "hello a=1 b=2",
                           "a=1 b=2 and then it ended",
                           "=1 b=2",
                           "a=1, b=2;",
                           "a=1 b = 2",
                           "a=\"x b=2",
                           "a=\"x\"y b=2",
                           "a=x\"y b=2",
                           "a=1 a=2",
                           "1a=1 b=2",
                           "a=1 [b]=2",
                           "a==1 -b=2",
                           "a=\"\\x1b\" b=2",
                           "a=\"\\q\" b=2",
                           "a=1 b=\x1b",
                           "a=1 b=\xff",
                           "a=1 b=\xc2\x9b",
                           "a=1 b=\"x\ty\"",
                           "a",
                           "",
                           " ",
                           "level",
                           "level=error",
                           "select a from b where c=1",
                           "SELECT=1 msg"}) {
    EXPECT_EQ(merge(line), "text") << line;
  }
  EXPECT_EQ(merge("a==1 b=2"), R"(-||||a="=1" b="2")");
}

TEST(StructuredLogfmt, IsBounded) {
  const auto pairs = [](int count) {
    std::string line;
    for (int i = 0; i < count; ++i) line += "k" + std::to_string(i) + "=\\ ";
    return line;
  };
  EXPECT_NE(merge(pairs(128)), "text");
  EXPECT_EQ(merge(pairs(129)), "text");
  const std::string backslashes(100'000, '\\');
  EXPECT_EQ(merge("a=" + backslashes + " b=1"), "-||||a=\"" + backslashes + backslashes + "\" b=\"1\"");
}

}  // namespace
}  // namespace cofferdam::logs
