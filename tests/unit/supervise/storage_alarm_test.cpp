#include "supervise/storage_alarm.hpp"

#include <fcntl.h>
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "kernel/fd.hpp"
#include "support/temporary_directory.hpp"

namespace cofferdam::supervise {
namespace {

using testing::HasSubstr;
using testing::Not;

constexpr std::uint64_t kMiB = 1ULL << 20;

plan::PlannedMount mount() {
  plan::PlannedMount planned;
  planned.path = planned.mount_point = "/tmp";
  planned.policy = {"storage.mounts", "p.yaml", 7};
  return planned;
}

TEST(StorageAlarm, NearlyFull) {
  StorageAlarm alarm;
  alarm.used = 205 * kMiB;
  alarm.size = 256 * kMiB;
  alarm.heaviest = {"uploads", 201 * kMiB, 3, true};
  const Finding finding = storage_finding(mount(), false, alarm);
  EXPECT_EQ(finding.code, "CD107");
  EXPECT_EQ(finding.severity, Severity::warning);
  EXPECT_EQ(finding.message,
            "storage is nearly full: /tmp has used 80 % of its 256 MiB; at 100 % the app gets ENOSPC (no space left on "
            "device); 201 MiB of it in /tmp/uploads");
  EXPECT_THAT(finding.fix, HasSubstr("write size: 512MiB in p.yaml:7"));
  EXPECT_EQ(finding.path, "/tmp");
  EXPECT_EQ(finding.policy.line, 7);
}

TEST(StorageAlarm, FullOfInodes) {
  StorageAlarm alarm;
  alarm.full = alarm.of_inodes = true;
  alarm.used = 3 * kMiB;
  alarm.size = 256 * kMiB;
  alarm.used_inodes = alarm.inodes = 65536;
  alarm.heaviest = {"sessions/a", 9, 4000, false};
  const Finding finding = storage_finding(mount(), true, alarm);
  EXPECT_EQ(finding.code, "CD103");
  EXPECT_EQ(finding.severity, Severity::error);
  EXPECT_THAT(finding.message, HasSubstr("has used its 65,536 files, directories and links"));
  EXPECT_THAT(finding.message, HasSubstr("although 253 MiB are free"));
  EXPECT_THAT(finding.message, HasSubstr("much of it is in /tmp/sessions/a"));
  EXPECT_THAT(finding.fix, HasSubstr("--tmpfs /tmp:nr_inodes=131072"));
}

TEST(StorageAlarm, NamesNobodyWhenNothingStandsOut) {
  StorageAlarm alarm;
  alarm.used = alarm.size = kMiB;
  alarm.full = true;
  EXPECT_THAT(storage_finding(mount(), false, alarm).message, Not(HasSubstr(" in ")));
}

class HeaviestOf : public testing::Test {
 protected:
  [[nodiscard]] Heaviest find(bool by_inodes, std::size_t most = kHeaviestEntries) const {
    const kernel::Fd directory(::open(tree_.path().c_str(), O_RDONLY | O_DIRECTORY | O_CLOEXEC));
    return find_heaviest(directory.get(), by_inodes, most);
  }
  test::TemporaryDirectory tree_;
};

TEST_F(HeaviestOf, BytesAndEntries) {
  tree_.write("big/in/one", std::string(1 << 20, 'x'));
  tree_.write("other", "x");
  for (int i = 0; i < 50; ++i) tree_.write("many/" + std::to_string(i), "");
  const Heaviest bytes = find(false);
  EXPECT_EQ(bytes.path, "big/in");
  EXPECT_GE(bytes.bytes, kMiB);
  EXPECT_TRUE(bytes.complete);
  const Heaviest entries = find(true);
  EXPECT_EQ(entries.path, "many");  // no single child holds most of it
  EXPECT_EQ(entries.inodes, 51U);
}

TEST_F(HeaviestOf, NothingStandsOut) {
  EXPECT_EQ(find(false).path, "");
  for (int i = 0; i < 10; ++i) tree_.write(std::to_string(i), "");
  EXPECT_EQ(find(true).path, "");
}

TEST_F(HeaviestOf, LooksAtSoManyEntriesAndNoMore) {
  for (int i = 0; i < 20; ++i) tree_.write("many/" + std::to_string(i), "");
  tree_.write("few/one", "");
  const Heaviest some = find(true, 15);
  EXPECT_FALSE(some.complete);
  EXPECT_EQ(some.path, "many");
  EXPECT_LE(some.inodes, 15U);
}

TEST_F(HeaviestOf, FollowsNoLink) {
  const test::TemporaryDirectory outside;
  outside.write("secret", std::string(1 << 20, 'x'));
  tree_.make_link("link", outside.path());
  EXPECT_LT(find(false).bytes, 8192U);
}

}  // namespace
}  // namespace cofferdam::supervise
