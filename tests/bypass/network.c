// Ways to the database for a program that is not the app (corpus, Network).
#define _GNU_SOURCE
#include <arpa/inet.h>
#include <errno.h>
#include <fcntl.h>
#include <linux/close_range.h>
#include <linux/if_packet.h>
#include <linux/io_uring.h>
#include <linux/netlink.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <poll.h>
#include <pthread.h>
#include <sched.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/un.h>
#include <unistd.h>

#include "attack.h"

#ifndef IPPROTO_MPTCP
#define IPPROTO_MPTCP 262
#endif
#ifndef TCP_FASTOPEN_CONNECT
#define TCP_FASTOPEN_CONNECT 30
#endif
enum { MOST = 1000 };  // connections of one case; a listener's backlog is finite

static enum outcome dial(const char* address) {
  const int socket = database_socket(address, SOCK_STREAM, 0);
  return socket < 0 ? BLOCKED : announce(socket);
}
static enum outcome plain(void) {
  return dial("127.0.0.1");
}
static enum outcome mapped(void) {
  return dial("::ffff:127.0.0.1");
}
static enum outcome loopback6(void) {
  return dial("::1");
}
static enum outcome unspecified6(void) {
  return dial("::");
}
static enum outcome unspecified4(void) {
  return dial("0.0.0.0");
}
static enum outcome other_loopback(void) {
  return dial("127.9.9.9");
}
static enum outcome own_address(void) {
  return *text_of("OWN_ADDRESS") ? dial(text_of("OWN_ADDRESS")) : UNSUPPORTED;
}

static struct sockaddr_in database_address(void) {
  struct sockaddr_in address = {.sin_family = AF_INET, .sin_port = htons((unsigned short)number_of("DB_PORT"))};
  address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
  return address;
}

// connect() in two calls, as event loops do it.
static enum outcome nonblocking(void) {
  struct sockaddr_in address = database_address();
  const int fd = socket(AF_INET, SOCK_STREAM | SOCK_NONBLOCK, 0);
  connect(fd, (struct sockaddr*)&address, sizeof address);
  struct pollfd wait = {fd, POLLOUT, 0};
  poll(&wait, 1, 300);
  connect(fd, (struct sockaddr*)&address, sizeof address);
  return announce(fd);
}

static int fast_open_line(char* line, size_t size) {
  return snprintf(line, size, "%s %s\n", text_of("RUN_ID"), case_name);
}
static enum outcome fast_open(int protocol, int how) {
  struct sockaddr_in address = database_address();
  const int fd = socket(AF_INET, SOCK_STREAM, protocol);
  if (fd < 0) return BLOCKED;
  char line[128];
  struct iovec data = {line, (size_t)fast_open_line(line, sizeof line)};
  struct mmsghdr many = {.msg_hdr = {&address, sizeof address, &data, 1, NULL, 0, 0}};
  ssize_t sent = -1;
  if (how == 0) sent = sendto(fd, line, data.iov_len, MSG_FASTOPEN, (struct sockaddr*)&address, sizeof address);
  if (how == 1) sent = sendmsg(fd, &many.msg_hdr, MSG_FASTOPEN);
  if (how == 2) sent = sendmmsg(fd, &many, 1, MSG_FASTOPEN);
  // The kernel takes an int: what stands in the upper half of the register changes nothing (P8).
  if (how == 3) {
    sent = syscall(SYS_sendto, fd, line, data.iov_len, MSG_FASTOPEN | 1L << 40, &address, sizeof address);
  }
  if (sent < 0 && errno != EINPROGRESS) return BLOCKED;
  usleep(50000);
  return SUCCEEDED;
}
static enum outcome fast_open_sendto(void) {
  return fast_open(0, 0);
}
static enum outcome fast_open_sendmsg(void) {
  return fast_open(0, 1);
}
static enum outcome fast_open_sendmmsg(void) {
  return fast_open(0, 2);
}
static enum outcome fast_open_mptcp(void) {
  return fast_open(IPPROTO_MPTCP, 0);
}
static enum outcome fast_open_high_bits(void) {
  return fast_open(0, 3);
}

