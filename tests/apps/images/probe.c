/* The application of the image tests: one file, no library but libc, so that it runs from glibc, musl and nothing.
 *
 *   probe                    looks at what it was given and prints it as one line
 *   probe connect            exits with the errno of a connection to 127.0.0.1:5432
 *   probe exit N | kill N    ends so
 *   probe serve              says "serving"; each signal is told, SIGTERM ends it with 7 after 300 ms
 *   probe daemons            leaves three daemons behind, one that is stopped and one that ignores SIGTERM; exits with 3
 *   probe inherited          prints which signals are blocked and ignored
 *   probe survivor           a daemon writes to /tmp/survivor, again and again, what its calls are answered with
 *   probe answer             serves one visitor of the socket at descriptor 3, by LISTEN_PID and LISTEN_FDS
 *
 * Before another program:
 *
 *   probe inherit PROGRAM...   with SIGUSR1 blocked and SIGHUP ignored
 *   probe activate PROGRAM...  with a listening socket at descriptor 3, as systemd does
 *   probe bare PROGRAM...      with neither a standard input nor a variable
 */
#include <arpa/inet.h>
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>

static struct sockaddr_in at(int port) {
  struct sockaddr_in address = {.sin_family = AF_INET, .sin_port = htons(port)};
  address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
  return address;
}

static int listen_at(int port) {
  struct sockaddr_in address = at(port);
  int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
  if (fd < 0 || bind(fd, (struct sockaddr *)&address, sizeof address) != 0 || listen(fd, 64) != 0) return -errno;
  return fd;
}

/* The errno of the connection. */
static int connect_to(int port) {
  struct sockaddr_in address = at(port);
  int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
  int error = fd < 0 || connect(fd, (struct sockaddr *)&address, sizeof address) != 0 ? errno : 0;
  close(fd);
  return error;
}

static int write_at(const char *path) {
  int fd = open(path, O_WRONLY | O_CREAT | O_CLOEXEC, 0644);
  int error = fd < 0 || write(fd, "x\n", 2) != 2 ? errno : 0;
  close(fd);
  return error;
}

static void sleep_ms(int milliseconds) { usleep(1000 * milliseconds); }

/* Runs this program once more, with one argument; its exit status. */
static int run_myself(const char *argument) {
  pid_t child = fork();
  if (child == 0) {
    char *argv[] = {"probe", (char *)argument, NULL};
    execv("/proc/self/exe", argv);
    _exit(250);
  }
  int status = 0;
  waitpid(child, &status, 0);
  return WIFEXITED(status) ? WEXITSTATUS(status) : 251;
}

/* Processes that have ended and that their parent, `parent`, has not waited for. */
static int zombies_of(pid_t parent) {
  int count = 0;
  DIR *proc = opendir("/proc");
  for (struct dirent *entry; proc != NULL && (entry = readdir(proc)) != NULL;) {
    char path[300], line[512] = "", state = '?';
    int its_parent = 0;
    snprintf(path, sizeof path, "/proc/%s/stat", entry->d_name);
    FILE *file = fopen(path, "re");
    if (file == NULL) continue;
    char *rest = fgets(line, sizeof line, file) != NULL ? strrchr(line, ')') : NULL;
    if (rest != NULL && sscanf(rest, ") %c %d", &state, &its_parent) == 2 && state == 'Z' && its_parent == parent) ++count;
    fclose(file);
  }
  if (proc != NULL) closedir(proc);
  return count;
}

/* 50 processes whose parent ends before them. Whether the launcher has adopted the last one. */
static int leave_orphans(void) {
  int told[2], launcher = getppid(), adopted = 0;
  if (pipe(told) != 0) return 0;
  for (int number = 0; number < 50; ++number) {
    pid_t middle = fork();
    if (middle == 0) {
      if (fork() == 0) {
        for (int wait = 0; wait < 200 && getppid() != launcher; ++wait) sleep_ms(5);
        char byte = getppid() == launcher ? 'y' : 'n';
        if (write(told[1], &byte, 1) != 1) _exit(1);
      }
      _exit(0);
    }
    waitpid(middle, NULL, 0);
  }
  for (int number = 0; number < 50; ++number) {
    char byte = 'n';
    if (read(told[0], &byte, 1) == 1 && byte == 'y') ++adopted;
  }
  return adopted;
}

static const char *kind_of_stdin(void) {
  char byte;
  if (isatty(0)) return "terminal";
  return read(0, &byte, 1) > 0 ? "text" : "empty";
}

static int look(void) {
  char directory[256] = "?";
  const char *home = getenv("HOME");
  int tmp = write_at("/tmp/written"), shm = write_at("/dev/shm/written"), disk = write_at("/data/written");
  int listener = listen_at(5432), app = connect_to(5432), forked = 255, adopted = leave_orphans(), zombies = 1;
  pid_t child = fork();
  if (child == 0) _exit(connect_to(5432));
  int status = 0;
  if (waitpid(child, &status, 0) == child) forked = WEXITSTATUS(status);
  int executed = run_myself("connect");
  for (int wait = 0; wait < 100 && (zombies = zombies_of(getppid())) != 0; ++wait) sleep_ms(10);
  printf("probe: uid=%d:%d cwd=%s home=%s tmp=%d shm=%d disk=%d listens=%d app=%d forked=%d executed=%d adopted=%d "
         "zombies=%d stdin=%s parent=%s.\n",
         getuid(), getgid(), getcwd(directory, sizeof directory), home == NULL ? "unset" : home, tmp, shm, disk,
         listener >= 0, app, forked, executed, adopted, zombies, kind_of_stdin(), getppid() == 1 ? "init" : "other");
  return 0;
}

