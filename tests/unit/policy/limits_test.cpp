#include "policy/limits.hpp"

#include <gtest/gtest.h>

#include "unit/policy/policy_files.hpp"

namespace cofferdam {
namespace {

class LimitsOfAPolicy : public PolicyFiles {
 protected:
  // The warnings of a policy that loads, as they are printed.
  [[nodiscard]] std::vector<std::string> warnings(const std::string& text) const {
    const auto loaded = load_text(text);
    EXPECT_TRUE(loaded);
    std::vector<std::string> out;
    if (!loaded) return out;
    for (const Diagnostic& each : loaded->warnings) out.push_back(format_diagnostic(each));
    return out;
  }
};

TEST_F(LimitsOfAPolicy, HaveAPlaceEach) {
  const Limits limits = policy_of(
                            "version: 1\n"
                            "extends: none\n"
                            "limits:\n"
                            "  memory: 2GiB\n"
                            "  processes: 512\n"
                            "  cpu: 1.5\n"
                            "  open_files: 4096\n")
                            .limits;
  EXPECT_EQ(limits.memory.value, 2ULL << 30);
  EXPECT_EQ(limits.processes.value, 512U);
  EXPECT_EQ(limits.cpu.value, 1500U);
  EXPECT_EQ(limits.open_files.value, 4096U);
  EXPECT_EQ(limits.memory.origin.line, 4);
  EXPECT_EQ(limits.open_files.origin.line, 7);
  EXPECT_EQ(limits.cpu.origin.file, "p.yaml");
}

TEST_F(LimitsOfAPolicy, AreNoneWithoutTheKey) {
  const Limits limits = policy_of("version: 1\n").limits;
  EXPECT_EQ(limits.memory.value + limits.processes.value + limits.cpu.value + limits.open_files.value, 0U);
}

TEST_F(LimitsOfAPolicy, MergeByKey) {
  write("base.yaml", "version: 1\nextends: none\nlimits: {memory: 1GiB, cpu: 2}\n");
  const Limits limits = policy_of("version: 1\nextends: ./base.yaml\nlimits: {memory: 512MiB, processes: 9}\n").limits;
  EXPECT_EQ(limits.memory.value, 512ULL << 20);
  EXPECT_EQ(limits.memory.origin.file, "p.yaml");
  EXPECT_EQ(limits.cpu.value, 2000U);
  EXPECT_NE(limits.cpu.origin.file, "p.yaml");
  EXPECT_EQ(limits.processes.value, 9U);
}

TEST_F(LimitsOfAPolicy, AMountMayHoldMoreThanTheMemory) {
  const auto said = warnings(
      "version: 1\n"
      "extends: none\n"
      "limits: {memory: 256MiB}\n"
      "storage:\n"
      "  mounts:\n"
      "    - {path: /data, type: tmpfs, size: 1GiB}\n"
      "    - {path: /small, type: tmpfs, size: 256MiB}\n"
      "    - {path: /default, type: tmpfs}\n"
      "    - {path: /kept, type: persistent}\n");
  ASSERT_EQ(said.size(), 2U);
  EXPECT_EQ(said.front(),
            "p.yaml:6:14: warning: the mount of '/data' may hold 1GiB, more than the limits.memory of 256MiB at "
            "p.yaml:3: what it holds counts as memory, so the app is killed before it gets ENOSPC [CD914]\n"
            "  give it a smaller size, or raise limits.memory");
  EXPECT_TRUE(
      said.back().starts_with("p.yaml:3:18: note: the limits.memory of 256MiB is less than what mounts may hold "
                              "that you gave no size: /default (512MiB): "))
      << said.back();
}

TEST_F(LimitsOfAPolicy, ShippedMountsAreNamedTogether) {
  const auto said = warnings("version: 1\nlimits:\n  memory: 64MiB\n");
  ASSERT_EQ(said.size(), 1U);
  EXPECT_TRUE(
      said.front().starts_with("p.yaml:3:11: note: the limits.memory of 64MiB is less than what "
                               "mounts may hold that you gave no size: . ("))
      << said.front();
  EXPECT_NE(said.front().find("/tmp ("), std::string::npos);
  EXPECT_TRUE(warnings("version: 1\nlimits: {memory: 16GiB}\n").empty());
}

TEST(CoresText, IsAsAPolicyWritesIt) {
  EXPECT_EQ(policy::cores_text(1500), "1.5");
  EXPECT_EQ(policy::cores_text(2000), "2");
  EXPECT_EQ(policy::cores_text(10), "0.01");
  EXPECT_EQ(policy::cores_text(125), "0.125");
}

}  // namespace
}  // namespace cofferdam
