#include "api/child.hpp"

#include <fcntl.h>
#include <poll.h>
#include <spawn.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <csignal>
#include <cstring>
#include <string_view>

#include "base/text.hpp"
#include "kernel/process.hpp"

namespace cofferdam::api {

namespace {

using Clock = std::chrono::steady_clock;

constexpr std::size_t kMostCaptured = 1 << 20;
// Above all numbers that the child gets, so that no dup2 overwrites what a later one needs.
constexpr int kAboveAll = 16;

class SpawnActions {
 public:
  SpawnActions() {
    posix_spawn_file_actions_init(&actions_);
    posix_spawnattr_init(&attributes_);
  }
  SpawnActions(const SpawnActions&) = delete;
  SpawnActions& operator=(const SpawnActions&) = delete;
  ~SpawnActions() {
    posix_spawn_file_actions_destroy(&actions_);
    posix_spawnattr_destroy(&attributes_);
  }

  [[nodiscard]] int give(int ours, int theirs) { return posix_spawn_file_actions_adddup2(&actions_, ours, theirs); }
  [[nodiscard]] int close_from(int first) { return posix_spawn_file_actions_addclosefrom_np(&actions_, first); }
  [[nodiscard]] int enter(const std::string& directory) {
    return directory.empty() ? 0 : posix_spawn_file_actions_addchdir_np(&actions_, directory.c_str());
  }
  [[nodiscard]] int start_afresh() {
    sigset_t none;
    sigset_t all;
    sigemptyset(&none);
    sigfillset(&all);
    const int masked = posix_spawnattr_setsigmask(&attributes_, &none);
    const int defaulted = posix_spawnattr_setsigdefault(&attributes_, &all);
    const int flags =
        posix_spawnattr_setflags(&attributes_, POSIX_SPAWN_SETSIGMASK | POSIX_SPAWN_SETSIGDEF | POSIX_SPAWN_SETPGROUP);
    return std::max({masked, defaulted, flags});
  }
  [[nodiscard]] int spawn(pid_t& pid, const std::string& binary, std::vector<char*>& argv,
                          std::vector<char*>& environment) {
    return posix_spawn(&pid, binary.c_str(), &actions_, &attributes_, argv.data(), environment.data());
  }