static enum outcome fast_open_option(void) {
  const int fd = socket(AF_INET, SOCK_STREAM, 0);
  const int one = 1;
  if (setsockopt(fd, IPPROTO_TCP, TCP_FASTOPEN_CONNECT, &one, sizeof one) != 0) return UNSUPPORTED;
  struct sockaddr_in address = database_address();
  if (connect(fd, (struct sockaddr*)&address, sizeof address) != 0) return BLOCKED;
  return announce(fd);
}

static enum outcome mptcp(void) {
  const int fd = database_socket("127.0.0.1", SOCK_STREAM, IPPROTO_MPTCP);
  return fd < 0 ? BLOCKED : announce(fd);
}

// --- races -----------------------------------------------------------------------------------------------------------

static struct sockaddr_in shared_address;
static int shared_fd, first_fd, second_fd;

static void* flip_port(void* unused) {
  volatile in_port_t* port = &shared_address.sin_port;
  const in_port_t open = htons((unsigned short)number_of("OPEN_PORT"));
  const in_port_t database = htons((unsigned short)number_of("DB_PORT"));
  while (!stop) {
    *port = open;
    *port = database;
  }
  return unused;
}
static enum outcome rewritten_address(void) {
  shared_address = database_address();
  enum outcome any = BLOCKED;
  start_flipping(flip_port);
  for (int i = 0; i < MOST && racing(); ++i) {
    const int fd = socket(AF_INET, SOCK_STREAM, 0);
    if (connect(fd, (struct sockaddr*)&shared_address, sizeof shared_address) == 0) any = announce(fd);
    close(fd);
  }
  stop_flipping();
  return any;
}

static void* flip_descriptor(void* unused) {
  while (!stop) {
    dup2(first_fd, shared_fd);
    dup2(second_fd, shared_fd);
  }
  return unused;
}
// The address is one of the internet; half of the time the number belongs to a unix socket.
static enum outcome swapped_descriptor(void) {
  struct sockaddr_in address = database_address();
  shared_fd = 90;
  first_fd = socket(AF_UNIX, SOCK_STREAM, 0);
  second_fd = socket(AF_INET, SOCK_STREAM, 0);
  dup2(first_fd, shared_fd);
  start_flipping(flip_descriptor);
  while (racing()) connect(shared_fd, (struct sockaddr*)&address, sizeof address);
  stop_flipping();
  return announce(second_fd);
}

// The number is an unconnected datagram socket in the leader's table and a stream in the thread's own.
static enum outcome private_result = BLOCKED;
static void* in_private_table(void* unused) {
  if (syscall(SYS_close_range, 1000000, 1000001, CLOSE_RANGE_UNSHARE) != 0) return unused;
  dup2(second_fd, shared_fd);
  struct sockaddr_in address = database_address();
  if (connect(shared_fd, (struct sockaddr*)&address, sizeof address) == 0) private_result = announce(shared_fd);
  return unused;
}
static enum outcome private_table(void) {
  first_fd = socket(AF_INET, SOCK_DGRAM, 0);
  second_fd = socket(AF_INET, SOCK_STREAM, 0);
  shared_fd = 91;
  dup2(first_fd, shared_fd);
  pthread_t thread;
  pthread_create(&thread, NULL, in_private_table, NULL);
  pthread_join(thread, NULL);
  return private_result;
}

// --- odd addresses ---------------------------------------------------------------------------------------------------

