#include "launch/devices.hpp"

#include <fcntl.h>
#include <sys/ioctl.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cerrno>

#include "kernel/fd.hpp"
#include "kernel/landlock.hpp"
#include "kernel/mount.hpp"
#include "launch/attach.hpp"
#include "launch/child.hpp"

namespace cofferdam::launch {

namespace {

// The instance's own terminals, where the plan has any: without the file system there is none to be opened.
void build_terminals(const Prepared& prepared) noexcept {
  if (mkdir("/dev/pts", 0755) != 0) give_up(prepared, Step::mount_device, errno);
  if (!prepared.plan->access.terminals) return;
  if (const int error = kernel::mount_devpts("/dev/pts"); error != 0) give_up(prepared, Step::mount_device, -error);
  if (symlink("pts/ptmx", "/dev/ptmx") != 0) give_up(prepared, Step::mount_device, errno);
}

void must_allow(const Prepared& prepared, int error) noexcept {
  if (error != 0) give_up(prepared, Step::build_landlock, -error);
}

void allow_file(const Prepared& prepared, int ruleset, const char* path) noexcept {
  const int fd = open(path, O_PATH | O_CLOEXEC);
  if (fd < 0) return;
  must_allow(prepared, kernel::allow_writing_file(ruleset, fd, prepared.plan->host.landlock_abi));
  close(fd);
}

}  // namespace

DeviceHandles take_devices(const Prepared& prepared) noexcept {
  DeviceHandles handles;
  handles.always.fill(-1);
  handles.named.fill(-1);
  for (std::size_t i = 0; i < kDevices.size(); ++i) {
    Path path{};
    const int tree = kernel::clone_tree(AT_FDCWD, join(path, "/dev", kDevices.at(i)), false);
    if (tree < 0 && tree != -ENOENT) give_up(prepared, Step::take_handles, -tree);
    handles.always.at(i) = tree;
  }
  const auto& named = prepared.plan->devices;
  for (std::size_t i = 0; i < named.size(); ++i) {
    handles.named.at(i) = kernel::clone_tree(AT_FDCWD, named[i].path.c_str(), true);
    if (handles.named.at(i) < 0) give_up(prepared, Step::take_device, -handles.named.at(i), static_cast<int>(i));
  }
  return handles;
}

// A minimal /dev: no disks, no terminals of the host, and what the policy names.
void make_dev(const Prepared& prepared, DeviceHandles& handles) noexcept {
  const auto check = [&](int error) {
    if (error != 0) give_up(prepared, Step::mount_device, error < 0 ? -error : error);
  };
  check(kernel::mount_tmpfs("/dev", "size=64k,mode=0755", false));
  Path path{};
  for (std::size_t i = 0; i < kDevices.size(); ++i) {
    if (handles.always.at(i) < 0) continue;
    attach(prepared, handles.always.at(i), join(path, "/dev", kDevices.at(i)), false, Step::mount_device, -1);
  }
  build_terminals(prepared);
  constexpr std::array<std::array<const char*, 2>, 4> kLinks = {{{"/proc/self/fd", "/dev/fd"},
                                                                 {"/proc/self/fd/0", "/dev/stdin"},
                                                                 {"/proc/self/fd/1", "/dev/stdout"},
                                                                 {"/proc/self/fd/2", "/dev/stderr"}}};
  for (const auto& link : kLinks) {
    if (symlink(link[0], link[1]) != 0) check(errno);
  }
  for (std::size_t i = 0; i < prepared.plan->devices.size(); ++i) {
    const plan::PlannedDevice& device = prepared.plan->devices[i];
    attach(prepared, handles.named.at(i), device.path.c_str(), device.directory, Step::take_device,
           static_cast<int>(i));
  }
  if (prepared.stdio.syslog >= 0) {
    check(kernel::bind_unix(prepared.stdio.syslog, "/dev/log"));
    if (chmod("/dev/log", 0666) != 0) check(errno);
  }
}

void seal_dev(const Prepared& prepared) noexcept {
  kernel::MountAttributes sealed;
  sealed.read_only = true;
  const int error = kernel::set_mount_attributes(AT_FDCWD, "/dev", sealed);
  if (error != 0) give_up(prepared, Step::mount_device, error < 0 ? -error : error);
}

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

void allow_devices(const Prepared& prepared, int ruleset) noexcept {
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
    if (output < 0 || isatty(output) != 1) continue;
    must_allow(prepared, kernel::allow_writing_file(ruleset, output, prepared.plan->host.landlock_abi));
  }
  allow_file(prepared, ruleset, "/dev/console");
}

}  // namespace cofferdam::launch
