// TLS 1.2 and 1.3 over a connected socket, by OpenSSL.
#pragma once

#include <cstddef>
#include <memory>
#include <string>
#include <string_view>

#include "cofferdam/result.hpp"
#include "logs/net/connection.hpp"

namespace cofferdam::logs {

// The client's side of one TLS connection. `fd` is non-blocking and stays the caller's. Calls wait until the deadline
// at most; SIGPIPE never comes. Errors are without the place.
class TlsSession {
 public:
  // Verifies the certificate and that it is for endpoint.host (a name or an IP address), unless endpoint.verify is
  // false.
  [[nodiscard]] static Result<TlsSession> open(int fd, const Endpoint& endpoint, Deadline deadline);
  TlsSession(TlsSession&&) noexcept;
  TlsSession& operator=(TlsSession&&) noexcept;
  ~TlsSession();  // says good-bye to the peer if that is possible without waiting

  [[nodiscard]] Result<void> write(std::string_view bytes, Deadline deadline);
  // 0: the peer has closed with a good-bye. A connection that just ends is an error: its last bytes may be missing.
  [[nodiscard]] Result<std::size_t> read(char* into, std::size_t size, Deadline deadline);
  // Messages of TLS itself (session tickets) are taken and are no sign of anything.
  [[nodiscard]] bool is_stale();

 private:
  struct State;
  explicit TlsSession(std::unique_ptr<State> state);
  std::unique_ptr<State> state_;
};

// Whether the certificate authorities of this endpoint can be read: its ca_file, else SSL_CERT_FILE, else the first
// of the bundles that distributions install. Connects to nothing; the error names where the file was named.
[[nodiscard]] Result<void> check_authorities(const Endpoint& endpoint);

}  // namespace cofferdam::logs
