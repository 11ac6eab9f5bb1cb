// The part of the broker that looks after sockets that are bound and listen.

#include <netinet/in.h>
#include <sys/socket.h>

#include <array>
#include <cerrno>

#include "kernel/process.hpp"
#include "kernel/procfs.hpp"
#include "supervise/connect_broker.hpp"

namespace cofferdam::supervise {

namespace {

bool is_tcp(int socket) {
  int protocol = 0;
  socklen_t length = sizeof protocol;
  return getsockopt(socket, SOL_SOCKET, SO_PROTOCOL, &protocol, &length) == 0 && protocol == IPPROTO_TCP;
}

}  // namespace

void ConnectBroker::handle_listen(kernel::NotifyChannel& channel, const kernel::Notification& call,
                                  const KnownThread& thread) {
  identities_.settle(thread.status.tgid);
  const auto link = thread.view.descriptor_link(static_cast<int>(call.args[0]));
  const auto inode = link ? kernel::socket_inode(*link) : std::nullopt;
  if (inode && broker_) held_.release(*inode);
  if (inode && ports_ != nullptr) {
    if (const auto error = ports_->listen(*inode, static_cast<int>(call.args[1]))) {
      return *error == 0 ? channel.answer_value(call.id, 0) : channel.answer_error(call.id, *error);
    }
  }
  channel.answer_continue(call.id);
}

bool ConnectBroker::bind_shared(kernel::NotifyChannel& channel, const kernel::Notification& call,
                                const KnownThread& thread, std::span<const std::byte> address) {
  const auto endpoint = plan::parse_sockaddr(address);
  const auto* inet = endpoint ? std::get_if<plan::InetEndpoint>(&*endpoint) : nullptr;
  if (ports_ == nullptr || inet == nullptr || inet->port == 0 || ports_->is_full(instance_name_)) return false;
  Target target = find_socket(call, thread);
  // What is no socket, or none of ours, hears so from the kernel.
  if (!target.socket || !is_tcp(target.socket.get())) return false;
  if (!channel.still_valid(call.id)) return true;
  const SocketUser user{thread.view.tid(), thread.status.tgid, static_cast<int>(call.args[0])};
  const kernel::BorrowedIdentity as_caller(thread.status.euid, thread.status.egid, thread.status.groups);
  const int error =
      as_caller.ok() ? ports_->bind(instance_name_, std::move(target.socket), target.inode, address, user) : EACCES;
  if (error == 0) {
    channel.answer_value(call.id, 0);
  } else {
    channel.answer_error(call.id, error);
  }
  return true;
}

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

void ConnectBroker::before_bind(kernel::NotifyChannel& channel, const kernel::Notification& call,
                                const KnownThread& thread) {
  std::erase_if(pending_, [&](const Pending& pending) {
    if (channel.still_valid(pending.id)) return false;
    held_.watch_closely(pending.inode);
    return true;
  });
  drop_closed();
  if (!broker_) return;
  held_.free_ports();
  const auto link = thread.view.descriptor_link(static_cast<int>(call.args[0]));
  if (const auto inode = link ? kernel::socket_inode(*link) : std::nullopt) held_.watch_closely(*inode);
}

void ConnectBroker::bind_abstract(kernel::NotifyChannel& channel, const kernel::Notification& call,
                                  const KnownThread& thread, std::span<const std::byte> address) {
  const Target target = find_socket(call, thread);
  if (!target.socket) return channel.answer_error(call.id, target.error);
  if (!channel.still_valid(call.id)) return;
  const auto* raw = reinterpret_cast<const sockaddr*>(address.data());
  if (bind(target.socket.get(), raw, static_cast<socklen_t>(address.size())) != 0) {
    return channel.answer_error(call.id, errno);
  }
  const auto endpoint = plan::parse_sockaddr(address);
  const auto* abstract = endpoint ? std::get_if<plan::UnixAbstractEndpoint>(&*endpoint) : nullptr;
  if (abstract != nullptr && bound_abstract_.size() < kMostAbstract) bound_abstract_.insert(abstract->name);
  channel.answer_value(call.id, 0);
}

}  // namespace cofferdam::supervise
