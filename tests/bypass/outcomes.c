// outcomes DIRECTORY: calls that change a file tree in situations where they fail or are close to it, each in a
// directory of its own, DIRECTORY/NAME. Prints "NAME PID CALL ERRNO" with what the kernel said of the last call; the
// runner compares it with the outcome of the last event of that call there. As root each is tried as user 12345 with
// the further group 4343.
#define _GNU_SOURCE
#include <errno.h>
#include <fcntl.h>
#include <grp.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/un.h>
#include <sys/wait.h>
#include <sys/xattr.h>
#include <unistd.h>

static int made(const char* path) {
  return open(path, O_CREAT | O_WRONLY, 0644);
}
static int rw(const char* path, int flags) {
  return (int)syscall(SYS_openat, AT_FDCWD, path, O_RDWR | flags, 0644);
}
static int file_in(const char* folder, const char* path) {
  return mkdir(folder, 0755) == 0 ? made(path) : -1;
}
static int at(const char* path, unsigned mode) {
  return chmod(path, mode);
}

// SITUATION(name, call, what goes before, the call itself); it runs in its own directory.
#define SITUATIONS                                                                                       \
  S(open_missing, openat, 0, rw("missing", 0))                                                           \
  S(open_directory, openat, mkdir("d", 0755), rw("d", 0))                                                \
  S(open_create_directory, openat, mkdir("d", 0755), rw("d", O_CREAT))                                   \
  S(open_exclusive, openat, made("f"), rw("f", O_CREAT | O_EXCL))                                        \
  S(open_exclusive_link, openat, symlink("nowhere", "l"), rw("l", O_CREAT | O_EXCL))                     \
  S(open_dangling, openat, symlink("target", "l"), rw("l", O_CREAT))                                     \
  S(open_dangling_far, openat, symlink("no/target", "l"), rw("l", O_CREAT))                              \
  S(open_nofollow, openat, symlink("f", "l") + made("f"), rw("l", O_NOFOLLOW))                           \
  S(open_loop, openat, symlink("l", "l"), rw("l", 0))                                                    \
  S(open_loop_create, openat, symlink("l", "l"), rw("l", O_CREAT))                                       \
  S(open_slash, openat, made("f"), rw("f/", 0))                                                          \
  S(open_slash_create, openat, 0, rw("f/", O_CREAT))                                                     \
  S(open_through_file, openat, made("f"), rw("f/g", O_CREAT))                                            \
  S(open_dots, openat, mkdir("d", 0755), rw("d/../f", O_CREAT))                                          \
  S(open_directory_flag, openat, made("f"), rw("f", O_DIRECTORY))                                        \
  S(open_long, openat, 0, rw(long_name, O_CREAT))                                                        \
  S(open_read_only, openat, made("f") + at("f", 0444), rw("f", 0))                                       \
  S(open_in_sealed, openat, mkdir("d", 0555), rw("d/f", O_CREAT))                                        \
  S(open_unsearchable, openat, file_in("d", "d/f") + at("d", 0600), rw("d/f", 0))                        \
  S(open_others, openat, 0, rw("../theirs", 0))                                                          \
  S(open_groups, openat, 0, rw("../groups", 0))                                                          \
  S(open_acl, openat, 0, rw("../acl", 0))                                                                \
  S(open_acl_denies, openat, 0, rw("../acl-denies", 0))                                                  \
  S(truncate_directory, truncate, mkdir("d", 0755), truncate("d", 0))                                    \
  S(truncate_missing, truncate, 0, truncate("missing", 0))                                               \
  S(truncate_read_only, truncate, made("f") + at("f", 0444), truncate("f", 0))                           \
  S(mkdir_exists, mkdir, mkdir("d", 0755), syscall(SYS_mkdir, "d", 0755))                                \
  S(mkdir_over_file, mkdir, made("f"), syscall(SYS_mkdir, "f/", 0755))                                   \
  S(mkdir_slash, mkdir, 0, syscall(SYS_mkdir, "d/", 0755))                                               \
  S(mkdir_far, mkdir, 0, syscall(SYS_mkdir, "no/d", 0755))                                               \
  S(mkdir_dot, mkdir, 0, syscall(SYS_mkdir, ".", 0755))                                                  \
  S(mkdir_link, mkdir, symlink("d", "l"), syscall(SYS_mkdir, "l", 0755))                                 \
  S(rmdir_full, rmdir, file_in("d", "d/f"), syscall(SYS_rmdir, "d"))                                     \
  S(rmdir_file, rmdir, made("f"), syscall(SYS_rmdir, "f"))                                               \
  S(rmdir_missing, rmdir, 0, syscall(SYS_rmdir, "d"))                                                    \
  S(rmdir_dot, rmdir, mkdir("d", 0755), syscall(SYS_rmdir, "d/."))                                       \
  S(rmdir_dots, rmdir, mkdir("d", 0755), syscall(SYS_rmdir, "d/.."))                                     \
  S(rmdir_link, rmdir, mkdir("d", 0755) + symlink("d", "l"), syscall(SYS_rmdir, "l/"))                   \
  S(rmdir_emptied, rmdir, file_in("d", "d/f") + unlink("d/f"), syscall(SYS_rmdir, "d"))                  \
  S(unlink_directory, unlink, mkdir("d", 0755), syscall(SYS_unlink, "d"))                                \
  S(unlink_missing, unlink, 0, syscall(SYS_unlink, "f"))                                                 \
  S(unlink_slash, unlink, made("f"), syscall(SYS_unlink, "f/"))                                          \
  S(unlink_link, unlink, symlink("x", "l"), syscall(SYS_unlink, "l"))                                    \
  S(unlink_sealed, unlink, file_in("d", "d/f") + at("d", 0555), syscall(SYS_unlink, "d/f"))              \
  S(unlink_sticky, unlink, 0, syscall(SYS_unlink, "../sticky/theirs"))                                   \
  S(unlinkat_directory, unlinkat, file_in("d", "d/f"), unlinkat(AT_FDCWD, "d", AT_REMOVEDIR))            \
  S(unlinkat_flags, unlinkat, made("f"), unlinkat(AT_FDCWD, "f", 0x4000))                                \
  S(symlink_exists, symlink, made("f"), syscall(SYS_symlink, "x", "f"))                                  \
  S(symlink_slash, symlink, 0, syscall(SYS_symlink, "x", "s/"))                                          \
  S(symlink_empty, symlink, 0, syscall(SYS_symlink, "", "s"))                                            \
  S(mknod_exists, mknodat, made("f"), mkfifo("f", 0644))                                                 \
  S(link_exists, link, made("f") + made("g"), syscall(SYS_link, "f", "g"))                               \
  S(link_directory, link, mkdir("d", 0755), syscall(SYS_link, "d", "e"))                                 \
  S(link_missing, link, 0, syscall(SYS_link, "f", "g"))                                                  \
  S(link_of_link, link, symlink("nowhere", "l"), syscall(SYS_link, "l", "g"))                            \
  S(link_others, link, 0, syscall(SYS_link, "../theirs", "g"))                                           \
  S(link_across, link, 0, syscall(SYS_link, "/dev/shm/f", "g"))                                          \
  S(rename_missing, rename, 0, syscall(SYS_rename, "f", "g"))                                            \
  S(rename_over, rename, made("f") + made("g"), syscall(SYS_rename, "f", "g"))                           \
  S(rename_same, rename, made("f"), syscall(SYS_rename, "f", "f"))                                       \
  S(rename_linked, rename, made("f") + link("f", "g"), syscall(SYS_rename, "f", "g"))                    \
  S(rename_onto_directory, rename, made("f") + mkdir("d", 0755), syscall(SYS_rename, "f", "d"))          \
  S(rename_onto_file, rename, made("f") + mkdir("d", 0755), syscall(SYS_rename, "d", "f"))               \
  S(rename_onto_full, rename, mkdir("e", 0755) + file_in("d", "d/f"), syscall(SYS_rename, "e", "d"))     \
  S(rename_onto_empty, rename, mkdir("e", 0755) + mkdir("d", 0755), syscall(SYS_rename, "e", "d"))       \
  S(rename_into_itself, rename, mkdir("d", 0755), syscall(SYS_rename, "d", "d/e"))                       \
  S(rename_onto_parent, rename, file_in("d", "d/f"), syscall(SYS_rename, "d/f", "d"))                    \
  S(rename_slash, rename, made("f"), syscall(SYS_rename, "f/", "g"))                                     \
  S(rename_to_slash, rename, mkdir("d", 0755), syscall(SYS_rename, "d", "e/"))                           \
  S(rename_dot, rename, mkdir("d", 0755), syscall(SYS_rename, "d/.", "e"))                               \
  S(rename_far, rename, made("f"), syscall(SYS_rename, "f", "no/g"))                                     \
  S(rename_across, rename, made("f"), syscall(SYS_rename, "f", "/dev/shm/g"))                            \
  S(rename_new_directory, rename, file_in("d", "d/f"), syscall(SYS_rename, "d", "e"))                    \
  S(rename_old_directory, rename, 0, syscall(SYS_rename, "old", "e"))                                    \
  S(rename_old_file, rename, 0, syscall(SYS_rename, "old/file", "e"))                                    \
  S(rename_touched_directory, rename, made("old/x"), syscall(SYS_rename, "old", "e"))                    \
  S(rename_sticky, rename, 0, syscall(SYS_rename, "../sticky/theirs", "../sticky/mine"))                 \
  S(noreplace, renameat2, made("f") + made("g"), renameat2(AT_FDCWD, "f", AT_FDCWD, "g", 1))             \
  S(exchange_missing, renameat2, made("f"), renameat2(AT_FDCWD, "f", AT_FDCWD, "g", 2))                  \
  S(exchange_kinds, renameat2, made("f") + mkdir("d", 0755), renameat2(AT_FDCWD, "f", AT_FDCWD, "d", 2)) \
  S(exchange_bad, renameat2, made("f") + made("g"), renameat2(AT_FDCWD, "f", AT_FDCWD, "g", 3))          \
  S(bind_exists, bind, made("s"), bound("s"))                                                            \
  S(bind_far, bind, 0, bound("no/s"))                                                                    \
  S(chmod_missing, chmod, 0, chmod("f", 0600))                                                           \
  S(chmod_others, chmod, 0, chmod("../theirs", 0666))                                                    \
  S(chmod_link, fchmodat2, symlink("x", "l"), syscall(452, AT_FDCWD, "l", 0600, AT_SYMLINK_NOFOLLOW))    \
  S(chown_away, chown, made("f"), syscall(SYS_chown, "f", 0, -1))                                        \
  S(chown_group, chown, made("f"), syscall(SYS_chown, "f", -1, 4343))                                    \
  S(chown_wrong_group, chown, made("f"), syscall(SYS_chown, "f", -1, 0))                                 \
  S(times_others, utimensat, 0, utimensat(AT_FDCWD, "../open", NULL, 0))                                 \
  S(times_set_others, utimensat, 0, utimensat(AT_FDCWD, "../open", when, 0))                             \
  S(xattr_missing, removexattr, made("f"), removexattr("f", "user.none"))                                \
  S(xattr_exists, setxattr, made("f") + setxattr("f", "user.a", "", 0, 0),                               \
    setxattr("f", "user.a", "", 0, XATTR_CREATE))                                                        \
  S(xattr_others, setxattr, 0, setxattr("../open", "user.b", "", 0, 0))                                  \
  S(xattr_link, lsetxattr, symlink("x", "l"), lsetxattr("l", "user.a", "", 0, 0))                        \
  S(xattr_trusted, setxattr, made("f"), setxattr("f", "trusted.a", "", 0, 0))

