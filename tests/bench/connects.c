/* What connections cost, seen from the program that makes them, and a server to make them to. All addresses are IPv4.
 *
 *   connects serve                          prints "PORT FULL" and serves until it is killed: on PORT each connection
 *                                           gets one byte and is closed; the backlog of FULL is full, so a connect to
 *                                           it waits
 *   connects open HOST PORT COUNT           connects and closes: prints median and 99th percentile in microseconds
 *   connects byte HOST PORT COUNT           the same, and waits for the byte before it closes
 *   connects stages HOST PORT COUNT MORE    the same as open with COUNT, then with MORE; waits for a line after each
 *   connects blocked HOST PORT COUNT FULL N the same as open, while N threads wait in connect to FULL
 *
 * Sockets are closed by a reset, so that no port is left in TIME_WAIT. 20 connections go before the clock starts. */
#define _GNU_SOURCE
#include <arpa/inet.h>
#include <pthread.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>

enum { kWarm = 20, kStack = 65536 };

static void must(int good, const char* what) {
  if (good) return;
  perror(what);
  exit(1);
}

static struct sockaddr_in address_of(const char* host, int port) {
  struct sockaddr_in address = {.sin_family = AF_INET, .sin_port = htons((unsigned short)port)};
  must(inet_pton(AF_INET, host, &address.sin_addr) == 1, host);
  return address;
}

static int connect_to(const struct sockaddr_in* address) {
  struct linger reset = {.l_onoff = 1, .l_linger = 0};
  int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
  must(fd >= 0, "socket");
  must(setsockopt(fd, SOL_SOCKET, SO_LINGER, &reset, sizeof reset) == 0, "SO_LINGER");
  must(connect(fd, (const struct sockaddr*)address, sizeof *address) == 0, "connect");
  return fd;
}

static double now_us(void) {
  struct timespec now;
  clock_gettime(CLOCK_MONOTONIC, &now);
  return (double)now.tv_sec * 1e6 + (double)now.tv_nsec / 1e3;
}

static int by_size(const void* a, const void* b) {
  double x = *(const double*)a, y = *(const double*)b;
  return (x > y) - (x < y);
}

static void measure(const struct sockaddr_in* address, long count, int byte) {
  double* samples = calloc((size_t)count, sizeof *samples);
  must(samples != NULL && count > 0, "count");
  for (long i = -kWarm; i < count; i++) {
    char answer;
    double start = now_us();
    int fd = connect_to(address);
    if (byte) must(read(fd, &answer, 1) == 1, "read");
    close(fd);
    if (i >= 0) samples[i] = now_us() - start;
  }
  qsort(samples, (size_t)count, sizeof *samples, by_size);
  printf("%.2f %.2f\n", samples[count / 2], samples[count * 99 / 100]);
  free(samples);
}

static atomic_int unblocked;
static void* wait_in_connect(void* address) {
  connect_to(address);
  unblocked++;
  return NULL;
}

static void block(struct sockaddr_in* full, long threads) {
  pthread_attr_t small;
  pthread_attr_init(&small);
  pthread_attr_setstacksize(&small, kStack);
  for (long i = 0; i < threads; i++) {
    pthread_t thread;
    must(pthread_create(&thread, &small, wait_in_connect, full) == 0, "pthread_create");
  }
  usleep(500000);
}

static int listen_on(struct sockaddr_in* address, int backlog) {
  socklen_t length = sizeof *address;
  int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
  *address = address_of("0.0.0.0", 0);
  must(fd >= 0 && bind(fd, (struct sockaddr*)address, sizeof *address) == 0, "bind");
  must(listen(fd, backlog) == 0 && getsockname(fd, (struct sockaddr*)address, &length) == 0, "listen");
  return fd;
}

static void serve(void) {
  struct sockaddr_in full, open;
  listen_on(&full, 0);
  connect_to(&full); /* a backlog of 0 holds one */
  int listener = listen_on(&open, 4096);
  printf("%d %d\n", ntohs(open.sin_port), ntohs(full.sin_port));
  fflush(stdout);
  for (;;) {
    int fd = accept4(listener, NULL, NULL, SOCK_CLOEXEC);
    if (fd < 0) continue; /* reset before it was taken */
    (void)!send(fd, "x", 1, MSG_NOSIGNAL);
    close(fd);
  }
}

int main(int argc, char** argv) {
  const char* mode = argc > 1 ? argv[1] : "";
  if (strcmp(mode, "serve") == 0) serve();
  if (argc < 5) {
    fputs(
        "usage: connects serve | (open | byte) HOST PORT COUNT | stages HOST PORT COUNT MORE | "
        "blocked HOST PORT COUNT FULL N\n",
        stderr);
    return 2;
  }
  struct sockaddr_in address = address_of(argv[2], atoi(argv[3]));
  if (strcmp(mode, "blocked") == 0 && argc > 6) {
    struct sockaddr_in full = address_of(argv[2], atoi(argv[5]));
    block(&full, atol(argv[6]));
  }
  measure(&address, atol(argv[4]), strcmp(mode, "byte") == 0);
  must(unblocked == 0, "a connect to the full backlog did not wait");
  fflush(stdout);
  if (strcmp(mode, "stages") == 0 && argc > 5) {
    (void)getchar();
    measure(&address, atol(argv[5]), 0);
    fflush(stdout);
    (void)getchar();
  }
  _exit(0); /* threads may still wait in connect */
}
