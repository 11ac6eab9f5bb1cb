// One connection at a time.
#include <linux/netlink.h>
#include <sys/epoll.h>
#include <sys/syscall.h>

#include "client.h"

#ifndef IPPROTO_MPTCP
#define IPPROTO_MPTCP 262
#endif

static void blocking(void) {
  const int listener = serve(5);
  const int fd = tcp(0);
  say("connect", result(dial(fd, server)));
  say_connected(listener, fd);
  say("again", result(dial(fd, server)));
  say_if("still-blocking", (fcntl(fd, F_GETFL) & O_NONBLOCK) == 0);
}

static void nonblocking(void) {
  const int listener = serve(5);
  const int fd = tcp(SOCK_NONBLOCK);
  say("connect", result(dial(fd, server)));
  say_if("writable", ready(fd, POLLOUT, 2000));
  say("error", name_of(error_of(fd)));
  say_connected(listener, fd);
  pause_for(50);  // whoever watches has seen it, too
  // Twisted and others ask connect() itself whether it is done.
  const int second = dial(fd, server);
  say_if("second-tells", second == 0 || errno == EISCONN);
  say("third", result(dial(fd, server)));
  say_if("still-nonblocking", (fcntl(fd, F_GETFL) & O_NONBLOCK) != 0);
}

static void registered_before(void) {
  serve(5);
  const int fd = tcp(SOCK_NONBLOCK);
  const int epoll = epoll_create1(0);
  struct epoll_event event = {.events = EPOLLIN | EPOLLOUT | EPOLLET, .data = {.fd = fd}};
  epoll_ctl(epoll, EPOLL_CTL_ADD, fd, &event);
  while (epoll_wait(epoll, &event, 1, 20) == 1) continue;  // of the unconnected socket
  say("connect", result(dial(fd, server)));
  say_if("event", epoll_wait(epoll, &event, 1, 2000) == 1 && (event.events & EPOLLOUT) != 0 && event.data.fd == fd);
  say("error", name_of(error_of(fd)));
}

static void refused(void) {
  const int closed = serve(5);
  close(closed);
  int fd = tcp(0);
  say("blocking", result(dial(fd, server)));
  say("error", name_of(error_of(fd)));
  const int listener = serve(5);
  say("same-socket-again", result(dial(fd, server)));
  close(fd);
  close(listener);
  fd = tcp(SOCK_NONBLOCK);
  say("nonblocking", result(dial(fd, server)));
  ready(fd, POLLOUT, 2000);
  say("error", name_of(error_of(fd)));
  const long begin = now();
  fd = tcp(0);
  dial(fd, server);
  say_if("at-once", now() - begin < 900);
}

static void bound_first(void) {
  const int listener = serve(5);
  const int fd = tcp(0);
  struct sockaddr_in source = at("127.0.0.7", 0), after;
  say("bind", result(bind(fd, (struct sockaddr*)&source, sizeof source)));
  port_of_self(fd, &source);
  say("connect", result(dial(fd, server)));
  say_if("same-source",
         port_of_self(fd, &after) == ntohs(source.sin_port) && after.sin_addr.s_addr == source.sin_addr.s_addr);
  say_connected(listener, fd);
}

static void duplicated(void) {
  const int listener = serve(5);
  const int first = tcp(0);
  const int second = dup(first);
  close(first);
  pause_for(1300);  // the number it was made under is nobody's now
  say("connect", result(dial(second, server)));
  const int third = dup2(second, 77);
  close(second);
  say_connected(listener, third);
  const int fourth = tcp(0);
  say("connect-fourth", result(dial(fourth, server)));
  const int fifth = dup(fourth);
  close(fourth);
  say_end("end-at-once", listener, fifth);
}

static const char* peer_of(int fd) {
  struct sockaddr_in peer;
  const int port = port_of_peer(fd, &peer);
  return port < 0 ? name_of(-port) : "connected";
}

static void twice(void) {
  blackhole();
  const int fd = tcp(SOCK_NONBLOCK);
  say("first", result(dial(fd, server)));
  say("second", result(dial(fd, server)));
  say("peer", peer_of(fd));
}

static void disconnected(void) {
  const struct sockaddr none = {.sa_family = AF_UNSPEC};
  const int listener = serve(5);
  const int fd = tcp(0);
  say("connect", result(dial(fd, server)));
  say_connected(listener, fd);
  say("let-go", result(connect(fd, &none, sizeof none)));
  say("peer", peer_of(fd));
  say("again", result(dial(fd, server)));
}

static void datagrams(void) {
  const struct sockaddr none = {.sa_family = AF_UNSPEC};
  const int one = socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC, 0);
  const int two = socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC, 0);
  struct sockaddr_in address = at("127.0.0.1", 0), peer;
  bind(one, (struct sockaddr*)&address, sizeof address);
  port_of_self(one, &address);
  say("connect", result(dial(two, address)));
  say_if("peer", port_of_peer(two, &peer) == ntohs(address.sin_port));
  char byte = 0;
  say_if("bytes-pass", send(two, "x", 1, 0) == 1 && recv(one, &byte, 1, 0) == 1 && byte == 'x');
  say("let-go", result(connect(two, &none, sizeof none)));
  say("peer-gone", peer_of(two));
  say("again", result(dial(two, address)));
}

// What is no plain TCP, UDP or unix socket never comes to be.
static const char* opens(int family, int type, int protocol) {
  const int fd = socket(family, type, protocol);
  if (fd < 0) return name_of(errno);
  close(fd);
  return "ok";
}
static void families(void) {
  say("mptcp", opens(AF_INET, SOCK_STREAM, IPPROTO_MPTCP));
  say("sctp", opens(AF_INET, SOCK_STREAM, IPPROTO_SCTP));
  say("sctp-seqpacket", opens(AF_INET6, SOCK_SEQPACKET, IPPROTO_SCTP));
  say("dccp", opens(AF_INET, SOCK_DCCP, IPPROTO_DCCP));
  say("udplite", opens(AF_INET, SOCK_DGRAM, IPPROTO_UDPLITE));
  say("raw", opens(AF_INET, SOCK_RAW, IPPROTO_TCP));
  say("raw6", opens(AF_INET6, SOCK_RAW, IPPROTO_UDP));
  say("packet", opens(AF_PACKET, SOCK_RAW, 0));
  say("old-packet", opens(AF_INET, SOCK_PACKET, 0));
  say("vsock", opens(AF_VSOCK, SOCK_STREAM, 0));
  say("netlink-diag", opens(AF_NETLINK, SOCK_RAW, NETLINK_SOCK_DIAG));
  say("netlink-route", opens(AF_NETLINK, SOCK_RAW, NETLINK_ROUTE));
  say("io_uring", name_of(syscall(SYS_io_uring_setup, 4, NULL) < 0 ? errno : 0));
  serve(5);
  say("fast-open",
      name_of(sendto(tcp(0), "x", 1, MSG_FASTOPEN, (struct sockaddr*)&server, sizeof server) < 0 ? errno : 0));
}

const struct socket_case connect_cases[] = {
    {"blocking", blocking},
    {"nonblocking", nonblocking},
    {"registered_before", registered_before},
    {"refused", refused},
    {"bound_first", bound_first},
    {"duplicated", duplicated},
    {"twice", twice},
    {"disconnected", disconnected},
    {"datagrams", datagrams},
    {"families", families},
    {NULL, NULL},
};
