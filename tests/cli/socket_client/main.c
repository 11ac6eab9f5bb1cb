#include <arpa/inet.h>
#include <sys/time.h>
#include <sys/wait.h>
#include <time.h>

#include "client.h"

const char* name_of(int error) {
  return error == 0 ? "ok" : strerrorname_np(error);
}
const char* result(int returned) {
  return name_of(returned == 0 ? 0 : errno);
}
void say(const char* what, const char* value) {
  printf("%s %s\n", what, value);
  fflush(stdout);
}
void say_if(const char* what, int holds) {
  say(what, holds ? "yes" : "no");
}
void must(int holds, const char* what) {
  if (holds) return;
  printf("broken %s: %s\n", what, name_of(errno));
  exit(99);
}
long now(void) {  // ms
  struct timespec time;
  clock_gettime(CLOCK_MONOTONIC, &time);
  return time.tv_sec * 1000 + time.tv_nsec / 1000000;
}
void pause_for(long ms) {
  const struct timespec time = {ms / 1000, ms % 1000 * 1000000};
  nanosleep(&time, NULL);
}

struct sockaddr_in at(const char* host, int port) {
  struct sockaddr_in address = {.sin_family = AF_INET, .sin_port = htons((unsigned short)port)};
  inet_pton(AF_INET, host, &address.sin_addr);
  return address;
}
int database_port(void) {
  return atoi(getenv("DB_PORT"));
}
int dial(int fd, struct sockaddr_in address) {
  return connect(fd, (struct sockaddr*)&address, sizeof address);
}
struct sockaddr_in server;

int tcp(int flags) {
  const int fd = socket(AF_INET, SOCK_STREAM | flags, 0);
  must(fd >= 0, "socket");
  return fd;
}
int serve(int backlog) {
  const int one = 1;
  const int fd = tcp(SOCK_CLOEXEC);
  server = at("127.0.0.1", database_port());
  setsockopt(fd, SOL_SOCKET, SO_REUSEADDR, &one, sizeof one);
  must(bind(fd, (struct sockaddr*)&server, sizeof server) == 0 && listen(fd, backlog) == 0, "listen");
  return fd;
}
// A listener whose queue is full answers nobody: a host that is not there.
int blackhole(void) {
  const int fd = serve(0);
  for (int i = 0; i < 4; ++i) dial(tcp(SOCK_NONBLOCK | SOCK_CLOEXEC), server);
  pause_for(50);
  return fd;
}
int port_of_peer(int fd, struct sockaddr_in* address) {
  socklen_t length = sizeof *address;
  return getpeername(fd, (struct sockaddr*)address, &length) == 0 ? ntohs(address->sin_port) : -errno;
}
int port_of_self(int fd, struct sockaddr_in* address) {
  socklen_t length = sizeof *address;
  return getsockname(fd, (struct sockaddr*)address, &length) == 0 ? ntohs(address->sin_port) : -errno;
}
int error_of(int fd) {
  int error = 0;
  socklen_t length = sizeof error;
  return getsockopt(fd, SOL_SOCKET, SO_ERROR, &error, &length) == 0 ? error : errno;
}
int ready(int fd, short events, int ms) {
  struct pollfd wait = {fd, events, 0};
  return poll(&wait, 1, ms) == 1;
}
// Both ends have the same two names, and bytes pass.
void say_connected(int listener, int fd) {
  struct sockaddr_in mine, theirs, seen;
  must(ready(listener, POLLIN, 2000), "nobody has arrived");
  const int peer = accept4(listener, NULL, NULL, SOCK_CLOEXEC);
  const int own_port = port_of_self(fd, &mine);
  say_if("peer-is-server",
         port_of_peer(fd, &theirs) == database_port() && theirs.sin_addr.s_addr == server.sin_addr.s_addr);
  say_if("server-sees-us", port_of_peer(peer, &seen) == own_port && seen.sin_addr.s_addr == mine.sin_addr.s_addr);
  char byte = 0;
  say_if("bytes-pass", write(fd, "x", 1) == 1 && read(peer, &byte, 1) == 1 && byte == 'x');
  close(peer);
}
// How soon the other side hears that we are gone.
void say_end(const char* what, int listener, int fd) {
  must(ready(listener, POLLIN, 2000), "nobody has arrived");
  const int peer = accept4(listener, NULL, NULL, SOCK_CLOEXEC);
  close(fd);
  char byte;
  say_if(what, ready(peer, POLLIN, 400) && read(peer, &byte, 1) == 0);
  close(peer);
}
void limit_sending(int fd, long ms) {
  const struct timeval limit = {ms / 1000, ms % 1000 * 1000};
  setsockopt(fd, SOL_SOCKET, SO_SNDTIMEO, &limit, sizeof limit);
}

volatile long handled;
static void on_signal(int number) {
  (void)number;
  handled = now();
}
void handle(int flags) {
  struct sigaction action = {.sa_handler = on_signal, .sa_flags = flags};
  sigaction(SIGALRM, &action, NULL);
  sigaction(SIGUSR1, &action, NULL);
}
void alarm_in(long ms) {
  const struct itimerval time = {{0, 0}, {ms / 1000, ms % 1000 * 1000}};
  setitimer(ITIMER_REAL, &time, NULL);
}

static const struct socket_case* find_case(const char* name) {
  const struct socket_case* tables[] = {connect_cases, signal_cases, descriptor_cases, unix_cases};
  for (size_t i = 0; i < sizeof tables / sizeof *tables; ++i) {
    for (const struct socket_case* one = tables[i]; one->name != NULL; ++one) {
      if (strcmp(one->name, name) == 0) return one;
    }
  }
  exit(2);
}

int main(int count, char** arguments) {
  for (int i = 1; i < count; ++i) {
    const struct socket_case* one = find_case(arguments[i]);
    // Each in a process of its own, which may end as it likes. What it left under way must not reach the next one's
    // server: a launcher may take 70 ms to see that a caller is gone.
    if (i > 1) pause_for(200);
    const pid_t child = count == 2 ? 0 : fork();
    if (child == 0) {
      if (count > 2) say("case", one->name);
      one->run();
      return 0;
    }
    waitpid(child, NULL, 0);
  }
  return 0;
}
