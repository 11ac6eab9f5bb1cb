#include "run/run.hpp"

#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include "kernel/process.hpp"
#include "launch/listen_sockets.hpp"
#include "run/instance.hpp"
#include "run/prepare.hpp"
#include "run/redirection.hpp"
#include "run/replicas.hpp"
#include "run/session.hpp"

namespace cofferdam::run {

namespace {

// A pipe or a file is the app's; a terminal is not (no server has one): it is read from nowhere, with a hint.
Result<kernel::Fd> standard_input(const plan::Plan& plan, Say say, Carriers& carriers) {
  struct stat status{};
  if (fstat(STDIN_FILENO, &status) == 0 && S_ISREG(status.st_mode)) {
    return carriers.feed(STDIN_FILENO);
  }
  if (isatty(STDIN_FILENO) == 0) {
    const int copy = fcntl(STDIN_FILENO, F_DUPFD_CLOEXEC, 3);
    if (copy >= 0) return kernel::Fd(copy);
  } else {
    say(Severity::note,
        "stdin is not passed on from a terminal; for an interactive program use: " + plan.access.one_off);
  }
  return open_nowhere();
}

// Output goes to the pump.
Result<GivenStdio> app_stdio(const plan::Plan& plan, Say say, Carriers& carriers) {
  auto input = standard_input(plan, say, carriers);
  if (!input) return std::unexpected(input.error());
  GivenStdio stdio;
  stdio[0] = std::move(*input);
  return stdio;
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

  Carriers carriers;
  auto stdio = request.shell ? one_off_stdio(carriers) : app_stdio(prepared->plan, say, carriers);
  if (!stdio) return std::unexpected(stdio.error());
  const auto& [input, output, error] = *stdio;
  auto instance =
      Instance::start(**session, request, std::move(*prepared),
                      {.input = input.get(), .output = output.get(), .error = error.get(), .leftovers = {}});
  if (!instance) {
    (*session)->discard();
    return std::unexpected(instance.error());
  }
  *stdio = {};

  Loop* const loop = &(*instance)->loop();
  serve({&loop, 1}, (*session)->signals(), [&] { return loop->done(); });

  (*instance)->finish();
  carriers.finish();
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