static enum outcome odd_length(socklen_t length) {
  char padded[256] = {0};
  const struct sockaddr_in address = database_address();
  memcpy(padded, &address, sizeof address);
  const int fd = socket(AF_INET, SOCK_STREAM, 0);
  return connect(fd, (struct sockaddr*)padded, length) == 0 ? announce(fd) : BLOCKED;
}
static enum outcome short_length(void) {
  return odd_length(8);
}
static enum outcome long_length(void) {
  return odd_length(128);
}
static enum outcome huge_length(void) {
  return odd_length(0x7fffffff);
}
static enum outcome negative_length(void) {
  return odd_length((socklen_t)-1);
}
static enum outcome unspecified_family(void) {
  struct sockaddr_in address = database_address();
  address.sin_family = AF_UNSPEC;
  const int fd = socket(AF_INET, SOCK_STREAM, 0);
  connect(fd, (struct sockaddr*)&address, sizeof address);
  return announce(fd);
}
static enum outcome without_scope(void) {  // 24 bytes, from before there were scopes
  struct sockaddr_in6 address = {.sin6_family = AF_INET6, .sin6_port = htons((unsigned short)number_of("DB_PORT"))};
  address.sin6_addr = in6addr_loopback;
  const int fd = socket(AF_INET6, SOCK_STREAM, 0);
  return connect(fd, (struct sockaddr*)&address, 24) == 0 ? announce(fd) : BLOCKED;
}
static enum outcome bound_first(void) {
  struct sockaddr_in source = {.sin_family = AF_INET};
  source.sin_addr.s_addr = htonl(0x7f000007);
  const int fd = socket(AF_INET, SOCK_STREAM, 0);
  if (bind(fd, (struct sockaddr*)&source, sizeof source) != 0) return BLOCKED;
  return connect_to(fd, "127.0.0.1", number_of("DB_PORT")) == 0 ? announce(fd) : BLOCKED;
}
// Connected to where it may, let go, and connected once more.
static enum outcome second_connect(void) {
  const int fd = socket(AF_INET, SOCK_STREAM, 0);
  const struct sockaddr none = {.sa_family = AF_UNSPEC};
  if (connect_to(fd, "127.0.0.1", number_of("OPEN_PORT")) != 0) return BLOCKED;
  connect(fd, &none, sizeof none);
  return connect_to(fd, "127.0.0.1", number_of("DB_PORT")) == 0 ? announce(fd) : BLOCKED;
}

// --- unix sockets ----------------------------------------------------------------------------------------------------