static void tell(int number) {
  char text[] = "signal 00\n";
  text[7] = '0' + number / 10;
  text[8] = '0' + number % 10;
  if (write(1, text, sizeof text - 1) < 0) _exit(9);
}

static volatile sig_atomic_t terminated;
static void on_signal(int number) {
  tell(number);
  if (number == SIGTERM) terminated = 1;
}

static int serve(void) {
  struct sigaction action = {.sa_handler = on_signal};
  for (int number = 1; number < 16; ++number) {
    if (number != SIGKILL && number != SIGSEGV) sigaction(number, &action, NULL);
  }
  puts("serving");
  fflush(stdout);
  while (!terminated) pause();
  sleep_ms(300);
  puts("ends well");
  return 7;
}

static void end_late(int number) {
  (void)number;
  sleep_ms(200);
  if (write(1, "daemon ends\n", 12) < 0) _exit(1);
  _exit(0);
}

static int leave_daemons(void) {
  enum { willing, stopped, stubborn };
  for (int kind = willing; kind <= stubborn; ++kind) {
    if (fork() != 0) continue;
    setsid();
    signal(SIGTERM, kind == stubborn ? SIG_IGN : end_late);
    if (kind == stopped) raise(SIGSTOP);
    for (;;) pause();
  }
  sleep_ms(200);
  puts("app ends");
  return 3;
}

static int print_signals(void) {
  sigset_t blocked;
  sigprocmask(SIG_SETMASK, NULL, &blocked);
  printf("probe: blocked");
  for (int number = 1; number < 32; ++number) {
    if (sigismember(&blocked, number)) printf(" %d", number);
  }
  printf(" ignored");
  for (int number = 1; number < 32; ++number) {
    struct sigaction action;
    if (sigaction(number, NULL, &action) == 0 && action.sa_handler == SIG_IGN) printf(" %d", number);
  }
  puts(".");
  return 0;
}

/* A process that outlives a launcher that is killed and is no PID 1. Its file was opened before. */
static int survive(void) {
  int file = open("/tmp/survivor", O_WRONLY | O_CREAT | O_CLOEXEC, 0644), parent = getpid();
  if (listen_at(5432) < 0 || file < 0) return 1;
  if (fork() == 0) {
    for (;;) {
      char text[100];
      int created = write_at("/tmp/new"), connected = connect_to(5432);
      snprintf(text, sizeof text, "app=%s open=%d connect=%d.\n", kill(parent, 0) == 0 ? "there" : "gone", created, connected);
      if (pwrite(file, text, strlen(text), 0) < 0) _exit(1);
      sleep_ms(50);
    }
  }
  puts("serving");
  fflush(stdout);
  for (;;) pause();
}

static int answer(void) {
  const char *pid = getenv("LISTEN_PID"), *count = getenv("LISTEN_FDS");
  if (pid == NULL || atoi(pid) != getpid() || count == NULL || atoi(count) != 1) return 1;
  if (fork() == 0) _exit(connect_to(8000));
  int status = 0, visitor = accept(3, NULL, NULL);
  if (visitor < 0) return errno;
  wait(&status);
  printf("probe: a visitor came, connect=%d.\n", WEXITSTATUS(status));
  return 0;
}

int main(int argc, char **argv) {
  const char *what = argc > 1 ? argv[1] : "";
  if (strcmp(what, "") == 0) return look();
  if (strcmp(what, "connect") == 0) return connect_to(5432);
  if (strcmp(what, "exit") == 0 && argc > 2) return atoi(argv[2]);
  if (strcmp(what, "kill") == 0 && argc > 2) return raise(atoi(argv[2]));
  if (strcmp(what, "serve") == 0) return serve();
  if (strcmp(what, "daemons") == 0) return leave_daemons();
  if (strcmp(what, "inherited") == 0) return print_signals();
  if (strcmp(what, "survivor") == 0) return survive();
  if (strcmp(what, "answer") == 0) return answer();
  if (strcmp(what, "inherit") == 0 && argc > 2) {
    sigset_t blocked;
    sigemptyset(&blocked);
    sigaddset(&blocked, SIGUSR1);
    sigprocmask(SIG_BLOCK, &blocked, NULL);
    signal(SIGHUP, SIG_IGN);
    execv(argv[2], argv + 2);
  }
  if (strcmp(what, "bare") == 0 && argc > 2) {
    char *nothing[] = {NULL};
    close(0);
    execve(argv[2], argv + 2, nothing);
  }
  if (strcmp(what, "activate") == 0 && argc > 2) {
    char pid[20];
    snprintf(pid, sizeof pid, "%d", getpid());
    setenv("LISTEN_PID", pid, 1);
    setenv("LISTEN_FDS", "1", 1);
    if (listen_at(8000) != 3 || fcntl(3, F_SETFD, 0) != 0) return 1;
    execv(argv[2], argv + 2);
  }
  return 2;
}
