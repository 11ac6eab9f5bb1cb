// Mounts. Everything here is used between clone and exec: no allocation, no exception; functions return 0 (or a
// descriptor) or -errno.
#pragma once

#include <cstdint>

namespace cofferdam::kernel {

// mount_setattr(2), Linux 5.12: makes the mount at `dirfd`/`path` ("" is the descriptor itself), and with
// `recursive` everything beneath it, read-only and private. It only adds flags, so it can't fail on locked ones.
struct MountAttributes {
  bool read_only = false;
  bool writable = false;  // clears read-only instead
  bool no_suid = false;
  bool no_device = false;
  bool make_private = false;
  bool recursive = false;
};
[[nodiscard]] int set_mount_attributes(int dirfd, const char* path, const MountAttributes& wanted) noexcept;

// open_tree(2) with OPEN_TREE_CLONE: a detached copy of the mount at `path`, taken before it is covered.
[[nodiscard]] int clone_tree(int dirfd, const char* path, bool recursive) noexcept;
// move_mount(2): attaches such a copy at `target`.
[[nodiscard]] int attach_tree(int tree, const char* target) noexcept;

// A tmpfs at `target`, nosuid and nodev. `options` is "size=...,mode=...".
[[nodiscard]] int mount_tmpfs(const char* target, const char* options, bool exec) noexcept;
// An overlay at `target`. `options` is "lowerdir=...,upperdir=...,workdir=...,userxattr".
[[nodiscard]] int mount_overlay(const char* target, const char* options) noexcept;
[[nodiscard]] int mount_proc(const char* target) noexcept;
[[nodiscard]] int mount_devpts(const char* target) noexcept;
// Detaches what is mounted at `target` (umount2 MNT_DETACH).
[[nodiscard]] int detach(const char* target) noexcept;

// fspick(2): a handle by which the file system mounted at `path` can be reconfigured, also by its namespace's owner
// from outside (Linux 5.2).
[[nodiscard]] int pick_filesystem(const char* path) noexcept;
// Reconfigures it to what it is. The kernel drops the names that it remembers of it and that nobody uses: an overlay
// looks at its lower layer anew.
[[nodiscard]] int forget_names(int filesystem) noexcept;

// The 0:0 character device by which an overlay's upper layer hides a name of the lower one; no privilege needed
// (Linux 5.8).
[[nodiscard]] int make_whiteout(int dirfd, const char* name) noexcept;

}  // namespace cofferdam::kernel
