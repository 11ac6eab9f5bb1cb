#include "logs/pretty_encoder.hpp"

#include <gtest/gtest.h>

#include <array>
#include <string>

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
