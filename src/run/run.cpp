#include "run/run.hpp"

#include <fcntl.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include <array>
#include <cerrno>
#include <csignal>
#include <cstring>

#include "kernel/process.hpp"
#include "launch/listen_sockets.hpp"
#include "run/instance.hpp"
#include "run/prepare.hpp"
#include "run/replicas.hpp"
#include "run/session.hpp"

namespace cofferdam::run {

namespace {

// The content of a file, through a pipe: the descriptor itself would let the app change the file's mode and times, and,
// opened for writing, the file. The feeder ends with the file, or when nobody reads.
Result<kernel::Fd> feed_file(pid_t& feeder) {
  auto pipe = kernel::make_pipe();
  if (!pipe) return std::unexpected(pipe.error());
  feeder = kernel::clone_process(0, nullptr);
  if (feeder < 0) return fail(std::string("can't start a process: ") + std::strerror(-feeder), -feeder);
  if (feeder == 0) {
    std::array<int, 2> kept = {STDIN_FILENO, pipe->write.get()};
    (void)signal(SIGPIPE, SIG_DFL);
    if (kernel::die_with_parent() != 0 || kernel::close_all_but(kept) != 0) _exit(125);
    while (splice(STDIN_FILENO, nullptr, pipe->write.get(), nullptr, 1 << 16, 0) > 0) {
    }
    _exit(0);
  }
  return kernel::above_stdio(std::move(pipe->read));
}

Result<kernel::Fd> open_nowhere() {
  auto nowhere = kernel::open_file("/dev/null", O_RDONLY);
  if (!nowhere) return nowhere;
  return kernel::above_stdio(std::move(*nowhere));
}

// A pipe or a file is the app's; a terminal is not (no server has one): it is read from nowhere, with a hint.
Result<kernel::Fd> standard_input(Say say, pid_t& feeder) {
  struct stat status{};
  if (fstat(STDIN_FILENO, &status) == 0 && S_ISREG(status.st_mode)) return feed_file(feeder);
  if (isatty(STDIN_FILENO) == 0) {
    const int copy = fcntl(STDIN_FILENO, F_DUPFD_CLOEXEC, 3);
    if (copy >= 0) return kernel::Fd(copy);
  } else {
    say(Severity::note,
        "stdin is not passed on from a terminal; for an interactive program use: cofferdam shell -- COMMAND");
  }
  return open_nowhere();
}

}  // namespace

Result<RunResult> run(const RunRequest& request, Say say) {
  launch::Inherited inherited = launch::take_inherited();
  hold_signals_as_pid_1();
  auto listen_sockets = launch::take_listen_sockets(request.environment);
  if (!listen_sockets) return std::unexpected(listen_sockets.error());
  inherited.listen_sockets = *listen_sockets;
  auto prepared = prepare(request, say);
  if (!prepared) return std::unexpected(prepared.error());
  auto session = Session::open(request, inherited, prepared->policy, prepared->plan);
  if (!session) return std::unexpected(session.error());

  if (!request.shell && wants_replicas(request, *prepared)) {
    auto nowhere = open_nowhere();
    if (!nowhere) return std::unexpected(nowhere.error());
    if (isatty(STDIN_FILENO) == 0) say(Severity::note, "stdin is not passed on to instances that can be replaced");
    auto result = run_replicas(request, *prepared, **session, nowhere->get(), say);
    if (result) {
      (*session)->close(*result);
    } else {
      (*session)->discard();
    }
    return result;
  }

  kernel::Fd input;
  pid_t feeder = 0;
  if (!request.shell) {
    auto opened = standard_input(say, feeder);
    if (!opened) return std::unexpected(opened.error());
    input = std::move(*opened);
  }
  auto instance = Instance::start(**session, request, std::move(*prepared), {.input = input.get(), .leftovers = {}});
  if (!instance) {
    (*session)->discard();
    return std::unexpected(instance.error());
  }
  input.reset();

  Loop* const loop = &(*instance)->loop();
  serve({&loop, 1}, (*session)->signals(), [&] { return loop->done(); });

  (*instance)->finish();
  if (feeder > 0) {
    kill(feeder, SIGKILL);
    waitpid(feeder, nullptr, __WALL);
  }
  RunResult result;
  result.exit_code = (*instance)->exit_code();
  result.failure = (*instance)->failure();
  (*session)->close(result);
  if (!request.keep_writes.empty()) {
    for (std::string& problem : (*instance)->supervisor().keep_writes(request.keep_writes)) {
      result.problems.push_back("--keep-writes: " + std::move(problem));
    }
  }
  return result;
}

}  // namespace cofferdam::run
