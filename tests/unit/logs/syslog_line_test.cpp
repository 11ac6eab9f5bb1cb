#include "logs/syslog_line.hpp"

#include <gtest/gtest.h>

#include <random>
#include <string>

namespace cofferdam::logs {
namespace {

TEST(SyslogLine, TheFormOfSyslog3) {
  const SyslogLine line = parse_syslog("<27>Nov  2 10:00:00 nginx[12]: upstream gone: x\n");
  EXPECT_EQ(line.level, LogLevel::error);
  EXPECT_EQ(line.facility, "daemon");
  EXPECT_EQ(line.ident, "nginx");
  EXPECT_EQ(line.pid, "12");
  EXPECT_EQ(line.message, "upstream gone: x");
}

TEST(SyslogLine, WithoutATimeOrAPid) {
  const SyslogLine line = parse_syslog("<190>haproxy: backend down");
  EXPECT_EQ(line.level, LogLevel::info);
  EXPECT_EQ(line.facility, "local7");
  EXPECT_EQ(line.ident, "haproxy");
  EXPECT_EQ(line.pid, "");
  EXPECT_EQ(line.message, "backend down");
}

TEST(SyslogLine, TheNewFormKeepsItsStructuredData) {
  const SyslogLine line = parse_syslog("<165>1 2026-10-11T22:14:15.003Z host app 77 ID47 [a@1 b=\"c\"] said");
  EXPECT_EQ(line.level, LogLevel::info);
  EXPECT_EQ(line.facility, "local4");
  EXPECT_EQ(line.ident, "app");
  EXPECT_EQ(line.pid, "77");
  EXPECT_EQ(line.message, "[a@1 b=\"c\"] said");
  EXPECT_EQ(parse_syslog("<13>1 - - - - - - hello").message, "hello");
}

TEST(SyslogLine, WhatIsNoHeaderIsTheMessage) {
  for (const char* text : {"plain", "<999>x", "<1", "<>x", "<13", "1 x", ""}) {
    EXPECT_EQ(parse_syslog(text).message, text);
    EXPECT_EQ(parse_syslog(text).ident, "");
  }
  EXPECT_EQ(parse_syslog("<13>two words: are no ident").message, "two words: are no ident");
  EXPECT_EQ(parse_syslog("<13>a[b]: x").message, "a[b]: x");
}

TEST(SyslogLine, AnyBytesAreSafe) {
  std::mt19937 random(3);
  for (int round = 0; round < 20'000; ++round) {
    std::string text = round % 2 == 0 ? "<13>" : "<165>1 2026-10-11T22:14:15Z ";
    for (std::size_t i = random() % 40; i > 0; --i)
      text += static_cast<char>(random() % 2 == 0 ? random() : " -:[]<>1"[random() % 8]);
    const SyslogLine line = parse_syslog(text);
    EXPECT_LE(line.message.size(), text.size());
  }
}

}  // namespace
}  // namespace cofferdam::logs
