#include <gtest/gtest.h>

#include <fstream>
#include <sstream>

#include "harness/test_file.hpp"
#include "harness/test_keys.hpp"
#include "policy/builtin.hpp"

namespace cofferdam::harness {
namespace {

TEST(TestSchema, FileIsWhatTheKeyTableSays) {
  std::ifstream file(COFFERDAM_SOURCE_DIR "/policies/test-schema.json");
  std::ostringstream text;
  text << file.rdbuf();
  EXPECT_EQ(text.str(), policy::schema_json(test_keys()));
}

TEST(TestSchema, EveryKeyHasAParentAndIsSaidWhatItIs) {
  const policy::KeyTable& table = test_keys();
  for (const policy::Key& key : table.rows()) {
    EXPECT_EQ(table.find(key.path), &key) << key.path << " is there twice";
    std::string_view parent = key.path;
    parent.remove_suffix(policy::last_step(parent).size());
    if (parent.ends_with('.')) parent.remove_suffix(1);
    EXPECT_TRUE(parent.empty() || table.find(parent) != nullptr) << key.path;
    const bool named = !key.path.ends_with("[]") && !key.path.ends_with(".*");
    EXPECT_TRUE(!named || !key.doc.empty()) << key.path;
  }
}

TEST(ShippedTests, EachPolicyHasTestsThatAreValid) {
  const PolicyContext context{.working_directory = COFFERDAM_SOURCE_DIR, .home = "/home/nobody", .environment = {}};
  for (const policy::BuiltinPolicy& shipped : policy::builtin_policies()) {
    const auto cases = load_tests("policies/" + std::string(shipped.name) + ".test.yaml", context);
    ASSERT_TRUE(cases) << shipped.name;
    EXPECT_FALSE(cases->empty());
    for (const WrittenCase& each : *cases) {
      const std::string& name = each.shown().policy;
      EXPECT_TRUE(name == shipped.name || name.ends_with("/" + std::string(shipped.name) + ".yaml")) << name;
    }
  }
}

}  // namespace
}  // namespace cofferdam::harness