static char long_name[300];
static const struct timespec when[2] = {{1, 0}, {2, 0}};

static int bound(const char* path) {
  struct sockaddr_un address = {.sun_family = AF_UNIX};
  strcpy(address.sun_path, path);
  return bind(socket(AF_UNIX, SOCK_STREAM, 0), (struct sockaddr*)&address, sizeof address);
}

struct situation {
  const char *name, *call;
  void (*before)(void);
  long (*run)(void);
};
#define S(name, call, before, run)  \
  static void before_##name(void) { \
    (void)(before);                 \
  }                                 \
  static long run_##name(void) {    \
    return run;                     \
  }
SITUATIONS
#undef S
#define S(name, call, before, run) {#name, #call, before_##name, run_##name},
static const struct situation kSituations[] = {SITUATIONS};
#undef S

// {version 2, then entries of tag, permissions, id}: owner rw, user 12345 `user`, group -, mask `mask`, others -.
static void set_acl(const char* path, unsigned short user, unsigned short mask) {
  struct {
    unsigned version;
    struct {
      unsigned short tag, permissions;
      unsigned id;
    } entries[5];
  } acl = {2, {{1, 6, ~0U}, {2, user, 12345}, {4, 0, ~0U}, {16, mask, ~0U}, {32, user ^ 6, ~0U}}};
  (void)setxattr(path, "system.posix_acl_access", &acl, sizeof acl, 0);
}

