#include "oci/runtime_log.hpp"

#include <fcntl.h>
#include <unistd.h>

#include <ctime>

#include "base/json.hpp"
#include "base/text.hpp"
#include "kernel/fd.hpp"

namespace cofferdam::oci {

namespace {

std::string line_of(const Call& call, const std::string& message) {
  if (!call.json_log) return "cofferdam: " + base::printable(message) + "\n";
  std::timespec now{};
  (void)clock_gettime(CLOCK_REALTIME, &now);
  base::JsonWriter json;
  json.begin_object()
      .field("level", "error")
      .field("msg", "cofferdam: " + message)
      .field("time", base::rfc3339(now))
      .end_object();
  return json.take() + "\n";
}

}  // namespace

void log_error(const Call& call, const std::string& message) {
  const std::string line = line_of(call, message);
  if (!call.log.empty()) {
    const auto log = kernel::open_file(call.log, O_WRONLY | O_CREAT | O_APPEND, 0644);
    if (log && kernel::write_all(log->get(), line)) return;
  }
  (void)kernel::write_all(STDERR_FILENO, line);
}

}  // namespace cofferdam::oci
