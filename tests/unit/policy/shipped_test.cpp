// The policies that cofferdam brings along, and their schema.
#include <algorithm>
#include <fstream>
#include <sstream>

#include "policy/builtin.hpp"
#include "policy/schema.hpp"
#include "unit/policy/policy_files.hpp"

namespace cofferdam {
namespace {

class ShippedPolicies : public PolicyFiles {};

std::string read(const std::string& path) {
  std::ostringstream text;
  text << std::ifstream(std::string(COFFERDAM_SOURCE_DIR) + "/" + path, std::ios::binary).rdbuf();
  return text.str();
}

// Lines that hold nothing but a comment are emptied when the policies are compiled in.
std::string without_comments(const std::string& text) {
  std::istringstream lines(text);
  std::string out;
  for (std::string line; std::getline(lines, line);) {
    const std::size_t first = line.find_first_not_of(' ');
    out += (first != std::string::npos && line[first] == '#' ? "" : line) + "\n";
  }
  return out;
}

TEST_F(ShippedPolicies, AreCompiledInAsTheyAre) {
  std::vector<std::string> names;
  for (const policy::BuiltinPolicy& each : policy::builtin_policies()) {
    names.emplace_back(each.name);
    EXPECT_EQ(each.text, without_comments(read("policies/" + names.back() + ".yaml")));
  }
  EXPECT_EQ(names, (std::vector<std::string>{"django", "go", "node", "twelve-factor"}));
}

TEST_F(ShippedPolicies, LoadWithoutDiagnostics) {
  for (const policy::BuiltinPolicy& each : policy::builtin_policies()) {
    const auto loaded = load(std::string(each.name));
    ASSERT_TRUE(loaded) << format_diagnostic(loaded.error().front());
    EXPECT_TRUE(loaded->warnings.empty()) << format_diagnostic(loaded->warnings.front());
    EXPECT_EQ(loaded->policy.name, each.name);
    EXPECT_TRUE(std::ranges::all_of(loaded->policy.storage.mounts, &MountRule::optional));
  }
}

TEST_F(ShippedPolicies, TwelveFactorHasTheRulesOfTheDesign) {
  const Policy policy = load("twelve-factor")->policy;
  const auto type_of = [&](const std::string& path) {
    const auto found = std::ranges::find(policy.storage.mounts, path, &MountRule::path);
    return found == policy.storage.mounts.end() ? std::nullopt : std::optional(found->type);
  };
  EXPECT_EQ(policy.storage.mounts.front().path, root_);
  EXPECT_TRUE(policy.storage.mounts.front().watch);
  EXPECT_EQ(type_of("/home/ada"), MountType::overlay);
  for (const char* key : {".ssh", ".gnupg", ".aws", ".azure", ".config/gcloud", ".kube", ".docker", ".config/gh",
                          ".git-credentials", ".netrc"}) {
    EXPECT_EQ(type_of("/home/ada/" + std::string(key)), MountType::hidden) << key;
  }
  for (const char* scratch : {"/tmp", "/var/tmp", "/run", "/dev/shm"})
    EXPECT_EQ(type_of(scratch), MountType::tmpfs) << scratch;
  EXPECT_TRUE(policy.database.all_engines);
  EXPECT_TRUE(policy.database.allow.empty());
  EXPECT_EQ(policy.environment.files, std::vector<std::string>{root_ + "/.env"});
  ASSERT_EQ(policy.logs.sinks.size(), 1U);
  EXPECT_EQ(policy.logs.sinks.front().type, LogSink::Type::console);
}

TEST_F(ShippedPolicies, NodeResolvesItsProgramsInTheProject) {
  const Policy policy = load("node")->policy;
  EXPECT_TRUE(std::ranges::any_of(policy.also, [&](const AppAlso& row) {
    return row.exe == root_ + "/node_modules/.prisma/client/query-engine-debian-openssl-3.0.x";
  }));
}

TEST_F(ShippedPolicies, SkipHomeMountsWithoutAHome) {
  for (const char* home : {"", "/", "relative"}) {
    context_.home = home;
    const auto loaded = load("django");
    ASSERT_TRUE(loaded) << home;
    ASSERT_EQ(loaded->warnings.size(), 1U) << home;
    EXPECT_EQ(loaded->warnings.front().severity, Severity::note);
    EXPECT_EQ(loaded->warnings.front().where.file, "twelve-factor (built in)");
    EXPECT_EQ(loaded->policy.storage.mounts.size(), 5U) << home;
  }
}

TEST_F(ShippedPolicies, SkipTheProjectWhenItIsTheRoot) {
  context_.working_directory = "/";
  const auto loaded = load("twelve-factor");
  ASSERT_TRUE(loaded);
  ASSERT_EQ(loaded->warnings.size(), 1U);
  EXPECT_EQ(loaded->warnings.front().severity, Severity::note);
  EXPECT_NE(loaded->policy.storage.mounts.front().path, "/");
}

TEST_F(ShippedPolicies, DoNotWatchTheHomeDirectory) {
  context_.home = root_;
  const auto loaded = load("twelve-factor");
  ASSERT_TRUE(loaded);
  ASSERT_EQ(loaded->warnings.size(), 1U);
  EXPECT_EQ(loaded->warnings.front().severity, Severity::note);
  EXPECT_NE(loaded->warnings.front().message.find("watch is off"), std::string::npos);
  EXPECT_EQ(std::ranges::count(loaded->policy.storage.mounts, root_, &MountRule::path), 1);
  EXPECT_FALSE(loaded->policy.storage.mounts.front().watch);
}

TEST(Schema, FileIsWhatTheKeyTableSays) {
  EXPECT_EQ(read("policies/schema.json"), policy::schema_json());
}

TEST(Schema, EveryKeyHasAParentAndAvailableKeysAreSaidWhatTheyAre) {
  for (const policy::Key& key : policy::keys()) {
    EXPECT_EQ(policy::find_key(key.path), &key) << key.path << " is there twice";
    std::string_view parent = key.path;
    parent.remove_suffix(policy::last_step(parent).size());
    if (parent.ends_with('.')) parent.remove_suffix(1);
    EXPECT_TRUE(parent.empty() || policy::find_key(parent) != nullptr) << key.path;
    const bool named = !key.path.ends_with("[]") && !key.path.ends_with(".*");
    if (key.available && named) {
      EXPECT_FALSE(key.doc.empty()) << key.path;
    }
    if (key.available && key.type == policy::ValueType::choice) {
      EXPECT_FALSE(key.legal.empty()) << key.path;
    }
  }
}

}  // namespace
}  // namespace cofferdam