static enum outcome dial_path(const char* path) {
  const int fd = socket(AF_UNIX, SOCK_STREAM, 0);
  return fd >= 0 && connect_path(fd, path) == 0 ? announce(fd) : BLOCKED;
}
static const char* socket_path(const char* name) {
  static char path[4096];
  snprintf(path, sizeof path, "%s/%s", text_of("SOCKETS"), name);
  return path;
}
static enum outcome socket_absolute(void) {
  return dial_path(socket_path("db.sock"));
}
static enum outcome socket_relative(void) {
  return chdir(text_of("SOCKETS")) == 0 ? dial_path("db.sock") : UNSUPPORTED;
}
static enum outcome socket_dots(void) {
  return chdir(text_of("SOCKETS")) == 0 ? dial_path("./inner/.././db.sock") : UNSUPPORTED;
}
static enum outcome socket_symlink(void) {
  unlink(scratch("link"));
  return symlink(socket_path("db.sock"), scratch("link")) == 0 ? dial_path(scratch("link")) : BLOCKED;
}
// A database inside of the instance: where the rules name its path they don't name the file's other names.
static enum outcome socket_linked(void) {
  const char* named = scratch("bypass/db.sock");
  struct sockaddr_un address = {.sun_family = AF_UNIX};
  snprintf(address.sun_path, sizeof address.sun_path, "%s", named);
  mkdir(scratch("bypass"), 0755);
  const int server = socket(AF_UNIX, SOCK_STREAM, 0);
  if (bind(server, (struct sockaddr*)&address, sizeof address) != 0 || listen(server, 8) != 0) return UNSUPPORTED;
  const int refused = connect_path(socket(AF_UNIX, SOCK_STREAM, 0), named) != 0;
  if (link(named, scratch("linked")) != 0) return BLOCKED;
  return blocked_unless(refused && connect_path(socket(AF_UNIX, SOCK_STREAM, 0), scratch("linked")) == 0);
}
static enum outcome socket_by_proc(void) {
  if (chdir(text_of("SOCKETS")) != 0) return UNSUPPORTED;
  return dial_path("/proc/self/cwd/db.sock");
}
static enum outcome socket_by_descriptor(void) {
  char path[64];
  snprintf(path, sizeof path, "/proc/self/fd/%d", open(socket_path("db.sock"), O_PATH));
  return dial_path(path);
}
static enum outcome socket_unterminated(void) {  // 108 bytes fill sun_path
  return *text_of("LONG_SOCKET") ? dial_path(text_of("LONG_SOCKET")) : UNSUPPORTED;
}
static void* flip_link(void* unused) {
  char next[4096];
  snprintf(next, sizeof next, "%s.next", scratch("swapped"));
  const char* own = scratch("own.sock");
  const char* path = scratch("swapped");
  char database[4096];
  snprintf(database, sizeof database, "%s/db.sock", text_of("SOCKETS"));
  while (!stop) {
    symlink(database, next);
    rename(next, path);
    symlink(own, next);
    rename(next, path);
  }
  return unused;
}
static enum outcome socket_swapped(void) {
  struct sockaddr_un own = {.sun_family = AF_UNIX};
  snprintf(own.sun_path, sizeof own.sun_path, "%s", scratch("own.sock"));
  unlink(own.sun_path);
  unlink(scratch("swapped"));
  const int listener = socket(AF_UNIX, SOCK_STREAM, 0);
  if (bind(listener, (struct sockaddr*)&own, sizeof own) != 0 || listen(listener, MOST) != 0) return BLOCKED;
  enum outcome any = BLOCKED;
  const char* path = scratch("swapped");
  start_flipping(flip_link);
  for (int i = 0; i < MOST && racing(); ++i) {
    const int fd = socket(AF_UNIX, SOCK_STREAM, 0);
    if (connect_path(fd, path) == 0) any = announce(fd);
    close(fd);
  }
  stop_flipping();
  return any;
}
// Services of the host that the policy does not name.
static enum outcome host_socket(void) {
  return dial_path(socket_path("other.sock"));
}
static enum outcome host_abstract(void) {
  return dial_path(text_of("ABSTRACT"));
}
// A name that the instance has bound is its own; this one it tried to bind, and could not.
static enum outcome host_abstract_claimed(void) {
  const char* name = text_of("ABSTRACT");
  struct sockaddr_un address = {.sun_family = AF_UNIX};
  memcpy(address.sun_path, name, strlen(name));
  address.sun_path[0] = '\0';
  bind(socket(AF_UNIX, SOCK_STREAM, 0), (struct sockaddr*)&address,
       (socklen_t)(offsetof(struct sockaddr_un, sun_path) + strlen(name)));
  return host_abstract();
}
// Datagrams need no connect(): a logger of the host, a service manager.
static enum outcome host_datagram(void) {
  struct sockaddr_un address = {.sun_family = AF_UNIX};
  snprintf(address.sun_path, sizeof address.sun_path, "%s", socket_path("datagram.sock"));
  char line[128];
  const int length = snprintf(line, sizeof line, "%s %s\n", text_of("RUN_ID"), case_name);
  const int fd = socket(AF_UNIX, SOCK_DGRAM, 0);
  return blocked_unless(sendto(fd, line, (size_t)length, 0, (struct sockaddr*)&address, sizeof address) == length);
}

// --- what is no TCP --------------------------------------------------------------------------------------------------

static enum outcome opens(int family, int type, int protocol) {
  return blocked_unless(socket(family, type, protocol) >= 0);
}
static enum outcome mptcp_socket(void) {
  return opens(AF_INET, SOCK_STREAM, IPPROTO_MPTCP);
}
static enum outcome vsock(void) {
  return opens(40, SOCK_STREAM, 0);
}
static enum outcome packet(void) {
  return opens(AF_PACKET, SOCK_RAW, 0);
}
static enum outcome raw(void) {
  return opens(AF_INET, SOCK_RAW, IPPROTO_TCP);
}
static enum outcome diagnosis(void) {
  return opens(AF_NETLINK, SOCK_RAW, NETLINK_SOCK_DIAG);
}
static enum outcome sctp(void) {
  return opens(AF_INET, SOCK_SEQPACKET, IPPROTO_SCTP);
}
static enum outcome udplite(void) {
  return opens(AF_INET, SOCK_DGRAM, IPPROTO_UDPLITE);
}
static enum outcome bluetooth(void) {
  return opens(AF_BLUETOOTH, SOCK_RAW, 1);
}

