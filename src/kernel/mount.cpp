#include "kernel/mount.hpp"

#include <fcntl.h>
#include <linux/mount.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <unistd.h>

#include <cerrno>

// glibc's <sys/mount.h> clashes with <linux/mount.h>; these two are all that is needed of it.
extern "C" int mount(const char*, const char*, const char*, unsigned long, const void*) noexcept;
extern "C" int umount2(const char*, int) noexcept;

namespace cofferdam::kernel {

namespace {
constexpr int kUmountDetach = 2;  // MNT_DETACH
int result_of(long returned) noexcept {
  return returned < 0 ? -errno : static_cast<int>(returned);
}
}  // namespace

int set_mount_attributes(int dirfd, const char* path, const MountAttributes& wanted) noexcept {
  mount_attr attributes{};
  if (wanted.read_only) attributes.attr_set |= MOUNT_ATTR_RDONLY;
  if (wanted.no_suid) attributes.attr_set |= MOUNT_ATTR_NOSUID;
  if (wanted.no_device) attributes.attr_set |= MOUNT_ATTR_NODEV;
  if (wanted.writable) attributes.attr_clr |= MOUNT_ATTR_RDONLY;
  if (wanted.make_private) attributes.propagation = MS_PRIVATE;
  const int flags = (wanted.recursive ? AT_RECURSIVE : 0) | (*path == '\0' ? AT_EMPTY_PATH : 0);
  return result_of(syscall(SYS_mount_setattr, dirfd, path, flags, &attributes, sizeof attributes));
}

int clone_tree(int dirfd, const char* path, bool recursive) noexcept {
  const unsigned flags = OPEN_TREE_CLONE | OPEN_TREE_CLOEXEC | (recursive ? unsigned{AT_RECURSIVE} : 0U) |
                         (*path == '\0' ? unsigned{AT_EMPTY_PATH} : 0U);
  return result_of(syscall(SYS_open_tree, dirfd, path, flags));
}

int attach_tree(int tree, const char* target) noexcept {
  return result_of(syscall(SYS_move_mount, tree, "", AT_FDCWD, target, MOVE_MOUNT_F_EMPTY_PATH));
}

int mount_tmpfs(const char* target, const char* options, bool exec) noexcept {
  const unsigned long flags = MS_NOSUID | MS_NODEV | (exec ? 0UL : static_cast<unsigned long>(MS_NOEXEC));
  return result_of(mount("tmpfs", target, "tmpfs", flags, options));
}

int mount_overlay(const char* target, const char* options) noexcept {
  return result_of(mount("overlay", target, "overlay", MS_NOSUID | MS_NODEV, options));
}

int mount_proc(const char* target) noexcept {
  return result_of(mount("proc", target, "proc", MS_NOSUID | MS_NODEV | MS_NOEXEC, nullptr));
}

int mount_devpts(const char* target) noexcept {
  // No gid=5: it is EINVAL where that group is not mapped.
  return result_of(mount("devpts", target, "devpts", MS_NOSUID | MS_NOEXEC, "newinstance,ptmxmode=0666,mode=0620"));
}

int detach(const char* target) noexcept {
  return result_of(umount2(target, kUmountDetach));
}

int pick_filesystem(const char* path) noexcept {
  return result_of(syscall(SYS_fspick, AT_FDCWD, path, FSPICK_CLOEXEC));
}

int forget_names(int filesystem) noexcept {
  return result_of(syscall(SYS_fsconfig, filesystem, FSCONFIG_CMD_RECONFIGURE, nullptr, nullptr, 0));
}

int make_whiteout(int dirfd, const char* name) noexcept {
  return result_of(mknodat(dirfd, name, S_IFCHR, 0));
}

}  // namespace cofferdam::kernel
