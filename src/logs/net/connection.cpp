#include "logs/net/connection.hpp"

#include <poll.h>
#include <sys/socket.h>

#include <cerrno>
#include <optional>

#include "logs/net/socket.hpp"
#include "logs/net/tls.hpp"

namespace cofferdam::logs {

namespace {

bool is_datagram(Endpoint::Transport transport) {
  return transport == Endpoint::Transport::udp || transport == Endpoint::Transport::unix_datagram;
}

const char* scheme_of(Endpoint::Transport transport) {
  using enum Endpoint::Transport;
  switch (transport) {
    case tcp: return "tcp://";
    case tls: return "tls://";
    case udp: return "udp://";
    case unix_stream:
    case unix_datagram: return "unix:";
  }
  return "";
}

}  // namespace

struct Connection::State {
  std::string place;  // for messages
  bool datagram = false;
  kernel::Fd fd;
  std::optional<TlsSession> tls;  // after `fd`: it says good-bye before the socket is closed

  [[nodiscard]] std::unexpected<Error> failed(int errnum) const {
    return fail(place + ": " + errno_text(errnum), errnum);
  }
  [[nodiscard]] std::unexpected<Error> failed(Error error) const {
    error.message = place + ": " + error.message;
    return std::unexpected(std::move(error));
  }
};

std::string to_string(const Endpoint& endpoint) {
  return scheme_of(endpoint.transport) + place_of(endpoint);
}

Result<void> check_endpoint(const Endpoint& endpoint) {
  if (endpoint.transport != Endpoint::Transport::tls) return {};
  return check_authorities(endpoint);
}

Connection::Connection(std::unique_ptr<State> state) : state_(std::move(state)) {}
Connection::Connection(Connection&&) noexcept = default;
Connection& Connection::operator=(Connection&&) noexcept = default;
Connection::~Connection() = default;

Result<Connection> Connection::open(const Endpoint& endpoint, Deadline deadline) {
  auto fd = connect_socket(endpoint, deadline);
  if (!fd) return std::unexpected(fd.error());
  auto state = std::make_unique<State>();
  state->place = place_of(endpoint);
  state->datagram = is_datagram(endpoint.transport);
  state->fd = std::move(*fd);
  if (endpoint.transport == Endpoint::Transport::tls) {
    auto session = TlsSession::open(state->fd.get(), endpoint, deadline);
    if (!session) return state->failed(std::move(session.error()));
    state->tls.emplace(std::move(*session));
  }
  return Connection(std::move(state));
}

Result<void> Connection::write(std::string_view bytes, Deadline deadline) {
  if (state_->tls) {
    auto written = state_->tls->write(bytes, deadline);
    if (!written) return state_->failed(std::move(written.error()));
    return {};
  }
  do {  // an empty datagram is one, too
    const ssize_t sent = send(state_->fd.get(), bytes.data(), bytes.size(), MSG_NOSIGNAL);
    if (sent >= 0) {
      if (state_->datagram) return {};
      bytes.remove_prefix(static_cast<std::size_t>(sent));
    } else if (errno == EAGAIN) {
      if (const int errnum = wait_for(state_->fd.get(), POLLOUT, deadline); errnum != 0) return state_->failed(errnum);
    } else if (errno != EINTR) {
      return state_->failed(errno);
    }
  } while (!bytes.empty());
  return {};
}

Result<std::size_t> Connection::read(char* into, std::size_t size, Deadline deadline) {
  if (state_->tls) {
    auto got = state_->tls->read(into, size, deadline);
    if (!got) return state_->failed(std::move(got.error()));
    return *got;
  }
  while (true) {
    const ssize_t got = recv(state_->fd.get(), into, size, 0);
    if (got >= 0) return static_cast<std::size_t>(got);
    if (errno == EAGAIN) {
      if (const int errnum = wait_for(state_->fd.get(), POLLIN, deadline); errnum != 0) return state_->failed(errnum);
    } else if (errno != EINTR) {
      return state_->failed(errno);
    }
  }
}

bool Connection::is_stale() {
  if (state_->tls) return state_->tls->is_stale();
  char byte = 0;
  const ssize_t got = recv(state_->fd.get(), &byte, 1, MSG_PEEK | MSG_DONTWAIT);
  return got >= 0 || (errno != EAGAIN && errno != EINTR);
}

}  // namespace cofferdam::logs
