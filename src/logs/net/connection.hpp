// A connection of a sink: TCP, TLS over TCP, or a unix socket, with a deadline for every step.
#pragma once

#include <chrono>
#include <cstddef>
#include <cstdint>
#include <memory>
#include <string>
#include <string_view>

#include "cofferdam/result.hpp"

namespace cofferdam::logs {

using Deadline = std::chrono::steady_clock::time_point;

struct Endpoint {
  enum class Transport : std::uint8_t { tcp, tls, udp, unix_stream, unix_datagram };
  Transport transport = Transport::tcp;
  std::string host = {};  // name or IP literal, without brackets
  std::uint16_t port = 0;
  std::string path = {};     // of a unix socket
  std::string ca_file = {};  // tls: PEM; empty: SSL_CERT_FILE, else the system's bundle
  bool verify = true;        // tls: the certificate and its name
};
// "tls://collector:6514", "unix:/dev/log".
[[nodiscard]] std::string to_string(const Endpoint& endpoint);
// Whether a connection could be verified: the certificate authorities of a `tls` endpoint can be read. Connects to
// nothing; the error names ca_file.
[[nodiscard]] Result<void> check_endpoint(const Endpoint& endpoint);

// Blocking for its caller, never beyond the deadline; the descriptor is non-blocking and close-on-exec. Names are
// resolved by plan::resolve (c-ares), all addresses are tried in turn. Errors are for people: "db.example: name not
// found", "10.0.0.7:4318: connection refused", "certificate has expired". Not thread-safe.
class Connection {
 public:
  [[nodiscard]] static Result<Connection> open(const Endpoint& endpoint, Deadline deadline);
  Connection(Connection&&) noexcept;
  Connection& operator=(Connection&&) noexcept;
  ~Connection();

  // All bytes; a datagram transport sends one datagram.
  [[nodiscard]] Result<void> write(std::string_view bytes, Deadline deadline);
  // 1 to `size` bytes; 0 when the peer has closed in an orderly way.
  [[nodiscard]] Result<std::size_t> read(char* into, std::size_t size, Deadline deadline);
  // The peer has closed, reset, or sent what nobody asked for: the connection is of no further use. Does not wait.
  [[nodiscard]] bool is_stale();

 private:
  struct State;
  explicit Connection(std::unique_ptr<State> state);
  std::unique_ptr<State> state_;
};

}  // namespace cofferdam::logs
