// Ways to stop, blind or exhaust the launcher (corpus, Process and supervisor). Pid 1 is the instance's init or the
// launcher itself; without cofferdam these cases are aimed at LAUNCHER, a process that the runner gives them.
#define _GNU_SOURCE
#include <errno.h>
#include <fcntl.h>
#include <linux/filter.h>
#include <linux/seccomp.h>
#include <netinet/in.h>
#include <pthread.h>
#include <sched.h>
#include <signal.h>
#include <spawn.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/prctl.h>
#include <sys/ptrace.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/time.h>
#include <sys/un.h>
#include <sys/wait.h>
#include <unistd.h>

#include "attack.h"

static pid_t launcher(void) {
  return number_of("LAUNCHER");
}
static int ok(long returned) {
  return returned == 0;
}

static enum outcome own_listener(void) {
  struct sock_filter allow = {BPF_RET | BPF_K, 0, 0, SECCOMP_RET_ALLOW};
  const struct sock_fprog program = {1, &allow};
  prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0);
  return blocked_unless(syscall(SYS_seccomp, SECCOMP_SET_MODE_FILTER, SECCOMP_FILTER_FLAG_NEW_LISTENER, &program) >= 0);
}
static enum outcome kill_launcher(void) {
  return blocked_unless(ok(kill(launcher(), SIGCONT)));
}
static enum outcome tgkill_launcher(void) {
  return blocked_unless(ok(syscall(SYS_tgkill, launcher(), launcher(), SIGCONT)));
}
static enum outcome queue_signal(void) {
  const union sigval value = {0};
  return blocked_unless(ok(sigqueue(launcher(), SIGCONT, value)));
}
static enum outcome pidfd_signal(void) {
  char path[64];
  snprintf(path, sizeof path, "/proc/%d", launcher());
  const int directory = open(path, O_RDONLY | O_DIRECTORY);
  return blocked_unless(ok(syscall(SYS_pidfd_send_signal, directory, SIGCONT, NULL, 0)));
}
// The process group that the launcher was started in, where that has another leader.
static enum outcome kill_group(void) {
  return blocked_unless(ok(kill(-number_of("LAUNCHER_GROUP"), SIGCONT)));
}
static enum outcome kill_high_bits(void) {
  return blocked_unless(ok(syscall(SYS_kill, 1L << 40 | launcher(), (long)SIGCONT)));
}
// The kernel sends the signal when the pipe has something.
static enum outcome signal_by_descriptor(void) {
  int ends[2];
  if (pipe(ends) != 0) return UNSUPPORTED;
  if (fcntl(ends[0], F_SETOWN, launcher()) != 0 || fcntl(ends[0], F_SETSIG, SIGCONT) != 0) return BLOCKED;
  return blocked_unless(ok(fcntl(ends[0], F_SETFL, O_ASYNC)));
}
static enum outcome limit_launcher(void) {
  const struct rlimit limit = {1 << 20, 1 << 20};
  return blocked_unless(ok(prlimit(launcher(), RLIMIT_STACK, &limit, NULL)));
}
static enum outcome pin_launcher(void) {
  cpu_set_t cpus;
  CPU_ZERO(&cpus);
  CPU_SET(0, &cpus);
  return blocked_unless(ok(sched_setaffinity(launcher(), sizeof cpus, &cpus)));
}
static enum outcome idle_launcher(void) {
  const struct sched_param parameter = {0};
  return blocked_unless(ok(sched_setscheduler(launcher(), SCHED_IDLE, &parameter)));
}
static enum outcome nice_launcher(void) {
  const int before = getpriority(PRIO_PROCESS, (id_t)launcher());
  setpriority(PRIO_USER, getuid(), before < 19 ? before + 1 : before);  // whoever has our uid
  return blocked_unless(getpriority(PRIO_PROCESS, (id_t)launcher()) != before);
}
static enum outcome ioprio_launcher(void) {
  return blocked_unless(ok(syscall(SYS_ioprio_set, 1, launcher(), 3 << 13)));
}
static enum outcome trace_launcher(void) {
  return blocked_unless(ok(ptrace(PTRACE_SEIZE, launcher(), 0, 0)));
}
static enum outcome read_descriptors(void) {
  char path[64];
  // Names alone are harmless; where they lead to is not.
  char to[64];
  int read_any = 0;
  for (int number = 0; number < 64; ++number) {
    snprintf(path, sizeof path, "/proc/%d/fd/%d", launcher(), number);
    read_any |= readlink(path, to, sizeof to) > 0 || open(path, O_RDONLY | O_NONBLOCK) >= 0;
  }
  return blocked_unless(read_any);
}
static enum outcome open_memory(void) {
  char path[64];
  snprintf(path, sizeof path, "/proc/%d/mem", launcher());
  return blocked_unless(open(path, O_RDONLY) >= 0);
}

