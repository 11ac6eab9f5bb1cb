// The mounts of a local instance, in the one order that works (kernel-facts 9.1): handles of every source before
// anything is covered, then the mounts by path, /dev and /proc last.
#include <fcntl.h>
#include <sys/random.h>
#include <sys/stat.h>
#include <unistd.h>

#include <array>
#include <cerrno>
#include <cstdio>
#include <cstring>

#include "kernel/fd.hpp"
#include "kernel/landlock.hpp"
#include "kernel/mount.hpp"
#include "launch/attach.hpp"
#include "launch/child.hpp"
#include "launch/devices.hpp"
#include "launch/mirror.hpp"

namespace cofferdam::launch {

namespace {

constexpr std::size_t kMaxBinds = 64;

// What is taken before it is covered.
struct Handles {
  std::array<int, kMaxMounts>
      sources{};  // overlay: O_PATH of the lower directory; read-only and persistent: a copied tree
  std::array<int, kMaxBinds> binds{};
  DeviceHandles devices;
};

Handles take_handles(const Prepared& prepared) noexcept {
  Handles handles;
  handles.sources.fill(-1);
  handles.binds.fill(-1);
  // Devices and what stays writable are copied before everything becomes read-only: the copies keep their flags.
  handles.devices = take_devices(prepared);
  for (std::size_t i = 0; i < prepared.mounts.size(); ++i) {
    const plan::PlannedMount& mount = *prepared.mounts[i].plan;
    if (mount.type == MountType::persistent) {
      handles.sources.at(i) = kernel::clone_tree(AT_FDCWD, mount.path.c_str(), true);
      if (handles.sources.at(i) < 0) give_up(prepared, Step::take_handles, -handles.sources.at(i), static_cast<int>(i));
    }
  }
  kernel::MountAttributes everything;
  everything.read_only = true;
  everything.no_device = true;
  everything.make_private = true;
  everything.recursive = true;
  if (const int error = kernel::set_mount_attributes(AT_FDCWD, "/", everything); error < 0) {
    give_up(prepared, Step::make_read_only, -error);
  }
  for (std::size_t i = 0; i < prepared.mounts.size(); ++i) {
    const plan::PlannedMount& mount = *prepared.mounts[i].plan;
    if (mount.type == MountType::read_only) {
      handles.sources.at(i) = kernel::clone_tree(AT_FDCWD, mount.path.c_str(), true);
    } else if (mount.type == MountType::overlay) {
      handles.sources.at(i) = open(mount.path.c_str(), O_PATH | O_DIRECTORY | O_CLOEXEC);
      if (handles.sources.at(i) < 0) handles.sources.at(i) = -errno;
    } else {
      continue;
    }
    if (handles.sources.at(i) < 0) give_up(prepared, Step::take_handles, -handles.sources.at(i), static_cast<int>(i));
  }
  const auto& binds = prepared.plan->binds;
  for (std::size_t i = 0; i < binds.size() && i < kMaxBinds; ++i) {
    // What has gone since the plan was made is simply not there.
    handles.binds.at(i) = kernel::clone_tree(AT_FDCWD, binds[i].path.c_str(), true);
  }
  return handles;
}

// Directories on the way to a hidden name exist in the upper layer with the attributes of the lower ones.
int make_whiteout_at(int lower, int upper, const char* relative) noexcept {
  Path partial{};
  std::snprintf(partial.data(), partial.size(), "%s", relative);
  for (char* at = partial.data(); (at = std::strchr(at, '/')) != nullptr; ++at) {
    *at = '\0';
    if (mkdirat(upper, partial.data(), 0755) == 0) copy_attributes(lower, partial.data(), upper, partial.data());
    *at = '/';
  }
  const int made = kernel::make_whiteout(upper, relative);
  return made == -EEXIST ? 0 : made;
}

// A directory in which a replay prepares a file before it takes its name: watchers in the instance see the rename and
// nothing else. The overlay keeps it by our descriptor; its directory in the upper layer is moved away, so that no
// listing shows it, and nobody can guess the name.
int make_stage(const char* overlay, const char* base, int layer) noexcept {
  unsigned long number = 0;
  if (getrandom(&number, sizeof number, GRND_NONBLOCK) != sizeof number) return -1;
  std::array<char, 64> name{};
  std::snprintf(name.data(), name.size(), ".cofferdam-%016lx", number);
  Path path{};
  if (mkdir(join(path, overlay, name.data()), 0700) != 0) return -1;
  const int stage = open(path.data(), O_PATH | O_DIRECTORY | O_CLOEXEC);
  Path away{};
  if (stage >= 0 && renameat(layer, name.data(), AT_FDCWD, join(away, base, "stage")) == 0) return stage;
  (void)rmdir(path.data());
  if (stage >= 0) close(stage);
  return -1;
}

void mount_overlay(const Prepared& prepared, const Handles& handles, std::size_t index) noexcept {
  const PreparedMount& mount = prepared.mounts[index];
  const int position = static_cast<int>(index);
  const auto check = [&](int error) {
    if (error != 0) give_up(prepared, Step::mount_overlay, error < 0 ? -error : error, position);
  };
  const char* base = mount.scratch.c_str();
  Path upper{};
  Path work{};
  join(upper, base, "upper");
  join(work, base, "work");
  if (mkdir(base, 0700) != 0) check(errno);
  check(kernel::mount_tmpfs(base, mount.tmpfs_options.c_str(), true));
  if (mkdir(upper.data(), 0755) != 0 || mkdir(work.data(), 0755) != 0) check(errno);
  const int layer = open(upper.data(), O_RDONLY | O_DIRECTORY | O_CLOEXEC);
  if (layer < 0) check(errno);
  int lower = handles.sources.at(index);
  if (mount.plan->mirror) {
    const int host = lower;
    lower = make_mirror(*mount.plan, host, base);
    close(host);
    if (lower < 0) check(lower);
  }
  for (const std::string& hidden : mount.plan->hidden) check(make_whiteout_at(lower, layer, hidden.c_str()));
  Path options{};
  const int length =
      std::snprintf(options.data(), options.size(), "lowerdir=/proc/self/fd/%d,upperdir=%s,workdir=%s,userxattr", lower,
                    upper.data(), work.data());
  if (length < 0 || static_cast<std::size_t>(length) >= options.size()) check(ENAMETOOLONG);
  check(make_mount_point(mount.plan->path.c_str(), true));
  check(kernel::mount_overlay(mount.plan->path.c_str(), options.data()));
  prepared.page->mounts[index].layer = layer;
  // Without it live reload shows less; it is no reason to give up.
  if (mount.plan->watch) {
    prepared.page->mounts[index].filesystem = kernel::pick_filesystem(mount.plan->path.c_str());
    prepared.page->mounts[index].stage = make_stage(mount.plan->path.c_str(), base, layer);
  }
  copy_attributes(lower, ".", layer, ".");
  close(lower);
}

void mount_tmpfs(const Prepared& prepared, std::size_t index) noexcept {
  const PreparedMount& mount = prepared.mounts[index];
  const char* path = mount.plan->path.c_str();
  int error = make_mount_point(path, true);
  if (error == 0) error = -kernel::mount_tmpfs(path, mount.tmpfs_options.c_str(), mount.plan->exec);
  if (error == 0) {
    const int layer = open(path, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    if (layer < 0) error = errno;
    prepared.page->mounts[index].layer = layer;
  }
  if (error != 0) give_up(prepared, Step::mount_tmpfs, error, static_cast<int>(index));
}

void hide(const Prepared& prepared, std::size_t index) noexcept {
  const plan::PlannedMount& mount = *prepared.mounts[index].plan;
  int error = 0;
  if (mount.directory) {
    error = -kernel::mount_tmpfs(mount.path.c_str(), "size=4k,nr_inodes=2,mode=0555", false);
    kernel::MountAttributes sealed;
    sealed.read_only = true;
    if (error == 0) error = -kernel::set_mount_attributes(AT_FDCWD, mount.path.c_str(), sealed);
  } else {
    const int tree = kernel::clone_tree(AT_FDCWD, "/dev/null", false);
    error = tree < 0 ? -tree : -kernel::attach_tree(tree, mount.path.c_str());
    if (tree >= 0) close(tree);
  }
  if (error != 0) give_up(prepared, Step::mount_hidden, error, static_cast<int>(index));
}

// Binds that lie below this tmpfs and no deeper mount of ours come right after it.
void attach_binds(const Prepared& prepared, Handles& handles, const char* below) noexcept {
  const auto& binds = prepared.plan->binds;
  const std::size_t length = std::strlen(below);
  for (std::size_t i = 0; i < binds.size() && i < kMaxBinds; ++i) {
    const int tree = handles.binds.at(i);
    if (tree < 0 || binds[i].path.compare(0, length, below) != 0 || binds[i].path.c_str()[length] != '/') continue;
    attach(prepared, tree, binds[i].path.c_str(), binds[i].directory, Step::mount_bind, -1);
    handles.binds.at(i) = -1;
  }
}

void mount_one(const Prepared& prepared, Handles& handles, std::size_t index) noexcept {
  const plan::PlannedMount& mount = *prepared.mounts[index].plan;
  const int position = static_cast<int>(index);
  switch (mount.type) {
    case MountType::overlay: mount_overlay(prepared, handles, index); break;
    case MountType::tmpfs:
      mount_tmpfs(prepared, index);
      attach_binds(prepared, handles, mount.path.c_str());
      break;
    case MountType::read_only:
      attach(prepared, handles.sources.at(index), mount.path.c_str(), mount.directory, Step::mount_bind, position);
      break;
    case MountType::persistent:
      attach(prepared, handles.sources.at(index), mount.path.c_str(), mount.directory, Step::mount_persistent,
             position);
      break;
    case MountType::hidden: hide(prepared, index); break;
  }
}

bool in_dev(const plan::PlannedMount& mount) noexcept {
  return mount.path.compare(0, 5, "/dev/") == 0;
}

void build_proc(const Prepared& prepared) noexcept {
  if (const int error = kernel::mount_proc("/proc"); error != 0) give_up(prepared, Step::mount_proc, -error);
  if (!prepared.plan->identity.full_map) return;
  // kuid 0 owns the sysctls: with every id mapped a uid-0 app could write the host's (corpus S34).
  for (const char* path : {"/proc/sys", "/proc/sysrq-trigger", "/proc/irq", "/proc/bus", "/proc/fs"}) {
    const int tree = kernel::clone_tree(AT_FDCWD, path, true);
    if (tree == -ENOENT) continue;
    kernel::MountAttributes sealed;
    sealed.read_only = true;
    sealed.recursive = true;
    int error = tree < 0 ? -tree : -kernel::set_mount_attributes(tree, "", sealed);
    if (error == 0) error = -kernel::attach_tree(tree, path);
    if (error != 0) give_up(prepared, Step::mount_proc, error);
    close(tree);
  }
}

bool is_writable_mount(const plan::PlannedMount& mount) noexcept {
  return mount.type == MountType::overlay || mount.type == MountType::tmpfs || mount.type == MountType::persistent;
}

int build_ruleset(const Prepared& prepared) noexcept {
  const int abi = prepared.plan->host.landlock_abi;
  if (abi == 0) return -1;
  const int ruleset = kernel::make_landlock_ruleset(abi);
  if (ruleset < 0) give_up(prepared, Step::build_landlock, -ruleset);
  for (std::size_t i = 0; i < prepared.mounts.size(); ++i) {
    const plan::PlannedMount& mount = *prepared.mounts[i].plan;
    if (!is_writable_mount(mount)) continue;
    const int root = prepared.page->mounts[i].root;
    const int error = mount.directory ? kernel::allow_writes_beneath(ruleset, root, abi)
                                      : kernel::allow_writing_file(ruleset, root, abi);
    if (error != 0) give_up(prepared, Step::build_landlock, -error, static_cast<int>(i));
  }
  allow_devices(prepared, ruleset);
  return ruleset;
}

void open_roots(const Prepared& prepared) noexcept {
  for (std::size_t i = 0; i < prepared.mounts.size(); ++i) {
    if (prepared.mounts[i].plan->type == MountType::hidden) continue;
    const int root = open(prepared.mounts[i].plan->path.c_str(), O_PATH | O_CLOEXEC);
    if (root < 0) give_up(prepared, Step::open_handles, errno, static_cast<int>(i));
    prepared.page->mounts[i].root = root;
  }
  prepared.page->root = open("/", O_PATH | O_DIRECTORY | O_CLOEXEC);
  if (prepared.page->root < 0) give_up(prepared, Step::open_handles, errno);
}

}  // namespace

int build_storage(const Prepared& prepared) noexcept {
  umask(0);
  Handles handles = take_handles(prepared);
  const char* scratch = prepared.plan->scratch.c_str();
  if (const int error = kernel::mount_tmpfs(scratch, "size=64k,mode=0700", false); error != 0) {
    give_up(prepared, Step::make_scratch, -error);
  }
  // In path order: a nested mount lands on the one around it.
  for (std::size_t i = 0; i < prepared.mounts.size(); ++i) {
    if (!in_dev(*prepared.mounts[i].plan)) mount_one(prepared, handles, i);
  }
  // The overlays keep their layers alive; nobody needs the way to them any more.
  if (const int error = kernel::detach(scratch); error != 0) give_up(prepared, Step::make_scratch, -error);
  make_dev(prepared, handles.devices);
  for (std::size_t i = 0; i < prepared.mounts.size(); ++i) {
    if (in_dev(*prepared.mounts[i].plan)) mount_one(prepared, handles, i);
  }
  seal_dev(prepared);
  build_proc(prepared);
  open_roots(prepared);
  if (prepared.stdio.terminal) open_terminal(prepared);
  return build_ruleset(prepared);
}

int build_container_ruleset(const Prepared& prepared) noexcept {
  for (std::size_t i = 0; i < prepared.mounts.size(); ++i) {
    prepared.page->mounts[i].root = open(prepared.mounts[i].plan->path.c_str(), O_PATH | O_CLOEXEC);
    prepared.page->mounts[i].layer = open(prepared.mounts[i].plan->path.c_str(), O_RDONLY | O_DIRECTORY | O_CLOEXEC);
  }
  return build_ruleset(prepared);
}

}  // namespace cofferdam::launch
