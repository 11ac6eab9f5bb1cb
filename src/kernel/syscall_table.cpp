#include "kernel/syscall_table.hpp"

#include <asm/ioctls.h>
#include <fcntl.h>
#include <linux/fs.h>
#include <linux/fscrypt.h>
#include <linux/fsverity.h>
#include <linux/ioprio.h>
#include <linux/personality.h>
#include <linux/prctl.h>
#include <linux/sched.h>
#include <linux/seccomp.h>
#include <linux/sockios.h>
#include <netinet/in.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/syscall.h>

#include <algorithm>
#include <cerrno>
#include <cstring>
#include <initializer_list>
#include <iterator>

#if !defined(__x86_64__) || defined(__ILP32__)
#error "the table holds the system calls of x86-64; another machine needs a look at every row"
#endif

// Calls newer than the C library's headers. Without a row they would run.
#ifndef SYS_fchmodat2
#define SYS_fchmodat2 452
#endif
#ifndef SYS_setxattrat
#define SYS_setxattrat 463
#endif
#ifndef SYS_removexattrat
#define SYS_removexattrat 466
#endif
#ifndef SYS_open_tree_attr
#define SYS_open_tree_attr 467
#endif
#ifndef SYS_file_setattr
#define SYS_file_setattr 469
#endif

