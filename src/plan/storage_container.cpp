#include <sys/stat.h>
#include <sys/statvfs.h>
#include <unistd.h>

#include <algorithm>
#include <set>

#include "base/text.hpp"
#include "plan/container_mounts.hpp"
#include "plan/storage.hpp"

namespace cofferdam::plan {

namespace {

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

// To follow "it"; empty when `entry` is a tmpfs of this container that can be written.
std::string why_no_storage(const kernel::MountEntry* entry, const HostFacts& host) {
  if (entry == nullptr) return "does not exist in this container";
  if (entry->read_only) return "is mounted read-only";
  if (entry->type == "tmpfs") return why_not_own(*entry, host);
  if (is_pseudo(*entry) || entry->mount_point == "/")
    return "lies on " + entry->type + " (mounted at " + entry->mount_point + ")";
  return "lies on " + name_disk(*entry) + ", mounted at " + entry->mount_point;
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
  const std::string problem = why_no_storage(entry, plan.host);
  const bool is_kept = rule.type == MountType::persistent && entry != nullptr && !entry->read_only;
  if (!problem.empty() && !is_kept) {
    if (rule.optional || rule.type == MountType::overlay) {
      if (entry != nullptr) {
        plan.notices.push_back(path + " is read-only here: it " +
                               (entry->type == "tmpfs" ? problem : "lies on no tmpfs of this container"));
      }
      return {};
    }
    return fail(cite(policy_ref(rule)) + ": storage.mounts wants a tmpfs at " + path + ", but it " + problem +
                ". Container mode can't mount; give it one:\n" + how_to_give(path, rule.size));
  }
  struct stat status{};
  (void)stat(path.c_str(), &status);
  PlannedMount mount;
  mount.type = problem.empty() ? MountType::tmpfs : MountType::persistent;
  mount.path = path;
  mount.mount_point = entry->mount_point;
  // What a shipped policy would give where it can is no wish about this container.
  mount.size = rule.optional ? 0 : rule.size;
  mount.inodes = rule.optional ? 0 : rule.inodes;
  mount.exec = rule.exec;
  mount.mount_id = entry->id;
  mount.mode = status.st_mode & 07777;
  mount.directory = S_ISDIR(status.st_mode);
  mount.policy = policy_ref(rule);
  if (std::ranges::find(plan.mounts, path, &PlannedMount::path) == plan.mounts.end()) plan.mounts.push_back(mount);
  return {};
}

// Landlock allows a whole hierarchy, mounts below it included: a disk that is mounted below a named tmpfs would be
// writable with it, and so would a tmpfs of somebody else.
Result<void> refuse_mounts_beneath(const Plan& plan) {
  for (const PlannedMount& mount : plan.mounts) {
    if (mount.type != MountType::tmpfs) continue;
    for (const auto& entry : plan.host.mounts) {
      if (entry.mount_point == mount.path || !base::is_beneath(entry.mount_point, mount.path)) continue;
      if (entry.read_only || is_pseudo(entry)) continue;
      const bool tmpfs = entry.type == "tmpfs";
      if (tmpfs && why_not_own(entry, plan.host).empty()) continue;
      const bool named = std::ranges::any_of(plan.mounts, [&](const PlannedMount& other) {
        return other.type == MountType::persistent && other.path == entry.mount_point;
      });
      if (named) continue;
      const std::string what =
          tmpfs ? "the tmpfs mounted at " + entry.mount_point + " " + why_not_own(entry, plan.host) + " and"
                : "the " + entry.type + " mounted at " + entry.mount_point;
      return fail(what + " lies below the tmpfs " + mount.path +
                  " and would be writable with it. Mount it elsewhere or read-only (:ro), replace it by a tmpfs, or "
                  "name it in storage.mounts as {path: " +
                  entry.mount_point + ", type: persistent}");
    }
  }
  return {};
}

bool is_directory(const std::string& path) {
  struct stat status{};
  return stat(path.c_str(), &status) == 0 && S_ISDIR(status.st_mode);
}

// A disk that Docker mounts writable even with --read-only: what is written there outlives the container and hides
// the loss of everything else until the container is replaced on another machine.
void report_volumes(Plan& plan) {
  for (const auto& entry : plan.foreign_mounts) {
    const bool disk = entry.type != "tmpfs" && entry.mount_point != "/" && is_directory(entry.mount_point);
    if (!disk) continue;
    Finding finding;
    finding.code = "CD108";
    finding.severity = is_anonymous_volume(entry) || plan.host.landlock_abi == 0 ? Severity::warning : Severity::note;
    finding.message = base::printable(entry.mount_point) + " is " + name_disk(entry) + " and stays writable" +
                      (is_anonymous_volume(entry) ? " even with --read-only (VOLUME in the image, or -v PATH)" : "") +
                      ": what is written there is kept on a disk; " +
                      (plan.host.landlock_abi > 0 ? "the app can't write it under this policy"
                                                  : "without Landlock nothing stops the app from writing it");
    const std::string place = base::printable(entry.mount_point);
    finding.fix = "replace it: docker run --tmpfs " + place + " (compose: tmpfs: [\"" + place +
                  "\"]; Kubernetes: emptyDir: {medium: Memory} at " + place +
                  "), or keep it knowingly: {path: " + place + ", type: persistent} in storage.mounts";
    finding.policy.key = "storage.mounts";
    finding.path = entry.mount_point;
    plan.findings.push_back(std::move(finding));
  }
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
    // (/etc/hosts and its like) count for root alone. A device bound over a file of /proc to mask it holds nothing.
    struct stat status{};
    if (access(entry.mount_point.c_str(), W_OK) != 0) continue;
    if (stat(entry.mount_point.c_str(), &status) == 0 && S_ISCHR(status.st_mode)) continue;
    plan.foreign_mounts.push_back(entry);
  }
  report_volumes(plan);
  return {};
}

}  // namespace cofferdam::plan
