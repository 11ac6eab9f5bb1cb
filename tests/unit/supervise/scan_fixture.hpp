// A storage of plain directories, for the tests of the scan and of what follows it.
#pragma once

#include <fcntl.h>
#include <gtest/gtest.h>
#include <sys/stat.h>

#include <algorithm>
#include <deque>
#include <filesystem>
#include <string>
#include <vector>

#include "kernel/mount.hpp"
#include "supervise/scan.hpp"
#include "support/temporary_directory.hpp"

namespace cofferdam::supervise {

// A host tree, and an instance whose layers are directories of their own.
class ScanFixture : public testing::Test {
 protected:
  // A mount over host directory `name` whose layer is `upper`.
  plan::PlannedMount& add_mount(MountType type, const std::string& name, const test::TemporaryDirectory& upper) {
    plan::PlannedMount& plan = plans_.emplace_back();
    plan.type = type;
    plan.path = name.empty() ? host_.path() : host_(name);
    layers_.emplace_back(::open(upper.path().c_str(), O_RDONLY | O_DIRECTORY | O_CLOEXEC));
    instance_.mounts.push_back({.plan = &plan, .mount_id = plans_.size(), .root = -1, .layer = layers_.back().get()});
    return plan;
  }

  struct Scanned {
    std::vector<ScannedChange> changes;  // by path
    std::vector<Unreadable> unreadable;
  };
  [[nodiscard]] Scanned scan(const Baseline& baseline = {}) const {
    Scanned result;
    result.unreadable =
        scan_storage(instance_, baseline, [&](const ScannedChange& change) { result.changes.push_back(change); });
    std::ranges::sort(result.changes, {}, &ScannedChange::path);
    return result;
  }

  // "created file a 5": change, type, path below the host tree, bytes.
  [[nodiscard]] std::vector<std::string> shown(const Scanned& result) const {
    std::vector<std::string> lines;
    for (const ScannedChange& each : result.changes) {
      EXPECT_TRUE(each.path.starts_with(host_.path() + "/")) << each.path;
      lines.push_back(std::string(to_string(each.change)) + " " + each.type + " " +
                      each.path.substr(host_.path().size() + 1) +
                      (each.bytes > 0 && each.type == "file" ? " " + std::to_string(each.bytes) : ""));
    }
    return lines;
  }
  [[nodiscard]] std::vector<std::string> changes(const Baseline& baseline = {}) const {
    const Scanned result = scan(baseline);
    EXPECT_TRUE(result.unreadable.empty());
    return shown(result);
  }

  // What the kernel does at the first change of a lower file: content, rights and times as they were.
  void copy_up(const std::string& name) const {
    std::filesystem::create_directories(std::filesystem::path(upper_(name)).parent_path());
    struct stat status{};
    ASSERT_EQ(::lstat(host_(name).c_str(), &status), 0);
    if (S_ISDIR(status.st_mode)) {
      std::filesystem::create_directory(upper_(name));
    } else {
      std::filesystem::copy(host_(name), upper_(name), std::filesystem::copy_options::copy_symlinks);
    }
    const timespec times[2] = {status.st_atim, status.st_mtim};
    ASSERT_EQ(::utimensat(AT_FDCWD, upper_(name).c_str(), times, AT_SYMLINK_NOFOLLOW), 0);
    if (!S_ISLNK(status.st_mode)) {
      ASSERT_EQ(::chmod(upper_(name).c_str(), status.st_mode & 07777), 0);
    }
  }
  [[nodiscard]] bool whiteout(const std::string& name) const {
    std::filesystem::create_directories(std::filesystem::path(upper_(name)).parent_path());
    return kernel::make_whiteout(AT_FDCWD, upper_(name).c_str()) == 0;
  }

  test::TemporaryDirectory host_;
  test::TemporaryDirectory upper_;
  std::deque<plan::PlannedMount> plans_;
  std::deque<kernel::Fd> layers_;
  InstanceView instance_;
};

}  // namespace cofferdam::supervise
