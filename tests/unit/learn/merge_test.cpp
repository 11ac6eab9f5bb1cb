#include "learn/merge.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "learn/policy_writer.hpp"

namespace cofferdam::learn {
namespace {

using testing::HasSubstr;
using testing::Not;

constexpr std::uint64_t kMiB = 1ULL << 20;

Lesson some() {
  Lesson lesson;
  lesson.mounts = {{"/srv/x", false, 16 * kMiB, "Written."}};
  lesson.databases = {{"env:DATABASE_URL", "postgres.", true}};
  return lesson;
}

TEST(WritePolicy, IsTheSmallestThatSaysIt) {
  const std::string text = write_policy(
      some(), {.command = "`shop`", .date = "2026-01-02", .extends = "django", .file = "x.yaml", .deny_egress = false});
  EXPECT_EQ(text,
            "# What `shop` needs, as seen in a run on 2026-01-02.\n"
            "# What it did not do in that run is not in here. What another run shows is added by\n"
            "#   cofferdam learn --merge x.yaml -- COMMAND\n"
            "version: 1\n"
            "extends: django\n"
            "\n"
            "storage:\n"
            "  mounts:\n"
            "    # Written.\n"
            "    - {path: \"/srv/x\", type: overlay, size: 16MiB}\n"
            "\n"
            "database:\n"
            "  allow:\n"
            "    # postgres.\n"
            "    - env:DATABASE_URL\n");
}

TEST(WritePolicy, AListOfCommentsAloneIsAComment) {
  Lesson lesson;
  lesson.sockets = {{"\"/run/docker.sock\"", "Powerful.", false}};
  EXPECT_THAT(write_policy(lesson, {}), HasSubstr("\n# sockets:\n#   # Powerful.\n#   - \"/run/docker.sock\"\n"));
  lesson.sockets.push_back({"\"/run/x\"", "Used.", true});
  EXPECT_THAT(write_policy(lesson, {}), HasSubstr("\nsockets:\n  # Powerful.\n  # - \"/run/docker.sock\"\n"
                                                  "  # Used.\n  - \"/run/x\"\n"));
}

TEST(WritePolicy, EgressIsProposedOrDenied) {
  Lesson lesson;
  lesson.egress = {{"\"a:1\"", "Reached.", true}};
  EXPECT_THAT(write_policy(lesson, {}), HasSubstr("# network:\n#   egress: deny\n#   allow:\n"));
  EXPECT_THAT(write_policy(lesson, {.command = "", .date = "", .extends = "", .file = "", .deny_egress = true}),
              HasSubstr("\nnetwork:\n  egress: deny\n  allow:\n    # Reached.\n    - \"a:1\"\n"));
}

TEST(Merge, AddsToTheEndOfAListAndKeepsTheRest) {
  const std::string text =
      "# mine\n"
      "version: 1\n"
      "storage:\n"
      "  mounts:\n"
      "  - {path: /a, type: tmpfs}  # kept\n"
      "  - path: /b\n"
      "    type: tmpfs\n"
      "  audit: {ignore: [\"**/x\"]}\n"
      "environment:\n"
      "  require: [A]\n";
  EXPECT_EQ(merged(text, some(), false).value(),
            "# mine\n"
            "version: 1\n"
            "storage:\n"
            "  mounts:\n"
            "  - {path: /a, type: tmpfs}  # kept\n"
            "  - path: /b\n"
            "    type: tmpfs\n"
            "  # Written.\n"
            "  - {path: \"/srv/x\", type: overlay, size: 16MiB}\n"
            "  audit: {ignore: [\"**/x\"]}\n"
            "environment:\n"
            "  require: [A]\n"
            "\n"
            "database:\n"
            "  allow:\n"
            "    # postgres.\n"
            "    - env:DATABASE_URL\n");
}

TEST(Merge, MakesAListInAMapThatIsThere) {
  EXPECT_EQ(merged("version: 1\ndatabase:\n    engines: all\n", some(), false).value(),
            "version: 1\n"
            "database:\n"
            "    allow:\n"
            "      # postgres.\n"
            "      - env:DATABASE_URL\n"
            "    engines: all\n"
            "\n"
            "storage:\n"
            "  mounts:\n"
            "    # Written.\n"
            "    - {path: \"/srv/x\", type: overlay, size: 16MiB}\n");
}

TEST(Merge, SaysWhichListIsNoBlock) {
  for (const char* text :
       {"storage: {mounts: [{path: /a, type: tmpfs}]}\n", "storage:\n  mounts: [{path: /a, type: tmpfs}]\n",
        "storage: {audit: {ignore: []}}\n", "storage:\n  mounts: []\n"}) {
    const auto result = merged(text, some(), false);
    ASSERT_FALSE(result) << text;
    EXPECT_THAT(result.error().message, HasSubstr("{path: \"/srv/x\"")) << text;
  }
}

TEST(Merge, RaisesASizeWhereItStands) {
  Lesson lesson;
  lesson.mounts = {{".", true, 1024 * kMiB, "Full."}};
  EXPECT_EQ(merged("storage:\n  mounts:\n    - {path: ., size: 16MiB, watch: true}  # why\n", lesson, false).value(),
            "storage:\n  mounts:\n    - {path: ., size: 1GiB, watch: true}  # why\n");
  EXPECT_EQ(merged("storage:\n  mounts:\n    - {path: .}\n", lesson, false).value(),
            "storage:\n  mounts:\n    - {size: 1GiB, path: .}\n");
  EXPECT_EQ(merged("storage:\n  mounts:\n    - path: .\n      watch: true\n", lesson, false).value(),
            "storage:\n  mounts:\n    - path: .\n      size: 1GiB\n      watch: true\n");
  EXPECT_THAT(merged("version: 1\n", lesson, false).value(), HasSubstr("    - {path: \".\", size: 1GiB}\n"));
}

TEST(Merge, CommentsOfEarlierLessonsStayAndNewOnesFollow) {
  Lesson first;
  first.findings = {"CD110 uploaded file a is lost.", "CD111 " + std::string(200, 'x') + " y."};
  first.egress = {{"\"a:1\"", "Reached.", true}};
  const std::string text = write_policy(first, {});
  EXPECT_EQ(merged(text, first, false).value(), text);

  Lesson second;
  second.findings = {"CD113 sessions in files."};
  second.egress = {{"\"b:1\"", "Reached.", true}};
  const std::string both = merged(text, second, false).value();
  EXPECT_THAT(both, HasSubstr("# - CD110 uploaded file a is lost.\n"));
  EXPECT_THAT(both, HasSubstr("# - CD113 sessions in files.\n"));
  EXPECT_THAT(both, HasSubstr("#     - \"a:1\"\n#     # Reached.\n#     - \"b:1\"\n"));
}

TEST(Merge, RowsOfADeniedNetworkAreRows) {
  Lesson lesson;
  lesson.egress = {{"\"b:1\"", "Reached.", true}};
  EXPECT_EQ(merged("network:\n  egress: deny\n  allow:\n    - \"a:1\"\n", lesson, true).value(),
            "network:\n  egress: deny\n  allow:\n    - \"a:1\"\n    # Reached.\n    - \"b:1\"\n");
}

TEST(Wrapped, BreaksBetweenWords) {
  EXPECT_EQ(wrapped("aa bb cc", 5), (std::vector<std::string>{"aa bb", "cc"}));
  EXPECT_EQ(wrapped("aaaaaaaa b", 5), (std::vector<std::string>{"aaaaaaaa", "b"}));
}

}  // namespace
}  // namespace cofferdam::learn