namespace cofferdam::kernel {
namespace {

using Op = Condition::Op;
using Conditions = std::initializer_list<Condition>;
using Values = std::initializer_list<std::uint32_t>;

constexpr Condition with_values(Op op, int arg, std::uint32_t mask, Values values) {
  Condition condition{.op = op, .arg = static_cast<std::uint8_t>(arg), .mask = mask, .values = {}};
  for (const std::uint32_t value : values) condition.values.at(condition.value_count++) = value;
  return condition;
}
constexpr Condition one_of(int arg, Values values) {
  return with_values(Op::one_of, arg, 0xffffffff, values);
}
constexpr Condition masked(int arg, std::uint32_t mask, Values values) {
  return with_values(Op::one_of, arg, mask, values);
}
constexpr Condition outside(int arg, Values values) {
  return with_values(Op::outside, arg, 0, values);
}
constexpr Condition any_bit(int arg, std::uint32_t mask) {
  return with_values(Op::any_bit, arg, mask, {});
}
constexpr Condition other_than(int arg, std::uint32_t value) {
  return with_values(Op::other_than, arg, value, {});
}
constexpr Condition at_protected_pid(int arg) {
  return with_values(Op::protected_pid, arg, 0, {});
}
constexpr Condition at_protected_group(int arg) {
  return with_values(Op::protected_group, arg, 0, {});
}

constexpr void set_conditions(SyscallRow& row, Conditions conditions) {
  std::size_t place = 0;
  for (const Condition& condition : conditions) row.conditions.at(place++) = condition;
}

struct Call {
  std::string_view name;
  int number;
};

constexpr SyscallRow refuse(Call call, int errnum, std::string_view corpus, std::string_view why,
                            Conditions conditions = {}, Scope scope = Scope::both) {
  SyscallRow row{.name = call.name,
                 .number = call.number,
                 .errnum = errnum,
                 .shape = {},
                 .scope = scope,
                 .conditions = {},
                 .why = why,
                 .corpus = corpus};
  set_conditions(row, conditions);
  return row;
}

constexpr SyscallRow notify(Call call, NotifyKind kind, ArgumentShape shape, std::string_view corpus,
                            std::string_view why, Conditions conditions = {}, Scope scope = Scope::both) {
  SyscallRow row{.name = call.name,
                 .number = call.number,
                 .action = Action::notify,
                 .kind = kind,
                 .shape = shape,
                 .scope = scope,
                 .conditions = {},
                 .why = why,
                 .corpus = corpus};
  set_conditions(row, conditions);
  return row;
}

// O_TMPFILE needs one of the access modes; O_APPEND alone can't write.
constexpr std::uint32_t kWritingFlags = O_ACCMODE | O_CREAT | O_TRUNC;

// clone() has its exit signal where CLONE_NEWTIME is, so that bit means nothing there.
constexpr std::uint32_t kNewNamespaces =
    CLONE_NEWNS | CLONE_NEWCGROUP | CLONE_NEWUTS | CLONE_NEWIPC | CLONE_NEWUSER | CLONE_NEWPID | CLONE_NEWNET;

constexpr std::uint32_t kInetFamilies = ~std::uint32_t{AF_INET ^ AF_INET6};  // leaves both as AF_INET
static_assert((AF_INET6 & kInetFamilies) == AF_INET);
constexpr std::uint32_t kSocketType = 0xf;  // the rest is SOCK_CLOEXEC and SOCK_NONBLOCK
constexpr std::uint32_t kSockDccp = 6;
constexpr std::uint32_t kSockPacket = 10;
constexpr std::uint32_t kRefusedElsewhere = 7;  // no socket type; in the list because 4 to 7 are one compare
constexpr std::uint32_t kFastOpen = 0x20000000;
constexpr int kIoprioWhoProcess = 1;
constexpr int kIoprioWhoUser = 3;

constexpr std::string_view kOldMounts = "The mounts of the instance stay as the policy made them.";
constexpr std::string_view kDebug = "A process that reads or writes another one's memory is that process.";
constexpr std::string_view kAdmin = "Administration of the machine is no business of an application.";
constexpr std::string_view kRing = "Operations in a ring are not seen by any filter; callers fall back to plain calls.";
constexpr std::string_view kKeys = "Kernel keyrings outlive the instance and have dropped Landlock domains.";
constexpr std::string_view kLauncher =
    "Nothing inside may stop, signal or throttle the process that enforces the rules.";
constexpr std::string_view kAsyncSignal = "A signal that a descriptor sends kills without kill().";
constexpr std::string_view kFastOpenWhy = "Data in the SYN connects without connect(); callers fall back to connect().";
constexpr std::string_view kDatagram =
    "A datagram goes wherever its address says; the supervisor sends it from its own copy.";
constexpr std::string_view kSourceRoute =
    "A source route sends a packet somewhere else than to the address that was judged.";
constexpr std::string_view kDevices = "A device node is a way to the disk around every mount.";
constexpr std::string_view kInodeFlags =
    "Landlock doesn't cover attributes that are set through a read-only descriptor.";
constexpr std::string_view kWrite = "Every write is attributed: who, where and what became of it.";
constexpr std::string_view kLook = "What one instance left and the next one looks for is missing in production.";
constexpr std::string_view kMetadata = "A change of metadata is a write, and Landlock doesn't cover it.";

#define CALL(name)    \
  Call {              \
    #name, SYS_##name \
  }

constexpr SyscallRow kRows[] = {
    // The filter itself.
    refuse(CALL(seccomp), EPERM, "P1 P10",
           "A listener of the app's own would answer for the supervisor once that is gone.",
           {one_of(0, {SECCOMP_SET_MODE_FILTER}), any_bit(1, SECCOMP_FILTER_FLAG_NEW_LISTENER)}),
    refuse(CALL(io_uring_setup), ENOSYS, "N22 N23 S31", kRing),
    refuse(CALL(io_uring_enter), ENOSYS, "N22 N23 S31", kRing),
    refuse(CALL(io_uring_register), ENOSYS, "N22 N23 S31", kRing),

    // Other processes' memory and descriptors.
    refuse(CALL(process_madvise), EPERM, "I7", kDebug),
    refuse(CALL(pidfd_getfd), EPERM, "I8 P6", "A descriptor taken from another process brings its connections."),
    refuse(CALL(kcmp), EPERM, "I7", kDebug, {}, Scope::debugging),
    refuse(CALL(userfaultfd), EPERM, "N41", "A page that the target serves itself holds the supervisor's read back."),
    refuse(CALL(keyctl), EPERM, "S32", kKeys),
    refuse(CALL(add_key), EPERM, "S32", kKeys),
    refuse(CALL(request_key), EPERM, "S32", kKeys),
    refuse(CALL(bpf), EPERM, "I10", kDebug),

    // Mounts and namespaces.
    refuse(CALL(mount), EPERM, "S19", kOldMounts),
    refuse(CALL(umount2), EPERM, "S19", kOldMounts),
    refuse(CALL(pivot_root), EPERM, "S19", kOldMounts),
    refuse(CALL(chroot), EPERM, "S29", kOldMounts),
    refuse(CALL(setns), EPERM, "S21 N30", "Another namespace has other mounts and other routes."),
    refuse(CALL(fsopen), EPERM, "S19", kOldMounts),
    refuse(CALL(fsconfig), EPERM, "S19", kOldMounts),
    refuse(CALL(fsmount), EPERM, "S19", kOldMounts),
    refuse(CALL(fspick), EPERM, "S19", kOldMounts),
    refuse(CALL(open_tree), EPERM, "S19", kOldMounts),
    refuse(CALL(open_tree_attr), EPERM, "S19", kOldMounts),
    refuse(CALL(move_mount), EPERM, "S19", kOldMounts),
    refuse(CALL(mount_setattr), EPERM, "S19", kOldMounts),
    refuse(CALL(unshare), EPERM, "N30 S20", "A new user namespace gives back the capabilities that were dropped.",
           {any_bit(0, kNewNamespaces | CLONE_NEWTIME)}),
    refuse(CALL(clone), EPERM, "N30 S20 P13",
           "A new user namespace gives back dropped capabilities; a sibling of the caller leaves its lineage.",
           {any_bit(0, kNewNamespaces | CLONE_PARENT)}),
    refuse(CALL(clone), EPERM, "I2",
           "A working directory shared with another process moves after the identity has been judged.",
           {masked(0, CLONE_FS | CLONE_THREAD, {CLONE_FS})}),
    refuse(CALL(clone3), ENOSYS, "N30 S20 P13", "Its flags are in memory; libc falls back to clone."),
    refuse(CALL(open_by_handle_at), EPERM, "S5", "A handle opens files that no path of the instance leads to."),

    // Identity.
    refuse(CALL(personality), EPERM, "I5",
           "Without random addresses two programs can't be told apart; a query may pass.",
           {any_bit(0, ADDR_NO_RANDOMIZE), other_than(0, 0xffffffff)}),
    refuse(CALL(prctl), EPERM, "I4", "A process could copy the app's identity into itself.", {one_of(0, {PR_SET_MM})}),

    // The machine.
    refuse(CALL(quotactl), EPERM, "S18", kAdmin),
    refuse(CALL(quotactl_fd), EPERM, "S18", kAdmin),
    refuse(CALL(swapon), EPERM, "S18", kAdmin),
    refuse(CALL(swapoff), EPERM, "S18", kAdmin),
    refuse(CALL(acct), EPERM, "S18", kAdmin),
    refuse(CALL(reboot), EPERM, "", kAdmin),
    refuse(CALL(kexec_load), EPERM, "", kAdmin),
    refuse(CALL(kexec_file_load), EPERM, "", kAdmin),
    refuse(CALL(init_module), EPERM, "", kAdmin),
    refuse(CALL(finit_module), EPERM, "", kAdmin),
    refuse(CALL(delete_module), EPERM, "", kAdmin),
    refuse(CALL(iopl), EPERM, "", kAdmin),
    refuse(CALL(ioperm), EPERM, "", kAdmin),
    refuse(CALL(settimeofday), EPERM, "", kAdmin),
    refuse(CALL(clock_settime), EPERM, "", kAdmin),
    refuse(CALL(fanotify_init), EPERM, "N41", "A permission event holds the supervisor's own file access back."),
    refuse(CALL(mknod), EPERM, "S13", kDevices, {masked(1, S_IFMT, {S_IFCHR, S_IFBLK})}),
    refuse(CALL(mknodat), EPERM, "S13", kDevices, {masked(2, S_IFMT, {S_IFCHR, S_IFBLK})}),

    // Sockets: families, types and protocols whose connects the supervisor can judge.
    refuse(CALL(socket), EAFNOSUPPORT, "N26 N27 N28", "Other families reach hosts past every rule about addresses.",
           {outside(0, {AF_UNIX, AF_INET, AF_INET6, AF_NETLINK})}),
    refuse(CALL(socket), EPERM, "N28", "Raw sockets carry a TCP of the caller's own making.",
           {masked(0, kInetFamilies, {AF_INET}), masked(1, kSocketType, {SOCK_RAW, kSockPacket})}),
    refuse(CALL(socket), ESOCKTNOSUPPORT, "N24 N26", "SCTP and DCCP connect without connect().",
           {masked(0, kInetFamilies, {AF_INET}),
            masked(1, kSocketType, {SOCK_RDM, SOCK_SEQPACKET, kSockDccp, kRefusedElsewhere})}),
    refuse(CALL(socket), EPROTONOSUPPORT, "N3 N24 N25 N26", "MPTCP, SMC and SCTP connect in ways that no rule sees.",
           {masked(0, kInetFamilies, {AF_INET}),
            outside(2, {IPPROTO_IP, IPPROTO_ICMP, IPPROTO_TCP, IPPROTO_UDP, IPPROTO_ICMPV6})}),
    refuse(CALL(socket), EPROTONOSUPPORT, "N29",
           "Of netlink, libc needs NETLINK_ROUTE; the rest administers the network.",
           {one_of(0, {AF_NETLINK}), outside(2, {0})}),
    refuse(CALL(socketpair), EAFNOSUPPORT, "N26", "Pairs exist for AF_UNIX; other families are refused as by socket.",
           {outside(0, {AF_UNIX})}),
    refuse(CALL(sendto), EOPNOTSUPP, "N2", kFastOpenWhy, {any_bit(3, kFastOpen)}),
    refuse(CALL(sendmsg), EOPNOTSUPP, "N3", kFastOpenWhy, {any_bit(2, kFastOpen)}),
    refuse(CALL(sendmmsg), EOPNOTSUPP, "N3", kFastOpenWhy, {any_bit(3, kFastOpen)}),

    refuse(CALL(setsockopt), EPERM, "N40", kSourceRoute, {one_of(1, {IPPROTO_IP}), one_of(2, {IP_OPTIONS})}),
    refuse(CALL(setsockopt), EPERM, "N40", kSourceRoute,
           {one_of(1, {IPPROTO_IPV6}), one_of(2, {IPV6_2292PKTOPTIONS, IPV6_RTHDR})}),

    // Terminals, inode attributes and signals by descriptor.
    refuse(CALL(ioctl), EPERM, "P14", "Typing into a terminal, or replacing its discipline, acts as its user.",
           {one_of(1, {TIOCSTI, TIOCLINUX, TIOCSETD})}),
    refuse(CALL(ioctl), EPERM, "S16", kInodeFlags,
           {one_of(1, {FS_IOC32_SETFLAGS, FS_IOC32_SETVERSION, FS_IOC_SETFLAGS,
                       _IOW('f', 4, long) /* ext4's own SETVERSION */, FS_IOC_SETVERSION, FS_IOC_FSSETXATTR,
                       FS_IOC_ENABLE_VERITY, FS_IOC_SET_ENCRYPTION_POLICY, FS_IOC_REMOVE_ENCRYPTION_KEY,
                       FS_IOC_REMOVE_ENCRYPTION_KEY_ALL_USERS, FS_IOC_ADD_ENCRYPTION_KEY})},
           Scope::container),
    refuse(CALL(ioctl), EPERM, "P3", kAsyncSignal, {one_of(1, {FIOSETOWN, SIOCSPGRP})}, Scope::container),
    refuse(CALL(fcntl), EPERM, "P3", kAsyncSignal, {one_of(1, {F_SETSIG, F_SETOWN_EX})}, Scope::container),
    refuse(CALL(fcntl), EPERM, "P3", kAsyncSignal, {one_of(1, {F_SETOWN}), at_protected_pid(2)}, Scope::shared_pids),
    refuse(CALL(fcntl), EPERM, "P3", kAsyncSignal, {one_of(1, {F_SETOWN}), at_protected_group(2)}, Scope::shared_pids),

    // The launcher, or the instance's init.
    refuse(CALL(kill), EPERM, "P2", kLauncher, {at_protected_pid(0)}),
    refuse(CALL(tkill), EPERM, "P2", kLauncher, {at_protected_pid(0)}),
    refuse(CALL(tgkill), EPERM, "P2", kLauncher, {at_protected_pid(0)}),
    refuse(CALL(rt_sigqueueinfo), EPERM, "P2", kLauncher, {at_protected_pid(0)}),
    refuse(CALL(rt_tgsigqueueinfo), EPERM, "P2", kLauncher, {at_protected_pid(0)}),
    refuse(CALL(pidfd_open), EPERM, "P2", kLauncher, {at_protected_pid(0)}),
    refuse(CALL(kill), EPERM, "P2", kLauncher, {one_of(0, {0xffffffff})}, Scope::shared_pids),
    refuse(CALL(kill), EPERM, "P2", kLauncher, {at_protected_group(0)}, Scope::shared_pids),
    refuse(CALL(pidfd_send_signal), ENOSYS, "P2",
           "A directory of /proc serves as pidfd, whatever process it is; runtimes fall back to kill.", {},
           Scope::shared_pids),
    refuse(CALL(prlimit64), EPERM, "P4", kLauncher, {at_protected_pid(0)}),
    refuse(CALL(prlimit64), EPERM, "P4", "A limit set on any thread of the launcher is a limit on the launcher.",
           {outside(0, {0}), outside(2, {0})}, Scope::shared_pids),
    refuse(CALL(sched_setaffinity), EPERM, "P5", kLauncher, {at_protected_pid(0)}),
    refuse(CALL(sched_setscheduler), EPERM, "P5", kLauncher, {at_protected_pid(0)}),
    refuse(CALL(sched_setparam), EPERM, "P5", kLauncher, {at_protected_pid(0)}),
    refuse(CALL(sched_setattr), EPERM, "P5", kLauncher, {at_protected_pid(0)}),
    refuse(CALL(ioprio_set), EPERM, "P5", kLauncher, {one_of(0, {kIoprioWhoProcess}), at_protected_pid(1)}),
    refuse(CALL(setpriority), EPERM, "P5", kLauncher, {one_of(0, {PRIO_PROCESS}), at_protected_pid(1)}),
    // The launcher has the app's user.
    refuse(CALL(setpriority), EPERM, "P5", kLauncher, {one_of(0, {PRIO_USER})}, Scope::shared_pids),
    refuse(CALL(ioprio_set), EPERM, "P5", kLauncher, {one_of(0, {kIoprioWhoUser})}, Scope::shared_pids),

    // Writes. Read-only opens, read, write and close are not notified: nothing is decided there.
    notify(CALL(open), NotifyKind::open, {.path = 0, .flags = 1, .follows = true}, "S1 S2", kWrite,
           {any_bit(1, kWritingFlags)}),
    notify(CALL(openat), NotifyKind::open, {.dirfd = 0, .path = 1, .flags = 2, .follows = true}, "S1 S2 S4", kWrite,
           {any_bit(2, kWritingFlags)}),
    notify(CALL(creat), NotifyKind::open, {.path = 0, .follows = true}, "S1", kWrite),
    notify(CALL(openat2), NotifyKind::open_how, {.dirfd = 0, .path = 1, .data = 2, .length = 3, .follows = true}, "S3",
           "Its flags are in memory, so every use is looked at."),
    notify(CALL(truncate), NotifyKind::truncate, {.path = 0, .follows = true}, "S2", kWrite),
    notify(CALL(rename), NotifyKind::rename, {.path = 0, .second_path = 1}, "S10 S11", kWrite),
    notify(CALL(renameat), NotifyKind::rename, {.dirfd = 0, .path = 1, .second_dirfd = 2, .second_path = 3}, "S10 S11",
           kWrite),
    notify(CALL(renameat2), NotifyKind::rename,
           {.dirfd = 0, .path = 1, .second_dirfd = 2, .second_path = 3, .flags = 4}, "S10 S11", kWrite),
    notify(CALL(link), NotifyKind::link, {.path = 0, .second_path = 1}, "S10 S11", kWrite),
    notify(CALL(linkat), NotifyKind::link, {.dirfd = 0, .path = 1, .second_dirfd = 2, .second_path = 3, .flags = 4},
           "S4 S10 S11", kWrite),
    notify(CALL(symlink), NotifyKind::symlink, {.path = 1}, "S10", kWrite),
    notify(CALL(symlinkat), NotifyKind::symlink, {.dirfd = 1, .path = 2}, "S10", kWrite),
    notify(CALL(unlink), NotifyKind::unlink, {.path = 0}, "S10", kWrite),
    notify(CALL(unlinkat), NotifyKind::unlink, {.dirfd = 0, .path = 1, .flags = 2}, "S10", kWrite),
    notify(CALL(rmdir), NotifyKind::remove_directory, {.path = 0}, "S10", kWrite),
    notify(CALL(mkdir), NotifyKind::make_directory, {.path = 0}, "S10", kWrite),
    notify(CALL(mkdirat), NotifyKind::make_directory, {.dirfd = 0, .path = 1}, "S10", kWrite),
    notify(CALL(mknod), NotifyKind::make_node, {.path = 0}, "S13", kWrite,
           {masked(1, S_IFMT, {0, S_IFIFO, S_IFREG, S_IFSOCK})}),
    notify(CALL(mknodat), NotifyKind::make_node, {.dirfd = 0, .path = 1}, "S13", kWrite,
           {masked(2, S_IFMT, {0, S_IFIFO, S_IFREG, S_IFSOCK})}),

    // Metadata.
    notify(CALL(chmod), NotifyKind::chmod, {.path = 0, .follows = true}, "S15", kMetadata),
    notify(CALL(fchmod), NotifyKind::chmod, {.fd = 0}, "S15", kMetadata),
    notify(CALL(fchmodat), NotifyKind::chmod, {.dirfd = 0, .path = 1, .follows = true}, "S15", kMetadata),
    notify(CALL(fchmodat2), NotifyKind::chmod, {.dirfd = 0, .path = 1, .flags = 3, .follows = true}, "S15", kMetadata),
    notify(CALL(chown), NotifyKind::chown, {.path = 0, .follows = true}, "S15", kMetadata),
    notify(CALL(lchown), NotifyKind::chown, {.path = 0}, "S15", kMetadata),
    notify(CALL(fchown), NotifyKind::chown, {.fd = 0}, "S15", kMetadata),
    notify(CALL(fchownat), NotifyKind::chown, {.dirfd = 0, .path = 1, .flags = 4, .follows = true}, "S15", kMetadata),
    notify(CALL(utime), NotifyKind::set_times, {.path = 0, .follows = true}, "S15", kMetadata),
    notify(CALL(utimes), NotifyKind::set_times, {.path = 0, .follows = true}, "S15", kMetadata),
    notify(CALL(futimesat), NotifyKind::set_times, {.dirfd = 0, .path = 1, .follows = true}, "S15", kMetadata),
    notify(CALL(utimensat), NotifyKind::set_times, {.dirfd = 0, .path = 1, .flags = 3, .follows = true}, "S15",
           kMetadata),
    notify(CALL(setxattr), NotifyKind::set_xattr, {.path = 0, .follows = true}, "S15 S30", kMetadata),
    notify(CALL(lsetxattr), NotifyKind::set_xattr, {.path = 0}, "S15 S30", kMetadata),
    notify(CALL(fsetxattr), NotifyKind::set_xattr, {.fd = 0}, "S15 S18 S30", kMetadata),
    notify(CALL(setxattrat), NotifyKind::set_xattr, {.dirfd = 0, .path = 1, .flags = 2, .follows = true}, "S15 S30",
           kMetadata),
    notify(CALL(removexattr), NotifyKind::remove_xattr, {.path = 0, .follows = true}, "S15", kMetadata),
    notify(CALL(lremovexattr), NotifyKind::remove_xattr, {.path = 0}, "S15", kMetadata),
    notify(CALL(fremovexattr), NotifyKind::remove_xattr, {.fd = 0}, "S15", kMetadata),
    notify(CALL(removexattrat), NotifyKind::remove_xattr, {.dirfd = 0, .path = 1, .flags = 2, .follows = true}, "S15",
           kMetadata),
    notify(CALL(file_setattr), NotifyKind::set_attributes, {.dirfd = 0, .path = 1, .flags = 4, .follows = true},
           "S15 S16", kMetadata),

    // Connections and identity.
    notify(CALL(bind), NotifyKind::bind, {.fd = 0, .data = 1, .length = 2}, "N14 S10",
           "A replica shares its port, and a path socket is a file."),
    notify(CALL(connect), NotifyKind::connect, {.fd = 0, .data = 1, .length = 2}, "N1 N4 N9 N16",
           "The supervisor connects on behalf, from its own copy of the address."),
    notify(CALL(listen), NotifyKind::listen, {.fd = 0}, "N15", "Listeners are counted, balanced and known by port."),
    notify(CALL(set_tid_address), NotifyKind::new_image, {}, "I1 I2 I19",
           "The first call of libc after an exec: the image is new and nothing has run yet."),
    notify(CALL(socket), NotifyKind::socket, {}, "N1 N16",
           "The broker makes the socket and keeps a duplicate to connect.", {one_of(0, {AF_UNIX})}, Scope::broker),
    notify(CALL(socket), NotifyKind::socket, {}, "N1", "The broker makes the socket and keeps a duplicate to connect.",
           {masked(0, kInetFamilies, {AF_INET}), masked(1, kSocketType, {SOCK_STREAM, SOCK_DGRAM}),
            one_of(2, {IPPROTO_IP, IPPROTO_ICMP, IPPROTO_TCP, IPPROTO_UDP, IPPROTO_ICMPV6})},
           Scope::broker),

    // Refused, but by the supervisor, which says to whom and why.
    notify(CALL(ptrace), NotifyKind::debug, {}, "I7 I10 P6 P10", kDebug, {}, Scope::debugging),
    notify(CALL(process_vm_readv), NotifyKind::debug, {}, "I7", kDebug, {}, Scope::debugging),
    notify(CALL(process_vm_writev), NotifyKind::debug, {}, "I7", kDebug, {}, Scope::debugging),
    notify(CALL(perf_event_open), NotifyKind::debug, {}, "I10", kDebug),
    notify(CALL(ioctl), NotifyKind::terminal, {.fd = 0}, "P20 P21", "A terminal is what a login needs.",
           {one_of(1, {TIOCSCTTY, TIOCGPTPEER, TIOCSPTLCK, TIOCGPTN})}, Scope::terminals),

    // Datagrams with an address of their own, which no connect has shown. MSG_FASTOPEN is refused above.
    notify(CALL(sendto), NotifyKind::send, {.fd = 0, .data = 4, .length = 5}, "N32", kDatagram,
           {masked(3, kFastOpen, {0}), outside(4, {0})}, Scope::egress),
    notify(CALL(sendmsg), NotifyKind::send, {.fd = 0, .data = 1}, "N32", kDatagram, {masked(2, kFastOpen, {0})},
           Scope::egress),
    notify(CALL(sendmmsg), NotifyKind::send, {.fd = 0, .data = 1, .length = 2}, "N32", kDatagram,
           {masked(3, kFastOpen, {0})}, Scope::egress),
    // Reads, in a rehearsal only. exec is left out: its caller is about to become another image.
    notify(CALL(open), NotifyKind::open, {.path = 0, .flags = 1, .follows = true}, "", kLook,
           {masked(1, kWritingFlags, {0})}, Scope::rehearsal),
    notify(CALL(openat), NotifyKind::open, {.dirfd = 0, .path = 1, .flags = 2, .follows = true}, "", kLook,
           {masked(2, kWritingFlags, {0})}, Scope::rehearsal),
    notify(CALL(stat), NotifyKind::look, {.path = 0, .follows = true}, "", kLook, {}, Scope::rehearsal),
    notify(CALL(lstat), NotifyKind::look, {.path = 0}, "", kLook, {}, Scope::rehearsal),
    notify(CALL(newfstatat), NotifyKind::look, {.dirfd = 0, .path = 1, .flags = 3, .follows = true}, "", kLook,
           {masked(3, AT_EMPTY_PATH, {0})}, Scope::rehearsal),
    notify(CALL(statx), NotifyKind::look, {.dirfd = 0, .path = 1, .flags = 2, .follows = true}, "", kLook,
           {masked(2, AT_EMPTY_PATH, {0})}, Scope::rehearsal),
    notify(CALL(access), NotifyKind::look, {.path = 0, .follows = true}, "", kLook, {}, Scope::rehearsal),
    notify(CALL(faccessat), NotifyKind::look, {.dirfd = 0, .path = 1, .follows = true}, "", kLook, {},
           Scope::rehearsal),
    notify(CALL(faccessat2), NotifyKind::look, {.dirfd = 0, .path = 1, .flags = 3, .follows = true}, "", kLook, {},
           Scope::rehearsal),
    notify(CALL(readlink), NotifyKind::look, {.path = 0}, "", kLook, {}, Scope::rehearsal),
    notify(CALL(readlinkat), NotifyKind::look, {.dirfd = 0, .path = 1}, "", kLook, {}, Scope::rehearsal),
    notify(CALL(chdir), NotifyKind::look, {.path = 0, .follows = true}, "", kLook, {}, Scope::rehearsal),
};

#undef CALL

constexpr std::size_t kNumbers = 512;

// Number -> row + 1: the supervisor looks a row up for every notification.
constexpr auto kNotifyIndex = [] {
  std::array<std::uint8_t, kNumbers> index{};
  static_assert(std::size(kRows) < 255);
  for (std::size_t row = std::size(kRows); row-- > 0;) {
    if (kRows[row].action != Action::notify) continue;
    index.at(static_cast<std::size_t>(kRows[row].number)) = static_cast<std::uint8_t>(row + 1);
  }
  return index;
}();

std::string hex(std::uint32_t value) {
  constexpr std::string_view kDigits = "0123456789abcdef";
  if (value < 10) return std::to_string(value);
  std::string text;
  for (; value != 0; value >>= 4) text.insert(text.begin(), kDigits[value & 0xf]);
  return "0x" + text;
}

std::string value_list(const Condition& condition) {
  std::string text;
  for (std::size_t at = 0; at < condition.value_count; ++at) {
    if (at > 0) text += ", ";
    text += hex(condition.values.at(at));
  }
  return text;
}

std::string describe(const Condition& condition) {
  const std::string arg = "arg " + std::to_string(condition.arg);
  switch (condition.op) {
    case Op::none: break;
    case Op::one_of: {
      const std::string masked = condition.mask == 0xffffffff ? arg : arg + " & " + hex(condition.mask);
      return masked + (condition.value_count == 1 ? " is " : " is one of ") + value_list(condition);
    }
    case Op::any_bit: return arg + " & " + hex(condition.mask) + " is not 0";
    case Op::other_than: return arg + " is not " + hex(condition.mask);
    case Op::outside: return arg + " is none of " + value_list(condition);
    case Op::protected_pid: return arg + " is the protected pid";
    case Op::protected_group: return arg + " is minus the protected pid";
  }
  return {};
}

std::string_view describe(Scope scope) {
  switch (scope) {
    case Scope::both: return "both modes";
    case Scope::container: return "container mode";
    case Scope::shared_pids: return "launcher's pid visible";
    case Scope::broker: return "socket broker";
    case Scope::egress: return "network.egress: deny";
    case Scope::rehearsal: return "rehearsal";
    case Scope::terminals: return "no terminals";
    case Scope::debugging: return "access.debug: deny";
  }
  return {};
}
}  // namespace

std::span<const SyscallRow> syscall_table() noexcept {
  return kRows;
}

const NotifyRow* notify_row(int number) noexcept {
  if (number < 0 || static_cast<std::size_t>(number) >= kNumbers) return nullptr;
  const std::size_t place = kNotifyIndex[static_cast<std::size_t>(number)];
  return place == 0 ? nullptr : &kRows[place - 1];
}

std::string syscall_table_markdown() {
  std::string text = "| call | when | answer | where | why | corpus |\n|---|---|---|---|---|---|\n";
  for (const SyscallRow& row : kRows) {
    std::string when;
    for (const Condition& condition : row.conditions) {
      if (condition.op == Op::none) continue;
      if (!when.empty()) when += " and ";
      when += describe(condition);
    }
    const std::string answer = row.action == Action::notify ? "notify" : ::strerrorname_np(row.errnum);
    text += "| `" + std::string(row.name) + "` | " + (when.empty() ? "always" : when) + " | " + answer + " | ";
    text += std::string(describe(row.scope)) + " | " + std::string(row.why) + " | " + std::string(row.corpus) + " |\n";
  }
  return text;
}

}  // namespace cofferdam::kernel
