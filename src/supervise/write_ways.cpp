#include "supervise/write_ways.hpp"

#include <algorithm>
#include <array>

namespace cofferdam::supervise {

namespace {

constexpr std::string_view kMountOrLandlock = "mount; Landlock or the read-only root";
constexpr std::string_view kMountOrSupervisor = "mount; the supervisor";
constexpr std::string_view kMountOrFilter = "mount; the filter";
constexpr std::string_view kFilter = "the filter";
constexpr std::string_view kKernel = "the kernel";

constexpr WriteAnswers kData{"EROFS", "EACCES EROFS", "0", "0"};
constexpr WriteAnswers kMetadata{"EROFS", "EROFS", "0", "0"};
constexpr WriteAnswers kNewMetadata{"EROFS", "EROFS ENOSYS", "0", "0 ENOSYS"};
constexpr WriteAnswers kPacked{"EROFS", "ENOSYS", "0", "ENOSYS"};
constexpr WriteAnswers kNotPermitted{"EPERM", "EPERM", "EPERM", "EPERM"};
constexpr WriteAnswers kNoSuchCall{"ENOSYS", "ENOSYS", "ENOSYS", "ENOSYS"};

constexpr std::string_view kOpened = "covered by the open that made the descriptor";
constexpr std::string_view kRefusedFirst = "none: the filter refuses it whatever it is aimed at";
constexpr std::string_view kOldDocker = "ENOSYS where Docker's own profile does not know it";
constexpr std::string_view kFallsBack =
    "ENOSYS in container mode, without an event: callers fall back to the older call";
constexpr std::string_view kInode =
    "none: the mount refuses it outside; inside it is an attribute of the instance's own tmpfs and gone with it";

constexpr WriteWay kWays[] = {
    {"openat", "openat write", kMountOrLandlock, kData, "openat", ""},
    {"open", "open write", kMountOrLandlock, kData, "open", ""},
    {"open-create", "openat", kMountOrLandlock, kData, "openat", "O_CREAT"},
    {"open-exclusive", "openat", kMountOrLandlock, kData, "openat", "O_CREAT with O_EXCL"},
    {"open-truncate", "openat", kMountOrLandlock, kData, "openat", "O_RDONLY with O_TRUNC"},
    {"open-append", "openat", kMountOrLandlock, kData, "openat", "O_APPEND"},
    {"open-link", "openat", kMountOrLandlock, kData, "openat", "through a symbolic link; the event names the file"},
    {"tmpfile", "openat linkat", kMountOrLandlock, kData, "openat linkat",
     "O_TMPFILE, named through /proc/self/fd; refused at the open"},
    {"tmpfile-empty", "openat linkat", kMountOrLandlock, kData, "openat linkat",
     "O_TMPFILE, named with AT_EMPTY_PATH; refused at the open"},
    {"creat", "creat", kMountOrLandlock, kData, "creat", ""},
    {"openat2", "openat2", kMountOrLandlock, kData, "openat2", "flags are in memory: every use is looked at"},
    {"truncate", "truncate", kMountOrLandlock, kData, "truncate", ""},
    {"ftruncate", "openat ftruncate", kMountOrLandlock, kData, "openat", kOpened},
    {"fallocate", "openat fallocate", kMountOrLandlock, kData, "openat", kOpened},
    {"punch-hole", "openat fallocate", kMountOrLandlock, kData, "openat", kOpened},
    {"mmap", "openat mmap msync", kMountOrLandlock, kData, "openat", kOpened},
    {"mprotect",
     "openat mmap mprotect",
     kKernel,
     {"EACCES", "EACCES", "EACCES", "EACCES"},
     "",
     "none: a read-only descriptor gives no writable shared mapping"},
    {"pwrite", "openat pwrite64", kMountOrLandlock, kData, "openat", kOpened},
    {"writev", "openat writev", kMountOrLandlock, kData, "openat", kOpened},
    {"pwritev2", "openat pwritev2 pwritev", kMountOrLandlock, kData, "openat", kOpened},
    {"aio", "openat io_submit", kMountOrLandlock, kData, "openat", kOpened},
    {"copy-file-range",
     "openat copy_file_range",
     kMountOrLandlock,
     {"EROFS", "EACCES EROFS", "0 EXDEV", "0"},
     "openat",
     kOpened},
    {"sendfile", "openat sendfile", kMountOrLandlock, kData, "openat", kOpened},
    {"splice", "openat splice", kMountOrLandlock, kData, "openat", kOpened},
    {"ficlone",
     "openat ioctl",
     kMountOrLandlock,
     {"EROFS", "EACCES EROFS", "EXDEV EOPNOTSUPP", "EOPNOTSUPP"},
     "openat",
     "tmpfs shares no extents: FICLONE fails everywhere"},
    {"fidedupe",
     "openat ioctl",
     kMountOrLandlock,
     {"EROFS", "EACCES EROFS", "0 EOPNOTSUPP EXDEV", "EOPNOTSUPP"},
     "openat",
     "it never changes content, and tmpfs has none of it"},
    {"reopen", "openat", kMountOrLandlock, kData, "openat",
     "a read-only descriptor through /proc/self/fd, for writing"},
    {"proc-root", "openat", kMountOrLandlock, kData, "openat", "through /proc/PID/root"},
    {"proc-cwd", "openat", kMountOrLandlock, kData, "openat", "through /proc/self/cwd"},
    {"parent-root", "openat", kMountOrLandlock, kData, "openat", "through the root of another process of the instance"},
    {"by-handle", "open_by_handle_at", kFilter, kNotPermitted, "", kRefusedFirst},
    {"inherited",
     "write",
     kKernel,
     {"EBADF", "EBADF", "EBADF", "EBADF"},
     "",
     "none: no descriptor of the caller of cofferdam but 0, 1 and 2 reaches the app; a file on 0 comes through a pipe"},
    {"passed", "openat sendmsg recvmsg write", kMountOrLandlock, kData, "openat",
     "SCM_RIGHTS; covered by the open that made the descriptor"},
    {"stolen", "pidfd_getfd", kFilter, kNotPermitted, "", kRefusedFirst},
    {"memfd",
     "memfd_create write",
     kKernel,
     {"0", "0", "0", "0"},
     "",
     "none: a memory file is in no tree and dies with its last descriptor"},
    {"io-uring", "io_uring_setup io_uring_enter io_uring_register", kFilter, kNoSuchCall, "", kRefusedFirst},
    {"i386",
     "open",
     kFilter,
     {"SIGSYS SIGSEGV", "SIGSYS SIGSEGV", "SIGSYS SIGSEGV", "SIGSYS SIGSEGV"},
     "",
     "none: a call of another ABI ends the process; SIGSEGV where the kernel has no gate for it"},
    {"x32", "open", kFilter, kNoSuchCall, "", kRefusedFirst},
    {"rename", "rename", kMountOrLandlock, kData, "rename", ""},
    {"renameat", "renameat", kMountOrLandlock, kData, "renameat", ""},
    {"noreplace", "renameat2", kMountOrLandlock, kData, "renameat2", "RENAME_NOREPLACE"},
    {"exchange", "renameat2", kMountOrLandlock, kData, "renameat2", "RENAME_EXCHANGE"},
    {"whiteout",
     "renameat2",
     kMountOrLandlock,
     {"EROFS", "EACCES EROFS EPERM", "0 EINVAL EPERM", "0 EPERM"},
     "renameat2",
     "RENAME_WHITEOUT; an overlay knows none (EINVAL)"},
    {"link", "link", kMountOrLandlock, kData, "link", ""},
    {"linkat", "linkat", kMountOrLandlock, kData, "linkat", ""},
    {"linkat-proc", "linkat", kMountOrLandlock, kData, "linkat", "through /proc/self/fd with AT_SYMLINK_FOLLOW"},
    {"linkat-empty",
     "linkat",
     kMountOrLandlock,
     {"EROFS ENOENT", "EACCES EROFS ENOENT", "0 ENOENT", "0 ENOENT"},
     "linkat",
     "AT_EMPTY_PATH; before Linux 6.10 with CAP_DAC_READ_SEARCH only"},
    {"symlink", "symlink", kMountOrLandlock, kData, "symlink", ""},
    {"symlinkat", "symlinkat", kMountOrLandlock, kData, "symlinkat", ""},
    {"unlink", "unlink", kMountOrLandlock, kData, "unlink", ""},
    {"unlinkat", "unlinkat", kMountOrLandlock, kData, "unlinkat", ""},
    {"removedir", "unlinkat", kMountOrLandlock, kData, "unlinkat", "AT_REMOVEDIR"},
    {"rmdir", "rmdir", kMountOrLandlock, kData, "rmdir", ""},
    {"mkdir", "mkdir", kMountOrLandlock, kData, "mkdir", ""},
    {"mkdirat", "mkdirat", kMountOrLandlock, kData, "mkdirat", ""},
    {"mknod", "mknod", kMountOrLandlock, kData, "mknod", ""},
    {"mknodat", "mknodat", kMountOrLandlock, kData, "mknodat", ""},
    {"mkfifo", "mknodat", kMountOrLandlock, kData, "mknodat", ""},
    {"mknod-socket", "mknodat", kMountOrLandlock, kData, "mknodat", ""},
    {"mknod-char", "mknodat mknod", kFilter, kNotPermitted, "", kRefusedFirst},
    {"mknod-block", "mknodat mknod", kFilter, kNotPermitted, "", kRefusedFirst},
    {"mknod-whiteout", "mknodat mknod", kFilter, kNotPermitted, "", kRefusedFirst},
    {"bind", "bind", kMountOrLandlock, kData, "bind", "a socket file"},
    {"chmod", "chmod", kMountOrSupervisor, kMetadata, "chmod", ""},
    {"fchmod", "fchmod", kMountOrSupervisor, kMetadata, "fchmod", ""},
    {"fchmodat", "fchmodat", kMountOrSupervisor, kMetadata, "fchmodat", ""},
    {"fchmodat2", "fchmodat2", kMountOrSupervisor, kNewMetadata, "fchmodat2", kOldDocker},
    {"fchmodat2-empty", "fchmodat2", kMountOrSupervisor, kNewMetadata, "fchmodat2", kOldDocker},
    {"chown", "chown", kMountOrSupervisor, kMetadata, "chown", ""},
    {"lchown", "lchown", kMountOrSupervisor, kMetadata, "lchown", ""},
    {"fchown", "fchown", kMountOrSupervisor, kMetadata, "fchown", ""},
    {"fchownat", "fchownat", kMountOrSupervisor, kMetadata, "fchownat", ""},
    {"utime", "utime", kMountOrSupervisor, kMetadata, "utime", ""},
    {"utimes", "utimes", kMountOrSupervisor, kMetadata, "utimes", ""},
    {"futimesat", "futimesat", kMountOrSupervisor, kMetadata, "futimesat", ""},
    {"utimensat", "utimensat", kMountOrSupervisor, kMetadata, "utimensat", ""},
    {"utimensat-null", "utimensat", kMountOrSupervisor, kMetadata, "utimensat", "a null path: the descriptor itself"},
    {"setxattr", "setxattr", kMountOrSupervisor, kMetadata, "setxattr", ""},
    {"lsetxattr", "lsetxattr", kMountOrSupervisor, kMetadata, "lsetxattr", ""},
    {"fsetxattr", "fsetxattr", kMountOrSupervisor, kMetadata, "fsetxattr", ""},
    {"setxattrat", "setxattrat", kMountOrSupervisor, kPacked, "setxattrat", kFallsBack},
    {"removexattr", "removexattr", kMountOrSupervisor, kMetadata, "removexattr", ""},
    {"lremovexattr", "lremovexattr", kMountOrSupervisor, kMetadata, "lremovexattr", ""},
    {"fremovexattr", "fremovexattr", kMountOrSupervisor, kMetadata, "fremovexattr", ""},
    {"removexattrat", "removexattrat", kMountOrSupervisor, kPacked, "removexattrat", kFallsBack},
    {"file-setattr",
     "file_setattr",
     kMountOrSupervisor,
     {"EROFS", "ENOSYS", "0 EOPNOTSUPP", "ENOSYS"},
     "file_setattr",
     kFallsBack},
    {"setflags", "ioctl", kMountOrFilter, {"EROFS", "EPERM", "0", "EPERM"}, "", kInode},
    {"fssetxattr", "ioctl", kMountOrFilter, {"EROFS", "EPERM", "0 EOPNOTSUPP", "EPERM"}, "", kInode},
    {"setversion", "ioctl", kMountOrFilter, {"EROFS", "EPERM", "0 ENOTTY", "EPERM"}, "", kInode},
    {"verity", "ioctl", kMountOrFilter, {"EROFS EOPNOTSUPP ENOTTY", "EPERM", "ENOTTY EOPNOTSUPP", "EPERM"}, "", kInode},
    {"mount", "mount", kFilter, kNotPermitted, "", kRefusedFirst},
    {"bind-mount", "mount", kFilter, kNotPermitted, "", kRefusedFirst},
    {"remount", "mount", kFilter, kNotPermitted, "", kRefusedFirst},
    {"umount", "umount2", kFilter, kNotPermitted, "", kRefusedFirst},
    {"pivot-root", "pivot_root", kFilter, kNotPermitted, "", kRefusedFirst},
    {"fsopen", "fsopen", kFilter, kNotPermitted, "", kRefusedFirst},
    {"fsconfig", "fsconfig", kFilter, kNotPermitted, "", kRefusedFirst},
    {"fsmount", "fsmount", kFilter, kNotPermitted, "", kRefusedFirst},
    {"fspick", "fspick", kFilter, kNotPermitted, "", kRefusedFirst},
    {"open-tree", "open_tree", kFilter, kNotPermitted, "", kRefusedFirst},
    {"open-tree-attr", "open_tree_attr", kFilter, kNotPermitted, "", kRefusedFirst},
    {"move-mount", "move_mount", kFilter, kNotPermitted, "", kRefusedFirst},
    {"mount-setattr", "mount_setattr", kFilter, kNotPermitted, "", kRefusedFirst},
    {"unshare-mounts", "unshare", kFilter, kNotPermitted, "", kRefusedFirst},
    {"unshare-user", "unshare", kFilter, kNotPermitted, "", kRefusedFirst},
    {"clone-user", "clone", kFilter, kNotPermitted, "", kRefusedFirst},
    {"clone3", "clone3", kFilter, kNoSuchCall, "", kRefusedFirst},
    {"setns", "setns", kFilter, kNotPermitted, "", kRefusedFirst},
    {"chroot", "chroot", kFilter, kNotPermitted, "", kRefusedFirst},
    {"quotactl", "quotactl", kFilter, kNotPermitted, "", kRefusedFirst},
    {"quotactl-fd", "quotactl_fd", kFilter, kNotPermitted, "", kRefusedFirst},
    {"swapon", "swapon", kFilter, kNotPermitted, "", kRefusedFirst},
    {"swapoff", "swapoff", kFilter, kNotPermitted, "", kRefusedFirst},
    {"acct", "acct", kFilter, kNotPermitted, "", kRefusedFirst},
};

// What works on an open descriptor, and what only brings one along.
constexpr std::string_view kDataCalls[] = {
    "write", "pwrite64", "writev",    "pwritev",         "pwritev2", "ftruncate", "fallocate",    "mmap",
    "msync", "mprotect", "io_submit", "copy_file_range", "sendfile", "splice",    "memfd_create", "recvmsg"};

std::string cell(std::string_view text) {
  return " " + std::string(text) + " |";
}

}  // namespace

std::span<const WriteWay> write_ways() noexcept {
  return kWays;
}

bool is_data_call(std::string_view call) noexcept {
  return std::ranges::find(kDataCalls, call) != std::end(kDataCalls);
}

std::string write_ways_markdown() {
  std::string text =
      "# Every way to change a file tree\n\n"
      "Printed from `src/supervise/write_ways.cpp`; `tests/bypass/write_matrix` tries every row in both modes, as root "
      "and as\n"
      "an ordinary user, and compares the host, the caller's answer, the event and the report. *Outside* is a place "
      "that no\n"
      "writable mount of the instance holds: the host does not change. *Inside* is one of its overlays or tmpfs "
      "mounts: what\n"
      "lands is recorded, found by the scan and gone afterwards. 0 is success. Who decides: in local mode; in "
      "container mode.\n\n"
      "| way | system calls | decides | outside, local | outside, container | inside, local | inside, container | "
      "event | "
      "note |\n|---|---|---|---|---|---|---|---|---|\n";
  for (const WriteWay& way : kWays) {
    text += "|" + cell("`" + std::string(way.id) + "`") + cell(way.calls) + cell(way.decides);
    text += cell(way.answers.outside_local) + cell(way.answers.outside_container);
    text += cell(way.answers.inside_local) + cell(way.answers.inside_container);
    text += cell(way.event.empty() ? "none" : "`" + std::string(way.event) + "`") + cell(way.note) + "\n";
  }
  return text;
}

}  // namespace cofferdam::supervise
