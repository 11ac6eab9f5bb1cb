// attack CASE: runs one case of the tables, prints "CASE succeeded" or "CASE blocked ERRNO".
#define _GNU_SOURCE
#include <arpa/inet.h>
#include <errno.h>
#include <netinet/in.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <time.h>
#include <unistd.h>

#include "attack.h"

const char* case_name = "";

const char* text_of(const char* variable) {
  const char* value = getenv(variable);
  return value == NULL ? "" : value;
}
int number_of(const char* variable) {
  return atoi(text_of(variable));
}

// Never freed: a thread may hold on to it, and a case ends soon.
static const char* path_in(const char* directory, const char* name) {
  char* path = malloc(strlen(directory) + strlen(name) + 2);
  sprintf(path, "%s/%s", directory, name);
  return path;
}
const char* scratch(const char* name) {
  return path_in(text_of("SCRATCH"), name);
}
const char* target(const char* name) {
  char directory[2048];
  snprintf(directory, sizeof directory, "%s/%s", text_of("TARGET"), case_name);
  return path_in(directory, name);
}

enum outcome blocked_unless(int succeeded) {
  return succeeded ? SUCCEEDED : BLOCKED;
}

enum outcome announce(int socket) {
  char line[128];
  const int length = snprintf(line, sizeof line, "%s %s\n", text_of("RUN_ID"), case_name);
  return blocked_unless(send(socket, line, (size_t)length, MSG_NOSIGNAL) == length);
}

static socklen_t address_of(const char* text, int port, struct sockaddr_storage* into) {
  struct sockaddr_in* v4 = (struct sockaddr_in*)into;
  struct sockaddr_in6* v6 = (struct sockaddr_in6*)into;
  memset(into, 0, sizeof *into);
  if (inet_pton(AF_INET, text, &v4->sin_addr) == 1) {
    v4->sin_family = AF_INET;
    v4->sin_port = htons((unsigned short)port);
    return sizeof *v4;
  }
  inet_pton(AF_INET6, text, &v6->sin6_addr);
  v6->sin6_family = AF_INET6;
  v6->sin6_port = htons((unsigned short)port);
  return sizeof *v6;
}

int connect_to(int socket, const char* address, int port) {
  struct sockaddr_storage storage;
  const socklen_t length = address_of(address, port, &storage);
  return connect(socket, (struct sockaddr*)&storage, length);
}

int database_socket(const char* address, int type, int protocol) {
  const int made = socket(strchr(address, ':') == NULL ? AF_INET : AF_INET6, type, protocol);
  if (made < 0 || connect_to(made, address, number_of("DB_PORT")) == 0) return made;
  close(made);
  return -1;
}

int connect_path(int socket, const char* path) {
  struct sockaddr_un address = {.sun_family = AF_UNIX};
  const size_t length = strnlen(path, sizeof address.sun_path);
  memcpy(address.sun_path, path, length);  // 108 bytes need no terminator
  if (path[0] == '@') address.sun_path[0] = '\0';
  return connect(socket, (struct sockaddr*)&address, (socklen_t)(offsetof(struct sockaddr_un, sun_path) + length));
}

volatile int stop;
static volatile int flipping;
static pthread_t flipper;
static void* (*flip)(void*);
static struct timespec race_end;

static void* flip_from_now(void* unused) {
  flipping = 1;
  return flip(unused);
}
void start_flipping(void* (*function)(void*)) {
  flip = function;
  stop = flipping = 0;
  pthread_create(&flipper, NULL, flip_from_now, NULL);
  while (!flipping) usleep(100);
  clock_gettime(CLOCK_MONOTONIC, &race_end);
  race_end.tv_nsec += 200 * 1000 * 1000;
}
int racing(void) {
  struct timespec now;
  clock_gettime(CLOCK_MONOTONIC, &now);
  return (now.tv_sec - race_end.tv_sec) * 1000000000L + now.tv_nsec < race_end.tv_nsec;
}
void stop_flipping(void) {
  stop = 1;
  pthread_join(flipper, NULL);
}

int main(int argc, char** argv) {
  const struct attack* tables[] = {network_attacks, storage_attacks, identity_attacks, process_attacks, egress_attacks};
  if (argc < 2) return 2;
  case_name = argv[1];
  for (size_t i = 0; i < sizeof tables / sizeof *tables; ++i) {
    for (const struct attack* attack = tables[i]; attack->name != NULL; ++attack) {
      if (strcmp(attack->name, case_name) != 0) continue;
      errno = 0;
      const enum outcome outcome = attack->run();
      const int error = errno;
      if (outcome == BLOCKED) {
        printf("%s blocked %s\n", case_name, error == 0 ? "-" : strerrorname_np(error));
      } else {
        printf("%s %s\n", case_name, outcome == SUCCEEDED ? "succeeded" : "unsupported");
      }
      return 0;
    }
  }
  fprintf(stderr, "no such case: %s\n", case_name);
  return 2;
}
