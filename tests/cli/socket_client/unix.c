// Sockets with a path or an abstract name.
#include <sys/stat.h>
#include <sys/un.h>

#include "client.h"

static const char* enter_scratch(void) {
  static char directory[80];
  mkdir(getenv("SCRATCH"), 0755);  // one of the cases before us may have made it
  snprintf(directory, sizeof directory, "%s/XXXXXX", getenv("SCRATCH"));
  must(mkdtemp(directory) != NULL && chdir(directory) == 0, "directory");
  return directory;
}
static socklen_t unix_address(struct sockaddr_un* address, const char* name) {
  memset(address, 0, sizeof *address);
  address->sun_family = AF_UNIX;
  memcpy(address->sun_path, name, strlen(name) < sizeof address->sun_path ? strlen(name) : sizeof address->sun_path);
  if (name[0] != '@') return sizeof *address;
  address->sun_path[0] = '\0';
  return (socklen_t)(offsetof(struct sockaddr_un, sun_path) + strlen(name));
}
static int unix_server(const char* name, int type, int backlog) {
  struct sockaddr_un address;
  const socklen_t length = unix_address(&address, name);
  const int fd = socket(AF_UNIX, type | SOCK_CLOEXEC, 0);
  must(bind(fd, (struct sockaddr*)&address, length) == 0, name);
  if (type != SOCK_DGRAM) must(listen(fd, backlog) == 0, "listen");
  return fd;
}
static int unix_dial(int fd, const char* name) {
  struct sockaddr_un address;
  const socklen_t length = unix_address(&address, name);
  return connect(fd, (struct sockaddr*)&address, length);
}
static void unix_names(void) {
  const char* directory = enter_scratch();
  char absolute[128], full[109];
  snprintf(absolute, sizeof absolute, "%s/named.sock", directory);
  snprintf(full, sizeof full, "%s/%0*d", directory, (int)(107 - strlen(directory)), 0);
  must(mkdir("inner", 0755) == 0, "inner");
  unix_server("named.sock", SOCK_STREAM, 5);
  unix_server(full, SOCK_STREAM, 5);
  unix_server("packets.sock", SOCK_SEQPACKET, 5);
  const int log = unix_server("log.sock", SOCK_DGRAM, 0);
  char abstract[64];
  snprintf(abstract, sizeof abstract, "@cofferdam-test-%d", getpid());
  unix_server(abstract, SOCK_STREAM, 5);
  say("relative", result(unix_dial(socket(AF_UNIX, SOCK_STREAM, 0), "named.sock")));
  say("dots", result(unix_dial(socket(AF_UNIX, SOCK_STREAM, 0), "inner/.././named.sock")));
  say("absolute", result(unix_dial(socket(AF_UNIX, SOCK_STREAM, 0), absolute)));
  say("108-bytes", result(unix_dial(socket(AF_UNIX, SOCK_STREAM, 0), full)));
  say("abstract", result(unix_dial(socket(AF_UNIX, SOCK_STREAM, 0), abstract)));
  say("seqpacket", result(unix_dial(socket(AF_UNIX, SOCK_SEQPACKET, 0), "packets.sock")));
  say("wrong-type", result(unix_dial(socket(AF_UNIX, SOCK_STREAM, 0), "log.sock")));
  say("missing", result(unix_dial(socket(AF_UNIX, SOCK_STREAM, 0), "nobody.sock")));
  const int fd = socket(AF_UNIX, SOCK_DGRAM, 0);
  char byte = 0;
  say("datagram", result(unix_dial(fd, "log.sock")));
  say_if("bytes-pass", send(fd, "x", 1, 0) == 1 && recv(log, &byte, 1, 0) == 1 && byte == 'x');
  struct sockaddr_un peer;
  socklen_t length = sizeof peer;
  say_if("peer", getpeername(fd, (struct sockaddr*)&peer, &length) == 0 && strcmp(peer.sun_path, "log.sock") == 0);
}

static void* accept_one_later(void* listener) {
  pause_for(200);
  accept(*(int*)listener, NULL, NULL);
  return NULL;
}
static void unix_full(void) {
  enter_scratch();
  static int listener;
  listener = unix_server("full.sock", SOCK_STREAM, 0);
  must(unix_dial(socket(AF_UNIX, SOCK_STREAM, 0), "full.sock") == 0, "first");
  say("nonblocking", result(unix_dial(socket(AF_UNIX, SOCK_STREAM | SOCK_NONBLOCK, 0), "full.sock")));
  int fd = socket(AF_UNIX, SOCK_STREAM, 0);
  limit_sending(fd, 200);
  long begin = now();
  say("limited", result(unix_dial(fd, "full.sock")));
  say_if("in-time", now() - begin >= 190 && now() - begin < 900);
  handle(0);
  begin = now();
  alarm_in(100);
  say("interrupted", result(unix_dial(socket(AF_UNIX, SOCK_STREAM, 0), "full.sock")));
  say_if("interrupted-in-time", now() - begin < 900);
  pthread_t thread;
  pthread_create(&thread, NULL, accept_one_later, &listener);
  say("waits", result(unix_dial(socket(AF_UNIX, SOCK_STREAM, 0), "full.sock")));
}

const struct socket_case unix_cases[] = {
    {"unix_names", unix_names},
    {"unix_full", unix_full},
    {NULL, NULL},
};
