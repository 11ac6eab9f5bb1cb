// ways [PLACE DIRECTORY]...: tries every way of changing a file tree (src/supervise/write_ways.cpp) in DIRECTORY/WAY,
// each in a process of its own, and prints "WAY PLACE RESULT" for each: 0, the name of an errno, or the name of the
// signal that ended it. `ways --list` prints the names. The directory of a way holds a file `file`, a directory
// `directory` and a link `link`; in the place `tmpfs` they are made here first.
#define _GNU_SOURCE
#include <errno.h>
#include <fcntl.h>
#include <linux/aio_abi.h>
#include <linux/fs.h>
#include <linux/fsverity.h>
#include <linux/io_uring.h>
#include <linux/openat2.h>
#include <sched.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/mman.h>
#include <sys/mount.h>
#include <sys/sendfile.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/swap.h>
#include <sys/syscall.h>
#include <sys/time.h>
#include <sys/uio.h>
#include <sys/un.h>
#include <sys/wait.h>
#include <sys/xattr.h>
#include <unistd.h>
#include <utime.h>

// Newer than the headers of Debian 12.
#define NR_FCHMODAT2 452
#define NR_SETXATTRAT 463
#define NR_REMOVEXATTRAT 466
#define NR_OPEN_TREE_ATTR 467
#define NR_FILE_SETATTR 469
#define X32 0x40000000

// Every way runs in its directory, and returns what its last call did: negative with errno set when that failed.
// A descriptor that can't be had is passed on as -1 with the errno of its open.
#define NEED(descriptor)             \
  do {                               \
    if ((descriptor) < 0) return -1; \
  } while (0)

static char absolute[4096];

static const char* here(const char* name) {
  static char path[2][8192];
  static int turn;
  turn = !turn;
  snprintf(path[turn], sizeof path[turn], "%s/%s", absolute, name);
  return path[turn];
}
static const char* descriptor_path(int descriptor) {
  static char path[64];
  snprintf(path, sizeof path, "/proc/self/fd/%d", descriptor);
  return path;
}

// --- opening and data ------------------------------------------------------------------------------------------------

static int writable(void) {
  return open("file", O_RDWR);
}
static long put(int descriptor) {
  NEED(descriptor);
  return write(descriptor, "changed", 7);
}

