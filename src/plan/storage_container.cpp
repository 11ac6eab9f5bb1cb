#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <set>

#include "base/text.hpp"
#include "plan/storage.hpp"

namespace cofferdam::plan {

namespace {

// File systems that hold no files of the app: what is written there never reaches a disk.
constexpr std::array<std::string_view, 10> kPseudo = {"proc",   "sysfs",    "cgroup",     "cgroup2", "mqueue",
                                                      "devpts", "devtmpfs", "securityfs", "bpf",     "tracefs"};

bool is_pseudo(const kernel::MountEntry& entry) {
  return std::ranges::find(kPseudo, std::string_view(entry.type)) != kPseudo.end();
}

// By mount id, not by path prefix: a symlink or a mount below the named path is seen for what it is.
const kernel::MountEntry* mount_of(const HostFacts& host, const std::string& path) {
  const auto identity = kernel::identify(-100 /* AT_FDCWD */, path.c_str());
  if (!identity) return nullptr;
  const auto entry = std::ranges::find(host.mounts, identity->mount_id, &kernel::MountEntry::id);
  return entry == host.mounts.end() ? nullptr : &*entry;
}

std::string cite(const PolicyRef& policy) {
  return policy.line > 0 ? policy.file + ":" + std::to_string(policy.line) : policy.file;
}

// The three ways in which people write it down.
std::string how_to_give(const std::string& path) {
  std::string name = path.substr(path.rfind('/') + 1);
  if (name.empty()) name = "data";
  return "  docker run: --tmpfs " + path + "\n  compose:    tmpfs: [\"" + path +
         "\"]\n  Kubernetes: volumes: [{name: " + name +
         ", emptyDir: {medium: Memory}}] and volumeMounts: [{name: " + name + ", mountPath: " + path + "}]";
}

Result<void> add_mount(const MountRule& rule, Plan& plan) {
  if (rule.type == MountType::read_only) return {};
  const std::string path = canonical(rule.path);
  const kernel::MountEntry* entry = mount_of(plan.host, path);
  if (rule.type == MountType::hidden) {
    if (entry != nullptr) {
      plan.notices.push_back(path +
                             " is not hidden: container mode has no mounts of its own; leave it out of the image");
    }
    return {};
  }
  const bool is_tmpfs = entry != nullptr && entry->type == "tmpfs" && !entry->read_only;
  const bool is_kept = rule.type == MountType::persistent && entry != nullptr && !entry->read_only;
  if (!is_tmpfs && !is_kept) {
    if (rule.shipped || rule.type == MountType::overlay) {
      if (entry != nullptr) plan.notices.push_back(path + " is read-only here: it lies on no tmpfs of this container");
      return {};
    }
    const std::string what = entry == nullptr   ? "does not exist in this container"
                             : entry->read_only ? "is mounted read-only"
                                                : "lies on " + entry->type + " (mounted at " + entry->mount_point + ")";
    return fail(cite(policy_ref(rule)) + ": storage.mounts wants a tmpfs at " + path + ", but it " + what +
                ". Container mode can't mount; give it one:\n" + how_to_give(path));
  }
  struct stat status{};
  (void)stat(path.c_str(), &status);
  PlannedMount mount;
  mount.type = is_kept && !is_tmpfs ? MountType::persistent : MountType::tmpfs;
  mount.path = path;
  mount.mount_id = entry->id;
  mount.mode = status.st_mode & 07777;
  mount.directory = S_ISDIR(status.st_mode);
  mount.policy = policy_ref(rule);
  if (std::ranges::find(plan.mounts, path, &PlannedMount::path) == plan.mounts.end()) plan.mounts.push_back(mount);
  return {};
}

// Landlock allows a whole hierarchy, mounts below it included: a disk that is mounted below a named tmpfs would be
// writable with it.
Result<void> refuse_mounts_beneath(const Plan& plan) {
  for (const PlannedMount& mount : plan.mounts) {
    if (mount.type != MountType::tmpfs) continue;
    for (const auto& entry : plan.host.mounts) {
      if (entry.mount_point == mount.path || !base::is_beneath(entry.mount_point, mount.path)) continue;
      if (entry.read_only || entry.type == "tmpfs" || is_pseudo(entry)) continue;
      const bool named = std::ranges::any_of(plan.mounts, [&](const PlannedMount& other) {
        return other.type == MountType::persistent && other.path == entry.mount_point;
      });
      if (named) continue;
      return fail("the " + entry.type + " mounted at " + entry.mount_point + " lies below the tmpfs " + mount.path +
                  " and would be writable with it. Mount it elsewhere or read-only (:ro), replace it by a tmpfs, or "
                  "name it in storage.mounts as {path: " +
                  entry.mount_point + ", type: persistent}");
    }
  }
  return {};
}

}  // namespace

Result<void> plan_container_storage(const Policy& policy, Plan& plan) {
  for (const MountRule& rule : policy.storage.mounts) {
    if (auto added = add_mount(rule, plan); !added) return added;
  }
  std::ranges::sort(plan.mounts, {}, &PlannedMount::path);
  if (auto clear = refuse_mounts_beneath(plan); !clear) return clear;
  std::set<std::uint64_t> ours;
  for (const PlannedMount& mount : plan.mounts) ours.insert(mount.mount_id);
  for (const auto& entry : plan.host.mounts) {
    if (entry.read_only || is_pseudo(entry) || ours.contains(entry.id)) continue;
    // Without Landlock only what the app can't write by its rights is harmless: single files that docker binds
    // (/etc/hosts and its like) count for root alone.
    if (access(entry.mount_point.c_str(), W_OK) != 0) continue;
    plan.foreign_mounts.push_back(entry);
  }
  return {};
}

}  // namespace cofferdam::plan
