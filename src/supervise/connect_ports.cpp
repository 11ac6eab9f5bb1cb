// Ports that the instance takes: bound on its behalf, so that the port that was judged is the one it gets.
#include <sys/socket.h>

#include <array>
#include <cerrno>

#include "kernel/process.hpp"
#include "supervise/connect_broker.hpp"

namespace cofferdam::supervise {

void ConnectBroker::bind_inet(kernel::NotifyChannel& channel, const kernel::Notification& call,
                              const KnownThread& thread, std::span<const std::byte> address) {
  const Target target = find_socket(call, thread);
  if (!target.socket) {
    // The broker keeps no copy of what is connected, listens or came from elsewhere: the kernel knows what that gives.
    const bool not_ours = broker_ && target.error != EBADF && target.error != ENOTSOCK && target.error != EACCES;
    return not_ours ? channel.answer_continue(call.id) : channel.answer_error(call.id, target.error);
  }
  if (!channel.still_valid(call.id)) return;
  const kernel::BorrowedIdentity as_caller(thread.status.euid, thread.status.egid, thread.status.groups);
  if (!as_caller.ok()) return channel.answer_error(call.id, EACCES);
  const auto* raw = reinterpret_cast<const sockaddr*>(address.data());
  if (bind(target.socket.get(), raw, static_cast<socklen_t>(address.size())) != 0) {
    return channel.answer_error(call.id, errno);
  }
  channel.answer_value(call.id, 0);
}

std::uint16_t ConnectBroker::bound_port(const kernel::Notification& call, const KnownThread& thread) {
  const Target target = find_socket(call, thread);
  std::array<std::byte, plan::kMaxSockaddr> bytes{};
  socklen_t length = bytes.size();
  if (!target.socket || getsockname(target.socket.get(), reinterpret_cast<sockaddr*>(bytes.data()), &length) != 0) {
    return 0;
  }
  const auto endpoint = plan::parse_sockaddr({bytes.data(), length});
  const auto* inet = endpoint ? std::get_if<plan::InetEndpoint>(&*endpoint) : nullptr;
  return inet != nullptr ? inet->port : 0;
}

}  // namespace cofferdam::supervise
