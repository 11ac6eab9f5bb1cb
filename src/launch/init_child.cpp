#include <fcntl.h>
#include <sched.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cerrno>
#include <ctime>

#include "kernel/landlock.hpp"
#include "kernel/process.hpp"
#include "launch/child.hpp"

namespace cofferdam::launch {

namespace {

// The only descriptor that the init keeps.
constexpr int kStatusPipe = 3;

// The launcher writes the maps, for one id as for all: a descriptor that we open for writing would, in the copy of the
// table that the pump is forked with, keep our mounts from becoming read-only.
void wait_for_maps(const Prepared& prepared) noexcept {
  char byte = 0;
  if (read(prepared.go_pipe, &byte, 1) != 1) give_up(prepared, Step::map_ids, EPIPE);
}

timespec deadline_in(int milliseconds) noexcept {
  timespec now{};
  clock_gettime(CLOCK_MONOTONIC, &now);
  now.tv_sec += milliseconds / 1000;
  now.tv_nsec += (milliseconds % 1000) * 1000000L;
  if (now.tv_nsec >= 1000000000L) {
    now.tv_nsec -= 1000000000L;
    ++now.tv_sec;
  }
  return now;
}

bool remaining(const timespec& deadline, timespec& left) noexcept {
  timespec now{};
  clock_gettime(CLOCK_MONOTONIC, &now);
  left.tv_sec = deadline.tv_sec - now.tv_sec;
  left.tv_nsec = deadline.tv_nsec - now.tv_nsec;
  if (left.tv_nsec < 0) {
    left.tv_nsec += 1000000000L;
    --left.tv_sec;
  }
  return left.tv_sec >= 0;
}

// After the app has ended, what it left gets SIGTERM, the grace, then SIGKILL.
void end_the_rest(const Prepared& prepared) noexcept {
  if (kill(-1, SIGTERM) != 0) return;  // ESRCH: nobody is left
  kill(-1, SIGCONT);
  sigset_t child_ended;
  sigemptyset(&child_ended);
  sigaddset(&child_ended, SIGCHLD);
  const timespec deadline = deadline_in(prepared.grace_milliseconds);
  for (timespec left{}; remaining(deadline, left);) {
    pid_t reaped = 0;
    while ((reaped = waitpid(-1, nullptr, WNOHANG)) > 0) {
    }
    if (reaped < 0) return;  // ECHILD
    sigtimedwait(&child_ended, nullptr, &left);
  }
  int killed = 0;
  kill(-1, SIGKILL);
  while (waitpid(-1, nullptr, 0) > 0) ++killed;
  prepared.page->stragglers = killed;
}

[[noreturn]] void reap(const Prepared& prepared, pid_t app) noexcept {
  for (;;) {
    int status = 0;
    const pid_t ended = waitpid(-1, &status, 0);
    if (ended < 0 && errno == EINTR) continue;
    if (ended < 0) _exit(125);
    if (ended != app) continue;
    end_the_rest(prepared);
    prepared.page->exit_status = status;
    const char ended_byte = 'X';
    (void)!write(kStatusPipe, &ended_byte, 1);
    _exit(0);
  }
}

// A shared table would let the app see the launcher's descriptors through /proc/1/fd (corpus P19).
void keep_only_the_pipe(const Prepared& prepared) noexcept {
  if (const int error = kernel::unshare_descriptors(); error != 0) give_up(prepared, Step::close_descriptors, error);
  if (dup3(prepared.status_pipe, kStatusPipe, O_CLOEXEC) < 0 && errno != EINVAL) {
    give_up(prepared, Step::close_descriptors, errno);
  }
  for (int fd = 0; fd < 3; ++fd) close(fd);
  if (const int error = kernel::close_from(kStatusPipe + 1); error != 0)
    give_up(prepared, Step::close_descriptors, error);
}

}  // namespace

void run_init(const Prepared& prepared) noexcept {
  // SIGCHLD stays blocked: end_the_rest waits for it.
  wait_for_maps(prepared);
  follow_launcher(prepared);
  const int ruleset = build_storage(prepared);
  // The app shares the table as well, so that its listener appears in the launcher's.
  prepared.page->ruleset = ruleset;
  const pid_t app = kernel::clone_process(CLONE_FILES | CLONE_PIDFD, &prepared.page->app_pidfd);
  if (app == 0) run_app(prepared, ruleset);
  if (app < 0) give_up(prepared, Step::start_app, -app);
  prepared.page->app_pid = app;
  // The app is still in the shared table until it has told of its listener; then it leaves by itself, and so do we.
  // Closing here touches only our own copy.
  keep_only_the_pipe(prepared);
  if (const int error = kernel::set_dumpable(false); error != 0) give_up(prepared, Step::close_descriptors, error);
  const char left_byte = 'I';
  (void)!write(kStatusPipe, &left_byte, 1);
  reap(prepared, app);
}

}  // namespace cofferdam::launch
