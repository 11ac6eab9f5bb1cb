#include "learn/everywhere.hpp"

#include <algorithm>
#include <array>
#include <set>
#include <string_view>

#include "base/text.hpp"
#include "policy/effective_text.hpp"

namespace cofferdam::learn {

namespace {

// An instance has these of its own, or nobody writes them.
constexpr std::array<std::string_view, 8> kNever = {"/proc", "/sys",        "/dev",  "/run",
                                                    "/boot", "/lost+found", "/snap", "/tmp"};
// Hundreds of mounts, which are other containers'.
constexpr std::array<std::string_view, 5> kEngines = {"/var/lib/docker", "/var/lib/containerd", "/var/lib/containers",
                                                      "/var/lib/kubelet", "/var/lib/lxcfs"};

bool beneath_one_of(const std::string& path, std::span<const std::string_view> directories) {
  return std::ranges::any_of(directories,
                             [&](std::string_view directory) { return base::is_beneath(path, directory); });
}

}  // namespace

std::vector<std::string> everywhere(const Policy& policy, std::span<const std::string> top,
                                    std::span<const kernel::MountEntry> mounts) {
  std::set<std::string> places;
  const auto consider = [&](const std::string& path) {
    const bool has_row =
        std::ranges::find(policy.storage.mounts, path, &MountRule::path) != policy.storage.mounts.end();
    if (path != "/" && !has_row && !beneath_one_of(path, kNever)) places.insert(path);
  };
  for (const std::string& path : top) consider(path);
  for (const kernel::MountEntry& mount : mounts) {
    // A mount of the home directory's is covered by its row already.
    const bool ours = std::ranges::any_of(policy.storage.mounts, [&](const MountRule& rule) {
      return rule.type != MountType::hidden && base::is_beneath(mount.mount_point, rule.path);
    });
    if (!mount.read_only && !ours && !beneath_one_of(mount.mount_point, kEngines)) consider(mount.mount_point);
  }
  std::vector<std::string> all(places.begin(), places.end());
  if (all.size() > kMostEverywhere) all.resize(kMostEverywhere);
  return all;
}

std::string as_policy_text(std::span<const std::string> directories) {
  std::string text;
  for (const std::string& directory : directories) {
    text += (text.empty() ? "storage:\n  mounts:\n" : "") + std::string("    - {path: ") + policy::quoted(directory) +
            ", type: overlay, optional: true}\n";
  }
  return text;
}

}  // namespace cofferdam::learn
