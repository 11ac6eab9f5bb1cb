#include "policy/document.hpp"

#include <gtest/gtest.h>

#include <string>
#include <vector>

namespace cofferdam::policy {
namespace {

struct Parsed {
  std::optional<Node> root;
  std::vector<std::string> mistakes;  // "line:column code"
};

Parsed parse(std::string_view text) {
  Mistakes mistakes("p.yaml");
  Parsed parsed{parse_document(text, mistakes), {}};
  for (const Diagnostic& each : mistakes.take()) {
    parsed.mistakes.push_back(std::to_string(each.where.line) + ":" + std::to_string(each.where.column) + " " +
                              each.code);
  }
  return parsed;
}

using Places = std::vector<std::string>;

struct Bad {
  const char* name;
  std::string text;
  Places mistakes;
};

void PrintTo(const Bad& bad, std::ostream* out) {
  *out << bad.name;
}

class BadDocument : public ::testing::TestWithParam<Bad> {};

TEST_P(BadDocument, IsRefusedWithItsPlace) {
  EXPECT_EQ(parse(GetParam().text).mistakes, GetParam().mistakes);
}

INSTANTIATE_TEST_SUITE_P(
    Document, BadDocument,
    ::testing::Values(
        // Y1
        Bad{"CyclicAnchor", "a: &x [*x]\n", {"1:4 CD906", "1:8 CD906"}},
        Bad{"AnchorAndAlias", "a: &x 1\nb: *x\n", {"1:4 CD906", "2:4 CD906"}},
        Bad{"AliasOfNothing", "a: 1\nb: *x\n", {"2:4 CD906"}}, Bad{"AnchorOfTheRoot", "&x\na: 1\n", {"1:1 CD906"}},
        Bad{"AnchorOfAKey", "&x a: 1\n", {"1:1 CD906"}},
        Bad{"MergeKey", "a: {b: 1}\nc:\n  <<: {d: 1}\n", {"3:3 CD906"}},
        // Y3
        Bad{"DuplicateKey", "a: 1\nb: 2\na: 3\n", {"3:1 CD905"}},
        Bad{"DuplicateQuotedKey", "a: {b: 1, \"b\": 2}\n", {"1:11 CD905"}},
        Bad{"SecondDocument", "a: 1\n---\nb: 2\n", {"2:1 CD906"}},
        Bad{"EmptySecondDocument", "---\na: 1\n---\n", {"3:1 CD906"}},
        Bad{"TagBinary", "a: !!binary aGk=\n", {"1:4 CD906"}},
        Bad{"TagOfALanguage", "a: !ruby/object:X {b: 1}\n", {"1:4 CD906"}},
        Bad{"TagOfAString", "a: !!str 3\n", {"1:4 CD906"}},
        Bad{"TagVerbatim", "a: !<tag:yaml.org,2002:int> 3\n", {"1:4 CD906"}},
        Bad{"TagWithoutName", "a: ! 3\n", {"1:4 CD906"}}, Bad{"TagOfNothing", "a: !x\n", {"1:4 CD906"}},
        Bad{"Directive", "%YAML 1.1\n---\na: 1\n", {"1:1 CD906"}}, Bad{"KeyIsAList", "? [a]\n: b\n", {"1:3 CD906"}},
        Bad{"KeyIsAMap", "{a: 1}: b\n", {"1:1 CD906"}}, Bad{"KeyIsNull", "~: 1\n", {"1:1 CD906"}},
        // Y8
        Bad{"Utf16", std::string("\xff\xfe\x61\0", 4), {"1:1 CD901"}},
        Bad{"Utf16BigEndian", std::string("\xfe\xff\0a", 4), {"1:1 CD901"}},
        Bad{"ByteOrderMark",
            "\xef\xbb\xbf"
            "a: 1\n",
            {"1:1 CD901"}},
        Bad{"InvalidUtf8", "a: 1\nb: x\xc0\xaf\n", {"2:5 CD901"}},
        Bad{"SurrogateInUtf8", "a: \xed\xa0\x80\n", {"1:4 CD901"}},
        Bad{"Nul", std::string("a: 1\nb: x\0y\n", 12), {"2:5 CD901"}},
        Bad{"EscapedNul", "a: \"x\\0y\"\n", {"1:4 CD901"}}, Bad{"ControlCharacter", "a: x\x1b[31m\n", {"1:5 CD901"}},
        Bad{"C1Control",
            "a: x\xc2\x9b"
            "31m\n",
            {"1:5 CD901"}},
        Bad{"BareCarriageReturn", "a: 1\rb: 2\n", {"1:5 CD901"}}, Bad{"TabIndentation", "a:\n\tb: 1\n", {"2:1 CD901"}},
        Bad{"TabAfterSpaces", "a:\n  \tb: 1\n", {"2:3 CD901"}}, Bad{"TabAfterDash", "a:\n-\tb: 1\n", {"2:2 CD901"}},
        Bad{"TwoTabs", "a:\n\tb: 1\n\tc: 1\n", {"2:1 CD901", "3:1 CD901"}},
        Bad{"TrailingGarbage", "a: 1\n...\ngarbage\n", {"3:1 CD901"}},
        Bad{"TextAfterAQuote", "a: \"x\" y\n", {"1:8 CD901"}}, Bad{"LessIndentation", "  a: 1\n b: 2\n", {"2:2 CD901"}},
        Bad{"OpenDoubleQuote", "a: 1\nb: \"x\n", {"2:4 CD901"}}, Bad{"OpenSingleQuote", "b: 'it''s\n", {"1:4 CD901"}},
        Bad{"OpenBracket", "a: [1, 2\n", {"2:1 CD901"}}, Bad{"ColonInText", "a: b: c\n", {"1:5 CD901"}},
        Bad{"ReservedCharacter", "a: @x\n", {"1:4 CD901"}}, Bad{"BadEscape", "a: \"\\d\"\n", {"1:7 CD901"}}),
    [](const auto& each) { return each.param.name; });

// Y2
TEST(Document, RefusesMoreThanItsSize) {
  EXPECT_EQ(parse("a: 1\n#" + std::string(kMaxDocumentBytes, 'x')).mistakes, Places{"0:0 CD907"});
  EXPECT_EQ(parse(std::string(10 << 20, 'x')).mistakes, Places{"0:0 CD907"});
  const std::string most = "a: 1\n" + std::string(kMaxDocumentBytes - 5, '#');
  EXPECT_EQ(parse(most).mistakes, Places{});
}

TEST(Document, RefusesDeepNesting) {
  for (const char* open : {"[", "{", "- ", "? ", "{a: ", "[[],"}) {
    std::string text = "a:\n";
    for (int i = 0; i < 10'000; ++i) text += open;
    const Parsed parsed = parse(text);
    EXPECT_FALSE(parsed.root) << open;
    ASSERT_EQ(parsed.mistakes.size(), 1U) << open;
    EXPECT_TRUE(parsed.mistakes.front().ends_with(" CD907")) << open << parsed.mistakes.front();
  }
}

TEST(Document, CountsDepthFromTheRoot) {
  const auto nested = [](std::size_t lists) {
    return "a: " + std::string(lists, '[') + std::string(lists, ']') + "\n";
  };
  EXPECT_EQ(parse(nested(kMaxDocumentDepth - 1)).mistakes, Places{});
  EXPECT_EQ(parse(nested(kMaxDocumentDepth)).mistakes, Places{"1:35 CD907"});
}

TEST(Document, RefusesManyNodes) {
  std::string text = "a:\n";
  for (std::size_t i = 0; i < kMaxDocumentNodes - 3; ++i) text += "- x\n";
  EXPECT_EQ(parse(text).mistakes, Places{});  // the map, the key and the list are the other three
  EXPECT_EQ(parse(text + "- x\n").mistakes, Places{"9999:3 CD907"});
}

TEST(Document, ReportsAllThatItCanReadPast) {
  EXPECT_EQ(parse("a: &x 1\nb: !!int 2\na: 3\n").mistakes, (Places{"1:4 CD906", "2:4 CD906", "3:1 CD905"}));
}

TEST(Document, KeepsTheTreeAfterMistakesThatLeaveItReadable) {
  const Parsed parsed = parse("a: &x 1\nb: 2\nb: 3\n---\nc: 4\n");
  ASSERT_TRUE(parsed.root);
  EXPECT_EQ(parsed.root->find("a")->kind, Node::Kind::refused);
  EXPECT_EQ(parsed.root->find("b")->text, "2");
  EXPECT_EQ(parsed.root->find("c"), nullptr);
}

TEST(Document, KnowsThePlacesOfKeysAndValues) {
  const Parsed parsed = parse("---\na: 1\nb:\n  c: \"x\"\n  d:\n    - y\n    - {e: z}\n...\n");
  ASSERT_TRUE(parsed.root);
  EXPECT_TRUE(parsed.mistakes.empty());
  const Entry& b = parsed.root->entries.at(1);
  EXPECT_EQ(b.key, "b");
  EXPECT_EQ(b.place.line, 3);
  EXPECT_EQ(b.place.column, 1);
  const Node* c = b.value.find("c");
  EXPECT_EQ(c->place.line, 4);
  EXPECT_EQ(c->place.column, 6);
  EXPECT_TRUE(c->quoted);
  const Node& item = b.value.find("d")->items.at(1);
  EXPECT_EQ(item.kind, Node::Kind::map);
  EXPECT_EQ(item.entries.front().place.column, 8);
  EXPECT_EQ(item.entries.front().value.place.column, 11);
}

TEST(Document, KeepsPlacesWithCarriageReturnsAndBeyondAscii) {
  const Parsed parsed = parse("\xc3\xa9: x\r\n\r\nb: [\xc3\xa9, y]\r\n");
  ASSERT_TRUE(parsed.root);
  const Node& y = parsed.root->find("b")->items.at(1);
  EXPECT_EQ(y.text, "y");
  EXPECT_EQ(y.place.line, 3);
  EXPECT_EQ(y.place.column, 9);  // bytes
}

TEST(Document, TellsNullFromTextAndKeepsHowItWasWritten) {
  const Parsed parsed = parse("a: ~\nb:\nc: null\nd: \"~\"\ne: ''\n");
  ASSERT_TRUE(parsed.root);
  EXPECT_EQ(parsed.root->find("a")->kind, Node::Kind::null);
  EXPECT_EQ(parsed.root->find("a")->text, "~");
  EXPECT_EQ(parsed.root->find("b")->kind, Node::Kind::null);
  EXPECT_EQ(parsed.root->find("b")->place.line, 2);  // where its key is, not what comes next
  EXPECT_EQ(parsed.root->find("c")->text, "null");
  EXPECT_EQ(parsed.root->find("d")->kind, Node::Kind::scalar);
  EXPECT_EQ(parsed.root->find("e")->kind, Node::Kind::scalar);

  const Parsed followed = parse("a:\nnull_x: 1\n");
  EXPECT_EQ(followed.root->find("a")->text, "");
  EXPECT_EQ(followed.root->find("a")->place.line, 1);
}

TEST(Document, TakesBlockScalarsAndCommentsWithAnything) {
  const Parsed parsed = parse("# 'quotes\" & *anchors\na: |\n  it's \"x\n  y\nb: it's # no quote\n");
  ASSERT_TRUE(parsed.root);
  EXPECT_TRUE(parsed.mistakes.empty());
  EXPECT_EQ(parsed.root->find("a")->text, "it's \"x\ny\n");
  EXPECT_TRUE(parsed.root->find("a")->quoted);
  EXPECT_EQ(parsed.root->find("b")->text, "it's");
}

TEST(Document, AnEmptyOneIsANullRoot) {
  for (const char* text : {"", "\n", "# nothing\n", "---\n"}) {
    const Parsed parsed = parse(text);
    ASSERT_TRUE(parsed.root) << text;
    EXPECT_EQ(parsed.root->kind, Node::Kind::null) << text;
  }
}

}  // namespace
}  // namespace cofferdam::policy