// --- foreign ways into the kernel ------------------------------------------------------------------------------------

static enum outcome old_gate(void) {  // 20 is getpid for i386
  long result = 0;
  __asm__ volatile("int $0x80" : "=a"(result) : "a"(20L) : "memory");
  if (result == -ENOSYS) {
    errno = ENOSYS;
    return UNSUPPORTED;
  }
  return blocked_unless(result > 0);
}
static enum outcome x32(void) {
  errno = 0;
  const long pid = syscall(0x40000000 | SYS_getpid);
  return errno == ENOSYS ? BLOCKED : blocked_unless(pid > 0);
}
static enum outcome sibling(void) {
  const long child = syscall(SYS_clone, CLONE_PARENT | SIGCHLD, 0, 0, 0, 0);
  if (child == 0) _exit(0);
  return blocked_unless(child > 0);
}
static enum outcome type_into_terminal(void) {
  const int master = open("/dev/ptmx", O_RDWR | O_NOCTTY);
  const char letter = 'x';
  if (ioctl(master < 0 ? 0 : master, TIOCSTI, &letter) == 0) return SUCCEEDED;
  return errno == EIO ? UNSUPPORTED : BLOCKED;  // EIO: this kernel has it switched off
}
static enum outcome discipline(void) {
  const int master = open("/dev/ptmx", O_RDWR | O_NOCTTY);
  const int plain = 0;
  return blocked_unless(ok(ioctl(master < 0 ? 0 : master, TIOCSETD, &plain)));
}

// --- logins ------------------------------------------------------------------------------------------------------------

// The slave of a new terminal; its master is opened with `flags`.
static int new_terminal(int flags) {
  const int master = open("/dev/ptmx", flags | O_NOCTTY);
  const int unlock = 0;
  if (master < 0 || ioctl(master, TIOCSPTLCK, &unlock) != 0) return -1;
  return ioctl(master, TIOCGPTPEER, O_RDWR | O_NOCTTY);
}
static enum outcome open_terminal(void) {
  return blocked_unless(new_terminal(O_RDWR) >= 0);
}
static enum outcome open_terminal_for_reading(void) {
  return blocked_unless(new_terminal(O_RDONLY) >= 0);
}
static enum outcome open_slave(void) {
  const int master = posix_openpt(O_RDWR | O_NOCTTY);
  if (master < 0 || unlockpt(master) != 0) return BLOCKED;
  char name[64];
  return blocked_unless(ptsname_r(master, name, sizeof name) == 0 && open(name, O_RDWR | O_NOCTTY) >= 0);
}
static enum outcome take_terminal(void) {
  const pid_t leader = fork();  // a group's leader can't begin a session
  if (leader == 0) {
    setsid();
    signal(SIGHUP, SIG_IGN);
    const int slave = new_terminal(O_RDWR);
    _exit(slave >= 0 && ok(ioctl(slave, TIOCSCTTY, 0)) && open("/dev/tty", O_RDWR) >= 0 ? 0 : 1);
  }
  int status = 0;
  waitpid(leader, &status, 0);
  return blocked_unless(status == 0);
}