static long way_openat(void) {
  return put(open("file", O_WRONLY));
}
static long way_open(void) {
  return put((int)syscall(SYS_open, here("file"), O_RDWR, 0));
}
static long way_open_create(void) {
  return put(open("new", O_CREAT | O_WRONLY, 0644));
}
static long way_open_exclusive(void) {
  return put(open("new", O_CREAT | O_EXCL | O_WRONLY, 0644));
}
static long way_open_truncate(void) {
  return open("file", O_RDONLY | O_TRUNC);
}
static long way_open_append(void) {
  return put(open("file", O_WRONLY | O_APPEND));
}
static long way_open_link(void) {
  return put(open("link", O_WRONLY));
}
static long way_tmpfile(void) {
  const int nameless = open(".", O_TMPFILE | O_WRONLY, 0644);
  NEED(put(nameless));
  return linkat(AT_FDCWD, descriptor_path(nameless), AT_FDCWD, "new", AT_SYMLINK_FOLLOW);
}
static long way_tmpfile_empty(void) {
  const int nameless = open(".", O_TMPFILE | O_WRONLY, 0644);
  NEED(put(nameless));
  return linkat(nameless, "", AT_FDCWD, "new", AT_EMPTY_PATH);
}
static long way_creat(void) {
  return put((int)syscall(SYS_creat, "new", 0644));
}
static long way_openat2(void) {
  struct open_how how = {.flags = O_WRONLY | O_CREAT, .mode = 0644};
  return put((int)syscall(SYS_openat2, AT_FDCWD, "new", &how, sizeof how));
}
static long way_truncate(void) {
  return truncate("file", 2);
}
static long way_ftruncate(void) {
  const int file = writable();
  NEED(file);
  return ftruncate(file, 2);
}
static long way_fallocate(void) {
  const int file = writable();
  NEED(file);
  return fallocate(file, 0, 0, 8192);
}
static long way_punch_hole(void) {
  const int file = writable();
  NEED(file);
  return fallocate(file, FALLOC_FL_PUNCH_HOLE | FALLOC_FL_KEEP_SIZE, 0, 2);
}
static long way_mmap(void) {
  const int file = writable();
  NEED(file);
  char* page = mmap(NULL, 4, PROT_READ | PROT_WRITE, MAP_SHARED, file, 0);
  if (page == MAP_FAILED) return -1;
  page[0] = 'X';
  return msync(page, 4, MS_SYNC);
}
// A mapping of a descriptor that is read-only can't be made writable.
static long way_mprotect(void) {
  const int file = open("file", O_RDONLY);
  NEED(file);
  char* page = mmap(NULL, 4, PROT_READ, MAP_SHARED, file, 0);
  if (page == MAP_FAILED) return -1;
  if (mprotect(page, 4, PROT_READ | PROT_WRITE) != 0) return -1;
  page[0] = 'X';
  return 0;
}
static long way_pwrite(void) {
  const int file = writable();
  NEED(file);
  return pwrite(file, "X", 1, 1);
}
static long way_writev(void) {
  const int file = writable();
  NEED(file);
  struct iovec part = {"X", 1};
  return writev(file, &part, 1);
}
static long way_pwritev2(void) {
  const int file = writable();
  NEED(file);
  struct iovec part = {"X", 1};
  return pwritev2(file, &part, 1, 0, 0);
}
static long way_aio(void) {
  const int file = writable();
  NEED(file);
  aio_context_t context = 0;
  if (syscall(SYS_io_setup, 1, &context) != 0) return -1;
  struct iocb block = {.aio_lio_opcode = IOCB_CMD_PWRITE, .aio_fildes = (unsigned)file, .aio_nbytes = 1};
  block.aio_buf = (unsigned long)"X";
  struct iocb* blocks[] = {&block};
  if (syscall(SYS_io_submit, context, 1, blocks) != 1) return -1;
  struct io_event event;
  return syscall(SYS_io_getevents, context, 1, 1, &event, NULL) == 1 && event.res == 1 ? 0 : -1;
}
static int other_file(void) {
  const int source = memfd_create("source", 0);
  return write(source, "source", 6) == 6 && lseek(source, 0, SEEK_SET) == 0 ? source : -1;
}
static long way_copy_file_range(void) {
  const int from = open("file", O_RDONLY);
  const int to = open("new", O_CREAT | O_WRONLY, 0644);
  NEED(to);
  return copy_file_range(from, NULL, to, NULL, 4, 0);
}
static long way_sendfile(void) {
  const int to = writable();
  NEED(to);
  return sendfile(to, other_file(), NULL, 6);
}
static long way_splice(void) {
  int ends[2];
  const int to = writable();
  NEED(to);
  if (pipe(ends) != 0 || write(ends[1], "pipe", 4) != 4) return -1;
  return splice(ends[0], NULL, to, NULL, 4, 0);
}
static long way_ficlone(void) {
  const int to = open("new", O_CREAT | O_RDWR, 0644);
  NEED(to);
  return ioctl(to, FICLONE, open("file", O_RDONLY));
}
static long way_fidedupe(void) {
  const int from = open("file", O_RDONLY);
  const int to = open("new", O_CREAT | O_RDWR, 0644);
  NEED(to);
  char space[sizeof(struct file_dedupe_range) + sizeof(struct file_dedupe_range_info)] = {0};
  struct file_dedupe_range* range = (struct file_dedupe_range*)space;
  range->src_length = 4;
  range->dest_count = 1;
  range->info[0].dest_fd = to;
  return ioctl(from, FIDEDUPERANGE, range);
}
static long way_reopen(void) {
  const int file = open("file", O_RDONLY);
  NEED(file);
  return put(open(descriptor_path(file), O_WRONLY));
}
static long way_proc_root(void) {
  char path[8300];
  snprintf(path, sizeof path, "/proc/%d/root%s", getpid(), here("file"));
  return put(open(path, O_WRONLY));
}
static long way_proc_cwd(void) {
  return put(open("/proc/self/cwd/file", O_WRONLY));
}
static long way_parent_root(void) {
  char path[8300];
  snprintf(path, sizeof path, "/proc/%d/root%s", getppid(), here("file"));
  return put(open(path, O_WRONLY));
}
static long way_by_handle(void) {
  struct {
    struct file_handle header;
    unsigned char bytes[128];
  } handle = {.header = {.handle_bytes = 128}};
  int mount = 0;
  if (name_to_handle_at(AT_FDCWD, "file", &handle.header, &mount, 0) != 0) memset(&handle, 0, sizeof handle);
  return put(open_by_handle_at(open(".", O_RDONLY), &handle.header, O_WRONLY));
}
// The descriptor that whoever started the instance left open for writing.
static long way_inherited(void) {
  return write(7, "changed", 7);
}
// One end opens, the other writes: what a descriptor may do was settled when it was opened.
static long way_passed(void) {
  int pair[2];
  if (socketpair(AF_UNIX, SOCK_STREAM, 0, pair) != 0) return -1;
  int file = open("file", O_WRONLY);
  const int error = errno;
  if (file < 0) file = open("file", O_RDONLY);
  char control[CMSG_SPACE(sizeof file)] = {0};
  struct iovec part = {"x", 1};
  struct msghdr message = {.msg_iov = &part, .msg_iovlen = 1, .msg_control = control, .msg_controllen = sizeof control};
  struct cmsghdr* header = CMSG_FIRSTHDR(&message);
  header->cmsg_level = SOL_SOCKET;
  header->cmsg_type = SCM_RIGHTS;
  header->cmsg_len = CMSG_LEN(sizeof file);
  memcpy(CMSG_DATA(header), &file, sizeof file);
  if (sendmsg(pair[0], &message, 0) != 1) return -1;
  const pid_t child = fork();
  if (child == 0) {
    char byte;
    struct iovec got = {&byte, 1};
    message.msg_iov = &got;
    if (recvmsg(pair[1], &message, 0) != 1) _exit(2);
    int received;
    memcpy(&received, CMSG_DATA(CMSG_FIRSTHDR(&message)), sizeof received);
    _exit(write(received, "changed", 7) == 7 ? 0 : 1);
  }
  int status = 0;
  waitpid(child, &status, 0);
  errno = error;
  return WIFEXITED(status) && WEXITSTATUS(status) == 0 ? 0 : -1;
}
static long way_stolen(void) {
  const int pidfd = (int)syscall(SYS_pidfd_open, getppid(), 0);
  return put((int)syscall(SYS_pidfd_getfd, pidfd, 0, 0));
}
static long way_memfd(void) {
  return put(memfd_create("memory", 0));
}
static long way_io_uring(void) {
  struct io_uring_params parameters = {0};
  return syscall(SYS_io_uring_setup, 4, &parameters);
}
// open(2) of the 32-bit table, by its gate. Its pointers have 32 bits.
static long way_i386(void) {
  char* path = mmap(NULL, 4096, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS | MAP_32BIT, -1, 0);
  strcpy(path, "file");
  long result = 5;
  __asm__ volatile("int $0x80" : "+a"(result) : "b"(path), "c"(O_WRONLY), "d"(0) : "memory", "r8", "r9", "r10", "r11");
  if (result >= 0) return put((int)result);
  errno = (int)-result;
  return -1;
}
static long way_x32(void) {
  return put((int)syscall(X32 | SYS_open, "file", O_WRONLY, 0));
}

