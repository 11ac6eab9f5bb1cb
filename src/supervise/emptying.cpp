#include "supervise/emptying.hpp"

#include <fcntl.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <cstring>
#include <functional>

#include "base/text.hpp"

namespace cofferdam::supervise {

namespace {

constexpr std::size_t kAtATime = 65'536;
constexpr std::size_t kMostProblems = 100;
constexpr int kMostRounds = 512;  // somebody who goes on writing is not waited for

const InstanceMount* mount_of(const InstanceView& instance, const std::string& path) {
  const InstanceMount* nearest = nullptr;
  for (const InstanceMount& mount : instance.mounts) {
    const bool inside = mount.layer >= 0 && path.size() > mount.plan->path.size() &&
                        base::is_beneath(path, mount.plan->path) && mount.plan->type == MountType::tmpfs;
    if (inside && (nearest == nullptr || mount.plan->path.size() > nearest->plan->path.size())) nearest = &mount;
  }
  return nearest;
}

// 0 or the errno.
int remove_one(const InstanceMount& mount, const std::string& path, bool directory) {
  const std::string inside = path.substr(mount.plan->path.size() + 1);
  const std::size_t slash = inside.rfind('/');
  const std::string above = slash == std::string::npos ? "." : inside.substr(0, slash);
  const std::string name = slash == std::string::npos ? inside : inside.substr(slash + 1);
  const kernel::Fd parent = kernel::open_resolved(mount.layer, above.c_str(), O_PATH | O_DIRECTORY,
                                                  kernel::kBeneath | kernel::kNoSymlinks | kernel::kNoMountCrossing);
  if (!parent) return errno;
  return unlinkat(parent.get(), name.c_str(), directory ? AT_REMOVEDIR : 0) == 0 ? 0 : errno;
}

// Empty, or what stands against it.
std::string undo(const InstanceView& instance, const ScannedChange& change) {
  if (change.change != Change::created)
    return base::printable(change.path) + " was " + to_string(change.change) + " and can't be put back";
  const InstanceMount* mount = mount_of(instance, change.path);
  const int error = mount == nullptr ? EXDEV : remove_one(*mount, change.path, change.type == "directory");
  return error == 0 ? "" : "can't remove " + base::printable(change.path) + ": " + std::strerror(error);
}

}  // namespace

std::vector<std::string> empty_mounts(const InstanceView& instance, const Baseline& baseline) {
  for (int round = 0;; ++round) {
    std::vector<ScannedChange> changes;
    const auto unreadable = scan_storage(instance, baseline, [&](const ScannedChange& change) {
      if (changes.size() < kAtATime) changes.push_back(change);
    });
    // In order of path a directory comes before what it holds.
    std::ranges::sort(changes, std::ranges::greater{}, &ScannedChange::path);
    std::size_t removed = 0;
    std::vector<std::string> problems;
    for (const Unreadable& place : unreadable)
      problems.push_back("can't read " + base::printable(place.path) + ": " + place.why);
    for (const ScannedChange& change : changes) {
      std::string problem = undo(instance, change);
      if (problem.empty()) {
        ++removed;
      } else if (problems.size() < kMostProblems) {
        problems.push_back(std::move(problem));
      }
    }
    // What was left for want of room, or because a directory was not empty yet, is seen by another scan.
    if (removed == 0) return problems;
    if (round == kMostRounds) {
      problems.emplace_back("something goes on writing to the mounts");
      return problems;
    }
  }
}

}  // namespace cofferdam::supervise
