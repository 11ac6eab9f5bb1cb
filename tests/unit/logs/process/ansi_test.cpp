#include "logs/process/ansi.hpp"

#include <gtest/gtest.h>

#include <chrono>
#include <random>
#include <string>
#include <vector>

namespace cofferdam::logs {
namespace {

std::string strip(std::string_view text) {
  const std::vector<char> exact(text.begin(), text.end());  // a sanitizer sees what reads beyond it
  std::string scratch = "left over";
  return std::string(strip_ansi({exact.data(), exact.size()}, scratch));
}

TEST(StripAnsi, LeavesCleanTextWhereItIs) {
  std::string scratch;
  for (const std::string_view text :
       {"", "plain", "caf\xc3\xa9 12\xc2\xb0 \xc2\xa0", "10%\r20%", "a\b\bb\a", "\x9b\xff"}) {
    EXPECT_EQ(strip_ansi(text, scratch).data(), text.data());
    EXPECT_EQ(strip_ansi(text, scratch), text);
  }
}

TEST(StripAnsi, TakesControlSequencesOut) {
  EXPECT_EQ(strip("\x1b[1;31mred\x1b[0m"), "red");
  EXPECT_EQ(strip("\x1b[38:2::1:2:3mx\x1b[m"), "x");
  EXPECT_EQ(strip("a\x1b[2J\x1b[1;1Hb\x1b[?25lc\x1b[>4;2md\x1b[!p\x1b[ qe"), "abcde");
  EXPECT_EQ(strip("a\xc2\x9b"
                  "31mb"),
            "ab");
}

TEST(StripAnsi, TakesStringsOut) {
  EXPECT_EQ(strip("\x1b]0;title\atext"), "text");
  EXPECT_EQ(strip("\x1b]52;c;ZWNobyBvd25lZA==\x1b\\text"), "text");
  EXPECT_EQ(strip("\x1b]8;;http://x/\x1b\\link\x1b]8;;\x1b\\"), "link");
  EXPECT_EQ(strip("\x1bP$q\"p\x1b\\text"), "text");
  EXPECT_EQ(strip("\x1bPone\atwo\x1b\\text"), "text");
  EXPECT_EQ(strip("\x1bXsos\x1b\\a\x1b^pm\x1b\\b\x1b_apc\x1b\\c\x1bktitle\x1b\\d"), "abcd");
  EXPECT_EQ(strip("\xc2\x9d"
                  "0;x\xc2\x9cy\xc2\x90"
                  "q\x1b\\z"),
            "yz");
  EXPECT_EQ(strip("\x1b]0;x\x18y\x1b]0;x\x1az"), "yz");
  EXPECT_EQ(strip("\x1b]0;x\x1b[31my"), "y");
}

TEST(StripAnsi, TakesShortSequencesOut) {
  EXPECT_EQ(strip("\x1b(Ba\x1b"
                  "7b\x1b=c\x1b#8d\x1bMe\x1b"
                  "cf"),
            "abcdef");
  EXPECT_EQ(strip("a\x1b"), "a");
  EXPECT_EQ(strip("a\x1b\x1b\x1b"), "a");
  EXPECT_EQ(strip("a\x1b\xc3\xa9"), "a\xc3\xa9");
  EXPECT_EQ(strip("a\x1b\rb"), "a\rb");
  EXPECT_EQ(strip("a\xc2\x85"
                  "b\xc2\x9c"
                  "c"),
            "abc");
}

TEST(StripAnsi, WhatHasNoEndHidesNothing) {
  EXPECT_EQ(strip("\x1b]0;the rest of the line"), "0;the rest of the line");
  EXPECT_EQ(strip("\x1b[31"), "31");
  EXPECT_EQ(strip("\x1b[12\xc3\xa9"), "12\xc3\xa9");
  EXPECT_EQ(strip("\x1b("), "(");
  const std::string longest(kLongestSequence - 1, '1');
  EXPECT_EQ(strip("\x1b[" + longest + "mx"), "x");
  EXPECT_EQ(strip("\x1b[1" + longest + "mx"), "1" + longest + "mx");
  EXPECT_EQ(strip("\x1b]" + longest + "\ax"), "x");
  EXPECT_EQ(strip("\x1b]1" + longest + "\ax"), "1" + longest + "\ax");
}

// Each byte is looked at a few times only, whatever the text is made of.
TEST(StripAnsi, HostileTextTakesNoLonger) {
  for (const std::string part : {"\xc2\x9d", "\x1b]",
                                 "\xc2\x9b"
                                 "1",
                                 "\x1b[1", "\x1b(", "\xc2", "\xc2\x85"}) {
    std::string text;
    while (text.size() < (512U << 10U)) text += part;
    const auto start = std::chrono::steady_clock::now();
    EXPECT_LE(strip(text).size(), text.size());
    EXPECT_LT(std::chrono::steady_clock::now() - start, std::chrono::seconds(2)) << ::testing::PrintToString(part);
  }
}

TEST(StripAnsi, NothingNewComesTogether) {
  EXPECT_EQ(strip("\x1b\x1b[0m[31mx"), "[31mx");
  EXPECT_EQ(strip("\xc2\x1b[0m\x9b"
                  "31mx"),
            "\x9b"
            "31mx");
  EXPECT_EQ(strip("\xc2\xc2\x1b[0m\x9b"
                  "31mx"),
            "\x9b"
            "31mx");
}

bool is_c1_end(char c) {
  return (static_cast<unsigned char>(c) & 0xe0U) == 0x80;
}

// The same by another way: a state machine that looks at one byte at a time.
std::string strip_slowly(const std::string& text) {
  std::string out;
  const auto put = [&](char c) {
    if (is_c1_end(c)) {
      while (!out.empty() && out.back() == '\xc2') out.pop_back();
    }
    out.push_back(c);
  };
  enum class State { intermediate, parameters, control_end, string };
  std::size_t at = 0;
  while (at < text.size()) {
    const bool c1 = text[at] == '\xc2' && at + 1 < text.size() && is_c1_end(text[at + 1]);
    if (text[at] != '\x1b' && !c1) {
      put(text[at++]);
      continue;
    }
    // `shown`: what is looked at next when the sequence has no end.
    std::size_t shown = at + (c1 ? 2 : 1);
    std::size_t here = shown;
    State state = State::intermediate;
    char kind = 0;
    if (c1) kind = static_cast<char>(text[at + 1] - '\x40');
    if (!c1 && here < text.size() && text[here] >= '\x30' && text[here] <= '\x7e') kind = text[here++], shown = here;
    if (kind == '[') {
      state = State::parameters;
    } else if (kind != 0 && std::string("]PX^_k").find(kind) != std::string::npos) {
      state = State::string;
    } else if (kind != 0) {
      at = here;
      continue;
    }
    const std::size_t first = here;
    std::size_t end = std::string::npos;
    for (; here < text.size() && end == std::string::npos; ++here) {
      const char c = text[here];
      const std::size_t seen = here - first + 1;
      if (state != State::intermediate && seen > kLongestSequence) break;
      if (state == State::parameters && !(c >= '0' && c <= '?')) state = State::control_end;
      if (state == State::control_end) {
        if (c >= ' ' && c <= '/') continue;
        if (c >= '@' && c <= '~') end = here + 1;
        break;
      }
      if (state == State::intermediate) {
        if (c >= ' ' && c <= '/') continue;
        if (c >= '0' && c <= '~') end = here + 1;
        break;
      }
      if (state == State::string) {
        if (c == '\x18' || c == '\x1a' || (c == '\a' && kind == ']')) end = here + 1;
        if (c == '\xc2' && seen < kLongestSequence && here + 1 < text.size() && is_c1_end(text[here + 1])) {
          end = text[here + 1] == '\x9c' ? here + 2 : here;
        }
        if (c == '\x1b') {
          end = seen < kLongestSequence && text.compare(here, 2, "\x1b\\") == 0 ? here + 2 : here;
        }
      }
    }
    at = end == std::string::npos ? shown : end;
  }
  return out;
}

TEST(StripAnsi, AgreesWithASlowModel) {
  std::mt19937 random(20260131);
  static const std::string kBytes =
      "\x1b\x1b\x1b\x1b[[]]PX^_k\\0123;:?mHcB( !#q\a\a\r\b\x18\x1a\xc2\xc2\xc2\x9b\x9c\x9d\x90\x85\xc3\xa9 ab\x7f";
  for (int i = 0; i < 30000; ++i) {
    std::string text;
    for (std::size_t size = random() % 40; size > 0; --size) text += kBytes[random() % kBytes.size()];
    const std::string stripped = strip(text);
    ASSERT_EQ(stripped, strip_slowly(text)) << ::testing::PrintToString(text);
    ASSERT_EQ(strip(stripped), stripped) << ::testing::PrintToString(text);
    ASSERT_EQ(stripped.find('\x1b'), std::string::npos);
  }
}

}  // namespace
}  // namespace cofferdam::logs