// --- names -----------------------------------------------------------------------------------------------------------

static long way_rename(void) {
  return syscall(SYS_rename, "file", "renamed");
}
static long way_renameat(void) {
  return syscall(SYS_renameat, AT_FDCWD, "file", AT_FDCWD, "renamed");
}
static long way_noreplace(void) {
  return renameat2(AT_FDCWD, "file", AT_FDCWD, "renamed", RENAME_NOREPLACE);
}
static long way_exchange(void) {
  return renameat2(AT_FDCWD, "file", AT_FDCWD, "link", RENAME_EXCHANGE);
}
static long way_whiteout(void) {
  return renameat2(AT_FDCWD, "file", AT_FDCWD, "renamed", RENAME_WHITEOUT);
}
static long way_link(void) {
  return syscall(SYS_link, "file", "hard");
}
static long way_linkat(void) {
  return linkat(AT_FDCWD, "file", AT_FDCWD, "hard", 0);
}
static long way_linkat_proc(void) {
  return linkat(AT_FDCWD, descriptor_path(open("file", O_RDONLY)), AT_FDCWD, "hard", AT_SYMLINK_FOLLOW);
}
static long way_linkat_empty(void) {
  return linkat(open("file", O_PATH), "", AT_FDCWD, "hard", AT_EMPTY_PATH);
}
static long way_symlink(void) {
  return syscall(SYS_symlink, "x", "soft");
}
static long way_symlinkat(void) {
  return symlinkat("x", AT_FDCWD, "soft");
}
static long way_unlink(void) {
  return syscall(SYS_unlink, "file");
}
static long way_unlinkat(void) {
  return unlinkat(AT_FDCWD, "link", 0);
}
static long way_removedir(void) {
  return unlinkat(AT_FDCWD, "directory", AT_REMOVEDIR);
}
static long way_rmdir(void) {
  return syscall(SYS_rmdir, "directory");
}
static long way_mkdir(void) {
  return syscall(SYS_mkdir, "made", 0755);
}
static long way_mkdirat(void) {
  return mkdirat(AT_FDCWD, "made", 0755);
}
static long way_mknod(void) {
  return syscall(SYS_mknod, "node", S_IFREG | 0644, 0);
}
static long way_mknodat(void) {
  return mknodat(AT_FDCWD, "node", 0644, 0);
}
static long way_mkfifo(void) {
  return mkfifo("fifo", 0644);
}
static long way_mknod_socket(void) {
  return mknod("socket", S_IFSOCK | 0644, 0);
}
static long way_mknod_char(void) {
  return mknod("null", S_IFCHR | 0600, 1 << 8 | 3);
}
static long way_mknod_block(void) {
  return mknod("disk", S_IFBLK | 0600, 7 << 8);
}
static long way_mknod_whiteout(void) {
  return mknod("gone", S_IFCHR, 0);
}
static long way_bind(void) {
  struct sockaddr_un address = {.sun_family = AF_UNIX, .sun_path = "socket"};
  return bind(socket(AF_UNIX, SOCK_STREAM, 0), (struct sockaddr*)&address, sizeof address);
}

