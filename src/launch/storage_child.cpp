// The mounts of a local instance, in the one order that works (kernel-facts 9.1): handles of every source before
// anything is covered, then the mounts by path, /dev and /proc last.
#include <fcntl.h>
#include <sys/ioctl.h>
#include <sys/random.h>
#include <sys/stat.h>
#include <unistd.h>

#include <array>
#include <cerrno>
#include <climits>
#include <cstdio>
#include <cstring>

#include "kernel/fd.hpp"
#include "kernel/landlock.hpp"
#include "kernel/mount.hpp"
#include "launch/child.hpp"
#include "launch/mirror.hpp"

namespace cofferdam::launch {

namespace {

constexpr std::size_t kMaxBinds = 64;
constexpr std::size_t kMaxDevices = plan::kMostDevices;
constexpr std::array<const char*, 6> kDevices = {"null", "zero", "full", "random", "urandom", "tty"};

using Path = std::array<char, PATH_MAX>;

// What is taken before it is covered.
struct Handles {
  std::array<int, kMaxMounts>
      sources{};  // overlay: O_PATH of the lower directory; read-only and persistent: a copied tree
  std::array<int, kMaxBinds> binds{};
  std::array<int, kDevices.size()> devices{};
  std::array<int, kMaxDevices> named{};  // of the policy's `devices`
};

const char* join(Path& into, const char* a, const char* b) noexcept {
  std::snprintf(into.data(), into.size(), "%s/%s", a, b);
  return into.data();
}

// A mount point inside what we have mounted already: missing directories are made, in the tmpfs or the upper layer.
int make_directories(const char* path) noexcept {
  Path partial{};
  const std::size_t length = strnlen(path, partial.size());
  if (length == partial.size()) return ENAMETOOLONG;
  for (std::size_t i = 1; i <= length; ++i) {
    if (path[i] != '/' && path[i] != '\0') continue;
    std::memcpy(partial.data(), path, i);
    partial[i] = '\0';
    if (mkdir(partial.data(), 0755) != 0 && errno != EEXIST && errno != EROFS) return errno;
  }
  return 0;
}

int make_mount_point(const char* path, bool directory) noexcept {
  struct stat status{};
  if (stat(path, &status) == 0) return S_ISDIR(status.st_mode) == directory ? 0 : ENOTDIR;
  if (directory) return make_directories(path);
  Path parent{};
  std::snprintf(parent.data(), parent.size(), "%s", path);
  char* slash = std::strrchr(parent.data(), '/');
  if (slash != nullptr && slash != parent.data()) {
    *slash = '\0';
    if (const int error = make_directories(parent.data()); error != 0) return error;
  }
  // Not by open(2): the pump, forked meanwhile with a copy of our descriptors, would keep the mount busy with a writer.
  return mknod(path, S_IFREG | 0644, 0) == 0 ? 0 : errno;
}

Handles take_handles(const Prepared& prepared) noexcept {
  Handles handles;
  handles.sources.fill(-1);
  handles.binds.fill(-1);
  handles.devices.fill(-1);
  handles.named.fill(-1);
  // Devices and what stays writable are copied before everything becomes read-only: the copies keep their flags.
  for (std::size_t i = 0; i < kDevices.size(); ++i) {
    Path path{};
    const int tree = kernel::clone_tree(AT_FDCWD, join(path, "/dev", kDevices.at(i)), false);
    if (tree < 0 && tree != -ENOENT) give_up(prepared, Step::take_handles, -tree);
    handles.devices.at(i) = tree;
  }
  const auto& named = prepared.plan->devices;
  for (std::size_t i = 0; i < named.size() && i < kMaxDevices; ++i) {
    handles.named.at(i) = kernel::clone_tree(AT_FDCWD, named[i].path.c_str(), true);
    if (handles.named.at(i) < 0) give_up(prepared, Step::take_device, -handles.named.at(i), static_cast<int>(i));
  }
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

void attach(const Prepared& prepared, int tree, const char* path, bool directory, Step step, int index) noexcept {
  int error = make_mount_point(path, directory);
  if (error == 0) error = -kernel::attach_tree(tree, path);
  if (error != 0) give_up(prepared, step, error, index);
  close(tree);
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

// The instance's own terminals, where the plan has any: without the file system there is none to be opened.
void build_terminals(const Prepared& prepared) noexcept {
  if (mkdir("/dev/pts", 0755) != 0) give_up(prepared, Step::mount_device, errno);
  if (!prepared.plan->access.terminals) return;
  if (const int error = kernel::mount_devpts("/dev/pts"); error != 0) give_up(prepared, Step::mount_device, -error);
  if (symlink("pts/ptmx", "/dev/ptmx") != 0) give_up(prepared, Step::mount_device, errno);
}

// A minimal /dev: no disks, no terminals of the host, and what the policy names.
void build_dev(const Prepared& prepared, Handles& handles) noexcept {
  const auto check = [&](int error) {
    if (error != 0) give_up(prepared, Step::mount_device, error < 0 ? -error : error);
  };
  check(kernel::mount_tmpfs("/dev", "size=64k,mode=0755", false));
  Path path{};
  for (std::size_t i = 0; i < kDevices.size(); ++i) {
    if (handles.devices.at(i) < 0) continue;
    attach(prepared, handles.devices.at(i), join(path, "/dev", kDevices.at(i)), false, Step::mount_device, -1);
  }
  build_terminals(prepared);
  constexpr std::array<std::array<const char*, 2>, 4> kLinks = {{{"/proc/self/fd", "/dev/fd"},
                                                                 {"/proc/self/fd/0", "/dev/stdin"},
                                                                 {"/proc/self/fd/1", "/dev/stdout"},
                                                                 {"/proc/self/fd/2", "/dev/stderr"}}};
  for (const auto& link : kLinks) {
    if (symlink(link[0], link[1]) != 0) check(errno);
  }
  for (std::size_t i = 0; i < prepared.plan->devices.size() && i < kMaxDevices; ++i) {
    const plan::PlannedDevice& device = prepared.plan->devices[i];
    attach(prepared, handles.named.at(i), device.path.c_str(), device.directory, Step::take_device,
           static_cast<int>(i));
  }
  if (prepared.stdio.syslog >= 0) {
    check(kernel::bind_unix(prepared.stdio.syslog, "/dev/log"));
    if (chmod("/dev/log", 0666) != 0) check(errno);
  }
  for (std::size_t i = 0; i < prepared.mounts.size(); ++i) {
    if (in_dev(*prepared.mounts[i].plan)) mount_one(prepared, handles, i);
  }
  kernel::MountAttributes sealed;
  sealed.read_only = true;
  check(kernel::set_mount_attributes(AT_FDCWD, "/dev", sealed));
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

void allow(const Prepared& prepared, int error, int index) noexcept {
  if (error != 0) give_up(prepared, Step::build_landlock, -error, index);
}

void allow_file(const Prepared& prepared, int ruleset, const char* path) noexcept {
  const int fd = open(path, O_PATH | O_CLOEXEC);
  if (fd < 0) return;
  allow(prepared, kernel::allow_writing_file(ruleset, fd, prepared.plan->host.landlock_abi), -1);
  close(fd);
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
    allow(prepared,
          mount.directory ? kernel::allow_writes_beneath(ruleset, root, abi)
                          : kernel::allow_writing_file(ruleset, root, abi),
          static_cast<int>(i));
  }
  for (const char* device : kDevices) {
    Path path{};
    allow_file(prepared, ruleset, join(path, "/dev", device));
  }
  for (const plan::PlannedDevice& device : prepared.plan->devices) allow_file(prepared, ruleset, device.path.c_str());
  if (prepared.plan->access.terminals) {
    allow_file(prepared, ruleset, "/dev/pts");
    allow_file(prepared, ruleset, "/dev/ptmx");
  }
  // With capture: pty what the app writes to is a terminal, and /dev/stdout leads there.
  for (const int output : {prepared.stdio.out, prepared.stdio.err}) {
    if (output >= 0 && isatty(output) == 1) allow(prepared, kernel::allow_writing_file(ruleset, output, abi), -1);
  }
  allow_file(prepared, ruleset, "/dev/console");
  return ruleset;
}

// In the instance's own devpts, so that ttyname(3) finds it and the host's terminals stay out of reach.
void open_terminal(const Prepared& prepared) noexcept {
  const int master = open("/dev/pts/ptmx", O_RDWR | O_NOCTTY | O_CLOEXEC);
  if (master < 0) give_up(prepared, Step::take_terminal, errno);
  const int unlock = 0;
  if (ioctl(master, TIOCSPTLCK, &unlock) != 0) give_up(prepared, Step::take_terminal, errno);
  const int slave = ioctl(master, TIOCGPTPEER, O_RDWR | O_NOCTTY | O_CLOEXEC);
  if (slave < 0) give_up(prepared, Step::take_terminal, errno);
  if (prepared.plan->identity.change) {
    (void)!fchown(slave, prepared.plan->identity.uid, prepared.plan->identity.gid);
  }
  prepared.page->terminal_master = master;
  prepared.page->terminal_slave = slave;
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
  build_dev(prepared, handles);
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
