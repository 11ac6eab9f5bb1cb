#include "harness/readiness.hpp"

#include <netinet/in.h>
#include <poll.h>

#include <string>

#include "harness/text_match.hpp"
#include "run/readiness.hpp"

namespace cofferdam::harness {
namespace {

constexpr int kAnswerTime = 1000;  // milliseconds

bool answers(const sockaddr_storage& address, const std::string& path) {
  auto probe = run::Probe::make(address, path);
  if (!probe) return false;
  probe->connect();
  while (!probe->done()) {
    pollfd polled = {probe->fd(), probe->events(), 0};
    if (poll(&polled, 1, kAnswerTime) <= 0) return false;
    probe->go_on();
  }
  return probe->state() == run::Probe::State::passed;
}

bool port_answers(std::uint16_t port, const std::string& path) {
  sockaddr_storage four{};
  auto& in = reinterpret_cast<sockaddr_in&>(four);
  in.sin_family = AF_INET;
  in.sin_port = htons(port);
  in.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
  if (answers(four, path)) return true;
  sockaddr_storage six{};
  auto& in6 = reinterpret_cast<sockaddr_in6&>(six);
  in6.sin6_family = AF_INET6;
  in6.sin6_port = htons(port);
  in6.sin6_addr = in6addr_loopback;
  return answers(six, path);
}

}  // namespace

bool ReadyProbe::passes(std::string_view output) {
  if (!line_) line_ = ready_.line.empty() || a_line_matches(output, ready_.line);
  if (line_ && !port_) port_ = !ready_.port || port_answers(*ready_.port, ready_.http);
  return line_ && port_;
}

}  // namespace cofferdam::harness
