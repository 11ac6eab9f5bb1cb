// The ends of what the app writes to: pipes or pseudoterminals for stdout and stderr, and a socket for /dev/log.
#pragma once

#include <sys/types.h>

#include "cofferdam/logs.hpp"
#include "kernel/fd.hpp"

namespace cofferdam::run {

// `read` is the pump's, `write` the app's; the launcher keeps both, so that neither end sees the other go.
struct Capture {
  kernel::Pipe out;
  kernel::Pipe err;
  kernel::Fd syslog;  // a datagram socket that has no name yet; the child binds it to /dev/log of the instance
};

// `uid` and `gid` own the ends, so that an app that changes its user can open /dev/stdout anew. A pseudoterminal is
// raw: what the app writes comes through byte for byte, nothing is echoed; it has the size of cofferdam's own terminal,
// or 80 by
// 24. Errors say what can't be made, and the way out.
[[nodiscard]] Result<Capture> make_capture(const Logs& logs, uid_t uid, gid_t gid);

}  // namespace cofferdam::run
