#include "run/redirection.hpp"

#include <fcntl.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <csignal>
#include <cstring>
#include <string_view>

#include "kernel/process.hpp"

namespace cofferdam::run {

namespace {

[[noreturn]] void carry(int from, int to) {
  std::array<char, 1 << 16> buffer{};
  for (;;) {
    const ssize_t got = read(from, buffer.data(), buffer.size());
    if (got < 0 && errno == EINTR) continue;
    if (got <= 0) _exit(0);
    if (!kernel::write_all(to, std::string_view(buffer.data(), static_cast<std::size_t>(got)))) _exit(1);
  }
}

// A pipe or a socket is given as it is; nothing but bytes goes through it.
bool is_stream(int number) {
  struct stat status{};
  return fstat(number, &status) == 0 && (S_ISFIFO(status.st_mode) || S_ISSOCK(status.st_mode));
}

// `> file 2>&1`: one pipe, so that the lines keep their order.
bool is_same_file(int a, int b) {
  struct stat first{};
  struct stat second{};
  return fstat(a, &first) == 0 && fstat(b, &second) == 0 && first.st_dev == second.st_dev &&
         first.st_ino == second.st_ino;
}

kernel::Fd copy_of(int number) {
  return kernel::Fd(fcntl(number, F_DUPFD_CLOEXEC, 3));
}

}  // namespace

Result<kernel::Fd> open_nowhere() {
  auto nowhere = kernel::open_file("/dev/null", O_RDONLY);
  if (!nowhere) return nowhere;
  return kernel::above_stdio(std::move(*nowhere));
}

Carriers::~Carriers() {
  for (const auto* list : {&feeders_, &collectors_}) {
    for (const pid_t carrier : *list) {
      kill(carrier, SIGKILL);
      waitpid(carrier, nullptr, __WALL);
    }
  }
}

Result<void> Carriers::start(int from, int to, std::vector<pid_t>& list) {
  const pid_t carrier = kernel::clone_process(0, nullptr);
  if (carrier < 0) return fail(std::string("can't start a process: ") + std::strerror(-carrier), -carrier);
  if (carrier == 0) {
    std::array<int, 2> kept = {std::min(from, to), std::max(from, to)};
    (void)signal(SIGPIPE, SIG_DFL);
    if (kernel::die_with_parent() != 0 || kernel::close_all_but(kept) != 0) _exit(125);
    carry(from, to);
  }
  list.push_back(carrier);
  return {};
}

Result<kernel::Fd> Carriers::feed(int number) {
  auto pipe = kernel::make_pipe();
  if (!pipe) return std::unexpected(pipe.error());
  if (auto started = start(number, pipe->write.get(), feeders_); !started) return std::unexpected(started.error());
  return kernel::above_stdio(std::move(pipe->read));
}

Result<kernel::Fd> Carriers::collect(int number) {
  auto pipe = kernel::make_pipe();
  if (!pipe) return std::unexpected(pipe.error());
  if (auto started = start(pipe->read.get(), number, collectors_); !started) return std::unexpected(started.error());
  return kernel::above_stdio(std::move(pipe->write));
}

void Carriers::finish() {
  for (const pid_t feeder : feeders_) kill(feeder, SIGKILL);
  for (auto* list : {&feeders_, &collectors_}) {
    for (const pid_t carrier : *list) waitpid(carrier, nullptr, __WALL);
    list->clear();
  }
}

Result<GivenStdio> one_off_stdio(Carriers& carriers) {
  GivenStdio stdio;
  for (int number = 0; number < 3; ++number) {
    if (isatty(number) == 1) continue;
    kernel::Fd& made = stdio.at(static_cast<std::size_t>(number));
    const bool joined = number == STDERR_FILENO && stdio[1] && is_same_file(STDOUT_FILENO, STDERR_FILENO);
    if (joined || is_stream(number)) {
      made = copy_of(joined ? stdio[1].get() : number);
      if (!made) return fail(std::string("can't copy a descriptor: ") + std::strerror(errno), errno);
      continue;
    }
    auto carried = number == STDIN_FILENO ? carriers.feed(number) : carriers.collect(number);
    if (!carried) return std::unexpected(carried.error());
    made = std::move(*carried);
  }
  return stdio;
}

}  // namespace cofferdam::run
