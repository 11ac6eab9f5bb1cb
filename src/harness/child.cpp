#include "harness/child.hpp"

#include <fcntl.h>
#include <poll.h>
#include <sys/wait.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <csignal>
#include <cstring>

#include "base/text.hpp"
#include "kernel/process.hpp"

namespace cofferdam::harness {
namespace {

constexpr int kClonePidfd = 0x1000;
constexpr std::chrono::milliseconds kLook{10};

std::vector<char*> pointers_to(std::vector<std::string>& texts) {
  std::vector<char*> pointers;
  for (std::string& text : texts) pointers.push_back(text.data());
  pointers.push_back(nullptr);
  return pointers;
}

}  // namespace

Result<std::unique_ptr<Child>> Child::start(const ChildRequest& request) {
  auto in = kernel::open_file(request.stdin_file.empty() ? "/dev/null" : request.stdin_file, O_RDONLY);
  auto out = kernel::make_pipe();
  auto err = kernel::make_pipe();
  if (!in) return std::unexpected(in.error());
  if (!out || !err) return std::unexpected((!out ? out : err).error());
  std::vector<std::string> arguments = request.argv;
  std::vector<std::string> variables;
  for (const auto& [name, value] : request.environment) variables.push_back(name + "=" + value);
  const std::vector<char*> argv = pointers_to(arguments);
  const std::vector<char*> environment = pointers_to(variables);
  sigset_t nothing;
  sigemptyset(&nothing);

  std::unique_ptr<Child> child(new Child);
  int pidfd = -1;
  const pid_t pid = kernel::clone_process(kClonePidfd, &pidfd);
  if (pid < 0) return fail("can't start " + request.program + ": " + std::strerror(-pid), -pid);
  if (pid == 0) {
    // 126 and 127, as a shell would say.
    if (setpgid(0, 0) != 0 || kernel::die_with_parent() != 0 || chdir(request.directory.c_str()) != 0) _exit(126);
    for (const int number : {SIGINT, SIGTERM, SIGPIPE}) (void)::signal(number, SIG_DFL);
    sigprocmask(SIG_SETMASK, &nothing, nullptr);
    if (dup2(in->get(), STDIN_FILENO) < 0 || dup2(out->write.get(), STDOUT_FILENO) < 0 ||
        dup2(err->write.get(), STDERR_FILENO) < 0 || kernel::close_from(3) != 0) {
      _exit(126);
    }
    execve(request.program.c_str(), argv.data(), environment.data());
    _exit(errno == ENOENT ? 127 : 126);
  }
  (void)setpgid(pid, pid);  // whoever comes first
  child->pid_ = pid;
  child->pidfd_.reset(pidfd);
  child->out_fd_ = std::move(out->read);
  child->err_fd_ = std::move(err->read);
  for (const kernel::Fd* fd : {&child->out_fd_, &child->err_fd_}) (void)fcntl(fd->get(), F_SETFL, O_NONBLOCK);
  return child;
}

Child::~Child() {
  kill_group();
  if (ended_) return;
  int status = 0;
  while (waitpid(pid_, &status, __WALL) < 0 && errno == EINTR) {
  }
}

void Child::signal(int number) {
  if (ended_) return;
  signalled_ = true;
  kernel::send_signal(pidfd_.get(), number);
}

void Child::kill_group() {
  (void)kill(-pid_, SIGKILL);
  if (!ended_) kernel::send_signal(pidfd_.get(), SIGKILL);
}

void Child::read_some(kernel::Fd& from, std::string& to) {
  std::array<char, 65536> buffer;
  for (;;) {
    const ssize_t got = read(from.get(), buffer.data(), buffer.size());
    if (got < 0 && errno == EINTR) continue;
    if (got < 0 && errno == EAGAIN) return;
    if (got <= 0) return from.reset();
    const std::size_t room = kMostOutput - std::min(kMostOutput, to.size());
    to.append(buffer.data(), std::min(static_cast<std::size_t>(got), room));
  }
}

void Child::reap() {
  int status = 0;
  if (ended_ || waitpid(pid_, &status, WNOHANG | __WALL) != pid_) return;
  ended_ = true;
  code_ = WIFSIGNALED(status) ? 128 + WTERMSIG(status) : WEXITSTATUS(status);
  // What it wrote before it ended; others that still hold the pipe are not waited for.
  if (out_fd_) read_some(out_fd_, out_);
  if (err_fd_) read_some(err_fd_, err_);
}

bool wait_until(std::span<Child* const> children, Clock::time_point deadline, int interrupt,
                const std::function<bool()>& done) {
  for (;;) {
    std::vector<pollfd> polled = {{interrupt, POLLIN, 0}};
    for (Child* child : children) {
      if (child->ended_) continue;
      polled.push_back({child->pidfd_.get(), POLLIN, 0});
      for (const kernel::Fd* fd : {&child->out_fd_, &child->err_fd_}) {
        if (*fd) polled.push_back({fd->get(), POLLIN, 0});
      }
    }
    if (done()) return true;
    const auto now = Clock::now();
    if (now >= deadline) return false;
    const auto left = std::chrono::ceil<std::chrono::milliseconds>(deadline - now);
    (void)poll(polled.data(), polled.size(), static_cast<int>(std::min(left, kLook).count()));
    if ((polled.front().revents & POLLIN) != 0) return false;
    for (Child* child : children) {
      if (child->ended_) continue;
      if (child->out_fd_) child->read_some(child->out_fd_, child->out_);
      if (child->err_fd_) child->read_some(child->err_fd_, child->err_);
      child->reap();
    }
  }
}

std::string find_program(const std::string& name, const std::string& search) {
  if (name.find('/') != std::string::npos) return access(name.c_str(), X_OK) == 0 ? name : "";
  for (const std::string_view directory : base::split(search, ':')) {
    std::string path = (directory.empty() ? "." : std::string(directory)) + "/" + name;
    if (access(path.c_str(), X_OK) == 0) return path;
  }
  return "";
}

}  // namespace cofferdam::harness
