#include "logs/sinks/sender.hpp"
namespace cofferdam::logs {
Result<std::unique_ptr<Sender>> make_sentry_sender(const LogSink&, const SenderContext&) {
  return fail("not yet");
}
}  // namespace cofferdam::logs
