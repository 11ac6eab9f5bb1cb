#include "logs/net/socket.hpp"

#include <netinet/in.h>
#include <netinet/tcp.h>
#include <poll.h>
#include <sys/socket.h>
#include <sys/un.h>

#include <algorithm>
#include <cerrno>
#include <chrono>
#include <cstring>
#include <thread>
#include <vector>

#include "base/text.hpp"
#include "plan/resolver.hpp"

namespace cofferdam::logs {

namespace {

using std::chrono::milliseconds;

struct SocketAddress {
  sockaddr_storage bytes{};
  socklen_t size = 0;
  [[nodiscard]] const sockaddr* get() const { return reinterpret_cast<const sockaddr*>(&bytes); }
};

SocketAddress socket_address(const plan::IpAddress& address, std::uint16_t port) {
  SocketAddress result;
  if (address.family == plan::IpAddress::Family::v4) {
    sockaddr_in inet{};
    inet.sin_family = AF_INET;
    inet.sin_port = htons(port);
    std::memcpy(&inet.sin_addr, address.bytes.data(), sizeof inet.sin_addr);
    std::memcpy(&result.bytes, &inet, sizeof inet);
    result.size = sizeof inet;
  } else {
    sockaddr_in6 inet{};
    inet.sin6_family = AF_INET6;
    inet.sin6_port = htons(port);
    inet.sin6_scope_id = address.scope;
    std::memcpy(&inet.sin6_addr, address.bytes.data(), sizeof inet.sin6_addr);
    std::memcpy(&result.bytes, &inet, sizeof inet);
    result.size = sizeof inet;
  }
  return result;
}

void set_option(int fd, int level, int name, int value) {
  (void)setsockopt(fd, level, name, &value, sizeof value);  // a connection without it works, too
}

void set_tcp_options(int fd) {
  set_option(fd, IPPROTO_TCP, TCP_NODELAY, 1);  // a batch is written at once
  set_option(fd, SOL_SOCKET, SO_KEEPALIVE, 1);  // a peer that is gone is noticed after a minute and a half
  set_option(fd, IPPROTO_TCP, TCP_KEEPIDLE, 60);
  set_option(fd, IPPROTO_TCP, TCP_KEEPINTVL, 10);
  set_option(fd, IPPROTO_TCP, TCP_KEEPCNT, 3);
}

// 0 or an errno.
int finish_connecting(int fd, const SocketAddress& address, Deadline deadline) {
  while (connect(fd, address.get(), address.size) != 0) {
    if (errno == EAGAIN) {  // unix: the listener's queue is full, and poll(2) can't tell when it is not
      if (std::chrono::steady_clock::now() + milliseconds(10) >= deadline) return ETIMEDOUT;
      std::this_thread::sleep_for(milliseconds(10));
      continue;
    }
    if (errno == EISCONN) return 0;
    if (errno != EINPROGRESS && errno != EINTR && errno != EALREADY) return errno;
    if (const int error = wait_for(fd, POLLOUT, deadline); error != 0) return error;
    int error = 0;
    socklen_t size = sizeof error;
    if (getsockopt(fd, SOL_SOCKET, SO_ERROR, &error, &size) != 0) return errno;
    return error;
  }
  return 0;
}

struct Attempt {
  kernel::Fd fd;
  int errnum = 0;
};

Attempt attempt(int family, int type, const SocketAddress& address, Deadline deadline) {
  Attempt result;
  result.fd.reset(socket(family, type | SOCK_NONBLOCK | SOCK_CLOEXEC, 0));
  if (!result.fd) return {{}, errno};
  if (family != AF_UNIX && type == SOCK_STREAM) set_tcp_options(result.fd.get());
  result.errnum = finish_connecting(result.fd.get(), address, deadline);
  if (result.errnum != 0) result.fd.reset();
  return result;
}

Result<kernel::Fd> connect_unix(const Endpoint& endpoint, Deadline deadline) {
  sockaddr_un local{};
  local.sun_family = AF_UNIX;
  if (endpoint.path.empty() || endpoint.path.size() >= sizeof local.sun_path) {
    return fail(place_of(endpoint) + ": the path of a unix socket has 1 to " +
                std::to_string(sizeof local.sun_path - 1) + " bytes");
  }
  std::memcpy(local.sun_path, endpoint.path.data(), endpoint.path.size());
  SocketAddress address;
  std::memcpy(&address.bytes, &local, sizeof local);
  address.size = static_cast<socklen_t>(offsetof(sockaddr_un, sun_path) + endpoint.path.size() + 1);
  const int type = endpoint.transport == Endpoint::Transport::unix_datagram ? SOCK_DGRAM : SOCK_STREAM;
  Attempt made = attempt(AF_UNIX, type, address, deadline);
  if (!made.fd) return fail(place_of(endpoint) + ": " + errno_text(made.errnum), made.errnum);
  return std::move(made.fd);
}

Result<kernel::Fd> connect_inet(const Endpoint& endpoint, Deadline deadline) {
  const auto left = [&] {
    return std::chrono::duration_cast<milliseconds>(deadline - std::chrono::steady_clock::now());
  };
  const auto addresses = plan::resolve(endpoint.host, std::max(left(), milliseconds(1)));
  if (!addresses) return std::unexpected(addresses.error());

  const int type = endpoint.transport == Endpoint::Transport::udp ? SOCK_DGRAM : SOCK_STREAM;
  std::vector<std::string> failures;
  int errnum = 0;
  for (std::size_t i = 0; i < addresses->size(); ++i) {
    const plan::IpAddress& address = (*addresses)[i];
    const auto share = left() / static_cast<long>(addresses->size() - i);
    const Deadline until = i + 1 == addresses->size() ? deadline : std::chrono::steady_clock::now() + share;
    const int family = address.family == plan::IpAddress::Family::v4 ? AF_INET : AF_INET6;
    Attempt made = attempt(family, type, socket_address(address, endpoint.port), until);
    if (made.fd) return std::move(made.fd);
    errnum = made.errnum;
    std::string why = errno_text(errnum);
    if (addresses->size() > 1) why = plan::to_string(address) + " " + why;
    failures.push_back(std::move(why));
  }
  return fail(place_of(endpoint) + ": " + base::join(failures, ", "), errnum);
}

}  // namespace

std::string errno_text(int errnum) {
  if (errnum == ETIMEDOUT) return "no answer in time";
  std::string text = std::strerror(errnum);
  // "Connection refused", but not "RPC ..." or "I/O error".
  if (text.size() > 1 && text[0] >= 'A' && text[0] <= 'Z' && text[1] >= 'a') text[0] |= 0x20;
  return text;
}

std::string place_of(const Endpoint& endpoint) {
  using enum Endpoint::Transport;
  if (endpoint.transport == unix_stream || endpoint.transport == unix_datagram) return base::printable(endpoint.path);
  const std::string host = base::printable(endpoint.host);
  return (host.contains(':') ? "[" + host + "]" : host) + ":" + std::to_string(endpoint.port);
}

int wait_for(int fd, short events, Deadline deadline) {
  while (true) {
    const auto left = deadline - std::chrono::steady_clock::now();
    const auto wait = std::clamp<std::int64_t>(std::chrono::ceil<milliseconds>(left).count(), 0, 3600 * 1000);
    pollfd ready{fd, events, 0};
    const int got = poll(&ready, 1, static_cast<int>(wait));
    if (got > 0) return 0;
    if (got < 0 && errno != EINTR) return errno;
    if (got == 0 && std::chrono::steady_clock::now() >= deadline) return ETIMEDOUT;
  }
}

Result<kernel::Fd> connect_socket(const Endpoint& endpoint, Deadline deadline) {
  using enum Endpoint::Transport;
  if (endpoint.transport == unix_stream || endpoint.transport == unix_datagram) return connect_unix(endpoint, deadline);
  return connect_inet(endpoint, deadline);
}

}  // namespace cofferdam::logs
