#include "harness/policy_text.hpp"

#include <gtest/gtest.h>

#include <set>

#include "harness/variables.hpp"
#include "policy/document.hpp"
#include "policy/validate.hpp"

namespace cofferdam::harness {
namespace {

policy::Node parse(const std::string& text) {
  policy::Mistakes mistakes("test");
  auto root = policy::parse_document(text, mistakes);
  EXPECT_TRUE(root && mistakes.empty());
  return root.value_or(policy::Node{});
}

TEST(PolicyText, KeysStayOnTheirLinesAndValuesWhatTheyAre) {
  Variables variables;
  const policy::Node with =
      variables.substitute(parse("# a comment\n"
                                 "database:\n"
                                 "  ports: [15432, \"${PORT}\"]\n"
                                 "  allow:\n"
                                 "    - \"db:1\"\n"
                                 "environment:\n"
                                 "  set: {A: \"1\", \"B\": \"${PORT}\", C: \"say \\\"x\\\"\"}\n"
                                 "storage: {audit: {ignore: [\"**/x\"]}}\n"));
  policy::Mistakes mistakes("test");
  const auto root = policy::parse_document(policy_file(policy_text(with), "/a \"b\".yaml"), mistakes);
  ASSERT_TRUE(root);
  policy::validate(*root, mistakes);
  for (const Diagnostic& mistake : mistakes.take()) ADD_FAILURE() << format_diagnostic(mistake);
  EXPECT_EQ(root->find("extends")->text, "/a \"b\".yaml");
  const policy::Node& ports = *root->find("database")->find("ports");
  EXPECT_EQ(ports.items.at(1).text, "65535");
  EXPECT_FALSE(ports.items.at(1).quoted);
  EXPECT_EQ(ports.place.line, 3);
  EXPECT_EQ(root->find("database")->find("allow")->items.front().place.line, 5);
  const policy::Node& set = *root->find("environment")->find("set");
  EXPECT_TRUE(set.find("B")->quoted);
  EXPECT_EQ(set.find("C")->text, "say \"x\"");
  EXPECT_EQ(root->find("storage")->place.line, 8);
}

TEST(Variables, OnlyOursAreReplaced) {
  Variables variables("/case", "/scratch");
  EXPECT_EQ(variables.substitute("${DIR} ${SCRATCH} ${HOME} ${PORTAL} $PORT ${"),
            "/case /scratch ${HOME} ${PORTAL} $PORT ${");
  const std::string port = variables.substitute("${PORT}");
  EXPECT_EQ(variables.substitute("${PORT}"), port);
  EXPECT_NE(variables.substitute("${PORT_DB}"), port);
  EXPECT_GE(std::stoi(port), 20'000);
  EXPECT_LT(std::stoi(port), 32'768);
}

TEST(Variables, PortsAreNotGivenTwice) {
  std::set<std::uint16_t> seen;
  for (int i = 0; i < 500; ++i) EXPECT_TRUE(seen.insert(free_port()).second);
}

}  // namespace
}  // namespace cofferdam::harness