// --- metadata --------------------------------------------------------------------------------------------------------

static int readable(void) {
  return open("file", O_RDONLY);
}
static const struct timespec kWhen[2] = {{1, 0}, {2, 0}};

static long way_chmod(void) {
  return syscall(SYS_chmod, "file", 0600);
}
static long way_fchmod(void) {
  return fchmod(readable(), 0600);
}
static long way_fchmodat(void) {
  return syscall(SYS_fchmodat, AT_FDCWD, "file", 0600);
}
static long way_fchmodat2(void) {
  return syscall(NR_FCHMODAT2, AT_FDCWD, "file", 0600, 0);
}
static long way_fchmodat2_empty(void) {
  return syscall(NR_FCHMODAT2, open("file", O_PATH), "", 0600, AT_EMPTY_PATH);
}
static long way_chown(void) {
  return syscall(SYS_chown, "file", -1, getgid());
}
static long way_lchown(void) {
  return syscall(SYS_lchown, "link", -1, getgid());
}
static long way_fchown(void) {
  return fchown(readable(), (uid_t)-1, getgid());
}
static long way_fchownat(void) {
  return fchownat(AT_FDCWD, "file", (uid_t)-1, getgid(), 0);
}
static long way_utime(void) {
  const struct utimbuf when = {1, 2};
  return syscall(SYS_utime, "file", &when);
}
static long way_utimes(void) {
  return syscall(SYS_utimes, "file", NULL);
}
static long way_futimesat(void) {
  const struct timeval when[2] = {{1, 0}, {2, 0}};
  return syscall(SYS_futimesat, AT_FDCWD, "file", when);
}
static long way_utimensat(void) {
  return utimensat(AT_FDCWD, "link", kWhen, AT_SYMLINK_NOFOLLOW);
}
static long way_utimensat_null(void) {
  return syscall(SYS_utimensat, readable(), NULL, kWhen, 0);
}
static long way_setxattr(void) {
  return setxattr("file", "user.way", "1", 1, 0);
}
// A link holds no user.* attributes: without following, the file itself.
static long way_lsetxattr(void) {
  return lsetxattr("file", "user.way", "1", 1, 0);
}
static long way_fsetxattr(void) {
  return fsetxattr(readable(), "user.way", "1", 1, 0);
}
static long way_setxattrat(void) {
  struct {
    const char* value;
    unsigned size, flags;
  } arguments = {"1", 1, 0};
  return syscall(NR_SETXATTRAT, AT_FDCWD, "file", 0, "user.way", &arguments, sizeof arguments);
}
static long way_removexattr(void) {
  return removexattr("file", "user.old");
}
static long way_lremovexattr(void) {
  return lremovexattr("file", "user.old");
}
static long way_fremovexattr(void) {
  return fremovexattr(readable(), "user.old");
}
static long way_removexattrat(void) {
  return syscall(NR_REMOVEXATTRAT, AT_FDCWD, "file", 0, "user.old");
}
static long way_file_setattr(void) {
  unsigned long long attributes[3] = {FS_XFLAG_NODUMP};
  return syscall(NR_FILE_SETATTR, AT_FDCWD, "file", attributes, sizeof attributes, 0);
}
static long way_setflags(void) {
  const int flags = FS_NODUMP_FL;
  return ioctl(readable(), FS_IOC_SETFLAGS, &flags);
}
static long way_fssetxattr(void) {
  const struct fsxattr attributes = {.fsx_xflags = FS_XFLAG_NODUMP};
  return ioctl(readable(), FS_IOC_FSSETXATTR, &attributes);
}
static long way_setversion(void) {
  const int version = 7;
  return ioctl(readable(), FS_IOC_SETVERSION, &version);
}
static long way_verity(void) {
  struct fsverity_enable_arg arguments = {.version = 1, .hash_algorithm = FS_VERITY_HASH_ALG_SHA256};
  arguments.block_size = 4096;
  return ioctl(readable(), FS_IOC_ENABLE_VERITY, &arguments);
}

