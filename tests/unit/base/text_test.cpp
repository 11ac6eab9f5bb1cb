#include "base/text.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <array>
#include <string>
#include <vector>

namespace cofferdam::base {
namespace {

using testing::ElementsAre;

TEST(Text, TextIsUtf8WhereAllOfItIs) {
  const std::string plain(20, 'x');
  for (std::size_t at = 0; at <= plain.size(); ++at) {
    const auto with = [&](std::string_view part) { return plain.substr(0, at) + std::string(part) + plain.substr(at); };
    EXPECT_TRUE(is_utf8(with("")));
    EXPECT_TRUE(is_utf8(with("\xe2\x82\xac")));
    EXPECT_TRUE(is_utf8(with(std::string_view("\0", 1))));
    EXPECT_FALSE(is_utf8(with("\xff")));
    EXPECT_FALSE(is_utf8(with("\xe2\x82")));
    EXPECT_FALSE(is_utf8(with("\xed\xa0\x80")));
  }
}

TEST(Text, Utf8SequencesAreThoseOfRfc3629) {
  EXPECT_EQ(utf8_sequence("a"), 1U);
  EXPECT_EQ(utf8_sequence("\xc3\xa9t"), 2U);
  EXPECT_EQ(utf8_sequence("\xe2\x82\xac"), 3U);
  EXPECT_EQ(utf8_sequence("\xf4\x8f\xbf\xbf"), 4U);
  for (const char* bad : {"", "\x80", "\xc0\xaf", "\xc3", "\xc3(", "\xe0\x9f\xbf", "\xed\xa0\x80", "\xe2\x82",
                          "\xf4\x90\x80\x80", "\xf5\x80\x80\x80"}) {
    EXPECT_EQ(utf8_sequence(bad), 0U) << printable(bad);
  }
}

TEST(Text, TheNearestWordIsNearEnough) {
  constexpr std::array<std::string_view, 3> kWords = {"storage", "database", "network"};
  EXPECT_EQ(nearest("storge", kWords), "storage");
  EXPECT_EQ(nearest("netwrk", kWords), "network");
  EXPECT_EQ(nearest("logs", kWords), std::nullopt);
  EXPECT_EQ(nearest("", kWords), std::nullopt);
}

TEST(Text, SplitKeepsEmptyPartsAndJoinUndoesIt) {
  EXPECT_THAT(split("a,,b,", ','), ElementsAre("a", "", "b", ""));
  EXPECT_THAT(split("", ','), ElementsAre(""));
  EXPECT_EQ(join(std::vector<std::string>{"a", "", "b"}, ", "), "a, , b");
  EXPECT_EQ(join({}, ", "), "");
}

TEST(Text, PathsAreNormalisedAndCompared) {
  for (const auto& [given, normal] : {std::pair{"/", "/"}, {"//a/./b/", "/a/b"}, {"/a/../../b", "/b"}, {"/..", "/"}}) {
    EXPECT_EQ(normalise_path(given), normal) << given;
  }
  EXPECT_TRUE(is_beneath("/srv", "/srv"));
  EXPECT_TRUE(is_beneath("/srv/app", "/srv"));
  EXPECT_TRUE(is_beneath("/srv", "/"));
  EXPECT_FALSE(is_beneath("/srvx", "/srv"));
  EXPECT_FALSE(is_beneath("/", "/srv"));
}

TEST(Text, ABaseNameIsWhatComesAfterTheLastSlash) {
  EXPECT_EQ(base_name("/usr/bin/psql"), "psql");
  EXPECT_EQ(base_name("psql"), "psql");
  EXPECT_EQ(base_name("bin/"), "");
  EXPECT_EQ(base_name(""), "");
}

TEST(Text, GlobsStayWithinAComponentUnlessTheyCross) {
  struct Row {
    const char* pattern;
    const char* path;
    bool matches;
  };
  for (const auto& [pattern, path, matches] : {Row{"/a/*.log", "/a/x.log", true},
                                               {"/a/*.log", "/a/b/x.log", false},
                                               {"/a/?", "/a/b", true},
                                               {"/a?b", "/a/b", false},
                                               {"**/x", "/a/b/x", true},
                                               {"**/x", "x", true},
                                               {"**/x", "/a/bx", false},
                                               {"**/c/**", "/a/c/d/e", true},
                                               {"**/c/**", "/a/c", false},
                                               {"/a/**", "/a/b/c", true},
                                               {"/a/**/d", "/a/d", true},
                                               {"*", "", true},
                                               {"", "", true},
                                               {"", "a", false}}) {
    EXPECT_EQ(glob_match(pattern, path), matches) << pattern << ' ' << path;
  }
}

TEST(Text, AmountsForPeople) {
  for (const auto& [bytes, text] : {std::pair{0ULL, "0 bytes"},
                                    {1ULL, "1 byte"},
                                    {1023ULL, "1023 bytes"},
                                    {1024ULL, "1.0 KiB"},
                                    {10ULL << 10, "10 KiB"},
                                    {(1ULL << 20) - 1, "1.0 MiB"},
                                    {1536ULL << 20, "1.5 GiB"},
                                    {5000ULL << 40, "5000 TiB"}}) {
    EXPECT_EQ(human_bytes(bytes), text);
  }
  EXPECT_EQ(grouped(999), "999");
  EXPECT_EQ(grouped(131'072), "131,072");
  EXPECT_EQ(grouped(1'000'000), "1,000,000");
  EXPECT_EQ(plural(0, "file"), "0 files");
  EXPECT_EQ(plural(1, "file"), "1 file");
}

TEST(Text, NothingReachesATerminalThatItWouldObey) {
  EXPECT_EQ(printable("caf\xc3\xa9\n\t\x1b[31m\x7f"), "caf\xc3\xa9\\n\\t\\x1b[31m\\x7f");
  EXPECT_EQ(printable("a\xe2\x80\xae"
                      "b\xe2\x81\xa6"
                      "\xe2\x82\xac"),
            "a\\xe2\\x80\\xaeb\\xe2\\x81\\xa6\xe2\x82\xac");
  EXPECT_EQ(printable("\xff\xc2\x9b"), "\\xff\\xc2\\x9b");  // U+009B: CSI
  EXPECT_EQ(shell_quote(std::vector<std::string>{"psql", "-c", "it's", "", "a\nb", "$HOME"}),
            "psql -c 'it'\\''s' '' 'a\\nb' '$HOME'");
}

}  // namespace
}  // namespace cofferdam::base