// A shell whose input and output are one end of a connection over the network; we are at the other end and type.
static enum outcome shell_on(int socket_of_shell, int other, const char* program, char* const* arguments) {
  const pid_t shell = fork();
  if (shell == 0) {
    for (int number = 0; number < 3; ++number) dup2(socket_of_shell, number);
    execv(program, arguments);
    _exit(1);
  }
  close(socket_of_shell);
  const char line[] = "echo typed-$((40+2))\nexit\n";
  char seen[512] = "";
  size_t length = 0;
  if (write(other, line, sizeof line - 1) < 0) return BLOCKED;
  for (ssize_t got = 1; got > 0 && length + 1 < sizeof seen; length += got > 0 ? (size_t)got : 0) {
    got = read(other, seen + length, sizeof seen - 1 - length);
  }
  waitpid(shell, NULL, 0);
  return blocked_unless(strstr(seen, "typed-42") != NULL);
}
static int network_pair(int ends[2]) {
  struct sockaddr_in address = {.sin_family = AF_INET, .sin_addr = {htonl(INADDR_LOOPBACK)}};
  socklen_t length = sizeof address;
  const int listener = socket(AF_INET, SOCK_STREAM, 0);
  if (bind(listener, (struct sockaddr*)&address, length) != 0 || listen(listener, 1) != 0) return -1;
  getsockname(listener, (struct sockaddr*)&address, &length);
  ends[0] = socket(AF_INET, SOCK_STREAM, 0);
  if (connect(ends[0], (struct sockaddr*)&address, length) != 0) return -1;
  ends[1] = accept(listener, NULL, NULL);
  return ends[1] < 0 ? -1 : 0;
}
static enum outcome reverse_shell(void) {
  int ends[2];
  char* arguments[] = {"worker", NULL};
  return network_pair(ends) != 0 ? UNSUPPORTED : shell_on(ends[0], ends[1], "/bin/sh", arguments);
}
static enum outcome interactive_shell(void) {
  int ends[2];
  char* arguments[] = {"sh", "-i", NULL};
  if (socketpair(AF_UNIX, SOCK_STREAM, 0, ends) != 0) return UNSUPPORTED;
  return shell_on(ends[0], ends[1], "/bin/sh", arguments);
}

static enum outcome listen_on(int family, unsigned short port) {
  const int fd = socket(family, SOCK_STREAM, 0);
  const int yes = 1;
  setsockopt(fd, SOL_SOCKET, SO_REUSEADDR, &yes, sizeof yes);
  setsockopt(fd, SOL_SOCKET, SO_REUSEPORT, &yes, sizeof yes);
  struct sockaddr_in four = {.sin_family = AF_INET, .sin_port = htons(port), .sin_addr = {htonl(0x7f000009)}};
  struct sockaddr_in6 six = {.sin6_family = AF_INET6, .sin6_port = htons(port), .sin6_addr = IN6ADDR_LOOPBACK_INIT};
  const int bound = family == AF_INET ? bind(fd, (struct sockaddr*)&four, sizeof four)
                                      : bind(fd, (struct sockaddr*)&six, sizeof six);
  return blocked_unless(ok(bound) && ok(listen(fd, 1)));
}
static enum outcome listen_for_ssh(void) {
  return listen_on(AF_INET, 22);
}
static enum outcome listen_for_telnet(void) {
  return listen_on(AF_INET6, 23);
}
static struct sockaddr_in raced_address = {.sin_family = AF_INET, .sin_addr = {0x0900007f}};
static void* flip_port(void* unused) {
  while (!stop) {
    *(volatile unsigned short*)&raced_address.sin_port = htons(22);
    *(volatile unsigned short*)&raced_address.sin_port = 0;
  }
  return unused;
}
static enum outcome listen_in_a_race(void) {
  int won = 0;
  start_flipping(flip_port);
  while (racing() && !won) {
    struct sockaddr_in got;
    socklen_t length = sizeof got;
    const int fd = socket(AF_INET, SOCK_STREAM, 0);
    if (bind(fd, (struct sockaddr*)&raced_address, sizeof raced_address) == 0 && listen(fd, 1) == 0 &&
        getsockname(fd, (struct sockaddr*)&got, &length) == 0) {
      won = got.sin_port == htons(22);
    }
    close(fd);
  }
  stop_flipping();
  return blocked_unless(won);
}

