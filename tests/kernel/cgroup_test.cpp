// Cgroups as this machine gives them: all that is granted must hold, and what is not must be said.
#include "kernel/cgroup.hpp"

#include <fcntl.h>
#include <gtest/gtest.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include <algorithm>
#include <csignal>

#include "kernel/process.hpp"

namespace cofferdam::kernel {
namespace {

constexpr CgroupLimits kLimits = {.memory = 64ULL << 20, .processes = 40, .cpu = 500};

std::vector<MountEntry> mounts() {
  auto all = read_mountinfo();
  return all ? std::move(*all) : std::vector<MountEntry>();
}

// A process that waits to be killed.
class Sleeper {
 public:
  explicit Sleeper(pid_t pid) : pid_(pid) {}
  ~Sleeper() {
    if (pid_ <= 0) return;
    kill(pid_, SIGKILL);
    waitpid(pid_, nullptr, __WALL);
  }
  Sleeper(const Sleeper&) = delete;
  Sleeper& operator=(const Sleeper&) = delete;

  [[nodiscard]] pid_t pid() const { return pid_; }
  [[nodiscard]] std::string cgroups() const {
    return read_file("/proc/" + std::to_string(pid_) + "/cgroup", 16384).value_or("");
  }

 private:
  pid_t pid_;
};

pid_t sleeping(pid_t cloned) {
  if (cloned == 0) {
    for (;;) pause();
  }
  return cloned;
}

TEST(CgroupPlace, WhatIsGrantedHolds) {
  const CgroupPlace place = CgroupPlace::find(mounts(), kLimits);
  auto cgroup = place.make("kernel-test", kLimits);
  ASSERT_TRUE(cgroup) << cgroup.error().message;
  const CgroupLimits found = read_limits(cgroup->view());
  std::vector<std::string> directories;
  for (const Controller each : kControllers) {
    const auto& seat = cgroup->view().of(each);
    EXPECT_EQ(seat.has_value(), place.grant().has(each)) << to_string(each);
    EXPECT_EQ(found.of(each), place.grant().has(each) ? kLimits.of(each) : 0) << to_string(each);
    if (seat) directories.push_back(seat->directory);
    EXPECT_TRUE(seat || !place.grant().problem.empty()) << to_string(each) << ": nothing says why not";
  }
  EXPECT_EQ(place.grant().kind.empty(), directories.empty());
  {
    const Sleeper child(sleeping(clone_process(0, nullptr)));
    EXPECT_EQ(cgroup->admit(child.pid(), false), 0);
    for (const std::string& directory : directories) {
      EXPECT_NE(child.cgroups().find(directory.substr(directory.rfind('/')) + "\n"), std::string::npos) << directory;
    }
  }
  {
    const Cgroup gone = std::move(*cgroup);
  }
  for (const std::string& directory : directories) EXPECT_NE(access(directory.c_str(), F_OK), 0) << directory;
}

TEST(CgroupPlace, OneNameTwiceIsTwoCgroups) {
  const CgroupPlace place = CgroupPlace::find(mounts(), kLimits);
  const auto first = place.make("twice", kLimits);
  const auto second = place.make("twice", kLimits);
  ASSERT_TRUE(first && second);
  for (const Controller each : kControllers) {
    if (!place.grant().has(each)) continue;
    EXPECT_EQ(second->view().of(each)->directory, first->view().of(each)->directory + "-2");
  }
}

TEST(CgroupPlace, WithoutACgroupFileSystemThereIsNone) {
  const CgroupPlace place = CgroupPlace::find({}, kLimits);
  EXPECT_TRUE(std::ranges::none_of(kControllers, [&](Controller each) { return place.grant().has(each); }));
  EXPECT_NE(place.grant().problem.find("no cgroup file system with the controller"), std::string::npos);
  const auto cgroup = place.make("none", kLimits);
  ASSERT_TRUE(cgroup);
  EXPECT_EQ(cgroup->unified(), -1);
  EXPECT_EQ(cgroup->admit(getpid(), false), 0);
}

TEST(CloneInto, PutsAProcessThereBeforeItRuns) {
  EXPECT_LT(clone_process_into(0, nullptr, -1), 0);
  const auto own = find_seat(Controller::memory, "0::/\n", mounts());
  if (!own) GTEST_SKIP() << "no cgroup v2 is mounted";
  const std::string directory = own->mount_point + "/cofferdam-" + std::to_string(getpid()) + "-clone";
  if (mkdir(directory.c_str(), 0755) != 0) {
    // A user, or a container: then nobody is promised a cgroup either.
    EXPECT_TRUE(errno == EACCES || errno == EROFS || errno == EPERM) << errno;
    return;
  }
  {
    const Fd place(open(directory.c_str(), O_RDONLY | O_DIRECTORY | O_CLOEXEC));
    const Sleeper child(sleeping(clone_process_into(0, nullptr, place.get())));
    ASSERT_GT(child.pid(), 0);
    EXPECT_NE(child.cgroups().find("0::" + directory.substr(own->mount_point.size()) + "\n"), std::string::npos)
        << child.cgroups();
  }
  EXPECT_EQ(rmdir(directory.c_str()), 0);
}

}  // namespace
}  // namespace cofferdam::kernel
