#include "run/driver.hpp"

#include <fcntl.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cerrno>
#include <csignal>
#include <cstring>

#include "kernel/process.hpp"

namespace cofferdam::run {

Result<std::unique_ptr<Driver>> Driver::start(const std::string& command,
                                              const std::map<std::string, std::string>& environment,
                                              const launch::Inherited& inherited) {
  std::vector<std::string> variables;
  for (const auto& [name, value] : environment) variables.push_back(name + "=" + value);
  std::vector<char*> pointers;
  for (std::string& variable : variables) pointers.push_back(variable.data());
  pointers.push_back(nullptr);
  std::string shell = "/bin/sh";
  std::string option = "-c";
  std::string text = command;
  std::array<char*, 4> argv = {shell.data(), option.data(), text.data(), nullptr};
  auto nowhere = kernel::open_file("/dev/null", O_RDONLY);
  if (!nowhere) return std::unexpected(nowhere.error());

  std::unique_ptr<Driver> driver(new Driver);
  int pidfd = -1;
  const pid_t child = kernel::clone_process(0x1000 /* CLONE_PIDFD */, &pidfd);
  if (child < 0) return fail(std::string("can't start the driver: ") + std::strerror(-child), -child);
  if (child == 0) {
    // Without exec permission or a shell there is no driver: 127, as a shell would say.
    if (setpgid(0, 0) != 0 || kernel::die_with_parent() != 0) _exit(127);
    (void)signal(SIGPIPE, SIG_DFL);
    sigprocmask(SIG_SETMASK, &inherited.signal_mask, nullptr);
    if (dup2(nowhere->get(), STDIN_FILENO) < 0 || dup2(STDERR_FILENO, STDOUT_FILENO) < 0) _exit(127);
    if (kernel::close_from(3) != 0) _exit(127);
    execve(shell.c_str(), argv.data(), pointers.data());
    _exit(127);
  }
  driver->pid_ = child;
  driver->pidfd_.reset(pidfd);
  driver->child_.reap = [raw = driver.get()](pid_t pid) { return pid == raw->pid_ && raw->reap(0); };
  return driver;
}

Driver::~Driver() {
  if (!ended()) {
    (void)kill(-pid_, SIGKILL);  // its group, and itself in case it had no time to make one
    kernel::send_signal(pidfd_.get(), SIGKILL);
    (void)reap(0);
  }
}

bool Driver::ended() {
  return ended_ || reap(WNOHANG);
}

bool Driver::reap(int flags) {
  if (ended_) return false;
  int status = 0;
  pid_t reaped = 0;
  do {
    reaped = waitpid(pid_, &status, flags | __WALL);
  } while (reaped < 0 && errno == EINTR);
  if (reaped != pid_) return false;
  ended_ = true;
  code_ = WIFSIGNALED(status) ? 128 + WTERMSIG(status) : WEXITSTATUS(status);
  return true;
}

}  // namespace cofferdam::run