static enum outcome ring(void) {
  struct io_uring_params parameters;
  memset(&parameters, 0, sizeof parameters);
  return blocked_unless(syscall(SYS_io_uring_setup, 4, &parameters) >= 0);
}
static enum outcome new_network(void) {
  return blocked_unless(unshare(CLONE_NEWUSER | CLONE_NEWNET) == 0);
}

// Lent by the app, connected: nothing is left to refuse.
static enum outcome inherited(void) {
  return announce(9);
}

// --- what the host does when it is asked -----------------------------------------------------------------------------

// The database dials us: the service at CALL_PORT stands for one that can be told to.
static enum outcome called_back(void) {
  struct sockaddr_in own = {.sin_family = AF_INET};
  own.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
  socklen_t length = sizeof own;
  const int server = socket(AF_INET, SOCK_STREAM, 0);
  const int ask = socket(AF_INET, SOCK_STREAM, 0);
  if (bind(server, (struct sockaddr*)&own, sizeof own) != 0 || listen(server, 1) != 0) return BLOCKED;
  getsockname(server, (struct sockaddr*)&own, &length);
  if (connect_to(ask, "127.0.0.1", number_of("CALL_PORT")) != 0) return BLOCKED;
  dprintf(ask, "%d\n", ntohs(own.sin_port));
  struct pollfd wait = {server, POLLIN, 0};
  if (poll(&wait, 1, 2000) != 1) return BLOCKED;
  return announce(accept(server, NULL, NULL));
}
// A proxy, a pooler, ssh -L, a build daemon: somebody outside who connects for whoever asks.
static enum outcome through_relay(const char* address, const char* port) {
  const int fd = socket(AF_INET, SOCK_STREAM, 0);
  if (*address == '\0') return UNSUPPORTED;
  return connect_to(fd, address, number_of(port)) == 0 ? announce(fd) : BLOCKED;
}
static enum outcome through_proxy(void) {
  return through_relay(text_of("OWN_ADDRESS"), "PROXY_PORT");
}
static enum outcome through_daemon(void) {
  return through_relay("127.0.0.1", "PROXY_PORT");
}
static enum outcome through_the_app(void) {
  return through_relay("127.0.0.1", "RELAY_PORT");
}

// --- what comes from elsewhere ---------------------------------------------------------------------------------------

static enum outcome passed_on(void) {  // by the app, over a socket pair at descriptor 9
  char byte = 0;
  char control[CMSG_SPACE(sizeof(int))];
  struct iovec data = {&byte, 1};
  struct msghdr header = {.msg_iov = &data, .msg_iovlen = 1, .msg_control = control, .msg_controllen = sizeof control};
  if (recvmsg(9, &header, 0) < 0) return BLOCKED;
  const struct cmsghdr* message = CMSG_FIRSTHDR(&header);
  int fd = -1;
  if (message != NULL) memcpy(&fd, CMSG_DATA(message), sizeof fd);
  return announce(fd);
}
// Left open by whoever started cofferdam.
static enum outcome of_the_caller(void) {
  return announce(number_of("LENT_SOCKET"));
}
static enum outcome ring_of_the_caller(void) {
  if (number_of("LENT_RING") == 0) return UNSUPPORTED;
  return blocked_unless(syscall(SYS_io_uring_enter, number_of("LENT_RING"), 0, 0, 0, NULL, 0) >= 0);
}

// --- options, pages and datagrams ------------------------------------------------------------------------------------