 private:
  posix_spawn_file_actions_t actions_{};
  posix_spawnattr_t attributes_{};
};

std::vector<char*> pointers(const std::vector<std::string>& texts) {
  std::vector<char*> result;
  for (const std::string& text : texts) result.push_back(const_cast<char*>(text.c_str()));
  result.push_back(nullptr);
  return result;
}

Error cannot_start(const std::string& what, int errnum) {
  return {"can't start " + base::printable(what) + ": " + std::strerror(errnum), errnum};
}

bool is_directory(const std::string& path) {
  struct stat status{};
  return stat(path.c_str(), &status) == 0 && S_ISDIR(status.st_mode);
}

// Reads what is there; the descriptor is closed at its end.
void read_into(kernel::Fd& from, std::string& into) {
  char buffer[4096];
  const ssize_t count = read(from.get(), buffer, sizeof buffer);
  if (count > 0) into.append(buffer, static_cast<std::size_t>(count));
  if (count == 0 || (count < 0 && errno != EINTR)) from.reset();
}

}  // namespace

Result<Child> spawn(const ChildRequest& request) {
  if (!request.working_directory.empty() && !is_directory(request.working_directory)) {
    return fail("the working directory " + base::printable(request.working_directory) + " is not there", ENOENT);
  }
  SpawnActions actions;
  std::vector<kernel::Fd> files;
  int problem = actions.start_afresh();
  for (std::size_t i = 0; i < request.files.size(); ++i) {
    files.emplace_back(fcntl(request.files[i], F_DUPFD_CLOEXEC, kAboveAll));
    if (!files.back()) return std::unexpected(cannot_start(request.binary, errno));
    problem = std::max(problem, actions.give(files.back().get(), static_cast<int>(i)));
  }
  problem =
      std::max({problem, actions.close_from(static_cast<int>(files.size())), actions.enter(request.working_directory)});
  std::vector<std::string> words = {request.binary};
  words.insert(words.end(), request.arguments.begin(), request.arguments.end());
  std::vector<char*> argv = pointers(words);
  std::vector<char*> environment = pointers(request.environment);
  Child child;
  if (problem == 0) problem = actions.spawn(child.pid, request.binary, argv, environment);
  if (problem != 0) return std::unexpected(cannot_start(request.binary, problem));
  child.pidfd = kernel::open_pidfd(child.pid, false);
  if (!child.pidfd) {
    const int errnum = errno;
    (void)kill(child.pid, SIGKILL);
    (void)reap(child);
    return std::unexpected(cannot_start(request.binary, errnum));
  }
  return child;
}

std::optional<int> reap(const Child& child) {
  siginfo_t info{};
  int result = 0;
  do {
    result = waitid(P_PID, static_cast<id_t>(child.pid), &info, WEXITED);
  } while (result != 0 && errno == EINTR);
  if (result != 0) return std::nullopt;
  return info.si_code == CLD_EXITED ? info.si_status : 128 + info.si_status;
}

std::vector<std::string> child_environment(const std::map<std::string, std::string>& set,
                                           const std::vector<std::string>& unset) {
  std::map<std::string, std::string, std::less<>> variables;
  for (char** entry = environ; entry != nullptr && *entry != nullptr; ++entry) {
    const std::string_view variable = *entry;
    const std::size_t equals = variable.find('=', 1);
    if (equals != std::string_view::npos) variables.emplace(variable.substr(0, equals), variable.substr(equals + 1));
  }
  for (const char* name : {"LISTEN_FDS", "LISTEN_PID", "LISTEN_FDNAMES"}) variables.erase(name);
  for (const std::string& name : unset) variables.erase(name);
  for (const auto& [name, value] : set) variables[name] = value;
  std::vector<std::string> result;
  for (const auto& [name, value] : variables) result.push_back(name + "=" + value);
  return result;
}

Result<Captured> capture(ChildRequest request, std::chrono::milliseconds timeout) {
  const auto deadline = Clock::now() + timeout;
  auto out = kernel::make_pipe();
  auto err = kernel::make_pipe();
  auto nowhere = kernel::open_file("/dev/null", O_RDONLY);
  if (!out || !err || !nowhere) return std::unexpected(!out ? out.error() : !err ? err.error() : nowhere.error());
  request.files = {nowhere->get(), out->write.get(), err->write.get()};
  auto child = spawn(request);
  if (!child) return std::unexpected(child.error());
  out->write.reset();
  err->write.reset();

  Captured captured;
  bool killed = false;
  while (out->read || err->read) {
    const auto left = std::chrono::ceil<std::chrono::milliseconds>(deadline - Clock::now());
    std::array<pollfd, 2> polled = {{{out->read.get(), POLLIN, 0}, {err->read.get(), POLLIN, 0}}};
    const int ready = left.count() <= 0 ? 0 : poll(polled.data(), polled.size(), static_cast<int>(left.count()));
    killed = ready == 0 || captured.out.size() + captured.err.size() > kMostCaptured;
    if (killed) break;
    if (ready < 0) continue;  // a signal of the calling process
    if (polled[0].revents != 0) read_into(out->read, captured.out);
    if (polled[1].revents != 0) read_into(err->read, captured.err);
  }
  if (killed) (void)kill(child->pid, SIGKILL);
  const auto status = reap(*child);
  if (killed) return fail(base::printable(request.binary) + " did not answer and was killed", ETIMEDOUT);
  if (!status)
    return fail("the end of " + base::printable(request.binary) + " was taken by somebody else in this process",
                ECHILD);
  captured.status = *status;
  return captured;
}

std::string own_words(const std::string& text) {
  constexpr std::string_view kName = "cofferdam: ";
  std::string words;
  for (const std::string_view line : base::split(text, '\n')) {
    if (line.empty()) continue;
    if (!words.empty()) words += '\n';
    words += line.starts_with(kName) ? line.substr(kName.size()) : line;
  }
  return words;
}

}  // namespace cofferdam::api
