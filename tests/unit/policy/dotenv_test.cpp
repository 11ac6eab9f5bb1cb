#include "policy/dotenv.hpp"

#include <gtest/gtest.h>

#include <string>
#include <vector>

namespace cofferdam::policy {
namespace {

Variables read(std::string_view text) {
  auto variables = parse_dotenv(text, ".env");
  if (variables) return *variables;
  for (const Diagnostic& each : variables.error()) ADD_FAILURE() << format_diagnostic(each);
  return {};
}

std::vector<std::string> mistakes(std::string_view text) {
  const auto variables = parse_dotenv(text, ".env");
  std::vector<std::string> out;
  if (variables) return out;
  for (const Diagnostic& each : variables.error()) {
    EXPECT_EQ(each.code, "CD910");
    EXPECT_EQ(each.where.file, ".env");
    out.push_back(std::to_string(each.where.line) + ":" + std::to_string(each.where.column));
  }
  return out;
}

using Places = std::vector<std::string>;

TEST(Dotenv, ReadsPlainValues) {
  EXPECT_EQ(read("A=1\n\n  # comment\nexport B=two words  \nC=\nD= # nothing\nE=a#b\nF=a #b\n\tG=x"),
            (Variables{{"A", "1"}, {"B", "two words"}, {"C", ""}, {"D", ""}, {"E", "a#b"}, {"F", "a"}, {"G", "x"}}));
}

TEST(Dotenv, ReadsUrlsAsTheyAre) {
  EXPECT_EQ(read("DATABASE_URL=postgres://u:p%20$w@db:5432/x?a=b&c='d'\n"),
            (Variables{{"DATABASE_URL", "postgres://u:p%20$w@db:5432/x?a=b&c='d'"}}));
}

TEST(Dotenv, TakesSingleQuotesLiterally) {
  EXPECT_EQ(read("A='a\\n$B \"c\" #d' # e\nB='two\nlines'\n"),
            (Variables{{"A", "a\\n$B \"c\" #d"}, {"B", "two\nlines"}}));
}

TEST(Dotenv, KnowsEscapesInDoubleQuotes) {
  EXPECT_EQ(read("A=\"a\\nb\\\"c\\\\d\\$e\\x\" \nKEY=\"-----BEGIN-----\nabc\n-----END-----\n\"\n"),
            (Variables{{"A", "a\nb\"c\\d$e\\x"}, {"KEY", "-----BEGIN-----\nabc\n-----END-----\n"}}));
}

TEST(Dotenv, ExpandsNothing) {
  EXPECT_EQ(read("A=$HOME\nB=\"${A}\"\nC=`id`\nD=$(id)\n"),
            (Variables{{"A", "$HOME"}, {"B", "${A}"}, {"C", "`id`"}, {"D", "$(id)"}}));
}

TEST(Dotenv, TakesCarriageReturnsAndAByteOrderMark) {
  EXPECT_EQ(read("\xef\xbb\xbf"
                 "A=1\r\nB=\"x\r\ny\"\r\n#\r\nC=\r\n"),
            (Variables{{"A", "1"}, {"B", "x\ny"}, {"C", ""}}));
}

TEST(Dotenv, KeepsBothOfANameGivenTwice) {
  EXPECT_EQ(read("A=1\nA=2"), (Variables{{"A", "1"}, {"A", "2"}}));
}

TEST(Dotenv, AVariableMayBeCalledExport) {
  EXPECT_EQ(read("export=1\nexport export=2"), (Variables{{"export", "1"}, {"export", "2"}}));
}

TEST(Dotenv, AnEmptyFileHasNoVariables) {
  EXPECT_EQ(read(""), Variables{});
  EXPECT_EQ(read("\n#x"), Variables{});
}

TEST(Dotenv, ReportsEveryMistake) {
  EXPECT_EQ(mistakes("A=1\nB\n  C-D=2\nE =3\nF= 4\n=5\n1G=6\nexport\nH=\"x\" y\nI='x'y\nJ=1\n"),
            (Places{"2:1", "3:3", "4:1", "5:3", "6:1", "7:1", "8:1", "9:7", "10:6"}));
}

TEST(Dotenv, ReportsAnOpenQuoteWhereItOpens) {
  EXPECT_EQ(mistakes("A=1\nB=\"x\nC=2\nD\n"), (Places{"2:3", "4:1"}));
  EXPECT_EQ(mistakes("A='x"), Places{"1:3"});
  EXPECT_EQ(mistakes("A=\"x\\"), Places{"1:3"});
}

TEST(Dotenv, RefusesWhatIsNoText) {
  EXPECT_EQ(mistakes(std::string_view("A=1\nB=\0", 7)), Places{"2:3"});
  EXPECT_EQ(mistakes("A=\xff\xfe"), Places{"1:3"});
  EXPECT_EQ(mistakes(std::string(kMaxDotenvBytes + 1, '#')), Places{"0:0"});
}

TEST(Dotenv, RepeatsNoSecret) {
  for (const char* text : {"hunter2\n", "A=\"hunter2\" hunter2\n", "A= hunter2\n", "A='hunter2\n"}) {
    const auto variables = parse_dotenv(text, ".env");
    ASSERT_FALSE(variables) << text;
    for (const Diagnostic& each : variables.error()) {
      EXPECT_EQ(format_diagnostic(each).find("hunter2"), std::string::npos) << text;
    }
  }
}

}  // namespace
}  // namespace cofferdam::policy
