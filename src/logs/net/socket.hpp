// Connected sockets, and the waiting that has an end.
#pragma once

#include <string>

#include "cofferdam/result.hpp"
#include "kernel/fd.hpp"
#include "logs/net/connection.hpp"

namespace cofferdam::logs {

// "connection refused": strerror() as it reads within a sentence.
[[nodiscard]] std::string errno_text(int errnum);

// "collector:4318", "[::1]:4318", "/dev/log": the place without its transport, for the front of a message.
[[nodiscard]] std::string place_of(const Endpoint& endpoint);

// Waits until `fd` is ready for `events` of poll(2), or in error: 0. ETIMEDOUT when the deadline has passed.
[[nodiscard]] int wait_for(int fd, short events, Deadline deadline);

// A socket that is connected, non-blocking, close-on-exec. The addresses of a name are tried in turn and share the
// time. TCP sends without delay and keeps idle connections alive. Knows nothing of TLS. Errors begin with the place.
[[nodiscard]] Result<kernel::Fd> connect_socket(const Endpoint& endpoint, Deadline deadline);

}  // namespace cofferdam::logs
