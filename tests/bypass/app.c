// app CASE...: stands for the application. Runs each case as a program of its own (`attack CASE`), one after the other,
// and says how those end that say nothing themselves. A case that begins with '@' is done by the app itself: controls,
// which must succeed, and the documented limits.
#define _GNU_SOURCE
#include <arpa/inet.h>
#include <errno.h>
#include <fcntl.h>
#include <grp.h>
#include <netinet/in.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>

static char victim[16] = "untouched";  // what I7 tries to write to
static int database = -1;

static int dial(const char* port_variable) {
  const char* port = getenv(port_variable);
  struct sockaddr_in address = {.sin_family = AF_INET, .sin_port = htons((unsigned short)atoi(port ? port : "0"))};
  address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
  const int made = socket(AF_INET, SOCK_STREAM, 0);
  if (made >= 0 && connect(made, (struct sockaddr*)&address, sizeof address) == 0) return made;
  if (made >= 0) close(made);
  return -1;
}

static void announce(int socket, const char* name) {
  const char* run = getenv("RUN_ID");
  if (socket >= 0) dprintf(socket, "%s %s\n", run ? run : "", name);
}

static void tell(const char* name, const char* outcome) {
  printf("%s %s\n", name, outcome);
  fflush(stdout);
}

static void execute(const char* attack, const char* name) {
  char address[32];
  snprintf(address, sizeof address, "%lu", (unsigned long)victim);
  setenv("VICTIM", address, 1);
  execl(attack, "attack", name, (char*)NULL);
  _exit(127);
}

// The connected socket of the app, at a number that the tool knows.
static void lend_database(int number) {
  database = dial("DB_PORT");
  if (database >= 0) dup2(database, number);  // dup2 clears close-on-exec
}

static void pass_database(int number) {
  int pair[2];
  if (socketpair(AF_UNIX, SOCK_STREAM, 0, pair) != 0) return;
  database = dial("DB_PORT");
  char byte = 'x';
  char control[CMSG_SPACE(sizeof(int))] = {0};
  struct iovec data = {&byte, 1};
  struct msghdr header = {.msg_iov = &data, .msg_iovlen = 1, .msg_control = control, .msg_controllen = sizeof control};
  struct cmsghdr* message = CMSG_FIRSTHDR(&header);
  message->cmsg_level = SOL_SOCKET;
  message->cmsg_type = SCM_RIGHTS;
  message->cmsg_len = CMSG_LEN(sizeof(int));
  memcpy(CMSG_DATA(message), &database, sizeof database);
  sendmsg(pair[0], &header, 0);
  close(database);
  dup2(pair[1], number);
}

// A worker of the app that forwards what it is sent.
static void relay_to_database(void) {
  struct sockaddr_in own = {.sin_family = AF_INET};
  own.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
  socklen_t length = sizeof own;
  const int server = socket(AF_INET, SOCK_STREAM, 0);
  if (bind(server, (struct sockaddr*)&own, sizeof own) != 0 || listen(server, 1) != 0) return;
  getsockname(server, (struct sockaddr*)&own, &length);
  if (fork() == 0) {
    alarm(5);
    char line[128];
    const int client = accept(server, NULL, NULL);
    const ssize_t got = read(client, line, sizeof line);
    if (got > 0) (void)!write(dial("DB_PORT"), line, (size_t)got);
    _exit(0);
  }
  char port[16];
  snprintf(port, sizeof port, "%d", ntohs(own.sin_port));
  setenv("RELAY_PORT", port, 1);
}

static void own_case(const char* attack, const char* name) {
  if (strcmp(name, "C1") == 0 || strcmp(name, "I6") == 0) {  // the app reaches its database
    announce(dial("DB_PORT"), name);
  } else if (strcmp(name, "I11") == 0) {  // before its exec, a vfork child has the app's memory: it is the app
    const pid_t child = vfork();
    if (child == 0) {
      announce(dial("DB_PORT"), name);
      _exit(0);
    }
    waitpid(child, NULL, 0);
  } else if (strcmp(name, "I12") == 0) {  // a daemonised worker of the app is the app
    if (fork() == 0) {
      setsid();
      if (fork() == 0) announce(dial("DB_PORT"), name);
      _exit(0);
    }
    wait(NULL);
    usleep(200000);
  } else if (strcmp(name, "I15b") == 0) {  // a server that is root at first
    if (setgroups(0, NULL) != 0 || setgid(65534) != 0 || setuid(65534) != 0) _exit(0);
    announce(dial("DB_PORT"), name);
  } else if (strcmp(name, "N33") == 0) {  // a connection that the app hands over is open already
    lend_database(9);
    execute(attack, name);
  } else if (strcmp(name, "N34") == 0) {  // and so is one that it passes on
    pass_database(9);
    execute(attack, name);
  } else if (strcmp(name, "N35") == 0) {  // what the app does for others, it does as the app
    relay_to_database();
    execute(attack, name);
  }
  _exit(0);
}

int main(int argc, char** argv) {
  if (argc < 3) return 2;
  const char* attack = argv[1];
  // Everybody may try to trace us: what refuses it must be cofferdam, not a default of this process.
  for (int i = 2; i < argc; ++i) {
    const char* name = argv[i] + (argv[i][0] == '@');
    const pid_t child = fork();
    if (child == 0) {
      setpgid(0, 0);
      if (argv[i][0] == '@') own_case(attack, name);
      execute(attack, name);
    }
    setpgid(child, child);
    int status = 0;
    int waited = 0;
    for (; waited < 500 && waitpid(child, &status, WNOHANG) == 0; ++waited) usleep(waited < 50 ? 2000 : 10000);
    if (waited == 500) {
      kill(-child, SIGKILL);
      waitpid(child, &status, 0);
      tell(name, "timeout");
    } else if (WIFSIGNALED(status)) {
      char text[32];
      snprintf(text, sizeof text, "killed %d", WTERMSIG(status));
      tell(name, text);
    }
    if (strcmp(victim, "untouched") != 0) {
      tell(name, "changed-the-app");
      strcpy(victim, "untouched");
    }
  }
  tell("END", "succeeded");
  return 0;
}