// --- mounts, namespaces, the machine ---------------------------------------------------------------------------------

static long way_mount(void) {
  return mount("none", "directory", "tmpfs", 0, NULL);
}
static long way_bind_mount(void) {
  return mount("/", "directory", NULL, MS_BIND, NULL);
}
static long way_remount(void) {
  return mount(NULL, "/", NULL, MS_REMOUNT | MS_BIND, NULL);
}
static long way_umount(void) {
  return umount2("/proc", MNT_DETACH);
}
static long way_pivot_root(void) {
  return syscall(SYS_pivot_root, ".", ".");
}
static long way_fsopen(void) {
  return syscall(SYS_fsopen, "tmpfs", 0);
}
static long way_fsconfig(void) {
  return syscall(SYS_fsconfig, 0, 6, NULL, NULL, 0);
}
static long way_fsmount(void) {
  return syscall(SYS_fsmount, 0, 0, 0);
}
static long way_fspick(void) {
  return syscall(SYS_fspick, AT_FDCWD, "/", 0);
}
static long way_open_tree(void) {
  return syscall(SYS_open_tree, AT_FDCWD, "/", 1);
}
static long way_open_tree_attr(void) {
  return syscall(NR_OPEN_TREE_ATTR, AT_FDCWD, "/", 1, NULL, 0);
}
static long way_move_mount(void) {
  return syscall(SYS_move_mount, 0, "", AT_FDCWD, "directory", 4);
}
static long way_mount_setattr(void) {
  unsigned long long attributes[4] = {0, 1, 0, 0};
  return syscall(SYS_mount_setattr, AT_FDCWD, "/", 0, attributes, sizeof attributes);
}
static long way_unshare_mounts(void) {
  return unshare(CLONE_NEWNS);
}
static long way_unshare_user(void) {
  return unshare(CLONE_NEWUSER | CLONE_NEWNS);
}
static long way_clone_user(void) {
  const long child = syscall(SYS_clone, CLONE_NEWUSER | CLONE_NEWNS | SIGCHLD, 0, 0, 0, 0);
  if (child == 0) _exit(0);
  return child;
}
static long way_clone3(void) {
  unsigned long long arguments[8] = {CLONE_NEWUSER, 0, 0, 0, SIGCHLD};
  const long child = syscall(SYS_clone3, arguments, sizeof arguments);
  if (child == 0) _exit(0);
  return child;
}
static long way_setns(void) {
  return setns(open("/proc/self/ns/mnt", O_RDONLY), 0);
}
static long way_chroot(void) {
  return chroot(".");
}
static long way_quotactl(void) {
  return syscall(SYS_quotactl, 0x800002 << 8, "/dev/null", 0, NULL);
}
static long way_quotactl_fd(void) {
  return syscall(SYS_quotactl_fd, readable(), 0x800002 << 8, 0, NULL);
}
static long way_swapon(void) {
  return swapon("file", 0);
}
static long way_swapoff(void) {
  return swapoff("file");
}
static long way_acct(void) {
  return syscall(SYS_acct, "file");
}

