#include <fcntl.h>
#include <poll.h>
#include <sys/ioctl.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cerrno>
#include <charconv>
#include <cstring>

#include "kernel/filter.hpp"
#include "kernel/landlock.hpp"
#include "kernel/process.hpp"
#include "launch/child.hpp"
#include "launch/devices.hpp"

namespace cofferdam::launch {

void give_up(const Prepared& prepared, Step step, int error, int index) noexcept {
  prepared.page->failed_errno = error;
  prepared.page->failed_index = index;
  prepared.page->failed_step = static_cast<int>(step);
  _exit(125);
}

void follow_launcher(const Prepared& prepared) noexcept {
  if (const int error = kernel::die_with_parent(); error != 0) give_up(prepared, Step::die_with_parent, error);
  // Had it died before the line above, nobody would tell us: its pidfd is readable then.
  pollfd launcher{prepared.launcher_pidfd, POLLIN, 0};
  if (poll(&launcher, 1, 0) != 0) give_up(prepared, Step::die_with_parent, ESRCH);
}

namespace {

void must(const Prepared& prepared, Step step, int error) noexcept {
  if (error != 0) give_up(prepared, step, error);
}

void take_stdio(const Prepared& prepared) noexcept {
  const int terminal = prepared.page->terminal_slave;
  const auto source = [&](int given) { return given >= 0 ? given : terminal; };
  const int sources[3] = {source(prepared.stdio.in), source(prepared.stdio.out), source(prepared.stdio.err)};
  for (int target = 0; target < 3; ++target) {
    // The sources are all above 2, so no copy overwrites one that is still needed; dup2 clears close-on-exec.
    if (dup2(sources[target], target) < 0) give_up(prepared, Step::take_stdio, errno);
  }
  if (prepared.stdio.terminal && ioctl(terminal, TIOCSCTTY, 0) != 0) give_up(prepared, Step::take_terminal, errno);
}

void restore_signals(const Prepared& prepared) noexcept {
  for (int number = 1; number < 32; ++number) {
    if (number == SIGKILL || number == SIGSTOP) continue;
    // What a terminal has sent to its whole group since the clone is forgotten: the launcher has it, too, and passes it
    // on.
    (void)signal(number, SIG_IGN);
    // Only "ignored" survives an exec; whatever else the launcher has set is its own.
    struct sigaction inherited{};
    inherited.sa_handler = prepared.inherited->dispositions[number].sa_handler == SIG_IGN ? SIG_IGN : SIG_DFL;
    sigaction(number, &inherited, nullptr);
  }
  sigprocmask(SIG_SETMASK, &prepared.inherited->signal_mask, nullptr);
}

void limit_resources(const Prepared& prepared) noexcept {
  // Soft = hard = 1 and not 0: a limit of 0 does not stop a core_pattern that is a pipe (core(5)).
  const rlimit core{1, 1};
  setrlimit(RLIMIT_CORE, &core);
  umask(prepared.inherited->umask);
}

// They keep their numbers, from 3 on; everything behind them is the launcher's.
void keep_listen_sockets(const Prepared& prepared) noexcept {
  const int behind = 3 + prepared.inherited->listen_sockets;
  for (int fd = 3; fd < behind; ++fd) {
    if (fcntl(fd, F_SETFD, 0) != 0) give_up(prepared, Step::close_descriptors, errno);
  }
  must(prepared, Step::close_descriptors, kernel::close_from(static_cast<unsigned>(behind)));
  if (!prepared.listen_pid) return;
  char* number = std::strchr(prepared.listen_pid.get(), '=') + 1;
  *std::to_chars(number, number + kPidDigits, getpid()).ptr = '\0';
}

// At the very end: what is still to be opened has a high number while the descriptors of the launcher are there.
void limit_open_files(const Prepared& prepared) noexcept {
  rlimit limit = prepared.inherited->open_files;
  if (prepared.plan->open_files != 0) limit = {prepared.plan->open_files, prepared.plan->open_files};
  if (setrlimit(RLIMIT_NOFILE, &limit) != 0) give_up(prepared, Step::limit_open_files, errno);
}

}  // namespace

void run_app(const Prepared& prepared, int landlock_ruleset) noexcept {
  const plan::Plan& plan = *prepared.plan;
  // A session of its own: no controlling terminal to inject into, and kill(0) stays inside.
  if (setsid() < 0) give_up(prepared, Step::new_session, errno);
  // In local mode the instance's own devpts has been made before; a container has one.
  if (plan.mode == Mode::container && prepared.stdio.terminal) open_terminal(prepared);
  // The table is shared with the launcher until here; what follows is the app's alone, except the listener.
  restore_signals(prepared);
  limit_resources(prepared);

  // The bounding set first: dropping it needs CAP_SETPCAP, which a change of identity takes away. Landlock and the
  // filter come last because they forbid what the steps before them do.
  must(prepared, Step::drop_capabilities, kernel::limit_capabilities(plan.kept_capabilities));
  if (plan.identity.change) {
    const auto& groups = plan.identity.groups;
    must(prepared, Step::take_identity,
         kernel::take_identity(plan.identity.uid, plan.identity.gid, {groups.data(), groups.size()}));
  }
  // In a pid namespace the init dies with the launcher and takes all along; without one the app asks for itself.
  // After the change of identity, which would clear it.
  if (plan.mode == Mode::container) follow_launcher(prepared);
  if (chdir(plan.working_directory.c_str()) != 0) give_up(prepared, Step::change_directory, errno);
  must(prepared, Step::no_new_privileges, kernel::set_no_new_privs());
  if (landlock_ruleset >= 0) must(prepared, Step::enter_landlock, -kernel::enter_landlock(landlock_ruleset));

  char filter_byte = 0;
  if (read(prepared.go_pipe, &filter_byte, 1) != 1) give_up(prepared, Step::load_filter, EPIPE);
  const sock_fprog program{prepared.page->filter_length, prepared.page->filter};
  const int listener = kernel::load_filter(&program, 0);
  if (listener < 0) give_up(prepared, Step::load_filter, -listener);
  // The launcher finds the listener at this number in the table that it shares with us until the next line.
  prepared.page->listener = listener;
  must(prepared, Step::close_descriptors, kernel::unshare_descriptors());
  const char left_byte = 'L';
  if (write(prepared.status_pipe, &left_byte, 1) != 1) give_up(prepared, Step::load_filter, errno);
  take_stdio(prepared);
  keep_listen_sockets(prepared);
  limit_open_files(prepared);
  execve(plan.program.path.c_str(), prepared.argv.data(), prepared.environment.data());
  give_up(prepared, Step::execute, errno);
}

}  // namespace cofferdam::launch
