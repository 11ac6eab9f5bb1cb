#include "logs/pretty_encoder.hpp"

#include <gtest/gtest.h>

#include <array>
#include <random>
#include <string>
#include <utility>

namespace cofferdam::logs {
namespace {

std::string visible(std::string_view text, bool colour) {
  OutBuffer out;
  append_visible(out, text, colour);
  return std::string(out.view());
}

Record record(Stream stream, std::string_view message, bool last = true) {
  Record made;
  made.stream = stream;
  made.message = message;
  made.partial_last = last;
  return made;
}

TEST(AppendVisible, LeavesTextAlone) {
  EXPECT_EQ(visible("caf\xc3\xa9 \xe2\x82\xac\tx", false), "caf\xc3\xa9 \xe2\x82\xac\tx");
}

TEST(AppendVisible, ShowsWhatCommandsTheTerminal) {
  EXPECT_EQ(visible("\x1b]0;title\x07", true), "\\x1b]0;title\\x07");
  EXPECT_EQ(visible("\x1b[2J\x1b[1;1H", true), "\\x1b[2J\\x1b[1;1H");
  EXPECT_EQ(visible("\x1b]52;c;eA==\x1b\\", true), "\\x1b]52;c;eA==\\x1b\\");
  EXPECT_EQ(visible("a\xc2\x9b"
                    "2Jb\x9b",
                    true),
            "a\\xc2\\x9b2Jb\\x9b");
  EXPECT_EQ(visible("10%\r20%", true), "10%\\r20%");
  EXPECT_EQ(visible("\x1b", true), "\\x1b");
  EXPECT_EQ(visible(std::string("\0\x7f", 2), true), "\\x00\\x7f");
  EXPECT_EQ(visible("\x1b[" + std::string(100, '1') + "m", true), "\\x1b[" + std::string(100, '1') + "m");
}

// What is written into logs to take over the terminal of who reads them, or to deceive them.
TEST(AppendVisible, AttacksOnTheReaderAreText) {
  const std::pair<std::string_view, std::string_view> attacks[] = {
      {"\x1b]52;c;Y3VybCBldmlsfHNo\a", "\\x1b]52;c;Y3VybCBldmlsfHNo\\x07"},  // the clipboard
      {"\x1b]0;$(id)\a\x1b[21t", "\\x1b]0;$(id)\\x07\\x1b[21t"},             // a title, and back as input
      {"\x1b]8;;http://evil/\x1b\\bank\x1b]8;;\x1b\\", R"(\x1b]8;;http://evil/\x1b\bank\x1b]8;;\x1b\)"},  // a link
      {"\x1bP$q\"p\x1b\\", R"(\x1bP$q"p\x1b\)"},                                  // DECRQSS answers as input
      {"\x1bP+q544e\x1b\\", R"(\x1bP+q544e\x1b\)"},                               // XTGETTCAP
      {"\x1b[c\x1b[5n\x1b[6n\x1b[>q\x05", R"(\x1b[c\x1b[5n\x1b[6n\x1b[>q\x05)"},  // other queries, and ENQ
      {"\x1b[1A\x1b[2KGET / 200", R"(\x1b[1A\x1b[2KGET / 200)"},                  // the line above
      {"\x1b[3J\x1b[H\x1b"
       "c",
       R"(\x1b[3J\x1b[H\x1bc)"},                                                  // all there is
      {"\x1b[?1049h\x1b[?25l\x1b[?1000h", R"(\x1b[?1049h\x1b[?25l\x1b[?1000h)"},  // other screen, mouse
      {"\x1b_Gf=100,a=T;AAAA\x1b\\\x1bXx\x1b\\\x1b^x\x1b\\", R"(\x1b_Gf=100,a=T;AAAA\x1b\\x1bXx\x1b\\x1b^x\x1b\)"},
      {"\x1b(0\x0e", R"(\x1b(0\x0e)"},  // another character set
      {"\xc2\x9b"
       "2J\xc2\x9d"
       "52;c;eA==\xc2\x9c",
       R"(\xc2\x9b2J\xc2\x9d52;c;eA==\xc2\x9c)"},
      {"\x9b"
       "2J\x90q",
       R"(\x9b2J\x90q)"},  // C1 as single bytes
      {"denied\rallowed", R"(denied\rallowed)"},
      {"denied\b\b\b\b\b\ballowed", R"(denied\x08\x08\x08\x08\x08\x08allowed)"},
      {"\x1b[8mhidden", R"(\x1b[8mhidden)"},
      {"\x1b[31;08;1mhidden", R"(\x1b[31;08;1mhidden)"},
      {"\x1b[38;5;8;8mhidden", R"(\x1b[38;5;8;8mhidden)"},
      {"user \xe2\x80\xaenimda\xe2\x80\xac", R"(user \u202enimda\u202c)"},
      {"a\xe2\x81\xa6"
       "b\xe2\x81\xa9",
       R"(a\u2066b\u2069)"},
      {"a\xe2\x80\xa8"
       "b\xe2\x80\xa9",
       R"(a\u2028b\u2029)"},
      {"\x1b\x1b[31m[2J", "\\x1b\x1b[31m[2J\x1b[0m"}};
  for (const auto& [text, shown] : attacks) EXPECT_EQ(visible(text, true), shown) << ::testing::PrintToString(text);
  EXPECT_EQ(visible("\xc2\x1b[31m\x9b"
                    "2J",
                    false),
            R"(\xc2\x9b2J)");
}

TEST(AppendVisible, OtherTextOfTheWorldIsLeftAlone) {
  for (const std::string_view text :
       {"\xe2\x80\x9cquoted\xe2\x80\x9d \xe2\x80\xa7 \xe2\x80\xaf", "\xd7\xa9\xd7\x9c\xe2\x80\x8f",
        "\xe2\x81\xa5 \xe2\x81\xaa", "\xf0\x9f\x98\x80", "\xc2\xa0"}) {
    EXPECT_EQ(visible(text, true), text);
  }
  for (const std::string_view colour : {"\x1b[38;5;8mx", "\x1b[48;2;8;8;8mx", "\x1b[38:5:8mx", "\x1b[38;5;8;1;28mx"}) {
    EXPECT_EQ(visible(colour, true), std::string(colour) + "\x1b[0m");
  }
}

// A terminal must never see a control character that is not ours, whatever comes.
TEST(AppendVisible, NoControlCharacterComesThrough) {
  std::mt19937 random(20260131);
  const std::string bytes =
      "\x1b\x1b\x1b[]PX^_0;8mJHc\a\b\r\n\t\x0e\x7f\xc2\xc2\x9b\x90\xe2\x80\xae\xff"
      "a";
  for (int i = 0; i < 20000; ++i) {
    std::string text;
    for (std::size_t size = random() % 24; size > 0; --size) text += bytes[random() % bytes.size()];
    std::string shown = visible(text, true);
    for (std::size_t at = shown.find('\x1b'); at != std::string::npos; at = shown.find('\x1b', at)) {
      const std::size_t end = shown.find_first_not_of("[0123456789;:", at + 1);
      ASSERT_TRUE(shown[at + 1] == '[' && end != std::string::npos && shown[end] == 'm')
          << ::testing::PrintToString(text);
      shown.erase(at, end + 1 - at);
    }
    for (const char c : shown) {
      ASSERT_TRUE(static_cast<unsigned char>(c) >= 0x20 || c == '\t') << ::testing::PrintToString(text);
      ASSERT_NE(c, '\x7f');
    }
    ASSERT_EQ(shown.find("\xc2\x9b"), std::string::npos) << ::testing::PrintToString(text);
  }
}

TEST(AppendVisible, ColourIsKeptAndEndedOrRemoved) {
  EXPECT_EQ(visible("\x1b[1;31mred", true), "\x1b[1;31mred\x1b[0m");
  EXPECT_EQ(visible("\x1b[1;31mred\x1b[0m", false), "red");
  EXPECT_EQ(visible("\x1b[38:2:1:2:3mx", false), "x");
}

TEST(PrettyEncoder, AlignsNamesAndTellsTheStreams) {
  OutBuffer out;
  PrettyEncoder encoder("web.1", 6, false);
  encoder.append(record(Stream::out, "hello\r"), out);
  encoder.append(record(Stream::err, ""), out);
  EXPECT_EQ(out.view(), "web.1  | hello\nweb.1  ! \n");
}

TEST(PrettyEncoder, ColoursOnlyWhenAsked) {
  OutBuffer out;
  PrettyEncoder encoder("web.1", 0, true);
  encoder.append(record(Stream::out, "a"), out);
  encoder.append(record(Stream::err, "b"), out);
  EXPECT_EQ(out.view(), "\x1b[2mweb.1 |\x1b[0m a\n\x1b[2mweb.1\x1b[0m \x1b[31m!\x1b[0m b\n");
}

TEST(PrettyEncoder, APromptIsShownOnceAndGoesOn) {
  OutBuffer out;
  PrettyEncoder encoder("web.1", 0, false);
  encoder.show_partial(Stream::out, "name: ", out);
  EXPECT_EQ(out.view(), "web.1 | name: ");
  encoder.show_partial(Stream::out, "name: ", out);
  EXPECT_EQ(out.view(), "web.1 | name: ");
  encoder.show_partial(Stream::out, "name: bo", out);
  encoder.append(record(Stream::out, "name: bob"), out);
  encoder.append(record(Stream::out, "next"), out);
  EXPECT_EQ(out.view(), "web.1 | name: bob\nweb.1 | next\n");
}

TEST(PrettyEncoder, TheOtherStreamDoesNotLandInThePrompt) {
  OutBuffer out;
  PrettyEncoder encoder("web.1", 0, false);
  encoder.show_partial(Stream::out, "name: ", out);
  encoder.append(record(Stream::err, "oops"), out);
  encoder.append(record(Stream::out, "name: bob"), out);
  EXPECT_EQ(out.view(), "web.1 | name: \nweb.1 ! oops\nweb.1 | bob\n");
}

TEST(PrettyEncoder, APromptWaitsForTheRestOfACharacter) {
  OutBuffer out;
  PrettyEncoder encoder("web.1", 0, false);
  encoder.show_partial(Stream::out, "a\xe2\x82", out);
  EXPECT_EQ(out.view(), "web.1 | a");
  encoder.show_partial(Stream::out, "a\xe2\x82\xac\x1b[3", out);
  encoder.append(record(Stream::out, "a\xe2\x82\xac\x1b[31mb"), out);
  EXPECT_EQ(out.view(),
            "web.1 | a\xe2\x82\xac"
            "b\n");
}

TEST(PrettyEncoder, PiecesOfALongLineAreOneLine) {
  OutBuffer out;
  PrettyEncoder encoder("web.1", 0, false);
  encoder.append(record(Stream::out, "ab", false), out);
  encoder.append(record(Stream::out, "cd"), out);
  EXPECT_EQ(out.view(), "web.1 | abcd\n");
}

TEST(PrettyEncoder, JoinedLinesAndFieldsAreShown) {
  OutBuffer out;
  PrettyEncoder encoder("web.1", 0, false);
  Record joined = record(Stream::err, "Traceback:\n  File \x1b]0;x\x07\nValueError");
  const std::array<Field, 2> fields = {Field{"status", "500"}, Field{"path", R"("/x")"}};
  joined.fields = fields;
  encoder.append(joined, out);
  EXPECT_EQ(out.view(),
            "web.1 ! Traceback:\nweb.1 !   File \\x1b]0;x\\x07\nweb.1 ! ValueError status=500 path=\"/x\"\n");
}

}  // namespace
}  // namespace cofferdam::logs
