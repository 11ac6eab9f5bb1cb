// Time limits, signals, cancellation, death.
#include <sys/time.h>
#include <sys/wait.h>

#include "client.h"

static void time_limit(void) {
  blackhole();
  const int fd = tcp(0);
  limit_sending(fd, 300);
  long begin = now();
  say("connect", result(dial(fd, server)));
  say_if("in-time", now() - begin >= 290 && now() - begin < 1200);
  begin = now();
  say("again", result(dial(fd, server)));
  say_if("in-time-again", now() - begin >= 290 && now() - begin < 1200);
}

static void interrupted(void) {
  blackhole();
  handle(0);
  int fd = tcp(0);
  long begin = now();
  alarm_in(200);
  say("connect", result(dial(fd, server)));
  say_if("in-time", now() - begin >= 190 && now() - begin < 1200);
  say("second", (fcntl(fd, F_SETFL, O_NONBLOCK), result(dial(fd, server))));
  // With a time limit the call is not restarted (socket(7), signal(7)).
  handle(SA_RESTART);
  fd = tcp(0);
  limit_sending(fd, 3000);
  begin = now();
  alarm_in(200);
  say("with-limit", result(dial(fd, server)));
  say_if("in-time-with-limit", now() - begin < 1200);
}

static void* accept_later(void* listener) {
  pause_for(600);
  for (int i = 0; i < 8; ++i) accept(*(int*)listener, NULL, NULL);
  return NULL;
}
static void restarted(void) {
  static int listener;
  listener = blackhole();
  handle(SA_RESTART);
  pthread_t thread;
  sigset_t all, before;  // the signal is the main thread's
  sigfillset(&all);
  pthread_sigmask(SIG_SETMASK, &all, &before);
  pthread_create(&thread, NULL, accept_later, &listener);
  pthread_sigmask(SIG_SETMASK, &before, NULL);
  const long begin = now();
  alarm_in(200);
  const int fd = tcp(0);
  say("connect", result(dial(fd, server)));
  say_if("handler-in-time", handled - begin >= 190 && handled - begin < 900);
  say("again", result(dial(fd, server)));
}

static void storm(void) {
  const int listener = serve(1000);
  handle(SA_RESTART);
  const struct itimerval often = {{0, 1000}, {0, 1000}};
  setitimer(ITIMER_REAL, &often, NULL);
  int good = 0;
  for (int i = 0; i < 200; ++i) {
    const int fd = tcp(0);
    good += dial(fd, server) == 0;
    close(fd);
  }
  const struct itimerval never = {{0, 0}, {0, 0}};
  setitimer(ITIMER_REAL, &never, NULL);
  say_if("all-connected", good == 200);
  close(listener);
}

static int thread_error;
static void* dial_in_thread(void* unused) {
  const int fd = tcp(0);
  thread_error = dial(fd, server) == 0 ? 0 : errno;
  return unused;
}
static void thread_signalled(void) {
  blackhole();
  handle(0);
  pthread_t thread;
  pthread_create(&thread, NULL, dial_in_thread, NULL);
  pause_for(150);
  const long begin = now();
  pthread_kill(thread, SIGUSR1);
  pthread_join(thread, NULL);
  say("connect", name_of(thread_error));
  say_if("in-time", now() - begin < 900);
}
static void cancelled(void) {
  blackhole();
  pthread_t thread;
  pthread_create(&thread, NULL, dial_in_thread, NULL);
  pause_for(150);
  const long begin = now();
  void* value = NULL;
  pthread_cancel(thread);
  pthread_join(thread, &value);
  say_if("cancelled", value == PTHREAD_CANCELED);
  say_if("in-time", now() - begin < 900);
}

static pid_t dialling_child(void) {
  const pid_t child = fork();
  if (child != 0) return child;
  dial(tcp(0), server);
  _exit(0);
}
static void killed(void) {
  blackhole();
  const pid_t child = dialling_child();
  pause_for(150);
  const long begin = now();
  kill(child, SIGKILL);
  int status = 0;
  waitpid(child, &status, 0);
  say_if("killed", WIFSIGNALED(status) && WTERMSIG(status) == SIGKILL);
  say_if("in-time", now() - begin < 900);
}
static void stopped(void) {
  blackhole();
  const pid_t child = dialling_child();
  pause_for(150);
  const long begin = now();
  kill(child, SIGSTOP);
  int status = 0;
  waitpid(child, &status, WUNTRACED);
  say_if("stopped", WIFSTOPPED(status));
  say_if("in-time", now() - begin < 900);
  kill(child, SIGCONT);
  pause_for(150);
  say_if("goes-on", waitpid(child, &status, WNOHANG) == 0);
  kill(child, SIGKILL);
  waitpid(child, &status, 0);
}

const struct socket_case signal_cases[] = {
    {"time_limit", time_limit},
    {"interrupted", interrupted},
    {"restarted", restarted},
    {"storm", storm},
    {"thread_signalled", thread_signalled},
    {"cancelled", cancelled},
    {"killed", killed},
    {"stopped", stopped},
    {NULL, NULL},
};
