// A client that does with connect(2) what clients do, and prints what it saw: "name value" a line. It brings its own
// servers, so the same run means the same with and without cofferdam; sockets.py compares. Compile with _GNU_SOURCE.
// DB_PORT names the port of the servers, SCRATCH a directory to make, standard input is the runner's "go on".
#pragma once

#include <errno.h>
#include <fcntl.h>
#include <netinet/in.h>
#include <poll.h>
#include <pthread.h>
#include <signal.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

struct socket_case {
  const char* name;
  void (*run)(void);
};
// One table a subject, ended by a null name.
extern const struct socket_case connect_cases[];
extern const struct socket_case signal_cases[];
extern const struct socket_case descriptor_cases[];
extern const struct socket_case unix_cases[];

void say(const char* what, const char* value);
void say_if(const char* what, int holds);  // "yes" or "no"
void must(int holds, const char* what);    // ends the program: the case itself is broken
const char* name_of(int error);            // "ok", "ECONNREFUSED"
const char* result(int returned);          // of errno, when `returned` is not 0
long now(void);                            // ms
void pause_for(long ms);

int tcp(int flags);
struct sockaddr_in at(const char* host, int port);
int dial(int fd, struct sockaddr_in address);
extern struct sockaddr_in server;  // where serve() listens: 127.0.0.1 and DB_PORT
int serve(int backlog);
int blackhole(void);                                    // serves, but answers nobody
int port_of_peer(int fd, struct sockaddr_in* address);  // or -errno
int port_of_self(int fd, struct sockaddr_in* address);
int error_of(int fd);  // SO_ERROR
int ready(int fd, short events, int ms);
void say_connected(int listener, int fd);              // both ends have the same two names, and bytes pass
void say_end(const char* what, int listener, int fd);  // whether the other side hears at once that we are gone
void limit_sending(int fd, long ms);                   // SO_SNDTIMEO
void handle(int flags);                                // SIGALRM and SIGUSR1 have a handler
extern volatile long handled;                          // when it ran
void alarm_in(long ms);