// --- the table -------------------------------------------------------------------------------------------------------

struct way {
  const char* name;
  long (*run)(void);
};
static const struct way kWays[] = {
    {"openat", way_openat},
    {"open", way_open},
    {"open-create", way_open_create},
    {"open-exclusive", way_open_exclusive},
    {"open-truncate", way_open_truncate},
    {"open-append", way_open_append},
    {"open-link", way_open_link},
    {"tmpfile", way_tmpfile},
    {"tmpfile-empty", way_tmpfile_empty},
    {"creat", way_creat},
    {"openat2", way_openat2},
    {"truncate", way_truncate},
    {"ftruncate", way_ftruncate},
    {"fallocate", way_fallocate},
    {"punch-hole", way_punch_hole},
    {"mmap", way_mmap},
    {"mprotect", way_mprotect},
    {"pwrite", way_pwrite},
    {"writev", way_writev},
    {"pwritev2", way_pwritev2},
    {"aio", way_aio},
    {"copy-file-range", way_copy_file_range},
    {"sendfile", way_sendfile},
    {"splice", way_splice},
    {"ficlone", way_ficlone},
    {"fidedupe", way_fidedupe},
    {"reopen", way_reopen},
    {"proc-root", way_proc_root},
    {"proc-cwd", way_proc_cwd},
    {"parent-root", way_parent_root},
    {"by-handle", way_by_handle},
    {"inherited", way_inherited},
    {"passed", way_passed},
    {"stolen", way_stolen},
    {"memfd", way_memfd},
    {"io-uring", way_io_uring},
    {"i386", way_i386},
    {"x32", way_x32},
    {"rename", way_rename},
    {"renameat", way_renameat},
    {"noreplace", way_noreplace},
    {"exchange", way_exchange},
    {"whiteout", way_whiteout},
    {"link", way_link},
    {"linkat", way_linkat},
    {"linkat-proc", way_linkat_proc},
    {"linkat-empty", way_linkat_empty},
    {"symlink", way_symlink},
    {"symlinkat", way_symlinkat},
    {"unlink", way_unlink},
    {"unlinkat", way_unlinkat},
    {"removedir", way_removedir},
    {"rmdir", way_rmdir},
    {"mkdir", way_mkdir},
    {"mkdirat", way_mkdirat},
    {"mknod", way_mknod},
    {"mknodat", way_mknodat},
    {"mkfifo", way_mkfifo},
    {"mknod-socket", way_mknod_socket},
    {"mknod-char", way_mknod_char},
    {"mknod-block", way_mknod_block},
    {"mknod-whiteout", way_mknod_whiteout},
    {"bind", way_bind},
    {"chmod", way_chmod},
    {"fchmod", way_fchmod},
    {"fchmodat", way_fchmodat},
    {"fchmodat2", way_fchmodat2},
    {"fchmodat2-empty", way_fchmodat2_empty},
    {"chown", way_chown},
    {"lchown", way_lchown},
    {"fchown", way_fchown},
    {"fchownat", way_fchownat},
    {"utime", way_utime},
    {"utimes", way_utimes},
    {"futimesat", way_futimesat},
    {"utimensat", way_utimensat},
    {"utimensat-null", way_utimensat_null},
    {"setxattr", way_setxattr},
    {"lsetxattr", way_lsetxattr},
    {"fsetxattr", way_fsetxattr},
    {"setxattrat", way_setxattrat},
    {"removexattr", way_removexattr},
    {"lremovexattr", way_lremovexattr},
    {"fremovexattr", way_fremovexattr},
    {"removexattrat", way_removexattrat},
    {"file-setattr", way_file_setattr},
    {"setflags", way_setflags},
    {"fssetxattr", way_fssetxattr},
    {"setversion", way_setversion},
    {"verity", way_verity},
    {"mount", way_mount},
    {"bind-mount", way_bind_mount},
    {"remount", way_remount},
    {"umount", way_umount},
    {"pivot-root", way_pivot_root},
    {"fsopen", way_fsopen},
    {"fsconfig", way_fsconfig},
    {"fsmount", way_fsmount},
    {"fspick", way_fspick},
    {"open-tree", way_open_tree},
    {"open-tree-attr", way_open_tree_attr},
    {"move-mount", way_move_mount},
    {"mount-setattr", way_mount_setattr},
    {"unshare-mounts", way_unshare_mounts},
    {"unshare-user", way_unshare_user},
    {"clone-user", way_clone_user},
    {"clone3", way_clone3},
    {"setns", way_setns},
    {"chroot", way_chroot},
    {"quotactl", way_quotactl},
    {"quotactl-fd", way_quotactl_fd},
    {"swapon", way_swapon},
    {"swapoff", way_swapoff},
    {"acct", way_acct},
};

