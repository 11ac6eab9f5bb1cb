#include <glob.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <climits>
#include <cstdlib>
#include <memory>

#include "base/text.hpp"
#include "plan/storage.hpp"

namespace cofferdam::plan {

namespace {

// The launcher hands descriptors of every mount over in one shared page.
constexpr std::size_t kMostMounts = 64;

bool exists(const std::string& path) {
  return access(path.c_str(), F_OK) == 0;
}

std::string cite(const PolicyRef& policy) {
  return policy.line > 0 ? policy.file + ":" + std::to_string(policy.line) : policy.file;
}

const PlannedMount* enclosing(const std::vector<PlannedMount>& mounts, const std::string& path) {
  const PlannedMount* nearest = nullptr;
  for (const auto& mount : mounts) {
    if (mount.path != path && base::is_beneath(path, mount.path) &&
        (nearest == nullptr || mount.path.size() > nearest->path.size())) {
      nearest = &mount;
    }
  }
  return nearest;
}

// Host mounts below an overlay stay visible, and the kernel refuses an overlay over them: the siblings get one each.
// Where those are too many, a shipped mount is left out, and one that the user wrote is refused.
Result<bool> overlay_around_mounts(const MountRule& rule, const std::vector<std::string>& rows, PlannedMount& mount,
                                   Plan& plan) {
  const auto inside = host_mount_beneath(plan.host, mount.path);
  if (!inside) return true;
  auto beneath = overlay_siblings(plan.host, rows, mount);
  if (plan.mounts.size() + beneath.size() + rows.size() <= kMostMounts) {
    std::ranges::move(beneath, std::back_inserter(plan.mounts));
    plan.notices.push_back(*inside + " is a mount of the host below " + mount.path +
                           ": it stays read-only, and the directories beside it have an overlay each");
    return true;
  }
  const std::string why = *inside + " is a mount below it, and the " + std::to_string(beneath.size()) +
                          " names beside it are more than can have an overlay each";
  if (rule.optional) {
    plan.notices.push_back(mount.path + " stays read-only: " + why +
                           "; name the directories that the app writes in storage.mounts");
    return false;
  }
  return fail(cite(policy_ref(rule)) + ": no overlay on " + mount.path + " is possible: " + why +
              "; name the directories that the app writes instead, or unmount it");
}

Result<void> add_mount(const MountRule& rule, const std::vector<std::string>& rows, Plan& plan) {
  const std::string path = canonical(rule.path);
  if (!exists(path)) {
    // /dev is made anew, so a directory in it needs no host counterpart.
    const bool made_by_us = rule.type == MountType::tmpfs && path == "/dev/shm";
    if (rule.optional && !made_by_us) return {};
    if (!made_by_us) {
      return fail(cite(policy_ref(rule)) + ": storage.mounts names " + base::printable(rule.written) +
                  ", which does not exist (" + base::printable(path) + "); create it or take the row out");
    }
  }
  if (rule.type != MountType::tmpfs && base::is_beneath(path, "/dev")) {
    const std::string why = path + " lies below /dev, which an instance has of its own";
    if (!rule.optional) return fail(cite(policy_ref(rule)) + ": " + why + "; only a tmpfs can be mounted there");
    plan.notices.push_back(why + ": it is not visible; move the project elsewhere");
    return {};
  }
  struct stat status{};
  PlannedMount mount;
  mount.type = rule.type;
  mount.path = path;
  mount.size = rule.size != 0 ? rule.size : kDefaultMountSize;
  mount.inodes = rule.inodes != 0 ? rule.inodes : default_inodes(mount.size);
  mount.exec = rule.exec;
  mount.watch = rule.watch;
  mount.policy = policy_ref(rule);
  mount.mode = 01777;
  if (stat(path.c_str(), &status) == 0) {
    mount.mode = status.st_mode & 07777;
    mount.uid = status.st_uid;
    mount.gid = status.st_gid;
    mount.directory = S_ISDIR(status.st_mode);
  }
  if (!mount.directory && (rule.type == MountType::overlay || rule.type == MountType::tmpfs)) {
    return fail(cite(policy_ref(rule)) + ": " + base::printable(rule.written) +
                " is no directory; only read-only, hidden and persistent mounts can be files");
  }
  if (rule.type == MountType::overlay) {
    auto possible = overlay_around_mounts(rule, rows, mount, plan);
    if (!possible) return std::unexpected(possible.error());
    if (!*possible) return {};
  }
  const auto same = std::ranges::find(plan.mounts, path, &PlannedMount::path);
  if (same == plan.mounts.end()) {
    plan.mounts.push_back(std::move(mount));
  } else {
    // Two rows that lead to one directory (a symlink): the later one is the more specific policy's.
    *same = std::move(mount);
  }
  return {};
}

// Below an overlay a name is hidden by a whiteout in its upper layer; below a tmpfs it isn't visible anyway.
void fold_hidden(Plan& plan) {
  std::vector<PlannedMount> kept;
  std::vector<PlannedMount> hidden;
  for (auto& mount : plan.mounts) (mount.type == MountType::hidden ? hidden : kept).push_back(std::move(mount));
  for (auto& mount : hidden) {
    const PlannedMount* around = enclosing(kept, mount.path);
    if (around == nullptr) {
      kept.push_back(std::move(mount));
    } else if (around->type == MountType::overlay) {
      const auto index = static_cast<std::size_t>(around - kept.data());
      kept[index].hidden.push_back(mount.path.substr(around->path.size() + 1));
    } else if (around->type != MountType::tmpfs) {
      kept.push_back(std::move(mount));
    }
  }
  plan.mounts = std::move(kept);
  std::ranges::sort(plan.mounts, {}, &PlannedMount::path);
}

void add_bind(Plan& plan, const std::string& path) {
  const PlannedMount* around = enclosing(plan.mounts, path);
  if (around == nullptr || around->type != MountType::tmpfs) return;
  struct stat status{};
  if (stat(path.c_str(), &status) != 0) return;
  if (std::ranges::find(plan.binds, path, &PlannedBind::path) != plan.binds.end()) return;
  plan.binds.push_back({path, S_ISDIR(status.st_mode)});
}

// What an app needs of the directories that a tmpfs covers: the resolver's files, the directories
// of the database sockets, the sockets that the policy lets in, and the command itself.
void add_binds(const Policy& policy, const PlanRequest& request, Plan& plan) {
  for (const char* file : {"/etc/resolv.conf", "/etc/hosts", "/etc/nsswitch.conf", "/etc/localtime"}) {
    add_bind(plan, canonical(file));
  }
  for (const std::string& place : request.socket_places) {
    glob_t matches{};
    if (glob(place.c_str(), 0, nullptr, &matches) == 0) {
      for (std::size_t i = 0; i < matches.gl_pathc; ++i) add_bind(plan, canonical(matches.gl_pathv[i]));
    }
    globfree(&matches);
  }
  for (const std::string& socket : policy.sockets) add_bind(plan, canonical(socket));
  add_bind(plan, canonical(plan.program.path));
  add_bind(plan, canonical(plan.program.executable));
}

}  // namespace

PolicyRef policy_ref(const MountRule& rule) {
  return {"storage.mounts", rule.origin.file, rule.origin.line};
}

std::string canonical(const std::string& path) {
  const std::unique_ptr<char, void (*)(void*)> resolved(realpath(path.c_str(), nullptr), std::free);
  return resolved ? resolved.get() : path;
}

Result<void> plan_local_storage(const Policy& policy, const PlanRequest& request, Plan& plan) {
  std::vector<std::string> rows;
  for (const MountRule& rule : policy.storage.mounts) rows.push_back(canonical(rule.path));
  for (const MountRule& rule : policy.storage.mounts) {
    if (auto added = add_mount(rule, rows, plan); !added) return added;
  }
  fold_hidden(plan);
  if (plan.mounts.size() > kMostMounts) {
    return fail("the policy has " + std::to_string(plan.mounts.size()) + " mounts; at most " +
                std::to_string(kMostMounts) + " are possible");
  }
  add_binds(policy, request, plan);
  // A directory that no mount of ours is at, above or below: the layers of the overlays are built there, and while
  // they are, it is covered.
  for (const char* place : {"/sys", "/mnt", "/media", "/srv", "/boot"}) {
    struct stat status{};
    if (stat(place, &status) != 0 || !S_ISDIR(status.st_mode)) continue;
    const bool in_the_way = std::ranges::any_of(plan.mounts, [&](const PlannedMount& mount) {
      return base::is_beneath(mount.path, place) || base::is_beneath(place, mount.path);
    });
    if (!in_the_way) {
      plan.scratch = place;
      return {};
    }
  }
  return fail("none of /sys, /mnt, /media, /srv and /boot is free to build the instance's storage on");
}

}  // namespace cofferdam::plan
