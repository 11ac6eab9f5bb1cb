// Ways to write outside the writable mounts (corpus, Storage). Each case has a directory of its own there with a file
// `file`, a directory `directory` and a link `link`; the runner compares it with what it was.
#define _GNU_SOURCE
#include <errno.h>
#include <fcntl.h>
#include <linux/fs.h>
#include <linux/openat2.h>
#include <sched.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/mman.h>
#include <sys/mount.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/sendfile.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/time.h>
#include <sys/xattr.h>
#include <unistd.h>
#include <utime.h>

#include "attack.h"

static int ok(long returned) {
  return returned >= 0;
}

static enum outcome writes(int fd) {
  return blocked_unless(fd >= 0 && write(fd, "evil", 4) == 4);
}
static enum outcome open_write(void) {
  return writes(open(target("file"), O_WRONLY));
}
static enum outcome open_append(void) {
  return writes(open(target("file"), O_RDWR | O_APPEND));
}
static enum outcome open_create(void) {
  return writes(open(target("new"), O_CREAT | O_WRONLY, 0644));
}
static enum outcome creat_call(void) {
  return writes((int)syscall(SYS_creat, target("new"), 0644));
}
static enum outcome open_truncate(void) {
  return blocked_unless(ok(open(target("file"), O_RDONLY | O_TRUNC)));
}
static enum outcome truncate_path(void) {
  return blocked_unless(ok(truncate(target("file"), 0)));
}
static enum outcome open_how(void) {
  struct open_how how = {.flags = O_WRONLY | O_TRUNC};
  return writes((int)syscall(SYS_openat2, AT_FDCWD, target("file"), &how, sizeof how));
}
static enum outcome nameless(void) {
  const int fd = open(target("."), O_TMPFILE | O_WRONLY, 0644);
  char path[64];
  snprintf(path, sizeof path, "/proc/self/fd/%d", fd);
  return blocked_unless(fd >= 0 && ok(linkat(AT_FDCWD, path, AT_FDCWD, target("new"), AT_SYMLINK_FOLLOW)));
}
static enum outcome by_handle(void) {
  struct {
    struct file_handle header;
    unsigned char bytes[128];
  } handle = {.header = {.handle_bytes = 128}};
  int mount = 0;
  if (name_to_handle_at(AT_FDCWD, target("file"), &handle.header, &mount, 0) != 0) return UNSUPPORTED;
  const int directory = open(target("."), O_RDONLY);
  return writes(open_by_handle_at(directory, &handle.header, O_WRONLY));
}
static enum outcome reopened(void) {  // a read-only descriptor, opened once more for writing
  char path[64];
  snprintf(path, sizeof path, "/proc/self/fd/%d", open(target("file"), O_RDONLY));
  return writes(open(path, O_WRONLY));
}
static enum outcome inherited(void) {
  return writes(7);
}
static enum outcome input_written(void) {
  return writes(0);
}
static enum outcome input_mode(void) {
  return blocked_unless(fchmod(0, 0666) == 0);
}
static enum outcome input_times(void) {
  const struct timespec times[2] = {{1, 0}, {1, 0}};
  return blocked_unless(futimens(0, times) == 0);
}

// --- names -----------------------------------------------------------------------------------------------------------

static const char* own_file(const char* name) {
  const char* path = scratch(name);
  close(open(path, O_CREAT | O_WRONLY, 0644));
  return path;
}
static enum outcome rename_over(void) {
  return blocked_unless(ok(rename(target("file"), target("renamed"))));
}
static enum outcome rename_in(void) {
  return blocked_unless(ok(rename(own_file("mine"), target("file"))));
}
static enum outcome exchange(void) {
  return blocked_unless(ok(renameat2(AT_FDCWD, target("file"), AT_FDCWD, target("directory"), RENAME_EXCHANGE)));
}
static enum outcome link_name(void) {
  return blocked_unless(ok(link(target("file"), target("hard"))));
}
static enum outcome link_dodge(void) {  // another name of it, where writing is allowed
  if (link(target("file"), scratch("hard")) != 0) return BLOCKED;
  return writes(open(scratch("hard"), O_WRONLY));
}
static enum outcome symlink_name(void) {
  return blocked_unless(ok(symlink("x", target("soft"))));
}
static enum outcome unlink_name(void) {
  return blocked_unless(ok(unlink(target("file"))));
}
static enum outcome rmdir_name(void) {
  return blocked_unless(ok(rmdir(target("directory"))));
}
static enum outcome mkdir_name(void) {
  return blocked_unless(ok(mkdir(target("made"), 0755)));
}
static enum outcome mkfifo_name(void) {
  return blocked_unless(ok(mkfifo(target("fifo"), 0644)));
}