static enum outcome with_options(void) {
  const int fd = socket(AF_INET, SOCK_STREAM, 0);
  const int mark = 7;
  const unsigned char nothing[] = {1, 1, 1, 1};
  setsockopt(fd, SOL_SOCKET, SO_BINDTODEVICE, "lo", 3);
  setsockopt(fd, SOL_SOCKET, SO_MARK, &mark, sizeof mark);
  setsockopt(fd, IPPROTO_IP, IP_TRANSPARENT, &mark, sizeof mark);
  setsockopt(fd, IPPROTO_IP, IP_OPTIONS, nothing, sizeof nothing);
  return connect_to(fd, "127.0.0.1", number_of("DB_PORT")) == 0 ? announce(fd) : BLOCKED;
}
// The first hop of a source route is where the packet goes; the address of the call comes last.
static enum outcome source_route(void) {
  const int fd = socket(AF_INET, SOCK_DGRAM, 0);
  const unsigned char route[] = {1, 131, 7, 4, 127, 0, 0, 9};
  return blocked_unless(setsockopt(fd, IPPROTO_IP, IP_OPTIONS, route, sizeof route) == 0);
}
static enum outcome source_route6(void) {
  const int fd = socket(AF_INET6, SOCK_DGRAM, 0);
  unsigned char route[24] = {0, 2, 4};  // segment routing, which needs no privilege
  memcpy(route + 8, &in6addr_loopback, 16);
  if (setsockopt(fd, IPPROTO_IPV6, 57 /* IPV6_RTHDR */, route, sizeof route) == 0) return SUCCEEDED;
  return errno == EINVAL ? UNSUPPORTED : BLOCKED;
}
static enum outcome page_fault_handler(void) {
  return blocked_unless(syscall(SYS_userfaultfd, 1 /* UFFD_USER_MODE_ONLY */) >= 0);
}
static enum outcome tunnel(void) {
  const int fd = open("/dev/net/tun", O_RDWR);
  if (fd >= 0) return SUCCEEDED;
  return errno == EACCES || errno == EROFS ? BLOCKED : UNSUPPORTED;
}
// UDP at the database's port number: a name service, QUIC.
static enum outcome datagram(void) {
  char line[128];
  const struct sockaddr_in address = database_address();
  const size_t length = (size_t)fast_open_line(line, sizeof line);
  const int fd = socket(AF_INET, SOCK_DGRAM, 0);
  return blocked_unless(sendto(fd, line, length, 0, (const struct sockaddr*)&address, sizeof address) ==
                        (ssize_t)length);
}

const struct attack network_attacks[] = {
    {"N1", plain},
    {"N1b", nonblocking},
    {"N2", fast_open_sendto},
    {"N3", fast_open_sendmsg},
    {"N3b", fast_open_sendmmsg},
    {"N3c", fast_open_mptcp},
    {"N4", fast_open_option},
    {"N5", mapped},
    {"N6", loopback6},
    {"N6b", unspecified6},
    {"N6c", unspecified4},
    {"N6d", other_loopback},
    {"N6e", own_address},
    {"N9", rewritten_address},
    {"N10", swapped_descriptor},
    {"N11", private_table},
    {"N12", short_length},
    {"N12b", long_length},
    {"N12c", huge_length},
    {"N12d", negative_length},
    {"N12e", unspecified_family},
    {"N12f", without_scope},
    {"N14", bound_first},
    {"N14b", second_connect},
    {"N16", socket_absolute},
    {"N17", socket_relative},
    {"N17b", socket_dots},
    {"N17c", socket_symlink},
    {"N17d", socket_by_proc},
    {"N17f", socket_linked},
    {"N17e", socket_by_descriptor},
    {"N19", socket_swapped},
    {"N21", socket_unterminated},
    {"N22", ring},
    {"N24", sctp},
    {"N25", mptcp_socket},
    {"N25b", mptcp},
    {"N26", udplite},
    {"N26b", bluetooth},
    {"N27", vsock},
    {"N28", packet},
    {"N28b", raw},
    {"N29", diagnosis},
    {"N30", new_network},
    {"N15", called_back},
    {"N23", ring_of_the_caller},
    {"N31", tunnel},
    {"N32", datagram},
    {"N33", inherited},
    {"N34", passed_on},
    {"N35", through_the_app},
    {"N36", through_proxy},
    {"N37", plain},
    {"N39", of_the_caller},
    {"N40", with_options},
    {"N40b", source_route},
    {"N40c", source_route6},
    {"N41", page_fault_handler},
    {"N42", host_socket},
    {"N42b", host_abstract},
    {"N42c", host_abstract_claimed},
    {"N42d", host_datagram},
    {"N42e", through_daemon},
    {"P8", fast_open_high_bits},
    {NULL, NULL},
};
