// The catalogue is no hearsay: what a row names is opened and looked for.
#include "policy/rule_catalog.hpp"

#include <gtest/gtest.h>

#include <filesystem>
#include <fstream>
#include <iterator>
#include <ostream>
#include <regex>
#include <set>
#include <string>
#include <vector>

namespace cofferdam::policy {

void PrintTo(const RuleRow& row, std::ostream* out) {
  *out << row.code;
}

namespace {

std::string content(std::string_view name) {
  std::ifstream file(std::filesystem::path(COFFERDAM_SOURCE_DIR) / name, std::ios::binary);
  return file ? std::string(std::istreambuf_iterator<char>(file), {}) : std::string();
}

// The files of src, below the repository.
std::vector<std::string> sources() {
  const std::filesystem::path root(COFFERDAM_SOURCE_DIR);
  std::vector<std::string> names;
  for (const auto& entry : std::filesystem::recursive_directory_iterator(root / "src")) {
    if (entry.is_regular_file()) names.push_back(std::filesystem::relative(entry.path(), root).string());
  }
  return names;
}

bool has(const std::string& text, const std::string& part) {
  return text.find(part) != std::string::npos;
}

// As a word of its own: `report` is not found in `report_refusal`.
bool has_word(const std::string& text, std::string_view word) {
  return std::regex_search(text, std::regex("\\b" + std::string(word) + "\\b"));
}

class Catalogue : public testing::TestWithParam<RuleRow> {};

TEST_P(Catalogue, TheFileHoldsTheCodeAndTheFunction) {
  const RuleRow& row = GetParam();
  const std::string text = content(row.file);
  ASSERT_NE(text, "") << row.file << " can't be read";
  // In quotes where it is a finding's, in brackets where it is part of a message.
  const std::string code(row.code);
  EXPECT_TRUE(has(text, '"' + code + '"') || has(text, '[' + code + ']')) << row.file << " has no " << code;
  EXPECT_TRUE(has_word(text, row.function)) << row.file << " has no " << row.function;
}

TEST_P(Catalogue, TheTestNamesTheCode) {
  const RuleRow& row = GetParam();
  const std::string text = content(row.test);
  ASSERT_NE(text, "") << row.test << " can't be read";
  EXPECT_TRUE(has(text, std::string(row.code))) << row.test << " has no " << row.code;
}

TEST_P(Catalogue, EachRowSaysWhatItIsAndWhatToDo) {
  const RuleRow& row = GetParam();
  EXPECT_TRUE(std::regex_match(std::string(row.code), std::regex("CD[0-9]{3}"))) << row.code;
  EXPECT_NE(row.title, "");
  EXPECT_NE(row.mechanism, "");
  EXPECT_NE(row.fix, "");
  for (const std::string_view text : {row.title, row.mechanism, row.fix, row.production})
    EXPECT_FALSE(text.ends_with('.')) << text;
  EXPECT_GE(row.promise, 0);
  EXPECT_LE(row.promise, 7);
  // A rule of an instance says why production would refuse it too; a mistake of the policy's text has no such reason.
  EXPECT_TRUE(!row.production.empty() || row.code.starts_with("CD9"));
}

INSTANTIATE_TEST_SUITE_P(Rows, Catalogue, testing::ValuesIn(rule_catalog().begin(), rule_catalog().end()),
                         [](const auto& parameter) { return std::string(parameter.param.code); });

TEST(RuleCatalog, CodesAreUniqueAndSorted) {
  const auto rows = rule_catalog();
  ASSERT_FALSE(rows.empty());
  for (std::size_t i = 1; i < rows.size(); ++i) EXPECT_LT(rows[i - 1].code, rows[i].code);
}

TEST(RuleCatalog, IsSearchedByCode) {
  for (const RuleRow& row : rule_catalog()) EXPECT_EQ(find_rule(row.code), &row);
  for (const char* code : {"", "CD", "CD000", "cd201", "CD201 "}) EXPECT_EQ(find_rule(code), nullptr) << code;
}

// Where a finding is made, its severity follows its code.
TEST(RuleCatalog, SeveritiesAreThoseOfTheFindings) {
  const std::regex made(R"re(code = "(CD[0-9]{3})";\s*\w+\.severity = Severity::(\w+);)re");
  std::set<std::string> seen;
  for (const std::string& name : sources()) {
    const std::string text = content(name);
    for (std::sregex_iterator match(text.begin(), text.end(), made), end; match != end; ++match) {
      const RuleRow* row = find_rule((*match)[1].str());
      ASSERT_NE(row, nullptr) << name << " makes " << (*match)[1] << ", which the catalogue lacks";
      EXPECT_EQ((*match)[2].str(), to_string(row->severity)) << (*match)[1] << " in " << name;
      seen.insert((*match)[1]);
    }
  }
  EXPECT_GE(seen.size(), 6U) << "the pattern of this test no longer fits the sources";
}

// Every code that the sources write has a row.
TEST(RuleCatalog, NoCodeIsMissing) {
  const std::regex code(R"re(["\[](CD[0-9]{3})["\]])re");
  std::set<std::string> missing;
  for (const std::string& name : sources()) {
    const std::string text = content(name);
    for (std::sregex_iterator match(text.begin(), text.end(), code), end; match != end; ++match) {
      if (find_rule((*match)[1].str()) == nullptr) missing.insert((*match)[1].str() + " in " + name);
    }
  }
  EXPECT_EQ(missing, std::set<std::string>{});
}

}  // namespace
}  // namespace cofferdam::policy
