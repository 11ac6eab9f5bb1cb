// Asks an instance, from outside, whether it is ready to serve: one attempt by TCP or HTTP.
#pragma once

#include <sys/socket.h>

#include <chrono>
#include <cstdint>
#include <string>

#include "cofferdam/result.hpp"
#include "kernel/fd.hpp"

namespace cofferdam::run {

// Of an address of IPv4 or IPv6.
[[nodiscard]] std::uint16_t port_of(const sockaddr_storage& address);

class Probe {
 public:
  enum class State { connecting, reading, passed, failed };

  // Makes a socket of its own port towards `target`, an address as getsockname(2) gives it (a wildcard stands for the
  // loopback). `path` of a URL for HTTP, empty for TCP alone. Nothing is sent before connect().
  [[nodiscard]] static Result<Probe> make(const sockaddr_storage& target, std::string path);

  [[nodiscard]] std::uint16_t source_port() const { return source_port_; }
  [[nodiscard]] int fd() const { return socket_.get(); }
  [[nodiscard]] short events() const;  // to poll for
  [[nodiscard]] State state() const { return state_; }
  [[nodiscard]] bool done() const { return state_ == State::passed || state_ == State::failed; }
  // Why it failed: "connection refused", "HTTP status 503".
  [[nodiscard]] const std::string& why() const { return why_; }

  void connect();
  // `fd` is ready for `events`, or has an error.
  void go_on();
  void time_out();

 private:
  Probe() = default;
  void fail_with(std::string why);
  void send_request();
  void read_answer();

  kernel::Fd socket_;
  sockaddr_storage target_{};
  std::string path_;
  std::string answer_;
  std::string why_;
  std::uint16_t source_port_ = 0;
  State state_ = State::connecting;
};

}  // namespace cofferdam::run
