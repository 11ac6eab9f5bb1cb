#include "supervise/metadata.hpp"

#include <fcntl.h>
#include <grp.h>
#include <gtest/gtest.h>
#include <sys/fsuid.h>
#include <sys/stat.h>
#include <sys/time.h>
#include <sys/xattr.h>
#include <unistd.h>
#include <utime.h>

#include <cerrno>
#include <cstring>
#include <vector>

#include "support/temporary_directory.hpp"

namespace cofferdam::supervise {
namespace {

using Kind = kernel::NotifyKind;

const kernel::NotifyRow& row_of(std::string_view name) {
  for (const auto& row : kernel::syscall_table()) {
    if (row.name == name && row.kind != Kind::none) return row;
  }
  ADD_FAILURE() << "no notify row for " << name;
  return kernel::syscall_table().front();
}

// Reads a request out of this process's own memory.
MetadataRequest read_request(std::string_view name, std::array<std::uint64_t, 6> args) {
  kernel::Notification call;
  call.tid = static_cast<std::uint32_t>(::getpid());
  call.args = args;
  return read_metadata_request(call, row_of(name), kernel::ThreadView::open(::getpid()).value());
}
std::uint64_t address(const void* pointer) {
  return reinterpret_cast<std::uintptr_t>(pointer);
}
constexpr std::uint64_t kUnmapped = 0x10;

TEST(MetadataRequest, ModesAndOwnersFollowTheObject) {
  EXPECT_EQ(read_request("chmod", {0, 0640}).mode, 0640U);
  EXPECT_EQ(read_request("fchmod", {3, 0640}).mode, 0640U);
  EXPECT_EQ(read_request("fchmodat", {0, 0, 0600}).mode, 0600U);
  for (const auto& [name, args] :
       std::vector<std::pair<const char*, std::array<std::uint64_t, 6>>>{{"chown", {0, 7, 0xffffffff}},
                                                                         {"lchown", {0, 7, 0xffffffff}},
                                                                         {"fchown", {3, 7, 0xffffffff}},
                                                                         {"fchownat", {0, 0, 7, 0xffffffff}}}) {
    const MetadataRequest request = read_request(name, args);
    EXPECT_EQ(request.kind, Kind::chown) << name;
    EXPECT_EQ(request.uid, 7U) << name;
    EXPECT_EQ(request.gid, static_cast<gid_t>(-1)) << name;
    EXPECT_EQ(request.error, 0) << name;
  }
}

TEST(MetadataRequest, TimesComeInThreeShapes) {
  const timespec exact[2] = {{1, 2}, {3, 4}};
  MetadataRequest request = read_request("utimensat", {0, 0, address(exact), 0});
  EXPECT_EQ(request.error, 0);
  EXPECT_EQ(request.times[0].tv_nsec, 2);
  EXPECT_EQ(request.times[1].tv_sec, 3);
  const utimbuf seconds{5, 6};
  request = read_request("utime", {0, address(&seconds)});
  EXPECT_EQ(request.times[0].tv_sec, 5);
  EXPECT_EQ(request.times[1].tv_sec, 6);
  const timeval micro[2] = {{7, 8}, {9, 999999}};
  for (const MetadataRequest& each :
       {read_request("utimes", {0, address(micro)}), read_request("futimesat", {0, 0, address(micro)})}) {
    EXPECT_EQ(each.error, 0);
    EXPECT_EQ(each.times[0].tv_nsec, 8000);
    EXPECT_EQ(each.times[1].tv_nsec, 999999000);
    EXPECT_FALSE(each.now);
  }
  const timeval wrong[2] = {{7, 1000000}, {9, 0}};
  EXPECT_EQ(read_request("utimes", {0, address(wrong)}).error, EINVAL);
}

TEST(MetadataRequest, NoTimesMeanNowAndUnreadableOnesFail) {
  for (const char* name : {"utime", "utimes"}) {
    EXPECT_TRUE(read_request(name, {0, 0}).now) << name;
    EXPECT_EQ(read_request(name, {0, kUnmapped}).error, EFAULT) << name;
  }
  EXPECT_TRUE(read_request("utimensat", {0, 0, 0, 0}).now);
  EXPECT_EQ(read_request("utimensat", {0, 0, kUnmapped, 0}).error, EFAULT);
}

TEST(MetadataRequest, AttributesAreCopiedAndChecked) {
  const char name[] = "user.colour";
  const char value[] = {'r', '\0', 'd'};
  const MetadataRequest request =
      read_request("setxattr", {0, address(name), address(value), sizeof value, XATTR_CREATE});
  EXPECT_EQ(request.error, 0);
  EXPECT_EQ(request.attribute, "user.colour");
  ASSERT_EQ(request.value.size(), sizeof value);
  EXPECT_EQ(std::memcmp(request.value.data(), value, sizeof value), 0);
  EXPECT_EQ(request.flags, XATTR_CREATE);
  EXPECT_EQ(read_request("fremovexattr", {3, address(name)}).attribute, "user.colour");
  EXPECT_EQ(read_request("setxattr", {0, address(name), 0, 0, 0}).error, 0);  // an empty value

  EXPECT_EQ(read_request("setxattr", {0, address(name), kUnmapped, 3, 0}).error, EFAULT);
  EXPECT_EQ(read_request("setxattr", {0, kUnmapped, address(value), 3, 0}).error, EFAULT);
  EXPECT_EQ(read_request("setxattr", {0, address(name), address(value), (64 << 10) + 1, 0}).error, E2BIG);
  EXPECT_EQ(read_request("removexattr", {0, address("")}).error, ERANGE);
  EXPECT_EQ(read_request("removexattr", {0, address(("user." + std::string(300, 'x')).c_str())}).error, ERANGE);
  for (const char* label :
       {"security.capability", "trusted.overlay.opaque", "security.selinux", "system.other", "users.x"}) {
    EXPECT_EQ(read_request("removexattr", {0, address(label)}).error, EPERM) << label;
  }
  EXPECT_EQ(read_request("removexattr", {0, address("system.posix_acl_access")}).error, 0);
}

// A file of this test's own, and the calls on it as the caller.
class PerformedMetadata : public testing::Test {
 protected:
  PerformedMetadata() : path_(directory_.write("file", "x", 0644)), object_(::open(path_.c_str(), O_PATH | O_CLOEXEC)) {
    caller_.fsuid = ::geteuid();
    caller_.fsgid = ::getegid();
    instance_.container = true;
    instance_.landlock = true;
  }
  int perform(const MetadataRequest& request) {
    return perform_metadata(instance_, request, caller_, object_, &refused_);
  }
  [[nodiscard]] struct stat status() const {
    struct stat status{};
    EXPECT_EQ(::stat(path_.c_str(), &status), 0);
    return status;
  }
  static MetadataRequest chmod_to(mode_t mode) {
    MetadataRequest request;
    request.kind = Kind::chmod;
    request.mode = mode;
    return request;
  }
  std::uint64_t mount_id() const { return kernel::identify(object_.get(), "").value().mount_id; }