static void prepare(void) {
  (void)!mkdir(absolute, 0755);
  if (chdir(absolute) != 0) exit(3);
  const int file = open("file", O_CREAT | O_EXCL | O_WRONLY, 0644);
  if (file >= 0) {
    if (write(file, "kept", 4) != 4) exit(3);
    close(file);
    (void)setxattr("file", "user.old", "1", 1, 0);
  }
  (void)!mkdir("directory", 0755);
  (void)!symlink("file", "link");
  if (chdir("/") != 0) exit(3);
}

static void try(const struct way* way, const char* place) {
  fflush(stdout);
  const pid_t child = fork();
  if (child == 0) {
    if (chdir(absolute) != 0) _exit(3);
    const long result = way->run();
    printf("%s %s %s\n", way->name, place, result < 0 ? strerrorname_np(errno) : "0");
    fflush(stdout);
    _exit(0);
  }
  int status = 0;
  waitpid(child, &status, 0);
  if (WIFSIGNALED(status)) printf("%s %s SIG%s\n", way->name, place, sigabbrev_np(WTERMSIG(status)));
  if (WIFEXITED(status) && WEXITSTATUS(status) != 0) printf("%s %s no-place\n", way->name, place);
}

int main(int count, char** arguments) {
  const size_t ways = sizeof kWays / sizeof kWays[0];
  if (count == 2 && strcmp(arguments[1], "--list") == 0) {
    for (size_t i = 0; i < ways; ++i) puts(kWays[i].name);
    return 0;
  }
  for (int at = 1; at + 1 < count; at += 2) {
    const char* place = arguments[at];
    for (size_t i = 0; i < ways; ++i) {
      snprintf(absolute, sizeof absolute, "%s/%s", arguments[at + 1], kWays[i].name);
      if (strcmp(place, "tmpfs") == 0) prepare();
      try(&kWays[i], place);
    }
  }
  return 0;
}