static void* flip_link(void* unused) {
  const char* next = scratch("race.next");
  const char* path = scratch("race");
  const char* inside = scratch("race.own");
  const char* outside = target("file");
  while (!stop) {
    symlink(outside, next);
    rename(next, path);
    symlink(inside, next);
    rename(next, path);
  }
  return unused;
}
static enum outcome raced(int (*change)(const char* path)) {
  own_file("race.own");
  const char* path = scratch("race");
  start_flipping(flip_link);
  while (racing()) change(path);
  stop_flipping();
  return BLOCKED;  // which of the two files it was shows outside
}
static int truncate_it(const char* path) {
  const int fd = open(path, O_WRONLY | O_TRUNC);
  return fd < 0 ? fd : close(fd);
}
static int change_mode(const char* path) {
  return chmod(path, 0666);
}
static enum outcome raced_open(void) {
  return raced(truncate_it);
}
static enum outcome raced_chmod(void) {
  return raced(change_mode);
}

static enum outcome device(void) {
  const int made = mknod(scratch("disk"), S_IFBLK | 0600, (dev_t)(7 << 8));
  return blocked_unless(made == 0);
}

// --- metadata --------------------------------------------------------------------------------------------------------

static enum outcome mode(void) {
  return blocked_unless(ok(chmod(target("file"), 0777)));
}
static enum outcome mode_by_descriptor(void) {
  return blocked_unless(ok(fchmod(open(target("file"), O_RDONLY), 0777)));
}
static enum outcome mode_at(void) {
  const int directory = open(target("."), O_PATH | O_DIRECTORY);
  return blocked_unless(ok(syscall(SYS_fchmodat, directory, "file", 0777)));
}
static enum outcome mode_at2(void) {
  return blocked_unless(ok(syscall(452, AT_FDCWD, target("file"), 0777, 0)));
}
static enum outcome owner(void) {
  return blocked_unless(ok(chown(target("file"), (uid_t)-1, getgid())));
}
static enum outcome times(void) {
  const struct utimbuf when = {1, 1};
  return blocked_unless(ok(utime(target("file"), &when)));
}
static enum outcome times_at(void) {
  const struct timespec when[2] = {{1, 0}, {1, 0}};
  return blocked_unless(ok(utimensat(AT_FDCWD, target("link"), when, AT_SYMLINK_NOFOLLOW)));
}
static enum outcome attribute(void) {
  return blocked_unless(ok(setxattr(target("file"), "user.evil", "1", 1, 0)));
}
static enum outcome attribute_at(void) {
  struct {
    const char* value;
    unsigned size, flags;
  } arguments = {"1", 1, 0};
  return blocked_unless(ok(syscall(463, AT_FDCWD, target("file"), 0, "user.evil", &arguments, sizeof arguments)));
}
static enum outcome file_attributes(void) {
  unsigned long long arguments[4] = {FS_XFLAG_NODUMP};
  return blocked_unless(ok(syscall(469, AT_FDCWD, target("file"), arguments, 24, 0)));
}
static enum outcome inode_flags(void) {
  const int flags = FS_NODUMP_FL;
  return blocked_unless(ok(ioctl(open(target("file"), O_RDONLY), FS_IOC_SETFLAGS, &flags)));
}
// Nobody but root may read the memory of such a process: the supervisor can't see which file is meant.
static enum outcome mode_unreadable(void) {
  prctl(PR_SET_DUMPABLE, 0);
  return mode();
}
static enum outcome owner_unreadable(void) {
  prctl(PR_SET_DUMPABLE, 0);
  return owner();
}
static enum outcome times_unreadable(void) {
  prctl(PR_SET_DUMPABLE, 0);
  return times();
}
static enum outcome attribute_unreadable(void) {
  prctl(PR_SET_DUMPABLE, 0);
  return attribute();
}
// The path is there for the kernel and was not there for whoever looked before, or the other way round.
static char* page;
static void* flip_page(void* unused) {
  const char* path = target("file");
  while (!stop) {
    munmap(page, 4096);
    if (mmap(page, 4096, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS | MAP_FIXED, -1, 0) == page) {
      memcpy(page, path, strlen(path) + 1);
    }
  }
  return unused;
}
static void* flip_length(void* unused) {
  const size_t length = strlen(target("file"));
  volatile char* end = page + length;
  while (!stop) {
    *end = '/';
    *end = '\0';
  }
  return unused;
}
static enum outcome mode_raced(void* (*flip)(void*)) {
  page = mmap(NULL, 8192, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
  memset(page, '/', 8192);
  strcpy(page, target("file"));
  start_flipping(flip);
  while (racing()) (void)!chmod(page, 0666);
  stop_flipping();
  return BLOCKED;
}
static enum outcome mode_vanishing(void) {
  return mode_raced(flip_page);
}
static enum outcome mode_overlong(void) {
  return mode_raced(flip_length);
}

// --- mounts and namespaces -------------------------------------------------------------------------------------------

static enum outcome mount_tmpfs(void) {
  return blocked_unless(ok(mount("none", target("directory"), "tmpfs", 0, NULL)));
}
static enum outcome remount(void) {
  return blocked_unless(ok(mount(NULL, "/", NULL, MS_REMOUNT | MS_BIND, NULL)));
}
static enum outcome open_tree_call(void) {
  return blocked_unless(ok(syscall(SYS_open_tree, AT_FDCWD, "/", 1)));
}
static enum outcome fsopen_call(void) {
  return blocked_unless(ok(syscall(SYS_fsopen, "tmpfs", 0)));
}
static enum outcome new_user(void) {
  return blocked_unless(ok(unshare(CLONE_NEWUSER | CLONE_NEWNS)));
}
static enum outcome new_user_clone(void) {
  const long child = syscall(SYS_clone, CLONE_NEWUSER | 17, 0, 0, 0, 0);
  if (child == 0) _exit(0);
  return blocked_unless(child > 0);
}
static enum outcome new_user_clone3(void) {
  unsigned long long arguments[8] = {CLONE_NEWUSER, 0, 0, 0, 17};
  const long child = syscall(SYS_clone3, arguments, sizeof arguments);
  if (child == 0) _exit(0);
  return blocked_unless(child > 0);
}
static enum outcome enter_namespace(void) {
  return blocked_unless(ok(setns(open("/proc/self/ns/mnt", O_RDONLY), 0)));
}
static enum outcome through_root(void) {
  char path[8192];
  snprintf(path, sizeof path, "/proc/%d/root%s", number_of("LAUNCHER"), target("file"));
  return writes(open(path, O_WRONLY));
}
static enum outcome through_parent(void) {
  char path[8192];
  snprintf(path, sizeof path, "/proc/%d/root%s", getppid(), target("file"));
  return writes(open(path, O_WRONLY));
}
static enum outcome new_root(void) {
  return blocked_unless(ok(chroot("/")));
}
// Opened for writing is enough; what is written is what stood there.
static enum outcome rewrites(const char* path) {
  char text[64];
  const int from = open(path, O_RDONLY);
  const ssize_t length = read(from, text, sizeof text);
  if (length <= 0) return UNSUPPORTED;
  const int to = open(path, O_WRONLY);
  return blocked_unless(to >= 0 && write(to, text, (size_t)length) == length);
}
static enum outcome sysctl(void) {
  return rewrites("/proc/sys/vm/swappiness");
}
static enum outcome core_pattern(void) {  // opened only: it belongs to the machine
  return blocked_unless(ok(open("/proc/sys/kernel/core_pattern", O_WRONLY)));
}
// Every way to fill a file from another one, through a descriptor that can only read it.
static enum outcome copy_into_read_only(void) {
  const int to = open(target("file"), O_RDONLY);
  const int from = open(scratch("evil"), O_CREAT | O_RDWR | O_TRUNC, 0644);
  int ends[2];
  if (pipe(ends) != 0 || write(from, "evil", 4) != 4) return UNSUPPORTED;
  off_t at = 0;
  int any = ok(copy_file_range(from, &at, to, NULL, 4, 0)) || ok(ioctl(to, FICLONE, from));
  at = 0;
  any |= ok(sendfile(to, from, &at, 4));
  (void)!write(ends[1], "evil", 4);
  any |= ok(splice(ends[0], NULL, to, NULL, 4, 0)) || ok(ftruncate(to, 0)) || ok(fallocate(to, 0, 0, 4096));
  return blocked_unless(any);
}
static enum outcome whiteout(void) {
  unlink(scratch("whiteout"));
  return blocked_unless(ok(mknod(scratch("whiteout"), S_IFCHR | 0600, 0)));
}
static enum outcome memory_file(void) {
  const int file = memfd_create("x", 0);
  static char megabyte[1 << 20];
  for (int i = 0; i < 8; ++i) {
    if (write(file, megabyte, sizeof megabyte) != sizeof megabyte) return BLOCKED;
  }
  return SUCCEEDED;
}
static enum outcome core_limit(void) {
  const struct rlimit all = {RLIM_INFINITY, RLIM_INFINITY};
  return blocked_unless(setrlimit(RLIMIT_CORE, &all) == 0);
}
static enum outcome keys(void) {
  return blocked_unless(ok(syscall(SYS_add_key, "user", "cofferdam-test", "x", 1, -1 /* thread */)));
}
static enum outcome shared_memory(void) {  // outlives the instance when it is the host's
  return blocked_unless(ok(syscall(SYS_shmget, number_of("SHM_KEY"), 4096, 01000 | 0600)));
}

const struct attack storage_attacks[] = {
    {"S1", open_write},
    {"S1b", open_append},
    {"S1c", open_create},
    {"S1d", creat_call},
    {"S2", open_truncate},
    {"S2b", truncate_path},
    {"S3", open_how},
    {"S4", nameless},
    {"S5", by_handle},
    {"S6", inherited},
    {"S6b", input_written},
    {"S6c", input_mode},
    {"S6d", input_times},
    {"S9", reopened},
    {"S10", rename_over},
    {"S10b", rename_in},
    {"S10c", exchange},
    {"S10d", link_name},
    {"S10e", symlink_name},
    {"S10f", unlink_name},
    {"S10g", rmdir_name},
    {"S10h", mkdir_name},
    {"S10i", mkfifo_name},
    {"S11", link_dodge},
    {"S12", raced_open},
    {"S12b", raced_chmod},
    {"S13", device},
    {"S15", mode},
    {"S15b", mode_by_descriptor},
    {"S15c", mode_at},
    {"S15d", mode_at2},
    {"S15e", owner},
    {"S15f", times},
    {"S15g", times_at},
    {"S15h", attribute},
    {"S15i", attribute_at},
    {"S15j", file_attributes},
    {"S15k", mode_unreadable},
    {"S15l", owner_unreadable},
    {"S15m", times_unreadable},
    {"S15n", attribute_unreadable},
    {"S15o", mode_vanishing},
    {"S15p", mode_overlong},
    {"S16", inode_flags},
    {"S19", mount_tmpfs},
    {"S19b", remount},
    {"S19c", open_tree_call},
    {"S19d", fsopen_call},
    {"S20", new_user},
    {"S20b", new_user_clone},
    {"S20c", new_user_clone3},
    {"S21", enter_namespace},
    {"S22", through_root},
    {"S22b", through_parent},
    {"S25", shared_memory},
    {"S26", core_limit},
    {"S29", new_root},
    {"S32", keys},
    {"S17", copy_into_read_only},
    {"S25b", memory_file},
    {"S27", core_pattern},
    {"S30", whiteout},
    {"S34", sysctl},
    {NULL, NULL},
};
