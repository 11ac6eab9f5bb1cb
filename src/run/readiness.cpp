#include "run/readiness.hpp"

#include <netinet/in.h>
#include <poll.h>

#include <array>
#include <cerrno>
#include <charconv>
#include <cstring>
#include <string_view>
#include <utility>

namespace cofferdam::run {

namespace {

constexpr std::size_t kStatusLine = 12;  // "HTTP/1.1 200"

// Of this family; 0 for another one.
socklen_t size_of(const sockaddr_storage& address) {
  return address.ss_family == AF_INET ? sizeof(sockaddr_in) : address.ss_family == AF_INET6 ? sizeof(sockaddr_in6) : 0;
}

sockaddr_storage reachable(const sockaddr_storage& address) {
  sockaddr_storage target = address;
  if (target.ss_family == AF_INET) {
    auto& in = reinterpret_cast<sockaddr_in&>(target);
    if (in.sin_addr.s_addr == INADDR_ANY) in.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
  } else {
    auto& in = reinterpret_cast<sockaddr_in6&>(target);
    if (IN6_IS_ADDR_UNSPECIFIED(&in.sin6_addr)) in.sin6_addr = in6addr_loopback;
  }
  return target;
}

}  // namespace

std::uint16_t port_of(const sockaddr_storage& address) {
  return ntohs(address.ss_family == AF_INET ? reinterpret_cast<const sockaddr_in&>(address).sin_port
                                            : reinterpret_cast<const sockaddr_in6&>(address).sin6_port);
}

Result<Probe> Probe::make(const sockaddr_storage& target, std::string path) {
  Probe probe;
  probe.target_ = reachable(target);
  probe.path_ = std::move(path);
  probe.socket_.reset(socket(probe.target_.ss_family, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0));
  // The address of this end is only known to be local to the other when it is the same; a port is what we are after.
  sockaddr_storage from{};
  from.ss_family = probe.target_.ss_family;
  socklen_t length = size_of(from);
  if (!probe.socket_ || bind(probe.socket_.get(), reinterpret_cast<sockaddr*>(&from), length) != 0 ||
      getsockname(probe.socket_.get(), reinterpret_cast<sockaddr*>(&from), &length) != 0) {
    return fail(std::string("can't make a socket: ") + std::strerror(errno), errno);
  }
  probe.source_port_ = port_of(from);
  return probe;
}

short Probe::events() const {
  return state_ == State::reading ? POLLIN : POLLOUT;
}

void Probe::fail_with(std::string why) {
  why_ = std::move(why);
  state_ = State::failed;
}

void Probe::connect() {
  if (::connect(socket_.get(), reinterpret_cast<const sockaddr*>(&target_), size_of(target_)) == 0) return go_on();
  if (errno != EINPROGRESS) fail_with(std::strerror(errno));
}

void Probe::go_on() {
  if (state_ == State::reading) return read_answer();
  int error = 0;
  socklen_t length = sizeof error;
  if (getsockopt(socket_.get(), SOL_SOCKET, SO_ERROR, &error, &length) != 0) error = errno;
  if (error != 0) return fail_with(std::strerror(error));
  if (path_.empty()) {
    state_ = State::passed;
  } else {
    send_request();
  }
}

// So short that it fits into any send buffer.
void Probe::send_request() {
  const std::string request = "GET " + path_ + " HTTP/1.1\r\nHost: localhost:" + std::to_string(port_of(target_)) +
                              "\r\nUser-Agent: cofferdam-readiness\r\nAccept: */*\r\nConnection: close\r\n\r\n";
  const ssize_t sent = send(socket_.get(), request.data(), request.size(), MSG_NOSIGNAL);
  if (sent != static_cast<ssize_t>(request.size())) return fail_with("the request could not be sent");
  state_ = State::reading;
}

void Probe::read_answer() {
  std::array<char, 512> bytes{};
  const ssize_t got = recv(socket_.get(), bytes.data(), bytes.size(), 0);
  if (got < 0 && errno == EAGAIN) return;
  if (got <= 0) return fail_with(got == 0 ? "no HTTP answer" : std::strerror(errno));
  answer_.append(bytes.data(), static_cast<std::size_t>(got));
  if (answer_.size() < kStatusLine) return;
  int status = 0;
  const std::string_view number = std::string_view(answer_).substr(9, 3);
  const auto [end, error] = std::from_chars(number.data(), number.data() + number.size(), status);
  if (!answer_.starts_with("HTTP/1.") || error != std::errc() || end != number.data() + number.size()) {
    return fail_with("no HTTP answer");
  }
  if (status >= 200 && status < 400) {
    state_ = State::passed;
  } else {
    fail_with("HTTP status " + std::to_string(status));
  }
}

void Probe::time_out() {
  fail_with(state_ == State::reading ? "no answer within a second" : "no connection within a second");
}

}  // namespace cofferdam::run