// A copy of this program with the set-user-id bit of somebody else, made by the runner when it is root.
static enum outcome raised(void) {
  if (getenv("RAISED") != NULL) return blocked_unless(geteuid() == 65534);
  if (access(text_of("RAISED_PROGRAM"), X_OK) != 0) return UNSUPPORTED;
  setenv("RAISED", "1", 1);
  execl(text_of("RAISED_PROGRAM"), "attack", case_name, (char*)NULL);
  return BLOCKED;
}

// --- storms: SUCCEEDED means that the launcher did its work all the same ---------------------------------------------

static void nothing(int signal) {
  (void)signal;
}
static enum outcome signal_storm(void) {
  const struct sigaction action = {.sa_handler = nothing, .sa_flags = SA_RESTART};
  sigaction(SIGALRM, &action, NULL);
  const struct itimerval often = {{0, 500}, {0, 500}};
  setitimer(ITIMER_REAL, &often, NULL);
  for (int i = 0; i < 200; ++i) {
    const int fd = socket(AF_INET, SOCK_STREAM, 0);
    const int file = open(scratch("storm"), O_CREAT | O_WRONLY, 0644);
    if (fd < 0 || file < 0 || connect_to(fd, "127.0.0.1", number_of("OPEN_PORT")) != 0) return BLOCKED;
    close(fd);
    close(file);
  }
  return SUCCEEDED;
}
static void* spawn_some(void* failed) {
  char* arguments[] = {"attack", "none", NULL};
  char* environment[] = {NULL};
  for (int i = 0; i < 25; ++i) {
    pid_t child = 0;
    if (posix_spawn(&child, "/proc/self/exe", NULL, NULL, arguments, environment) != 0) *(int*)failed = 1;
    if (child > 0) waitpid(child, NULL, 0);
  }
  return NULL;
}
static enum outcome exec_storm(void) {
  int failed = 0;
  pthread_t threads[4];
  const int null = open("/dev/null", O_WRONLY);
  const int out = dup(2);
  dup2(null, 2);
  for (int i = 0; i < 4; ++i) pthread_create(&threads[i], NULL, spawn_some, &failed);
  for (int i = 0; i < 4; ++i) pthread_join(threads[i], NULL);
  dup2(out, 2);
  return blocked_unless(!failed);
}
// Arguments that point nowhere, are too long or are no text: the launcher refuses them and lives.
static enum outcome nonsense(void) {
  static char longest[1 << 20];
  memset(longest, '/', sizeof longest - 1);
  const void* pointers[] = {NULL, (void*)1, (void*)~0UL, (void*)0xffff800000000000UL, longest};
  const int calls[] = {SYS_open,   SYS_creat, SYS_truncate, SYS_rename,   SYS_link,      SYS_symlink,
                       SYS_unlink, SYS_rmdir, SYS_mkdir,    SYS_chmod,    SYS_chown,     SYS_utime,
                       SYS_utimes, SYS_mknod, SYS_lchown,   SYS_setxattr, SYS_lsetxattr, SYS_removexattr};
  const int fd = socket(AF_UNIX, SOCK_STREAM, 0);
  for (size_t i = 0; i < sizeof pointers / sizeof *pointers; ++i) {
    for (size_t k = 0; k < sizeof calls / sizeof *calls; ++k) {
      syscall(calls[k], pointers[i], O_WRONLY, pointers[i], ~0UL, 0);
    }
    syscall(SYS_openat2, AT_FDCWD, "/", pointers[i], ~0UL);
    syscall(SYS_setxattr, "/", "user.x", pointers[i], ~0UL, 0);
    for (unsigned length = 0; length < 300; length += 11) {
      syscall(SYS_connect, fd, pointers[i], length);
      syscall(SYS_bind, fd, pointers[i], length);
    }
    syscall(SYS_set_tid_address, pointers[i]);
  }
  syscall(SYS_connect, -1, "", 2);
  syscall(SYS_listen, 12345, 1);
  return blocked_unless(open(scratch("after"), O_CREAT | O_WRONLY, 0644) >= 0);
}
// Somebody else's sockets must not cost the app its own.
static enum outcome many_sockets(void) {
  const pid_t hog = fork();
  if (hog == 0) {
    setpgid(0, 0);
    for (int i = 0; i < 4; ++i) {
      if (fork() == 0) break;
    }
    for (int i = 0; i < 2000; ++i) socket(AF_INET, SOCK_STREAM, 0);
    sleep(3);
    _exit(0);
  }
  sleep(1);
  const int fd = socket(AF_INET, SOCK_STREAM, 0);
  const int connected = fd >= 0 && connect_to(fd, "127.0.0.1", number_of("OPEN_PORT")) == 0;
  const int file = open(scratch("beside"), O_CREAT | O_WRONLY, 0644);
  kill(-hog, SIGKILL);
  return blocked_unless(connected && file >= 0);
}
// A socket is made blocking between the launcher's look and its connect, which then waits for a listener that never
// accepts. Whoever asks for anything afterwards waits with it.
static int raced_fd;
static void* make_blocking(void* unused) {
  while (!stop) fcntl(raced_fd, F_SETFL, 0);
  return unused;
}
static void* keep_connecting(void* address) {
  while (!stop) {
    fcntl(raced_fd, F_SETFL, O_NONBLOCK);
    connect(raced_fd, address, sizeof(struct sockaddr_un));
  }
  return NULL;
}
static enum outcome blocked_connect(void) {
  struct sockaddr_un address = {.sun_family = AF_UNIX};
  snprintf(address.sun_path, sizeof address.sun_path, "%s", scratch("full"));
  unlink(address.sun_path);
  const int listener = socket(AF_UNIX, SOCK_STREAM, 0);
  if (bind(listener, (struct sockaddr*)&address, sizeof address) != 0 || listen(listener, 0) != 0) return UNSUPPORTED;
  connect(socket(AF_UNIX, SOCK_STREAM, 0), (struct sockaddr*)&address, sizeof address);
  raced_fd = socket(AF_UNIX, SOCK_STREAM | SOCK_NONBLOCK, 0);
  pthread_t threads[3];
  pthread_create(&threads[0], NULL, keep_connecting, &address);
  for (int i = 1; i < 3; ++i) pthread_create(&threads[i], NULL, make_blocking, NULL);
  usleep(1500000);
  stop = 1;
  return blocked_unless(open(scratch("answered"), O_CREAT | O_WRONLY, 0644) >= 0);
}
static enum outcome orphan(void) {
  if (fork() == 0) {
    setsid();
    if (fork() == 0) {
      signal(SIGTERM, SIG_IGN);
      for (;;) pause();
    }
    _exit(0);
  }
  wait(NULL);
  return SUCCEEDED;
}