  test::TemporaryDirectory directory_;
  std::string path_;
  kernel::Fd object_;
  InstanceView instance_;
  kernel::ThreadStatus caller_;
  bool refused_ = false;
};

TEST_F(PerformedMetadata, ChangesThePinnedFile) {
  EXPECT_EQ(perform(chmod_to(0600)), 0);
  EXPECT_EQ(status().st_mode & 07777, 0600U);

  MetadataRequest times;
  times.kind = Kind::set_times;
  times.times[0] = {0, UTIME_OMIT};
  times.times[1] = {1000000000, 5};
  EXPECT_EQ(perform(times), 0);
  EXPECT_EQ(status().st_mtim.tv_sec, 1000000000);
  EXPECT_EQ(status().st_mtim.tv_nsec, 5);
  times.now = true;
  EXPECT_EQ(perform(times), 0);
  EXPECT_GT(status().st_mtim.tv_sec, 1000000000);

  MetadataRequest owner;
  owner.kind = Kind::chown;
  owner.uid = static_cast<uid_t>(-1);
  owner.gid = ::getegid();
  EXPECT_EQ(perform(owner), 0);
  EXPECT_FALSE(refused_);
}

TEST_F(PerformedMetadata, SetsAndRemovesAttributes) {
  if (::setxattr(path_.c_str(), "user.probe", "1", 1, 0) != 0) GTEST_SKIP() << "no user attributes on this file system";
  MetadataRequest request;
  request.kind = Kind::set_xattr;
  request.attribute = "user.colour";
  request.value = {std::byte{'r'}};
  EXPECT_EQ(perform(request), 0);
  char value = 0;
  EXPECT_EQ(::getxattr(path_.c_str(), "user.colour", &value, 1), 1);
  EXPECT_EQ(value, 'r');
  request.flags = XATTR_CREATE;
  EXPECT_EQ(perform(request), EEXIST);
  request.kind = Kind::remove_xattr;
  EXPECT_EQ(perform(request), 0);
  EXPECT_EQ(perform(request), ENODATA);
}

TEST_F(PerformedMetadata, RefusesWhatIsNotTheInstances) {
  instance_.foreign = {mount_id()};
  EXPECT_EQ(perform(chmod_to(0600)), EROFS);
  EXPECT_TRUE(refused_);
  EXPECT_EQ(status().st_mode & 07777, 0644U);

  // The same mount as one of the policy's own.
  refused_ = false;
  plan::PlannedMount plan;
  instance_.mounts.push_back({.plan = &plan, .mount_id = mount_id(), .root = -1, .layer = -1});
  EXPECT_EQ(perform(chmod_to(0600)), 0);
  EXPECT_FALSE(refused_);
  plan.type = MountType::read_only;
  EXPECT_EQ(perform(chmod_to(0640)), EROFS);
  EXPECT_TRUE(refused_);
  EXPECT_EQ(status().st_mode & 07777, 0600U);
}

TEST_F(PerformedMetadata, RefusesWhatIsNotPinned) {
  EXPECT_EQ(perform_metadata(instance_, chmod_to(0600), caller_, kernel::Fd(), &refused_), EROFS);
  EXPECT_TRUE(refused_);
}

TEST_F(PerformedMetadata, AnUnreadableRequestIsAnsweredWithItsError) {
  MetadataRequest request = chmod_to(0600);
  request.error = EFAULT;
  EXPECT_EQ(perform(request), EFAULT);
  EXPECT_FALSE(refused_);
  EXPECT_EQ(status().st_mode & 07777, 0644U);
  request = chmod_to(0600);
  request.kind = Kind::set_attributes;
  EXPECT_EQ(perform(request), ENOSYS);
}

TEST_F(PerformedMetadata, RunsWithTheRightsOfTheCaller) {
  if (::geteuid() != 0) GTEST_SKIP() << "needs root: the calls of another user";
  caller_.fsuid = 12345;
  caller_.fsgid = 12345;
  EXPECT_EQ(perform(chmod_to(0666)), EPERM);
  EXPECT_EQ(status().st_mode & 07777, 0644U);
  MetadataRequest owner;
  owner.kind = Kind::chown;
  owner.uid = 12345;
  owner.gid = 12345;
  EXPECT_EQ(perform(owner), EPERM);
  EXPECT_FALSE(refused_);  // by the file's own rights
  // And this thread has its own rights back.
  EXPECT_EQ(::setfsuid(static_cast<uid_t>(-1)), 0);
  EXPECT_EQ(::setfsgid(static_cast<gid_t>(-1)), static_cast<int>(::getegid()));
  caller_.fsuid = 0;
  EXPECT_EQ(perform(owner), 0);
  EXPECT_EQ(status().st_uid, 12345U);
  caller_.fsuid = 12345;
  EXPECT_EQ(perform(chmod_to(0600)), 0);
  EXPECT_EQ(status().st_mode & 07777, 0600U);
}

// Groups are part of an identity: those of the launcher are not the caller's, and the caller's own count.
TEST_F(PerformedMetadata, RunsWithTheGroupsOfTheCaller) {
  if (::geteuid() != 0) GTEST_SKIP() << "needs root: the calls of another user";
  constexpr gid_t kLaunchers = 4242;
  constexpr gid_t kCallers = 4343;
  std::vector<gid_t> before(static_cast<std::size_t>(::getgroups(0, nullptr)));
  ASSERT_EQ(::getgroups(static_cast<int>(before.size()), before.data()), static_cast<int>(before.size()));
  ASSERT_EQ(::setgroups(1, &kLaunchers), 0);
  ASSERT_EQ(::chown(path_.c_str(), 12345, 12345), 0);
  caller_.fsuid = 12345;
  caller_.fsgid = 12345;
  caller_.groups = {kCallers};
  MetadataRequest owner;
  owner.kind = Kind::chown;
  owner.uid = static_cast<uid_t>(-1);
  owner.gid = kLaunchers;
  EXPECT_EQ(perform(owner), EPERM);
  EXPECT_EQ(status().st_gid, 12345U);
  owner.gid = kCallers;
  EXPECT_EQ(perform(owner), 0);
  EXPECT_EQ(status().st_gid, kCallers);
  gid_t now = 0;
  EXPECT_EQ(::getgroups(1, &now), 1);
  EXPECT_EQ(now, kLaunchers);
  EXPECT_EQ(::setgroups(before.size(), before.data()), 0);
}

}  // namespace
}  // namespace cofferdam::supervise