static void furnish(void) {
  const int privileged = geteuid() == 0;
  close(made("theirs"));
  close(made("open"));
  close(made("groups"));
  close(made("acl"));
  close(made("acl-denies"));
  (void)!mkdir("sticky", 01777);
  close(made("sticky/theirs"));
  (void)chmod("open", 0666);
  (void)chmod("groups", 0664);
  (void)chmod("sticky", 01777);
  if (!privileged) return;
  (void)!chown("groups", 0, 4343);
  set_acl("acl", 6, 6);
  set_acl("acl-denies", 4, 6);
}

int main(int count, char** arguments) {
  if (count < 2 || chdir(arguments[1]) != 0) return 2;
  memset(long_name, 'x', sizeof long_name - 1);
  umask(0);
  furnish();
  const gid_t group = 4343;
  const int privileged = geteuid() == 0;
  for (size_t i = 0; i < sizeof kSituations / sizeof kSituations[0]; ++i) {
    const struct situation* situation = &kSituations[i];
    (void)!mkdir(situation->name, 0777);
    if (privileged) (void)!chown(situation->name, 12345, 12345);
    fflush(stdout);
    const pid_t child = fork();
    if (child == 0) {
      if (privileged && (setgroups(1, &group) != 0 || setgid(12345) != 0 || setuid(12345) != 0)) _exit(3);
      if (chdir(situation->name) != 0) _exit(4);
      situation->before();
      errno = 0;
      const long result = situation->run();
      printf("%s %d %s %s\n", situation->name, getpid(), situation->call, result < 0 ? strerrorname_np(errno) : "0");
      fflush(stdout);
      _exit(0);
    }
    int status = 0;
    waitpid(child, &status, 0);
    if (!WIFEXITED(status) || WEXITSTATUS(status) != 0)
      printf("%s %d %s not-tried\n", situation->name, child, situation->call);
  }
  return 0;
}
