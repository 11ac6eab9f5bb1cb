// A server of a test: one thread, one connection at a time, and a handler that speaks to it.
#pragma once

#include <arpa/inet.h>
#include <gtest/gtest.h>
#include <netinet/in.h>
#include <poll.h>
#include <sys/eventfd.h>
#include <sys/socket.h>
#include <unistd.h>

#include <atomic>
#include <chrono>
#include <cstring>
#include <functional>
#include <string>
#include <string_view>
#include <thread>

#include "kernel/fd.hpp"
#include "logs/net/connection.hpp"

namespace cofferdam::logs::test {

inline Deadline in(std::chrono::milliseconds time) {
  return std::chrono::steady_clock::now() + time;
}

// One accepted connection, blocking. All calls end when the test does.
class Peer {
 public:
  Peer(int fd, int number) : fd_(fd), number_(number) {}
  [[nodiscard]] int fd() const { return fd_; }
  [[nodiscard]] int number() const { return number_; }  // of the connection, from 0

  void write(std::string_view bytes) const {
    while (!bytes.empty()) {
      const ssize_t sent = send(fd_, bytes.data(), bytes.size(), MSG_NOSIGNAL);
      if (sent <= 0) return;
      bytes.remove_prefix(static_cast<std::size_t>(sent));
    }
  }
  // What comes next, at most 64 KiB; empty at the end.
  [[nodiscard]] std::string read() const {
    std::string got(64 << 10, '\0');
    const ssize_t size = recv(fd_, got.data(), got.size(), 0);
    got.resize(size > 0 ? static_cast<std::size_t>(size) : 0);
    return got;
  }
  // Reads until `end` has come; all that was read. Without it when the client ends first.
  [[nodiscard]] std::string read_until(std::string_view end) const {
    std::string all;
    while (!all.contains(end)) {
      const std::string more = read();
      if (more.empty()) break;
      all += more;
    }
    return all;
  }
  // A whole HTTP request with a Content-Length; empty when the client has closed.
  [[nodiscard]] std::string read_request() const {
    std::string all = read_until("\r\n\r\n");
    const std::size_t header = all.find("\r\n\r\n");
    const std::size_t length = all.find("Content-Length: ");
    if (header == std::string::npos || length == std::string::npos) return all;
    const std::size_t size = header + 4 + std::stoul(all.substr(length + 16));
    while (all.size() < size) {
      const std::string more = read();
      if (more.empty()) break;
      all += more;
    }
    return all;
  }
  // The client gets ECONNRESET.
  void reset() const {
    const linger now{1, 0};
    (void)setsockopt(fd_, SOL_SOCKET, SO_LINGER, &now, sizeof now);
  }
  void wait_for_close() const {
    while (!read().empty()) {
    }
  }

 private:
  int fd_;
  int number_;
};

class LoopbackServer {
 public:
  using Handler = std::function<void(const Peer&)>;  // the connection is closed when it returns

  explicit LoopbackServer(Handler handler, int family = AF_INET) : handler_(std::move(handler)) {
    listener_.reset(socket(family, SOCK_STREAM | SOCK_CLOEXEC, 0));
    sockaddr_in6 v6{};
    v6.sin6_family = AF_INET6;
    v6.sin6_addr = in6addr_loopback;
    sockaddr_in v4{};
    v4.sin_family = AF_INET;
    v4.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    const bool is_v6 = family == AF_INET6;
    const auto* address = is_v6 ? reinterpret_cast<sockaddr*>(&v6) : reinterpret_cast<sockaddr*>(&v4);
    socklen_t size = is_v6 ? sizeof v6 : sizeof v4;
    if (bind(listener_.get(), address, size) != 0 || listen(listener_.get(), 16) != 0) {
      ADD_FAILURE() << "no listener: " << std::strerror(errno);
      return;
    }
    sockaddr_in6 bound{};
    size = sizeof bound;
    getsockname(listener_.get(), reinterpret_cast<sockaddr*>(&bound), &size);
    port_ = ntohs(bound.sin6_port);  // at the same place in sockaddr_in
    thread_ = std::thread([this] { serve(); });
  }
  LoopbackServer(const LoopbackServer&) = delete;
  LoopbackServer& operator=(const LoopbackServer&) = delete;
  ~LoopbackServer() { stop(); }

  void stop() {
    if (!thread_.joinable()) return;
    stopping_ = true;
    shutdown(listener_.get(), SHUT_RDWR);
    if (const int current = current_; current >= 0) shutdown(current, SHUT_RDWR);
    thread_.join();
    listener_.reset();
  }

  [[nodiscard]] std::uint16_t port() const { return port_; }
  [[nodiscard]] int connections() const { return connections_; }
  [[nodiscard]] Endpoint endpoint(std::string host = "127.0.0.1") const {
    Endpoint result;
    result.host = std::move(host);
    result.port = port_;
    return result;
  }

 private:
  void serve() {
    while (!stopping_) {
      const kernel::Fd fd(accept4(listener_.get(), nullptr, nullptr, SOCK_CLOEXEC));
      if (!fd) return;
      current_ = fd.get();
      if (!stopping_) handler_(Peer(fd.get(), connections_++));
      current_ = -1;
    }
  }

  Handler handler_;
  kernel::Fd listener_;
  std::uint16_t port_ = 0;
  std::atomic<int> current_ = -1;
  std::atomic<int> connections_ = 0;
  std::atomic<bool> stopping_ = false;
  std::thread thread_;
};

// A port on which nobody listens.
inline std::uint16_t unused_port() {
  LoopbackServer server([](const Peer&) {});
  return server.port();
}

}  // namespace cofferdam::logs::test
