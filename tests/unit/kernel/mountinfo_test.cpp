#include "kernel/mountinfo.hpp"

#include <fcntl.h>
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <algorithm>

#include "kernel/fd.hpp"

namespace cofferdam::kernel {
namespace {

using testing::SizeIs;

TEST(Mountinfo, FieldsOfALine) {
  const auto entries =
      parse_mountinfo("36 35 98:0 /mnt1 /mnt2 rw,noatime master:1 - ext3 /dev/root rw,errors=continue\n");
  ASSERT_THAT(entries, SizeIs(1));
  EXPECT_EQ(entries[0].id, 36U);
  EXPECT_EQ(entries[0].parent, 35U);
  EXPECT_EQ(entries[0].root, "/mnt1");
  EXPECT_EQ(entries[0].mount_point, "/mnt2");
  EXPECT_EQ(entries[0].type, "ext3");
  EXPECT_EQ(entries[0].source, "/dev/root");
  EXPECT_FALSE(entries[0].read_only);
}

TEST(Mountinfo, OptionalFieldsAreNoneOrMany) {
  const auto entries = parse_mountinfo(
      "1 0 0:1 / / rw - tmpfs none rw\n"
      "2 1 0:2 / /a rw shared:1 - tmpfs none rw\n"
      "3 1 0:3 / /b rw shared:1 master:2 propagate_from:3 unbindable - tmpfs none rw\n");
  ASSERT_THAT(entries, SizeIs(3));
  for (const MountEntry& entry : entries) EXPECT_EQ(entry.type, "tmpfs") << entry.mount_point;
}

TEST(Mountinfo, WhatTellsOneTmpfsFromAnother) {
  const auto entries = parse_mountinfo(
      "1 0 0:1 / / rw,noexec - tmpfs none rw\n"
      "2 1 0:2 / /a rw shared:1 - tmpfs none rw,size=65536k,mode=755\n"
      "3 1 0:3 / /b rw shared:1 master:2 - tmpfs none rw,nr_inodes=7\n");
  ASSERT_THAT(entries, SizeIs(3));
  EXPECT_TRUE(entries[0].no_exec && !entries[1].no_exec);
  EXPECT_TRUE(!entries[0].sized && entries[1].sized && !entries[2].sized);
  EXPECT_TRUE(!entries[0].from_outside && !entries[1].from_outside && entries[2].from_outside);
}

TEST(Mountinfo, ReadOnlyIsTheMountsOrTheFileSystems) {
  struct Row {
    const char* options;
    bool read_only;
  };
  for (const auto& [options, read_only] :
       {Row{"rw - ext4 x rw", false}, Row{"ro - ext4 x rw", true}, Row{"rw - ext4 x ro", true},
        Row{"rw,nosuid,ro - ext4 x rw", true}, Row{"rw - ext4 x rw,errors=ro", false},
        Row{"rw,relatime - ext4 /dev/ro rw,root", false}}) {
    const auto entries = parse_mountinfo(std::string("1 0 0:1 / /a ") + options);
    ASSERT_THAT(entries, SizeIs(1)) << options;
    EXPECT_EQ(entries[0].read_only, read_only) << options;
  }
}

TEST(Mountinfo, EscapesAreUndone) {
  const auto entries = parse_mountinfo("1 0 0:1 /a\\040b /tab\\011line\\012slash\\134end rw - fuse.x my\\040disk rw\n");
  ASSERT_THAT(entries, SizeIs(1));
  EXPECT_EQ(entries[0].root, "/a b");
  EXPECT_EQ(entries[0].mount_point, "/tab\tline\nslash\\end");
  EXPECT_EQ(entries[0].source, "my disk");
  // What is no escape stays.
  EXPECT_EQ(parse_mountinfo("1 0 0:1 / /a\\04 rw - t s rw")[0].mount_point, "/a\\04");
  EXPECT_EQ(parse_mountinfo("1 0 0:1 / /a\\089 rw - t s rw")[0].mount_point, "/a\\089");
  EXPECT_EQ(parse_mountinfo("1 0 0:1 / /a\\ rw - t s rw")[0].mount_point, "/a\\");
}

TEST(Mountinfo, AMountPointMayLookLikeTheSeparator) {
  const auto entries = parse_mountinfo("1 0 0:1 / /- rw - tmpfs - rw\n");
  ASSERT_THAT(entries, SizeIs(1));
  EXPECT_EQ(entries[0].mount_point, "/-");
  EXPECT_EQ(entries[0].source, "-");
}

TEST(Mountinfo, LinesThatCannotBeReadAreLeftOut) {
  EXPECT_THAT(parse_mountinfo(""), SizeIs(0));
  EXPECT_THAT(parse_mountinfo("\n\n"), SizeIs(0));
  for (const char* line :
       {"garbage", "1 0 0:1 / /a rw", "1 0 0:1 / /a rw shared:1 x y z", "1 0 0:1 / - tmpfs none rw x y z",
        "1 0 0:1 / /a rw - tmpfs", "1 0 0:1 / /a rw shared:1 - tmpfs none"}) {
    EXPECT_THAT(parse_mountinfo(line), SizeIs(0)) << line;
  }
  EXPECT_THAT(parse_mountinfo("garbage\n1 0 0:1 / /a rw - tmpfs none rw\n"), SizeIs(1));
}

TEST(Mountinfo, TheKernelsOrderIsKept) {
  const auto entries =
      parse_mountinfo("9 0 0:1 / /b rw - t s rw\n2 9 0:2 / /a rw - t s rw\n3 2 0:3 / /a rw - u s rw\n");
  ASSERT_THAT(entries, SizeIs(3));
  EXPECT_EQ(entries[0].mount_point, "/b");
  EXPECT_EQ(entries[2].type, "u");
}

TEST(Mountinfo, ThisProcessesTableHoldsItsRoot) {
  const auto entries = read_mountinfo();
  ASSERT_TRUE(entries.has_value()) << entries.error().message;
  const auto proc = identify(AT_FDCWD, "/proc/self");
  ASSERT_TRUE(proc.has_value());
  const auto entry = std::ranges::find(*entries, proc->mount_id, &MountEntry::id);
  if (proc->mount_id == 0) GTEST_SKIP() << "this kernel has no mount ids in statx (Linux 5.8)";
  ASSERT_NE(entry, entries->end());
  EXPECT_EQ(entry->type, "proc");
}

}  // namespace
}  // namespace cofferdam::kernel
