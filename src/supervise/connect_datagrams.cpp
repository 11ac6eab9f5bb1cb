// Datagrams that carry their own address (`network.egress: deny`): read once, judged, and sent from the copy.
#include <netinet/in.h>
#include <netinet/udp.h>
#include <sys/socket.h>
#include <sys/syscall.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <cstring>
#include <string_view>

#include "kernel/process.hpp"
#include "supervise/connect_broker.hpp"
#include "supervise/refusal.hpp"

namespace cofferdam::supervise {

namespace {

constexpr std::size_t kMostBytes = 65535;  // of a datagram, and of what UDP_SEGMENT cuts into datagrams
constexpr std::size_t kMostControl = 1024;
constexpr std::size_t kMostParts = 1024;     // UIO_MAXIOV
constexpr std::size_t kMostMessages = 1024;  // the kernel takes no more of sendmmsg at once
constexpr std::size_t kMostAtOnce = 131072;  // bytes of one sendmmsg, after which it returns: others wait meanwhile

struct Message {
  std::vector<std::byte> address;
  std::vector<std::byte> bytes;
  std::vector<std::byte> control;
  int error = 0;
};

bool read_exactly(const KnownThread& thread, std::uint64_t from, std::span<std::byte> into) {
  return into.empty() || thread.view.read_memory(from, into) == static_cast<ssize_t>(into.size());
}

template <class T>
bool read_value(const KnownThread& thread, std::uint64_t from, T& value) {
  return read_exactly(thread, from, std::as_writable_bytes(std::span(&value, 1)));
}

std::uint64_t number_of(const void* pointer) {
  return reinterpret_cast<std::uint64_t>(pointer);
}

Message failed(int error) {
  Message message;
  message.error = error;
  return message;
}

Message read_sendto(const kernel::Notification& call, const KnownThread& thread) {
  const auto length = static_cast<std::uint32_t>(call.args[5]);
  if (call.args[2] > kMostBytes) return failed(EMSGSIZE);
  if (length > plan::kMaxSockaddr) return failed(EINVAL);
  Message message;
  message.address.resize(length);
  message.bytes.resize(call.args[2]);
  const bool read =
      read_exactly(thread, call.args[4], message.address) && read_exactly(thread, call.args[1], message.bytes);
  return read ? message : failed(EFAULT);
}

Message read_message(const KnownThread& thread, const msghdr& header) {
  if (header.msg_iovlen > kMostParts) return failed(EMSGSIZE);
  if (header.msg_controllen > kMostControl) return failed(ENOBUFS);
  Message message;
  const bool named = header.msg_name != nullptr;
  // A negative length is refused by the kernel, too.
  if (named && header.msg_namelen > plan::kMaxSockaddr) return failed(EINVAL);
  message.address.resize(named ? header.msg_namelen : 0);
  message.control.resize(header.msg_control != nullptr ? header.msg_controllen : 0);
  std::vector<iovec> parts(header.msg_iovlen);
  if (!read_exactly(thread, number_of(header.msg_name), message.address) ||
      !read_exactly(thread, number_of(header.msg_control), message.control) ||
      !read_exactly(thread, number_of(header.msg_iov), std::as_writable_bytes(std::span(parts)))) {
    return failed(EFAULT);
  }
  for (const iovec& part : parts) {
    const std::size_t before = message.bytes.size();
    if (part.iov_len > kMostBytes - before) return failed(EMSGSIZE);
    message.bytes.resize(before + part.iov_len);
    if (!read_exactly(thread, number_of(part.iov_base), std::span(message.bytes).subspan(before)))
      return failed(EFAULT);
  }
  return message;
}

// Those that shape the datagram itself. The rest could borrow a privilege of ours, or route around the address.
bool may_carry(const Message& message) {
  msghdr header{};
  header.msg_control = const_cast<std::byte*>(message.control.data());
  header.msg_controllen = message.control.size();
  for (const cmsghdr* one = CMSG_FIRSTHDR(&header); one != nullptr;
       one = CMSG_NXTHDR(&header, const_cast<cmsghdr*>(one))) {
    const auto is = [&](int level, int type) { return one->cmsg_level == level && one->cmsg_type == type; };
    if (!is(IPPROTO_IP, IP_PKTINFO) && !is(IPPROTO_IP, IP_TOS) && !is(IPPROTO_IP, IP_TTL) &&
        !is(IPPROTO_IPV6, IPV6_PKTINFO) && !is(IPPROTO_IPV6, IPV6_TCLASS) && !is(IPPROTO_IPV6, IPV6_HOPLIMIT) &&
        !is(IPPROTO_UDP, UDP_SEGMENT)) {
      return false;
    }
  }
  return true;
}

// The bytes that were sent, or -errno.
ssize_t send_copy(int socket, Message& message, int flags) {
  iovec part{message.bytes.data(), message.bytes.size()};
  msghdr header{};
  header.msg_name = message.address.empty() ? nullptr : message.address.data();
  header.msg_namelen = static_cast<socklen_t>(message.address.size());
  header.msg_iov = &part;
  header.msg_iovlen = 1;
  header.msg_control = message.control.empty() ? nullptr : message.control.data();
  header.msg_controllen = message.control.size();
  // The copy is gone when we return, and we never wait; SIGPIPE would be ours.
  const ssize_t sent = sendmsg(socket, &header, (flags & ~MSG_ZEROCOPY) | MSG_DONTWAIT | MSG_NOSIGNAL);
  return sent >= 0 ? sent : -errno;
}

}  // namespace

bool ConnectBroker::leaves_by_rule(const plan::Endpoint& destination, const ProcessRef& process, bool asks) {
  const EgressVerdict verdict = judge_egress(destination, rules_.egress, rules_.database, names_.network());
  if (verdict.allowed) return true;
  // Port 0 is a question about the own address (see judge_egress), which nobody needs to hear of.
  const auto* inet = std::get_if<plan::InetEndpoint>(&destination);
  if (!asks || inet == nullptr || inet->port != 0) {
    events_.emit(egress_finding(plan::to_string(destination), verdict.policy, process));
  }
  return false;
}

// A socket that the broker no longer holds is known by the kernel's name for its protocol; what has none that is known
// here is taken for one that sends datagrams.
bool ConnectBroker::is_datagram(const Target& target, const KnownThread& thread, int number) {
  if (!target.socket) {
    if (target.error == EBADF || target.error == ENOTSOCK) return false;  // the call says so itself
    constexpr std::array<std::string_view, 5> kOthers = {"TCP", "TCPv6", "UNIX", "UNIX-STREAM", "NETLINK"};
    return std::ranges::find(kOthers, thread.view.socket_protocol(number)) == kOthers.end();
  }
  return (target.domain == AF_INET || target.domain == AF_INET6) && target.type == SOCK_DGRAM;
}

void ConnectBroker::handle_send(kernel::NotifyChannel& channel, const kernel::Notification& call,
                                const KnownThread& thread) {
  Target target = find_socket(call, thread);
  if (!target.socket && target.error == EACCES) return channel.answer_error(call.id, EACCES);
  if (!is_datagram(target, thread, static_cast<int>(call.args[0]))) return channel.answer_continue(call.id);
  if (!target.socket) return channel.answer_error(call.id, EPERM);

  const bool single = call.number == SYS_sendto || call.number == SYS_sendmsg;
  const auto flags = static_cast<int>(call.args[call.number == SYS_sendmsg ? 2 : 3]);
  const std::size_t wanted =
      single ? 1 : std::min<std::size_t>(static_cast<std::uint32_t>(call.args[2]), kMostMessages);
  std::size_t done = 0;
  std::size_t copied = 0;
  ssize_t result = 0;
  for (; done < wanted && copied < kMostAtOnce; ++done) {
    const std::uint64_t place = call.args[1] + done * sizeof(mmsghdr);
    Message message;
    if (call.number == SYS_sendto) {
      message = read_sendto(call, thread);
    } else {
      msghdr header{};
      message = read_value(thread, place, header) ? read_message(thread, header) : failed(EFAULT);
    }
    if (message.error == 0 && !may_carry(message)) message.error = EPERM;
    const auto endpoint = plan::parse_sockaddr(message.address);
    if (message.error == 0 && !message.address.empty()) {
      if (!endpoint) {
        message.error = EINVAL;
      } else if (done == 0 && wait_for_names(channel, call, *endpoint, false)) {
        return;
      } else if (!leaves_by_rule(*endpoint, thread.process, false)) {
        message.error = EPERM;
      }
    }
    if (!channel.still_valid(call.id)) return;
    const kernel::BorrowedIdentity as_caller(thread.status.euid, thread.status.egid, thread.status.groups);
    result = message.error != 0 ? -message.error
             : as_caller.ok()   ? send_copy(target.socket.get(), message, flags)
                                : -EACCES;
    if (result < 0) break;
    copied += message.bytes.size();
    if (single) continue;
    const auto length = static_cast<unsigned>(result);
    (void)thread.view.write_memory(place + offsetof(mmsghdr, msg_len), std::as_bytes(std::span(&length, 1)));
  }
  if (result < 0 && done == 0) return channel.answer_error(call.id, static_cast<int>(-result));
  channel.answer_value(call.id, single ? result : static_cast<std::int64_t>(done));
}

}  // namespace cofferdam::supervise
