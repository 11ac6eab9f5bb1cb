// Who has a socket, for how long, and many of them.
#include <sys/wait.h>

#include "client.h"

enum { CALLERS = 200, ROUNDS = 2000, AT_ONCE = 250 };

static void inherited(void) {
  const int listener = serve(5);
  const int fd = tcp(0);
  const pid_t child = fork();
  if (child == 0) _exit(dial(fd, server) == 0 ? 0 : errno);
  int status = 0;
  waitpid(child, &status, 0);
  say("child", name_of(WEXITSTATUS(status)));
  say_connected(listener, fd);
}

static void send_descriptor(int channel, int fd) {
  char control[CMSG_SPACE(sizeof fd)] = {0};
  struct iovec part = {"x", 1};
  struct msghdr message = {.msg_iov = &part, .msg_iovlen = 1, .msg_control = control, .msg_controllen = sizeof control};
  struct cmsghdr* header = CMSG_FIRSTHDR(&message);
  *header = (struct cmsghdr){.cmsg_len = CMSG_LEN(sizeof fd), .cmsg_level = SOL_SOCKET, .cmsg_type = SCM_RIGHTS};
  memcpy(CMSG_DATA(header), &fd, sizeof fd);
  must(sendmsg(channel, &message, 0) == 1, "sendmsg");
}
static int receive_descriptor(int channel) {
  int fd = -1;
  char control[CMSG_SPACE(sizeof fd)], byte;
  struct iovec part = {&byte, 1};
  struct msghdr message = {.msg_iov = &part, .msg_iovlen = 1, .msg_control = control, .msg_controllen = sizeof control};
  must(recvmsg(channel, &message, 0) == 1, "recvmsg");
  memcpy(&fd, CMSG_DATA(CMSG_FIRSTHDR(&message)), sizeof fd);
  return fd;
}
// Made by a child that has ended long before anybody connects.
static void passed(void) {
  const int listener = serve(5);
  int pair[2];
  must(socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, pair) == 0, "socketpair");
  if (fork() == 0) {
    send_descriptor(pair[1], tcp(0));
    _exit(0);
  }
  const int fd = receive_descriptor(pair[0]);
  wait(NULL);
  pause_for(2500);
  say("connect", result(dial(fd, server)));
  say_connected(listener, fd);
}

static void ends(void) {
  const int listener = serve(5);
  int fd = tcp(0);
  dial(fd, server);
  say_end("blocking", listener, fd);
  fd = tcp(SOCK_NONBLOCK);
  dial(fd, server);
  ready(fd, POLLOUT, 2000);
  say_end("nonblocking", listener, fd);
  fd = tcp(SOCK_NONBLOCK);
  dial(fd, server);
  say_end("closed-while-connecting", listener, fd);
}

static const char* bind_again(struct sockaddr_in address) {
  const int fd = tcp(0);
  const char* text = result(bind(fd, (struct sockaddr*)&address, sizeof address));
  close(fd);
  return text;
}
static struct sockaddr_in bound(int fd) {
  struct sockaddr_in address = at("127.0.0.1", 0);
  must(bind(fd, (struct sockaddr*)&address, sizeof address) == 0, "bind");
  port_of_self(fd, &address);
  return address;
}
static void ports(void) {
  int fd = tcp(0);
  struct sockaddr_in address = bound(fd);
  close(fd);
  say("never-used", bind_again(address));
  int listener = serve(5);
  fd = tcp(0);
  address = bound(fd);
  must(dial(fd, server) == 0, "connect");
  close(accept(listener, NULL, NULL));
  char byte;
  must(read(fd, &byte, 1) == 0, "end");
  close(fd);
  say("connected", bind_again(address));
  close(listener);
  blackhole();
  fd = tcp(SOCK_NONBLOCK);
  address = bound(fd);
  dial(fd, server);
  close(fd);
  say("while-connecting", bind_again(address));
  fd = tcp(0);
  address = bound(fd);
  limit_sending(fd, 100);
  dial(fd, server);
  close(fd);
  say("after-time-limit", bind_again(address));
}

static void* dial_blackhole(void* unused) {
  dial(tcp(0), server);
  return unused;
}
static void parallel(void) {
  blackhole();
  pthread_attr_t small;
  pthread_attr_init(&small);
  pthread_attr_setstacksize(&small, 65536);
  for (int i = 0; i < CALLERS; ++i) {
    pthread_t thread;
    must(pthread_create(&thread, &small, dial_blackhole, NULL) == 0, "thread");
  }
  pause_for(500);
  struct sockaddr_in other = at("127.0.0.2", 0);
  const int listener = tcp(0);
  bind(listener, (struct sockaddr*)&other, sizeof other);
  listen(listener, 64);
  port_of_self(listener, &other);
  long worst = 0;
  for (int i = 0; i < 20; ++i) {
    const int fd = tcp(0);
    const long begin = now();
    must(dial(fd, other) == 0, "connect");
    if (now() - begin > worst) worst = now() - begin;
    close(fd);
  }
  say_if("201st-at-once", worst < 100);
  _exit(0);
}

// Three phases; the runner looks at the launcher between them.
static void many(void) {
  const int listener = serve(AT_ONCE);
  for (int phase = 0; phase < 3; ++phase) {
    for (int i = 0; i < (phase == 0 ? AT_ONCE : ROUNDS); ++i) {
      const int fd = tcp(i % 2 == 0 ? 0 : SOCK_NONBLOCK);
      if (dial(fd, server) != 0) ready(fd, POLLOUT, 2000);
      must(error_of(fd) == 0, "connect");
      close(accept(listener, NULL, NULL));
      close(fd);
    }
    say("phase", "done");
    char byte;
    if (read(STDIN_FILENO, &byte, 1) != 1) return;
  }
}

const struct socket_case descriptor_cases[] = {
    {"inherited", inherited}, {"passed", passed}, {"ends", ends}, {"ports", ports},
    {"parallel", parallel},   {"many", many},     {NULL, NULL},
};
