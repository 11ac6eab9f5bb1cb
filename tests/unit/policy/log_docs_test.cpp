// docs/logs.md is what the key table says, and its examples load.
#include <fstream>
#include <iterator>
#include <regex>
#include <string>

#include "policy/schema.hpp"
#include "unit/policy/policy_files.hpp"

namespace cofferdam {
namespace {

std::string page() {
  std::ifstream file(COFFERDAM_SOURCE_DIR "/docs/logs.md");
  return {std::istreambuf_iterator<char>(file), {}};
}

std::string unquoted_list(std::string_view legal) {
  return std::regex_replace(std::string(legal), std::regex("\\|"), "`, `");
}

class LogDocs : public PolicyFiles {};

TEST_F(LogDocs, NameEveryKeyWithItsDefault) {
  const std::string text = page();
  for (const policy::Key& key : policy::keys()) {
    const std::string_view step = policy::last_step(key.path);
    if (!key.path.starts_with("logs.") || step == "[]" || step == "*" || key.type == policy::ValueType::map) continue;
    // A row of a table: `key`, `part.key`, or among others in one row.
    EXPECT_TRUE(std::regex_search(text, std::regex("\n\\| [^|]*[`.]" + std::string(step) + "`"))) << key.path;
    if (key.fallback.empty() || key.type == policy::ValueType::boolean) continue;
    EXPECT_NE(text.find("`" + std::string(key.fallback) + "`"), std::string::npos) << key.path << " " << key.fallback;
  }
}

TEST_F(LogDocs, ListTheKindsOfTracesAndSecrets) {
  const std::string text = page();
  for (const char* path : {"logs.parse.multiline", "logs.parse.redact"}) {
    EXPECT_NE(text.find(unquoted_list(policy::find_key(path)->legal)), std::string::npos) << path;
  }
}

TEST_F(LogDocs, ExamplesLoad) {
  const std::string text = page();
  const std::regex block("```yaml\n([^`]*)```");
  int examples = 0;
  for (std::sregex_iterator found(text.begin(), text.end(), block), end; found != end; ++found, ++examples) {
    const std::string yaml = (*found)[1];
    const bool sink = yaml.starts_with("- ");
    const std::string indented = std::regex_replace("\n" + yaml, std::regex("\n(.)"), "\n    $1");
    const auto loaded = load_text(sink ? "version: 1\nextends: none\nlogs:\n  sinks:" + indented + "\n" : yaml);
    if (loaded) {
      EXPECT_TRUE(loaded->warnings.empty() || !sink) << format_diagnostic(loaded->warnings.front());
    } else {
      ADD_FAILURE() << yaml << format_diagnostic(loaded.error().front());
    }
  }
  EXPECT_EQ(examples, 7);
}

}  // namespace
}  // namespace cofferdam
