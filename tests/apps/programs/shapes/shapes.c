// The shapes that a process can have when it connects: shapes SHAPE PORT. It asks PostgreSQL for TLS, which needs no
// password and is answered with one letter, and executes psql.
#define _GNU_SOURCE
#include <arpa/inet.h>
#include <errno.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>

static int port;

static const char *ask(void) {
  static const unsigned char kRequest[8] = {0, 0, 0, 8, 4, 210, 22, 47};  // SSLRequest
  const struct sockaddr_in address = {
      .sin_family = AF_INET, .sin_port = htons(port), .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
  char answer = 0;
  const int fd = socket(AF_INET, SOCK_STREAM, 0);
  if (connect(fd, (const struct sockaddr *)&address, sizeof address) != 0) return strerror(errno);
  if (write(fd, kRequest, sizeof kRequest) != sizeof kRequest || read(fd, &answer, 1) != 1) return "no answer";
  close(fd);
  return answer == 'S' || answer == 'N' ? "answered" : "another answer";
}

static void execute(void) {
  execlp("psql", "psql", getenv("DATABASE_URL"), "-X", "-q", "-c", "select 1", (char *)NULL);
  _exit(127);
}

static void probe(void) {
  int status = 0;
  const pid_t child = fork();
  if (child == 0) execute();
  waitpid(child, &status, 0);
  // In one piece, and past stdio: several processes write to one pipe.
  dprintf(1, "worker postgres %s\nworker psql %s\n", ask(), status == 0 ? "connected" : "refused");
}

static void *thread(void *leader) {
  if (leader != NULL) pthread_join(*(pthread_t *)leader, NULL);
  probe();
  if (leader != NULL) exit(0);
  return NULL;
}

// The entry lives until the daemon has closed its end: when the entry ends, the instance ends.
static void daemonise(void) {
  int alive[2];
  char nothing;
  if (pipe(alive) != 0) exit(1);
  if (fork() != 0) {
    close(alive[1]);
    exit(read(alive[0], &nothing, 1) == 0 ? 0 : 1);
  }
  setsid();
  if (fork() != 0) _exit(0);
  while (getppid() != 1) usleep(1000);  // its parent is gone
  probe();
}

int main(int argc, char **argv) {
  if (argc < 3) return 2;
  const char *shape = argv[1];
  static pthread_t leader;
  pthread_t other;
  port = atoi(argv[2]);
  if (strcmp(shape, "daemon") == 0) {
    daemonise();
  } else if (strcmp(shape, "thread") == 0) {
    pthread_create(&other, NULL, thread, NULL);
    pthread_join(other, NULL);
  } else if (strcmp(shape, "dead-leader") == 0) {
    leader = pthread_self();
    pthread_create(&other, NULL, thread, &leader);
    pthread_exit(NULL);
  } else if (strcmp(shape, "vfork") == 0) {
    int status = 0;
    const pid_t child = vfork();
    if (child == 0) execute();
    waitpid(child, &status, 0);
    dprintf(1, "worker postgres %s\nworker psql %s\n", ask(), status == 0 ? "connected" : "refused");
  } else {
    return 2;
  }
  return 0;
}
