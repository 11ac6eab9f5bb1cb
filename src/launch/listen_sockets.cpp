#include "launch/listen_sockets.hpp"

#include <fcntl.h>
#include <sys/socket.h>
#include <unistd.h>

#include <charconv>
#include <string_view>

namespace cofferdam::launch {

namespace {

constexpr int kFirst = 3;
constexpr int kMost = 1024;

// -1 when it is no number, or none at all.
long number_of(const std::map<std::string, std::string>& environment, const char* name) {
  const auto variable = environment.find(name);
  if (variable == environment.end()) return -1;
  const std::string& text = variable->second;
  long number = 0;
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), number);
  return error == std::errc() && end == text.data() + text.size() ? number : -1;
}

int option_of(int fd, int name) {
  int value = -1;
  socklen_t length = sizeof value;
  return getsockopt(fd, SOL_SOCKET, name, &value, &length) == 0 ? value : -1;
}

std::string_view name_problem(int fd) {
  if (fcntl(fd, F_GETFD) < 0) return "is not open";
  const int domain = option_of(fd, SO_DOMAIN);
  if (domain < 0) return "is no socket";
  if (domain != AF_INET && domain != AF_INET6 && domain != AF_UNIX) return "is neither an internet nor a unix socket";
  if (option_of(fd, SO_ACCEPTCONN) != 1) return "is a socket that does not listen";
  return {};
}

}  // namespace

Result<int> count_listen_sockets(const std::map<std::string, std::string>& environment, pid_t pid) {
  if (number_of(environment, "LISTEN_PID") != pid || !environment.contains("LISTEN_FDS")) return 0;
  const long count = number_of(environment, "LISTEN_FDS");
  if (count < 0 || count > kMost) {
    return fail("LISTEN_FDS=" + environment.at("LISTEN_FDS") + " is no number of sockets (0 to " +
                std::to_string(kMost) + ")");
  }
  return static_cast<int>(count);
}

Result<void> check_listen_socket(int fd) {
  const std::string_view problem = name_problem(fd);
  if (problem.empty()) return {};
  return fail("LISTEN_FDS: descriptor " + std::to_string(fd) + " " + std::string(problem) +
              ". Only listening sockets are passed on to the app (systemd: ListenStream=)");
}

Result<int> take_listen_sockets(const std::map<std::string, std::string>& environment) {
  auto count = count_listen_sockets(environment, getpid());
  if (!count) return count;
  for (int fd = kFirst; fd < kFirst + *count; ++fd) {
    if (auto good = check_listen_socket(fd); !good) return std::unexpected(good.error());
    (void)fcntl(fd, F_SETFD, FD_CLOEXEC);
  }
  return count;
}

}  // namespace cofferdam::launch