const struct attack process_attacks[] = {
    {"P1", own_listener},
    {"P2", kill_launcher},
    {"P2b", tgkill_launcher},
    {"P2c", queue_signal},
    {"P2d", pidfd_signal},
    {"P2e", kill_high_bits},
    {"P11c", kill_group},
    {"P3", signal_by_descriptor},
    {"P4", limit_launcher},
    {"P5", pin_launcher},
    {"P5b", idle_launcher},
    {"P5c", nice_launcher},
    {"P5d", ioprio_launcher},
    {"P6", trace_launcher},
    {"P6b", open_memory},
    {"P7", old_gate},
    {"P7b", x32},
    {"P11", orphan},
    {"P12", many_sockets},
    {"P12b", blocked_connect},
    {"P13", sibling},
    {"P14", type_into_terminal},
    {"P14b", discipline},
    {"P15", raised},
    {"P16", signal_storm},
    {"P17", exec_storm},
    {"P18", nonsense},
    {"P19", read_descriptors},
    {"P20", open_terminal},
    {"P20b", open_terminal_for_reading},
    {"P20c", open_slave},
    {"P20d", take_terminal},
    {"P21", reverse_shell},
    {"P21b", interactive_shell},
    {"P22", listen_for_ssh},
    {"P22b", listen_for_telnet},
    {"P22c", listen_in_a_race},
    {NULL, NULL},
};
